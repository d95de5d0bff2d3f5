//! Medians and percentiles.

/// The value at a share of the sorted values, by nearest rank; not a number when there are none.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The middle value.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    percentile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99), percentile(&values, 0.0)), (2.0, 4.0, 1.0));
        assert!(percentile(&[], 0.5).is_nan());
    }
}
