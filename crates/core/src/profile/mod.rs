//! Deployment profiles: versioned presets that tune a deployment, and never more than that.
//!
//! Who is who:
//! - a [`Profile`] is the document, read by [`parse_profile`]; a field that can't exist is refused with the [`Rule`] that it breaks;
//! - an [`Overlay`] is what one of the four [`Layer`]s sets: package, adapter, profile, local binding;
//! - [`resolve`] lays them on one another and gives [`Resolved`]: each value with who set it and what limits it.

mod document;
mod explain;
mod keep;
mod layer;
mod parse;
mod resolve;
mod rule;
mod source;

pub use document::{
    AdapterDefaults, Adapters, ArtifactClass, Audit, Expectations, Notifications, Package, Policies, Profile,
    SenderMode, Spec, Surface, Switch, Watchdog,
};
pub use explain::Line;
pub use keep::KeepFor;
pub use layer::{Layer, Overlay, Set};
pub use parse::{API_VERSION, PACKAGE_VERSION, parse_profile, parse_profile_for};
pub(crate) use parse::{check_head, read_document};
pub use resolve::{Packs, Resolved, resolve};
pub use rule::{ProfileError, ProfileErrors, Rule};
pub use source::{SAFE_DEFAULT, core_profiles};
