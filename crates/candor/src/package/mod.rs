//! The plugin package on this machine: built and checked, installed, and the one that is in use.
//!
//! Under the state folder lie `packages/<name>/<version>/` (exactly the archive's files, and `installed.json`) and `packages/selected.json`,
//! which says which of them is in use. Without one, what comes with the program holds.

mod archive;
mod installed;
mod leave;
mod place;

pub use archive::{build, core, from_tree, open};
use candor_core::package::Host;
pub use installed::{Installed, all, find, selected};
pub use leave::{leaving, take_away};
pub use place::{Lock, Selection, deselect, place, select};

/// The commands that run roles, as entry points may name them.
pub const ROLES: &[&str] = &["up", "run", "run watchdog", "run dispatcher", "run bridge", "exec"];

/// This program, for a package that asks what it would run on.
#[must_use]
pub fn host() -> Host {
    Host {
        candor: candor_core::package::Version { numbers: numbers(env!("CARGO_PKG_VERSION")), line: None },
        bundles: candor_audit::bundle::BUNDLE_VERSION,
        roles: ROLES,
        senders: candor_world::senders::SENDERS,
    }
}

/// The numbers of this program's own version.
fn numbers(version: &str) -> (u32, u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    (part(), part(), part())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use candor_audit::kind::Kind;
    use candor_core::{
        package::{CORE_MANIFEST, Manifest, Version, check_content, core_files},
        profile::PACKAGE_VERSION,
    };
    use clap::Parser as _;

    use super::{ROLES, host};
    use crate::cli::Cli;

    fn manifest() -> Manifest {
        Manifest::parse(CORE_MANIFEST.as_bytes()).unwrap()
    }

    #[test]
    fn the_package_that_comes_with_candor_is_sound_and_fits() {
        let manifest = manifest();
        assert_eq!(manifest.fits(&host()), Ok(()));
        assert_eq!(manifest.version.to_string(), PACKAGE_VERSION);
        assert_eq!(host().candor, env!("CARGO_PKG_VERSION").parse::<Version>().unwrap());
        let content = check_content(&manifest, &core_files());
        assert!(content.is_ok(), "{}", content.unwrap_err());
    }

    /// A role that an entry point may name is a command line that this program takes.
    #[test]
    fn every_role_is_a_command() {
        for role in ROLES {
            let mut args = vec!["candor"];
            args.extend(role.split(' '));
            if *role == "exec" {
                args.extend(["--task", "t", "--", "true"]);
            }
            assert!(Cli::try_parse_from(&args).is_ok(), "{role}");
        }
    }

    #[test]
    fn entry_points_name_folders_that_exports_have() {
        let folders: BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::folder).collect();
        for adapter in manifest().adapters {
            for folder in &adapter.artifacts {
                assert!(folders.contains(folder.as_str()), "{folder}");
            }
        }
    }
}
