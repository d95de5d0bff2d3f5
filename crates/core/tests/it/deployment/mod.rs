//! Profiles and capability descriptors: what is read, what is refused, what holds.

mod capabilities;
mod explain;
mod profiles;
mod refused;

use candor_core::{
    pack::{Pack, core_sources, manifests},
    profile::{Overlay, Packs, Profile, ProfileErrors, Resolved, core_profiles, parse_profile, resolve},
};

/// The text of a core profile.
pub(crate) fn text(id: &str) -> &'static str {
    core_profiles().into_iter().find(|(name, _)| *name == id).unwrap().1
}

pub(crate) fn profile(id: &str) -> Profile {
    parse_profile(id, text(id)).unwrap()
}

pub(crate) fn packs() -> Vec<Pack> {
    manifests(&core_sources()).unwrap()
}

/// What holds under a profile and a local binding.
pub(crate) fn under(profile: &Profile, local: &Overlay) -> Result<Resolved, ProfileErrors> {
    let core = packs();
    resolve(Packs { core: &core, local: &[] }, &Overlay::default(), &Overlay::from(profile), local)
}
