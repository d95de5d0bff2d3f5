//! The profiles that come with Candor.

/// The profile that holds when none is named: it sets nothing, and without targets nothing leaves this machine.
pub const SAFE_DEFAULT: &str = "dry-run";

macro_rules! core_profiles {
    ($($id:literal)+) => {
        /// The profiles that come with Candor, as id and text.
        #[must_use]
        pub fn core_profiles() -> Vec<(&'static str, &'static str)> {
            vec![$(($id, include_str!(concat!("../../../../profiles/", $id, ".yaml"))),)+]
        }
    };
}

core_profiles! {
    "minimal-solo-mode"
    "standard-team-mode"
    "strict-manager-mode"
}
