//! What a process and its children cost: CPU time and memory, from `/proc`.

use std::{fs, process::Command, time::Duration};

/// Kernel clock ticks per second: fixed at 100 in the interface of `/proc` on Linux.
const TICKS_PER_SEC: f64 = 100.0;

/// All processes below one, and itself.
fn tree(root: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, fields(pid)?.get(1)?.parse().ok()?)))
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// The fields of `/proc/PID/stat` from the third on, which follows the name in brackets.
fn fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// CPU time that a process, its children and those that have ended used, in seconds.
pub(crate) fn cpu_secs(root: u32) -> f64 {
    let ticks = |pid: u32| -> f64 {
        let fields = fields(pid).unwrap_or_default();
        // utime, stime, and those of ended children.
        fields.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum()
    };
    tree(root).into_iter().map(ticks).sum::<f64>() / TICKS_PER_SEC
}

/// Memory in MiB, shared pages by their share.
pub(crate) fn pss_mib(root: u32) -> f64 {
    let kib = |pid: u32| -> f64 {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
    };
    tree(root).into_iter().map(kib).sum::<f64>() / 1_024.0
}

/// Asks a process to end, and takes it down when it doesn't.
pub(crate) fn end(child: &mut std::process::Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    for _ in 0..500 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}
