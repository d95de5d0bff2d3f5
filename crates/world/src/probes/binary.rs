//! A program is on the path and says its version.

use candor_core::capability::Probe;

use super::{Place, Saw, ask};

pub(super) fn method(probe: &Probe) -> String {
    format!("`{} --version`", probe.program.as_deref().unwrap_or_default())
}

pub(super) fn look(probe: &Probe, place: &Place) -> Saw {
    let name = probe.program.as_deref().unwrap_or_default();
    let program = ask::find(name, &place.path).ok_or_else(|| format!("no program `{name}` on the path"))?;
    match ask::ask(&program, &["--version"])? {
        (status, _) if !status.success() => Err(format!("`{}` ended with {status}", program.display())),
        (_, version) if version.trim().is_empty() => Err(format!("`{}` says no version", program.display())),
        (_, version) => Ok(format!("{}: {version}", program.display())),
    }
}
