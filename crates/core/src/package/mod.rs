//! The plugin package: what is distributed, apart from the machine that it will run on.
//!
//! Who is who:
//! - a [`Manifest`] says which package it is, what it fits, between which versions it may be exchanged, and every file's digest;
//! - a [`Version`] is that of a package, and a [`Host`] is the program that would go by one;
//! - [`check_content`] proves that a package holds nothing that belongs to one machine: no target, credential, schedule, root or program;
//! - [`core_files`] is the package that comes with Candor.

mod content;
mod manifest;
mod source;
mod version;

pub use content::{Content, ContentError, ContentErrors, check_content};
pub use manifest::{
    Bound, Compatibility, EntryPoint, Exchange, FileEntry, Host, MANIFEST_VERSION, Manifest, ManifestError, Misfit,
};
pub use source::{CORE_MANIFEST, core_files, schemas};
pub use version::{Version, VersionError};

use crate::decision::words;

words! {
    /// What an operator did with packages.
    Change {
        /// One was installed and is in use from then on.
        Installed = "installed",
        /// A newer one took the place of the one in use.
        Upgraded = "upgraded",
        /// An older one took the place of the one in use.
        Downgraded = "downgraded",
        /// What comes with the program is gone by again; the package is there still.
        LeftUse = "left_use",
        /// One was taken away.
        Removed = "removed",
    }
}
