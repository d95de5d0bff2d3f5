//! The export folder can be written; while there is none yet, the folder that it would be made in.

use candor_core::capability::Probe;

use super::{Place, Saw, store::writable};

pub(super) fn method(_: &Probe) -> String {
    "a file is written in the export folder, synced and removed".to_owned()
}

pub(super) fn look(_: &Probe, place: &Place) -> Saw {
    let folder = place.export.ancestors().find(|folder| folder.exists()).unwrap_or(&place.export);
    writable(folder)
}
