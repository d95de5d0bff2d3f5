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

/// CPU time that a process, its children and those that have ended used, in seconds. What lives is counted by the scheduler in
/// nanoseconds; processes that ended, by ticks.
pub(crate) fn cpu_secs(root: u32) -> f64 {
    let ended = |pid: u32| -> f64 {
        let fields = fields(pid).unwrap_or_default();
        fields.iter().skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
    };
    tree(root).into_iter().map(|pid| ended(pid) / TICKS_PER_SEC + threads_secs(pid)).sum()
}

/// CPU time of a process's threads, in seconds.
fn threads_secs(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = |thread: fs::DirEntry| -> Option<f64> {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.filter_map(nanos).sum::<f64>() / 1e9
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
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
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
