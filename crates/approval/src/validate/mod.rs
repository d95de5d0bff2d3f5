//! Is a document a package, and is what it says so? The first is the contract's verdict, the second what no schema can check.

mod contract;
mod deep;
mod reader;

use serde::Serialize;

pub use self::{
    contract::{Contract, SchemaError},
    deep::{Known, check},
    reader::{NotJson, READ_DEPTH_MAX, read},
};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where, as a JSON pointer; empty for the whole document.
    pub pointer: String,
    /// What, in plain words.
    pub what: String,
}

impl Finding {
    /// A finding. The pointer's names come from the document, so they are shown as texts are.
    #[must_use]
    pub fn new(pointer: &str, what: String) -> Self {
        let shown = candor_core::disclosure::every().map(|scanner| scanner.shown(pointer).into_owned());
        Self { pointer: shown.unwrap_or_default().escape_debug().to_string(), what }
    }
}

#[cfg(test)]
mod tests;
