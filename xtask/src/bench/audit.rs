//! The record: verifying a bundle beside the least that such a check does, durable appends beside bare rusqlite, and both beside the audit log of
//! Microsoft's agent-governance-toolkit, which the benches build from the registry.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    Bench, Row,
    daemon::{fresh, release},
    micro::figures,
};
use crate::shell::{TaskError, Trying as _, cargo, failed, root, show};

/// Exports whose median is taken.
const EXPORTS: usize = 5;

/// Records in the larger bundle; a tenth with `--quick`.
const RECORDS: u32 = 1_000_000;

/// Runs the benches of the record.
pub(crate) fn measure(bench: &mut Bench) -> Result<(), TaskError> {
    let records = if bench.quick { RECORDS / 10 } else { RECORDS };
    bench.progress(&format!("a bundle of {records} records"));
    let count = records.to_string();
    let kept = fresh("bundle")?;
    let mut bundle = cargo(&["bench", "--package", "candor-audit", "--bench", "bundle", "--", &count]);
    let of_bundle = figures(bundle.env("CANDOR_BENCH_KEEP", &kept))?;
    bench.progress("verifying it as a user does");
    let (took, rss) = verify(&kept)?;
    bench.progress("durable appends");
    let state = fresh("export")?;
    let mut appends = cargo(&["bench", "--package", "candor-store", "--bench", "appends"]);
    let of_appends = figures(appends.env("CANDOR_BENCH_KEEP", &state))?;
    bench.progress("exporting one task of a thousand");
    export(bench, &state)?;
    let of_seal = figures(&mut cargo(&["bench", "--package", "candor-audit", "--bench", "commit"]))?;
    let of = |all: &BTreeMap<String, f64>, name: &str| all.get(name).copied().unwrap_or(f64::NAN);
    let bare = of(&of_bundle, "bare_s");
    bench.row(Row::least(
        "`audit verify`, beside parse, canonical form and SHA-256 alone by one core",
        bare / took,
        "×",
        0.5,
    ));
    bench.row(Row::fact("— the same by one core", of(&of_bundle, "verify_share_of_bare"), "×"));
    bench.row(Row::fact(format!("`audit verify` of {records} artifacts"), took, "s"));
    bench.row(Row::most(format!("memory for it (RSS), {records} artifacts"), rss, "MiB", 64.0));
    for producers in [16, 64] {
        let share = of(&of_appends, &format!("appends_{producers}_share_of_bare"));
        let what = format!("acknowledged durable appends, {producers} producers, beside bare rusqlite");
        bench.row(Row::least(what, share, "×", 0.5));
        let rate = of(&of_appends, &format!("appends_{producers}_per_s"));
        bench.row(Row::fact(format!("acknowledged durable appends, {producers} producers"), rate, "/s"));
    }
    for size in [1_000, 100_000, 1_000_000] {
        let cost = of(&of_appends, &format!("append_us_at_{size}"));
        bench.row(Row::fact(format!("an append, 64 per durable commit, in a log of {size}"), cost, "µs"));
    }
    bench.row(Row::most(
        "an append in a log of 1,000,000, beside one of 1,000",
        of(&of_appends, "append_growth"),
        "×",
        1.2,
    ));
    bench.row(Row::fact("sealing a record of three texts", of(&of_seal, "seal_three_us"), "µs"));
    bench.row(Row::fact("checking a record of three texts", of(&of_seal, "check_three_us"), "µs"));
    bench.row(Row::fact("a durable append of three texts, one caller", of(&of_appends, "append_alone_us"), "µs"));
    toolkit(bench)
}

/// Checks the bundle with the binary; seconds, and the most memory that was seen, in MiB.
fn verify(kept: &Path) -> Result<(f64, f64), TaskError> {
    let key = format!("@{}", kept.join("node.pub").display());
    let mut command = Command::new(release("candor"));
    command
        .arg("--state")
        .arg(kept.join("state"))
        .args(["audit", "verify", "--key", &key])
        .arg(kept.join("bundle.tar"));
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().trying("cannot start `candor`")?;
    let status = format!("/proc/{}/status", child.id());
    let mut rss = 0.0_f64;
    let ended = loop {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let most = told
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse::<f64>().ok());
        rss = most.map_or(rss, |kib| rss.max(kib / 1024.0));
        if let Some(ended) = child.try_wait().trying("cannot wait for `candor`")? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if ended.success() { Ok((started.elapsed().as_secs_f64(), rss)) } else { failed("`candor audit verify` failed") }
}

/// Exports one task's thousand records from the log of a million that the appends left.
fn export(bench: &mut Bench, state: &Path) -> Result<(), TaskError> {
    let mut times = Vec::new();
    for round in 0..EXPORTS {
        let out = state.join(format!("export-{round}.tar"));
        let mut command = Command::new(release("candor"));
        command.arg("--state").arg(state).args(["audit", "export", "--task", "task-0000007", "--out"]).arg(out);
        let started = Instant::now();
        if !show(command.stdout(Stdio::null()).stderr(Stdio::null()))? {
            return failed("`candor audit export` failed");
        }
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(EXPORTS / 2).copied().unwrap_or(f64::NAN);
    bench.row(Row::most("export of one task, 1,000 records of 1,000,000 (median of 5)", median, "s", 1.0));
    Ok(())
}

/// The same operations by the toolkit's audit log.
fn toolkit(bench: &mut Bench) -> Result<(), TaskError> {
    bench.progress("building agentmesh from the registry");
    let manifest = root().join("xtask/bench/agentmesh/Cargo.toml");
    let folder = fresh("agentmesh")?;
    let target = root().join("target/bench/peers");
    let mut command = Command::new("cargo");
    command
        .args(["run", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target);
    let Ok(theirs) = figures(command.arg("--").arg(&folder)) else {
        bench.missing.push(
            "agentmesh: it can't be built here (`cargo build --manifest-path xtask/bench/agentmesh/Cargo.toml`)."
                .to_owned(),
        );
        return Ok(());
    };
    for (what, name) in [
        ("— agentmesh, appending the same to memory, unsalted chain", "toolkit_append_us"),
        ("— agentmesh, the same beyond its cap of 100,000", "toolkit_append_full_us"),
        ("— agentmesh, checking one of 100,000", "toolkit_check_us"),
        ("— agentmesh, appending the same to its file, the first 1,000", "toolkit_durable_us"),
    ] {
        bench.row(Row::fact(what, theirs.get(name).copied().unwrap_or(f64::NAN), "µs"));
    }
    Ok(())
}
