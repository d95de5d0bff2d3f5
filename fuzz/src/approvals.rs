//! What approval packages are read from, and what is never displayed of them.

use candor_approval::validate::{Contract, read};
use candor_core::{
    catalogue::parse_catalogue,
    disclosure::{self, Finding},
};
use serde::de::IgnoredAny;

/// Documents that may be packages: all of JSON is read and nothing else, and a verdict is one by its findings too.
pub(super) fn document(bytes: &[u8]) {
    let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok() && str::from_utf8(bytes).is_ok();
    let document = read(bytes);
    assert!(document.is_ok() == is_json, "JSON is what serde_json reads without making anything of it");
    if let (Ok(document), Ok(contract)) = (document, Contract::of_packages()) {
        assert!(contract.takes(&document) == contract.findings(&document).is_empty());
    }
}

/// Catalogues of approvals: what is read is what is written again.
pub(super) fn catalogue(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(catalogue) = parse_catalogue("catalogue.yaml", text) else { return };
    let again = serde_json::to_string(&catalogue).unwrap_or_default();
    assert!(parse_catalogue("catalogue.json", &again) == Ok(catalogue), "written and read, it is another");
}

/// Texts that are displayed: what is shown of them has nothing that is never displayed.
pub(super) fn shown(bytes: &[u8]) {
    let (Ok(text), Ok(scanner)) = (str::from_utf8(bytes), disclosure::every()) else { return };
    let within = |one: &Finding| text.get(one.at.clone()).is_some();
    assert!(scanner.find(text).iter().all(within), "a place is none");
    let shown = scanner.shown(text);
    assert!(scanner.find(&shown).is_empty(), "something is still shown");
}
