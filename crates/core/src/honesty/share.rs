//! A share of few, told as what it can be and not as more than that.

use serde::{Deserialize, Serialize};

/// 1.96²: the quantile for 95 % of a normal distribution, squared.
const Z_SQUARED: f64 = 3.841_458_820_694_124;

/// Where a share lies, in whole percent: the Wilson score interval for 95 %, rounded outward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// At least so much, in percent.
    pub from: u8,
    /// At most so much, in percent.
    pub to: u8,
}

impl Share {
    /// Where `some` of `all` lies; none below `least`.
    ///
    /// E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927): it holds for small numbers and at
    /// the ends, where the usual interval claims to know what it doesn't.
    #[must_use]
    pub fn of(some: u64, all: u64, least: u64) -> Option<Self> {
        if all < least.max(1) || some > all {
            return None;
        }
        // Counts far below 2^52 are exact in a float, and every step is one that IEEE 754 fixes: the same numbers on any machine.
        #[expect(clippy::cast_precision_loss, reason = "counts of claims are far below 2^52")]
        let (some, all) = (some as f64, all as f64);
        let share = some / all;
        let middle = share + Z_SQUARED / (2.0 * all);
        let around = (Z_SQUARED * (share * (1.0 - share) / all + Z_SQUARED / (4.0 * all * all))).sqrt();
        let scale = 1.0 + Z_SQUARED / all;
        // At the ends the formula is exact, and only the float's last bit isn't.
        let from = if some == 0.0 { 0.0 } else { (middle - around) / scale };
        let to = if some == all { 1.0 } else { (middle + around) / scale };
        Some(Self { from: percent((from * 100.0).floor()), to: percent((to * 100.0).ceil()) })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 100")]
fn percent(of: f64) -> u8 {
    of.clamp(0.0, 100.0) as u8
}
