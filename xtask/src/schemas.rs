//! `cargo xtask schemas`: writes schemas/ from the types in core, so that editors check what Candor reads.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::shell::{TaskError, Trying, cargo, failed, root};

/// The folder that they are written to, with its closing `/`.
pub(crate) const FOLDER: &str = "schemas/";

/// Writes every schema.
pub(crate) fn run() -> Result<bool, TaskError> {
    fs::create_dir_all(root().join(FOLDER)).trying(format!("cannot make `{FOLDER}`"))?;
    for (file, schema) in generated()? {
        let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        fs::write(root().join(&file), text + "\n").trying(format!("cannot write `{file}`"))?;
        println!("wrote {file}");
    }
    Ok(true)
}

/// The schemas that the types make, by file.
pub(crate) fn generated() -> Result<BTreeMap<String, Value>, TaskError> {
    let mut command =
        cargo(&["run", "--quiet", "--package", "candor-core", "--features", "schema", "--example", "schemas"]);
    let output = command.stderr(std::process::Stdio::inherit()).output().trying("cannot run cargo")?;
    if !output.status.success() {
        return failed("the schemas can't be generated");
    }
    match serde_json::from_slice::<BTreeMap<String, Value>>(&output.stdout) {
        Ok(schemas) => Ok(schemas.into_iter().map(|(name, schema)| (format!("{FOLDER}{name}.json"), schema)).collect()),
        Err(error) => failed(format!("the schemas can't be read: {error}")),
    }
}
