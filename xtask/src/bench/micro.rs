//! What is measured inside one process: the crates' own benches print lines of `name value`, which are held against their bars here.

use std::collections::BTreeMap;

use super::{Bench, Row};
use crate::shell::{TaskError, cargo, failed, show_and_keep};

/// How a bench's own figure is marked among the rest of its output.
const MARK: &str = "figure ";

/// Runs the crates' benches.
pub(crate) fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    let mut figures = BTreeMap::new();
    for package in ["candor-core", "candor-store", "candor-audit"] {
        bench.progress(&format!("cargo bench -p {package}"));
        let mut command = cargo(&["bench", "--package", package]);
        let (succeeded, kept) = show_and_keep(&mut command, |line| line.starts_with(MARK))?;
        if !succeeded {
            return failed(format!("`cargo bench -p {package}` failed"));
        }
        for line in kept {
            let mut words = line.trim_start_matches(MARK).split_whitespace();
            if let Some((name, value)) = words.next().zip(words.next().and_then(|text| text.parse::<f64>().ok())) {
                figures.insert(name.to_owned(), value);
            }
        }
    }
    let of = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    bench.row(Row::most("one decision with all core packs, slowest kind", of("decision_us"), "µs", 100.0));
    bench.row(Row::least(
        "checkpoint ingest, 64 per durable commit, beside bare rusqlite",
        of("checkpoint_share_of_bare"),
        "×",
        0.7,
    ));
    let floor = of("two_commits_after_a_pause_ms");
    bench.row(Row::fact("CPU per 1,000 pairs of bare rusqlite commits, paced 20/s", floor, "s"));
    bench.row(Row::fact("sealing one record", of("seal_us"), "µs"));
    Ok(())
}
