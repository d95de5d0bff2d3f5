//! Signals, read from real files and real processes.

use std::{
    fs,
    os::unix::{fs::symlink, process::CommandExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use candor_core::{
    task::{Reading, Signal},
    time::Timestamp,
};
use candor_world::signals::{process::identify, read, read_all};

/// Longest that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const NOW: Timestamp = Timestamp::from_micros(7);

/// A shell in a process group of its own, which is killed at the end whatever happens.
struct Shell(Child);

impl Shell {
    fn start(script: &str) -> Self {
        Self(Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).process_group(0).spawn().unwrap())
    }

    fn signal(&self) -> Signal {
        Signal::Process { pid: self.0.id(), started_ticks: identify(self.0.id()) }
    }

    fn kill(&self) {
        let group = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.kill();
            self.0.wait().unwrap();
        }
    }
}

/// Reads until the reading is as wanted.
fn wait_for(signal: &Signal, wanted: impl Fn(&Reading) -> bool) -> Reading {
    let began = Instant::now();
    loop {
        let reading = read(signal, NOW);
        if wanted(&reading) {
            return reading;
        }
        assert!(began.elapsed() < PATIENCE, "{signal:?} still reads {reading:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_file_reads_its_length_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let signal = Signal::File { path: path.to_str().unwrap().to_owned() };
    let gone = Reading { exists: false, amount: 0, changed_at: None, read_at: NOW };
    assert_eq!(read(&signal, NOW), gone);
    fs::write(&path, "12345").unwrap();
    let at = std::time::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    fs::File::options().append(true).open(&path).unwrap().set_modified(at).unwrap();
    let wanted = Reading {
        exists: true,
        amount: 5,
        changed_at: Some(Timestamp::from_micros(1_700_000_000_123_456)),
        read_at: NOW,
    };
    assert_eq!(read(&signal, NOW), wanted);
    symlink(&path, folder.path().join("latest")).unwrap();
    let latest = Signal::File { path: folder.path().join("latest").to_str().unwrap().to_owned() };
    assert_eq!(read(&latest, NOW), wanted);
    let folder = Signal::File { path: folder.path().to_str().unwrap().to_owned() };
    assert_eq!(read(&folder, NOW), gone);
}

#[cfg(target_os = "linux")]
#[test]
fn a_busy_process_uses_time() {
    let shell = Shell::start("while :; do :; done");
    let first = wait_for(&shell.signal(), |reading| reading.amount > 0);
    assert!(first.exists && first.read_at == NOW);
    wait_for(&shell.signal(), |reading| reading.amount > first.amount);
}

#[cfg(target_os = "linux")]
#[test]
fn the_work_of_a_grandchild_counts() {
    let shell = Shell::start("sh -c 'while :; do :; done' & wait");
    // The shell itself only waits: it takes one or two ticks of 10 ms to start.
    wait_for(&shell.signal(), |reading| reading.amount >= 100);
}

#[cfg(target_os = "linux")]
#[test]
fn the_work_of_children_that_ended_still_counts() {
    use std::io::Read as _;

    let mut shell = Shell::start("timeout 0.3 sh -c 'while :; do :; done'; echo ended; read -r _ < /dev/zero");
    let mut said = [0; 6];
    shell.0.stdout.take().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"ended\n");
    wait_for(&shell.signal(), |reading| reading.amount >= 50);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_ended_is_gone_even_as_a_zombie() {
    let mut shell = Shell::start("sleep 1000");
    let signal = shell.signal();
    assert!(read(&signal, NOW).exists);
    shell.kill();
    // Nobody has waited for it, so its entry is still there.
    wait_for(&signal, |reading| !reading.exists);
    assert!(fs::exists(format!("/proc/{}", shell.0.id())).unwrap());
    assert_eq!(identify(shell.0.id()), None);
    shell.0.wait().unwrap();
    assert!(!read(&signal, NOW).exists);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reused_process_id_is_recognised() {
    let shell = Shell::start("sleep 1000");
    let ticks = identify(shell.0.id()).unwrap();
    let with = |started_ticks| read(&Signal::Process { pid: shell.0.id(), started_ticks }, NOW).exists;
    assert!(with(Some(ticks)) && with(None));
    assert!(!with(Some(ticks - 1)) && !with(Some(ticks + 1)));
}

#[test]
fn a_process_id_that_none_can_have_reads_as_gone() {
    for pid in [0, u32::MAX] {
        assert!(!read(&Signal::Process { pid, started_ticks: None }, NOW).exists);
        assert_eq!(identify(pid), None);
    }
}

#[test]
fn many_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let signals: Vec<_> = (0..3)
        .map(|length| {
            let path = folder.path().join(length.to_string());
            fs::write(&path, "x".repeat(length)).unwrap();
            Signal::File { path: path.to_str().unwrap().to_owned() }
        })
        .collect();
    let read: Vec<_> = read_all(&signals, NOW).into_iter().map(|reading| reading.amount).collect();
    assert_eq!(read, [0, 1, 2]);
}
