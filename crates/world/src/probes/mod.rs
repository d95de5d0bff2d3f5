//! Probes: what this machine can really do. Each looks in one way, has a time limit, can fail, and says how it looked and what it saw.
//! None of them leaves this machine, and none shows a secret.
//!
//! `docs/adding-a-probe.md` tells how to add one.

pub(crate) mod ask;
mod binary;
mod escalation;
mod export_folder;
mod gateway;
mod hook;
mod readback;
mod sender;
mod store;
mod timer;

use std::{collections::BTreeMap, path::PathBuf, sync::mpsc, thread, time::Duration};

use candor_core::{
    capability::{Descriptor, Probe, ProbeKind, ProbeRecord, ProbeReport},
    limits::PROBE_TIME_MAX,
    time::Timestamp,
};

pub use store::writable;

/// What probes may look at beside their own fields.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The state folder.
    pub state: PathBuf,
    /// Where exports are written.
    pub export: PathBuf,
    /// The user's home, for `~/`.
    pub home: Option<PathBuf>,
    /// Folders in which programs are looked for, as in `PATH`.
    pub path: Vec<PathBuf>,
    /// What is known of each live target.
    pub targets: Vec<LiveTarget>,
}

/// A target that has an effect outside this machine.
#[derive(Clone, Debug)]
pub struct LiveTarget {
    /// Its name.
    pub name: String,
    /// Whether its secrets could be read: nothing, or why not. Never a secret.
    pub secrets: Result<(), String>,
    /// The lowest escalation level that goes there.
    pub from_level: u8,
    /// Whether it can be asked what became of a message, or why not.
    pub reads_back: Result<(), String>,
}

/// What a probe saw: shown, or why not.
type Saw = Result<String, String>;

/// One kind of probe.
struct Kind {
    kind: ProbeKind,
    /// How it looks, in words.
    method: fn(&Probe) -> String,
    look: fn(&Probe, &Place) -> Saw,
}

/// The probes: one line each.
const PROBES: &[Kind] = &[
    Kind { kind: ProbeKind::Binary, method: binary::method, look: binary::look },
    Kind { kind: ProbeKind::Gateway, method: gateway::method, look: gateway::look },
    Kind { kind: ProbeKind::Hook, method: hook::method, look: hook::look },
    Kind { kind: ProbeKind::Timer, method: timer::method, look: timer::look },
    Kind { kind: ProbeKind::Sender, method: sender::method, look: sender::look },
    Kind { kind: ProbeKind::Store, method: store::method, look: store::look },
    Kind { kind: ProbeKind::ExportFolder, method: export_folder::method, look: export_folder::look },
    Kind { kind: ProbeKind::Escalation, method: escalation::method, look: escalation::look },
    Kind { kind: ProbeKind::Readback, method: readback::method, look: readback::look },
];

/// Runs every probe of a descriptor. `now` is asked once per probe, when it has answered.
#[must_use]
pub fn run(descriptor: &Descriptor, place: &Place, now: impl Fn() -> Timestamp) -> ProbeRecord {
    let reports: BTreeMap<String, ProbeReport> = descriptor
        .spec
        .probes
        .iter()
        .map(|(name, probe)| {
            let (method, saw) = match PROBES.iter().find(|kind| kind.kind == probe.kind) {
                Some(kind) => ((kind.method)(probe), within(PROBE_TIME_MAX, kind.look, probe, place)),
                None => (String::new(), Err("this Candor has no such probe".to_owned())),
            };
            let (shown, output) = match saw {
                Ok(output) => (true, output),
                Err(output) => (false, output),
            };
            (name.clone(), ProbeReport { kind: probe.kind, shown, at: now(), method, output })
        })
        .collect();
    ProbeRecord { descriptor: descriptor.metadata.name(), reports }
}

/// Looks, for so long and no longer: a probe that hangs has shown nothing.
fn within(limit: Duration, look: fn(&Probe, &Place) -> Saw, probe: &Probe, place: &Place) -> Saw {
    let (answer, answered) = mpsc::channel();
    let (probe, place) = (probe.clone(), place.clone());
    thread::spawn(move || {
        let _ = answer.send(look(&probe, &place));
    });
    answered.recv_timeout(limit).unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs_f32())))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;

    fn probe(kind: ProbeKind) -> Probe {
        Probe { kind, program: None, address: None, file: None, holds: None }
    }

    fn look(probe: &Probe, place: &Place) -> Saw {
        let kind = PROBES.iter().find(|kind| kind.kind == probe.kind).ok_or("no such probe")?;
        within(PROBE_TIME_MAX, kind.look, probe, place)
    }

    fn program(folder: &Path, name: &str, body: &str) -> Result<Place, std::io::Error> {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Place { path: vec![folder.to_path_buf()], ..Place::default() })
    }

    #[test]
    fn every_kind_is_registered_once() {
        for kind in ProbeKind::ALL {
            assert_eq!(PROBES.iter().filter(|probe| probe.kind == *kind).count(), 1, "{}", kind.as_str());
        }
    }

    #[test]
    fn a_probe_that_hangs_has_shown_nothing() {
        let hangs = |_: &Probe, _: &Place| {
            thread::sleep(Duration::from_secs(60));
            Ok(String::new())
        };
        let saw = within(Duration::from_millis(20), hangs, &probe(ProbeKind::Timer), &Place::default());
        assert!(saw.is_err_and(|why| why.contains("no answer")));
    }

    #[test]
    fn a_binary_is_shown_by_its_version_only() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let asks = |name: &str| Probe { program: Some(name.to_owned()), ..probe(ProbeKind::Binary) };
        let place = program(folder.path(), "good", "echo good 1.2.3")?;
        program(folder.path(), "bad", "echo broken >&2; exit 3")?;
        program(folder.path(), "mute", "exit 0")?;
        assert!(look(&asks("good"), &place).is_ok_and(|saw| saw.contains("good 1.2.3")));
        assert!(look(&asks("bad"), &place).is_err_and(|why| why.contains('3')));
        assert!(look(&asks("mute"), &place).is_err_and(|why| why.contains("no version")));
        assert!(look(&asks("gone"), &place).is_err_and(|why| why.contains("`gone`")));
        Ok(())
    }

    #[test]
    fn a_gateway_is_shown_by_an_answer() -> Result<(), Box<dyn std::error::Error>> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let asks = Probe { address: Some(listener.local_addr()?), ..probe(ProbeKind::Gateway) };
        assert!(look(&asks, &Place::default()).is_err(), "it accepts and says nothing");
        let serving = thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            // The first caller is the one above, which went away.
            for mut stream in listener.incoming().take(2).flatten() {
                let mut asked = Vec::new();
                let mut some = [0; 512];
                while let Ok(read @ 1..) = stream.read(&mut some) {
                    asked.extend_from_slice(some.get(..read).unwrap_or_default());
                    if asked.ends_with(b"\r\n\r\n") {
                        break;
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
            }
        });
        assert!(look(&asks, &Place::default()).is_ok_and(|saw| saw.contains("401")));
        assert!(serving.join().is_ok());
        assert!(look(&asks, &Place::default()).is_err(), "nobody listens any more");
        Ok(())
    }

    #[test]
    fn a_hook_is_shown_by_the_file_that_registers_it() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let place = Place { home: Some(folder.path().to_path_buf()), ..Place::default() };
        let asks = Probe { file: Some("~/s.json".into()), holds: Some("candor".into()), ..probe(ProbeKind::Hook) };
        assert!(look(&asks, &place).is_err());
        fs::write(folder.path().join("s.json"), "{}")?;
        assert!(look(&asks, &place).is_err_and(|why| why.contains("`candor`")));
        fs::write(folder.path().join("s.json"), r#"{"hooks": {"Stop": "candor hook stop", "env": "s3cret-value"}}"#)?;
        assert!(look(&asks, &place).is_ok_and(|saw| !saw.contains("s3cret")), "what else stands there isn't shown");
        Ok(())
    }

    #[test]
    fn folders_are_shown_by_a_write() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (state, export) = (folder.path().join("state"), folder.path().join("state/export"));
        let place = Place { state: state.clone(), export: export.clone(), ..Place::default() };
        for kind in [ProbeKind::Store, ProbeKind::ExportFolder] {
            fs::create_dir_all(&state)?;
            assert!(look(&probe(kind), &place).is_ok());
        }
        assert_eq!(fs::read_dir(&state)?.count(), 0, "nothing is left behind");
        fs::remove_dir_all(&state)?;
        fs::write(&state, "a file")?;
        for kind in [ProbeKind::Store, ProbeKind::ExportFolder] {
            assert!(look(&probe(kind), &place).is_err());
        }
        Ok(())
    }

    #[test]
    fn senders_are_shown_by_secrets_that_are_there() {
        let target = |secrets: Result<(), String>, from_level| LiveTarget {
            name: "ops".into(),
            secrets,
            from_level,
            reads_back: Err("no way".into()),
        };
        let place = |targets| Place { targets, ..Place::default() };
        let sender = probe(ProbeKind::Sender);
        assert!(look(&sender, &place(vec![])).is_err_and(|why| why.contains("no target")));
        let missing = target(Err("secret file `x` can't be read".into()), 1);
        assert!(look(&sender, &place(vec![missing.clone()])).is_err_and(|why| why.contains("can't be read")));
        assert!(look(&sender, &place(vec![missing.clone(), target(Ok(()), 1)])).is_ok());
        let escalation = probe(ProbeKind::Escalation);
        assert!(look(&escalation, &place(vec![target(Ok(()), 2)])).is_ok());
        assert!(look(&escalation, &place(vec![target(Ok(()), 3), missing.clone()])).is_err());
        let readback = probe(ProbeKind::Readback);
        assert!(look(&readback, &place(vec![])).is_err_and(|why| why.contains("no target")));
        assert!(look(&readback, &place(vec![target(Ok(()), 1)])).is_err_and(|why| why.contains("no way")));
        let able = |of: LiveTarget| LiveTarget { reads_back: Ok(()), ..of };
        assert!(look(&readback, &place(vec![able(missing)])).is_err_and(|why| why.contains("can't be read")));
        assert!(look(&readback, &place(vec![able(target(Ok(()), 1))])).is_ok_and(|saw| saw.contains("ops")));
    }
}
