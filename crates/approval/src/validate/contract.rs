//! The contract's verdict: the shipped schema, held against a document.

use boon::{Compiler, Draft, ErrorKind, SchemaIndex, Schemas, ValidationError};
use candor_core::disclosure;
use serde_json::Value;
use thiserror::Error;

use super::Finding;

/// The schema of packages, by the name of its file.
const PACKAGE: &str = "schemas/ai_agent_runtime_readback_approval_package_v1.schema.json";
/// Where the compiler keeps it: it loads nothing.
const PLACE: &str = "mem:///package.json";
/// Longest name of a field that a finding repeats, in characters.
const NAME_CHARS_MAX: usize = 80;

/// The schema doesn't compile: a defect, and a test holds that it does.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the schema that this program ships can't be used: {0}")]
pub struct SchemaError(String);

/// The contract, compiled.
pub struct Contract {
    schemas: Schemas,
    index: SchemaIndex,
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contract")
    }
}

impl Contract {
    /// The contract of packages, from the schema that this program ships.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn of_packages() -> Result<Self, SchemaError> {
        let found = candor_core::package::schemas().iter().find(|(path, _)| *path == PACKAGE);
        let text = found.map(|(_, text)| *text).ok_or_else(|| SchemaError(format!("`{PACKAGE}` isn't there")))?;
        Self::of(&serde_json::from_str(text).map_err(|error| SchemaError(error.to_string()))?)
    }

    /// A contract of JSON Schema 2020-12.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub fn of(schema: &Value) -> Result<Self, SchemaError> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        let wrong = |error: boon::CompileError| SchemaError(error.to_string());
        compiler.add_resource(PLACE, schema.clone()).map_err(wrong)?;
        let index = compiler.compile(PLACE, &mut schemas).map_err(wrong)?;
        Ok(Self { schemas, index })
    }

    /// Whether the contract takes the document.
    #[must_use]
    pub fn takes(&self, document: &Value) -> bool {
        self.schemas.validate(document, self.index).is_ok()
    }

    /// What the contract has against the document; nothing where it takes it.
    #[must_use]
    pub fn findings(&self, document: &Value) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Err(error) = self.schemas.validate(document, self.index) {
            leaves(&error, &mut found);
            if found.is_empty() {
                found.push(Finding::new("", "the contract doesn't take it".to_owned()));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn leaves(error: &ValidationError<'_, '_>, found: &mut Vec<Finding>) {
    if error.causes.is_empty() {
        found.push(Finding::new(&error.instance_location.to_string(), words(&error.kind)));
    }
    error.causes.iter().for_each(|cause| leaves(cause, found));
}

/// A name that a document brought, as it may be shown.
fn named(names: impl Iterator<Item = String>) -> String {
    let shown = |name: String| match disclosure::every() {
        Ok(scanner) => scanner.shown(&name).chars().take(NAME_CHARS_MAX).collect::<String>().escape_debug().to_string(),
        Err(_) => "[not shown]".to_owned(),
    };
    names.map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

/// What is wrong, in plain words. A value of the document is never repeated.
fn words(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Required { want } => format!("it lacks {}", named(want.iter().map(|name| (*name).to_owned()))),
        ErrorKind::AdditionalProperties { got } => {
            format!("it has {}, which the contract doesn't know", named(got.iter().map(|name| name.to_string())))
        }
        ErrorKind::Const { want } => format!("the contract fixes {want} here"),
        ErrorKind::Enum { want } => {
            let all: Vec<String> = want.iter().map(ToString::to_string).collect();
            format!("the contract takes one of {} here", all.join(", "))
        }
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|kind| kind.to_string()).collect();
            format!("it is a {got}, and the contract takes a {} here", want.join(" or "))
        }
        ErrorKind::MinItems { got, want } => {
            format!("the list has {got} items, and the contract wants at least {want}")
        }
        ErrorKind::MaxItems { got, want } => format!("the list has {got} items, and the contract takes at most {want}"),
        ErrorKind::MinLength { got, want } => {
            format!("the text has {got} characters, and the contract wants at least {want}")
        }
        ErrorKind::Pattern { want, .. } => format!("the text isn't of the form `{want}`"),
        ErrorKind::Minimum { want, .. } => format!("the number is below {want}"),
        ErrorKind::Maximum { want, .. } => format!("the number is above {want}"),
        _ => "the contract doesn't take what stands here".to_owned(),
    }
}
