//! What is measured inside one process: the crates' own benches print lines of `name value`, which are held against their bars here.

use std::{collections::BTreeMap, process::Command};

use super::{Bench, Row};
use crate::shell::{TaskError, cargo, failed, show_and_keep};

/// How a bench's own figure is marked among the rest of its output.
const MARK: &str = "figure ";

/// Runs the crates' benches.
pub(crate) fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    let mut all = BTreeMap::new();
    for (package, which) in [("candor-core", "decision"), ("candor-store", "store"), ("candor-audit", "commit")] {
        bench.progress(&format!("cargo bench -p {package} --bench {which}"));
        all.append(&mut figures(&mut cargo(&["bench", "--package", package, "--bench", which]))?);
    }
    let of = |name: &str| all.get(name).copied().unwrap_or(f64::NAN);
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

/// Runs a bench; its figures by name.
pub(super) fn figures(command: &mut Command) -> Result<BTreeMap<String, f64>, TaskError> {
    let (succeeded, kept) = show_and_keep(command, |line| line.starts_with(MARK))?;
    if !succeeded {
        return failed(format!("`{command:?}` failed"));
    }
    let figure = |line: &String| {
        let mut words = line.trim_start_matches(MARK).split_whitespace();
        let (name, value) = words.next().zip(words.next())?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(kept.iter().filter_map(figure).collect())
}
