//! `candor package list`: what is installed, and what is in use.

use candor_core::profile::PACKAGE_VERSION;
use serde_json::{Value, json};

use crate::{
    cli::Global,
    exit::{Exit, Outcome},
    home::Home,
    output,
    package::{self, Selection},
};

/// Lists the packages, each held against its signature.
pub fn run(global: &Global) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let selected = Selection::read(&home)?;
    let core = package::core()?.0;
    let mut rows = vec![json!({
        "package": format!("{}@{PACKAGE_VERSION}", core.name), "in_use": selected.is_none(), "from": "built in",
        "intact": true, "note": "what comes with this program",
    })];
    for (id, found) in package::all(&home) {
        let checked = found.and_then(|installed| {
            installed.check()?;
            Ok(installed)
        });
        let in_use = selected.as_ref().is_some_and(|of| of.id() == id);
        rows.push(match checked {
            Ok(installed) => {
                let misfit = installed.manifest.fits(&package::host()).err().map(|misfit| misfit.why);
                let before = selected.as_ref().filter(|of| of.name == installed.manifest.name);
                let kept = before.is_some_and(|of| of.before.as_ref() == Some(&installed.manifest.version));
                let kept = if kept { "kept for the way back" } else { "" }.to_owned();
                json!({
                    "package": id, "in_use": in_use, "from": "installed", "intact": true, "key": installed.receipt.key,
                    "installed_at": installed.receipt.installed_at, "note": misfit.unwrap_or(kept),
                })
            }
            Err(failure) => {
                json!({ "package": id, "in_use": in_use, "from": "installed", "intact": false, "note": failure.message })
            }
        });
    }
    let intact = rows.iter().all(|row| row.get("intact") == Some(&json!(true)));
    if let Some(lost) = selected.filter(|of| !rows.iter().any(|row| row.get("package") == Some(&json!(of.id())))) {
        output::note(format!("`{}` is said to be in use, and isn't there", lost.id()));
    }
    if global.json {
        output::json(&json!({ "packages": rows }))?;
    } else {
        let row = |row: &Value| {
            let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let is = |field: &str| row.get(field) == Some(&json!(true));
            let used = if is("in_use") { "*" } else { "" }.to_owned();
            let intact = if is("intact") { "" } else { "NOT INTACT" }.to_owned();
            vec![used, text("package"), text("from"), text("installed_at"), intact, text("note")]
        };
        output::table(&["", "PACKAGE", "FROM", "INSTALLED", "", "NOTE"], rows.iter().map(row));
    }
    Ok(if intact { Exit::Ok } else { Exit::NotIntact })
}
