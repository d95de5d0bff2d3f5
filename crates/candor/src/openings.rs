//! How openings on record stand by the owners of now.

use std::collections::BTreeMap;

use candor_core::{gate::Opening, ids::OpeningNo, time::Timestamp};
use candor_store::{Listing, StoreError};

use crate::{cli::Global, config::Config, home::Home};

/// Those that are open and let nothing pass, with why. None where the configuration can't be read: that is told by itself.
///
/// # Errors
/// When the store can't be read.
pub fn void(
    global: &Global,
    store: &impl Listing,
    openings: &[Opening],
    now: Timestamp,
) -> Result<BTreeMap<OpeningNo, String>, StoreError> {
    let home = Home::find(global.state.clone(), global.config.clone());
    let Ok(config) = home.and_then(|home| Config::load(&home)) else { return Ok(BTreeMap::new()) };
    let mut found = BTreeMap::new();
    for opening in openings.iter().filter(|opening| opening.is_open(now)) {
        let approval = store.approval_by_no(opening.approval)?;
        if let Some(why) = candor_path::void(&config.machine.settings, opening, approval.as_ref(), now) {
            found.insert(opening.no, why);
        }
    }
    Ok(found)
}
