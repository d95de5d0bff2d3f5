//! The four levels at which a deployment is verified, each by running what is deployed: real processes of this program, in folders of their own, with
//! this deployment's profile, packs and bindings, and with a receiver on loopback in the place of its targets. The deployment's own store is only read,
//! and nothing is sent to its targets.

mod artifacts;
mod compositions;
mod posture;
mod scratch;
mod seen;
mod surfaces;

use serde::Serialize;

use crate::{config::ConfigFile, exit::Failure, home::Home, receiver::Receiver};

/// A level of the deployment model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "u8")]
pub enum Level {
    /// Artifacts and schemas.
    Artifacts,
    /// Each runtime surface.
    Surfaces,
    /// Each profile's posture.
    Profiles,
    /// The compositions, end to end.
    Compositions,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 4] = [Self::Artifacts, Self::Surfaces, Self::Profiles, Self::Compositions];

    /// What it verifies.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Artifacts => "artifacts and schemas",
            Self::Surfaces => "surfaces",
            Self::Profiles => "profiles",
            Self::Compositions => "end to end",
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        match level {
            Level::Artifacts => 1,
            Level::Surfaces => 2,
            Level::Profiles => 3,
            Level::Compositions => 4,
        }
    }
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// At which level.
    pub level: Level,
    /// What was checked.
    pub check: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was seen.
    pub saw: String,
}

/// What a check saw, or what is wrong.
type Saw = Result<String, String>;

impl Verified {
    fn of(level: Level, check: impl Into<String>, saw: Saw) -> Self {
        let passed = saw.is_ok();
        Self { level, check: check.into(), passed, saw: saw.unwrap_or_else(|why| why) }
    }
}

/// Verifies these levels. Whatever must go silent first does so at the same time for all of them.
///
/// # Errors
/// When nothing can be run at all: no folder for it, or no receiver on loopback.
pub fn verify(home: &Home, levels: &[Level], say: impl Fn(&str)) -> Result<Vec<Verified>, Failure> {
    home.create()?;
    scratch::sweep();
    let binding = scratch::Binding::of(home)?;
    let receiver = Receiver::start()?;
    let mut all = Vec::new();
    let has = |level| levels.contains(&level);
    say("verifying: what is to go silent begins");
    let surfaces = has(Level::Surfaces) || has(Level::Artifacts);
    let surfaces = surfaces.then(|| surfaces::Surfaces::prepare(&binding, &receiver)).transpose()?;
    let postures = has(Level::Profiles).then(|| posture::Postures::prepare(home, &binding, &receiver)).transpose()?;
    let compositions =
        has(Level::Compositions).then(|| compositions::Compositions::prepare(&binding, &receiver)).transpose()?;
    if surfaces.is_some() || postures.is_some() || compositions.is_some() {
        std::thread::sleep(scratch::SILENT_AFTER);
    }
    let mut from_surfaces = Vec::new();
    if let Some(surfaces) = &surfaces {
        say("verifying: watchdog, dispatcher, bridge and sender, each as a process of its own");
        from_surfaces = surfaces.verify();
    }
    if has(Level::Artifacts) {
        say("verifying: what is on record, descriptors, profiles and packs");
        all.extend(artifacts::verify(home, surfaces.as_ref().map(surfaces::Surfaces::scratch)));
    }
    if has(Level::Surfaces) {
        all.append(&mut from_surfaces);
    }
    if let Some(postures) = &postures {
        say("verifying: the posture of each profile");
        all.extend(postures.verify());
    }
    if let Some(compositions) = &compositions {
        say("verifying: the way of a notice, end to end");
        all.extend(compositions.verify());
    }
    Ok(all)
}

/// How many of the newest records of this state folder are sealed, in order.
///
/// # Errors
/// What is wrong with the first that isn't.
pub fn records(home: &Home) -> Result<u64, String> {
    artifacts::records(home)
}

/// The profile under which the whole way can be gone where the deployment's own lets nothing out.
fn reference_profile() -> String {
    ConfigFile::default().profile
}
