//! What this machine shows of a descriptor's abilities: looked at by probes, and kept.

use std::{fs, path::PathBuf};

use candor_core::capability::{Descriptor, ProbeRecord};
use candor_world::probes::{self, LiveTarget, Place};

use crate::{
    config::{self, Config},
    deploy::search_path,
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
};

/// Runs the probes, each within its limit.
/// What they showed isn't kept by this.
#[must_use]
pub fn look(home: &Home, config: &Config, descriptor: &Descriptor) -> ProbeRecord {
    let live = config.machine.settings.targets.iter().filter(|target| target.gate.is_some());
    let targets = live
        .filter_map(|target| {
            let binding = config.bindings.get(&target.name)?;
            Some(LiveTarget {
                name: target.name.to_string(),
                secrets: binding.check_secrets().map_err(|error| error.to_string()),
                from_level: target.from_level,
                reads_back: binding.reads_back(),
            })
        })
        .collect();
    let place = Place {
        state: home.state.clone(),
        export: home.state.join("export"),
        home: std::env::var_os("HOME").map(PathBuf::from),
        path: search_path(),
        targets,
    };
    let clock = Clock::from_env();
    probes::run(descriptor, &place, || clock.now())
}

/// Keeps a record, whole or not at all.
///
/// # Errors
/// When it can't be written.
pub fn keep(home: &Home, descriptor: &Descriptor, record: &ProbeRecord) -> Result<(), Failure> {
    let path = config::record_path(home, descriptor);
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Store, format!("`{}` can't be written: {error}", path.display()))
            .hint("check the owner, the permissions and the space of the state folder")
    };
    let text = serde_json::to_string_pretty(record).map_err(|error| failed(&error))?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(|error| failed(&error))?;
    fs::write(&beside, text + "\n").and_then(|()| fs::rename(&beside, &path)).map_err(|error| failed(&error))
}
