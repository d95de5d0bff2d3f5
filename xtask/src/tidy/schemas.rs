//! schemas/ holds what the types make of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::{Finding, Tree};
use crate::schemas::{FOLDER, generated};

/// Each schema is what the types make now.
pub(super) fn current(tree: &Tree) -> Vec<Finding> {
    match generated() {
        Ok(schemas) => drift(tree, &schemas),
        Err(error) => vec![Finding::file(FOLDER, error.to_string())],
    }
}

fn drift(tree: &Tree, schemas: &BTreeMap<String, Value>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, schema) in schemas {
        let kept = tree.text(file).and_then(|text| serde_json::from_str::<Value>(text).ok());
        if kept.as_ref() != Some(schema) {
            found.push(Finding::file(file, "differs from the types; run `cargo xtask schemas`"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Tree, drift};

    #[test]
    fn a_schema_that_drifted_or_is_missing_is_found() {
        let schemas = ["a", "b", "c"].map(|name| (format!("schemas/{name}.json"), json!({ "type": name }))).into();
        let tree =
            Tree::of(&[("schemas/a.json", "{\n  \"type\": \"a\"\n}\n"), ("schemas/b.json", "{\"type\": \"other\"}")]);
        let found: Vec<_> = drift(&tree, &schemas).into_iter().map(|finding| finding.file).collect();
        assert_eq!(found, ["schemas/b.json", "schemas/c.json"]);
    }
}
