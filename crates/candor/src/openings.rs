//! How openings on record stand by the owners of now.

use std::collections::BTreeMap;

use candor_core::{gate::Opening, ids::OpeningNo, settings::Settings, time::Timestamp};
use candor_store::{Listing, StoreError};

use crate::{cli::Global, config::Config, home::Home};

/// Why openings let nothing pass although they are open.
pub type Void = BTreeMap<OpeningNo, String>;

/// Those of this deployment. None where the configuration can't be read: that is told by itself.
///
/// # Errors
/// When the store can't be read.
pub fn void(global: &Global, store: &impl Listing, openings: &[Opening], now: Timestamp) -> Result<Void, StoreError> {
    if !openings.iter().any(|opening| opening.is_open(now)) {
        return Ok(Void::new());
    }
    let home = Home::find(global.state.clone(), global.config.clone());
    match home.and_then(|home| Config::load(&home)) {
        Ok(config) => void_by(&config.machine.settings, store, openings, now),
        Err(_) => Ok(Void::new()),
    }
}

/// Those by these settings.
///
/// # Errors
/// As [`void`].
pub fn void_by(
    settings: &Settings,
    store: &impl Listing,
    openings: &[Opening],
    now: Timestamp,
) -> Result<Void, StoreError> {
    let mut found = Void::new();
    for opening in openings.iter().filter(|opening| opening.is_open(now)) {
        let approval = store.approval_by_no(opening.approval)?;
        if let Some(why) = candor_path::void(settings, opening, approval.as_ref(), now) {
            found.insert(opening.no, why);
        }
    }
    Ok(found)
}
