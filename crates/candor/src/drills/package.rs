//! Lane `package-rollback`: there is another package to go back to, it is intact, and this deployment reads over it.

use candor_approval::drill::{EARLIER_PACKAGE, PACKAGE_READS, PACKAGE_VERIFIES};

use super::{Scene, Steps, found};
use crate::{
    config::Config,
    home::Home,
    package::{self, Installed, Selection},
};

pub(super) fn rehearse(scene: &Scene<'_>, steps: &mut Steps) {
    let Some(back) = steps.go(EARLIER_PACKAGE, || earlier(scene.home)) else { return };
    steps.go(PACKAGE_VERIFIES, || verifies(back.as_ref()));
    steps.go(PACKAGE_READS, || {
        let id = back.as_ref().map_or_else(|| "what comes with the program".to_owned(), Installed::id);
        let config = Config::load_over(scene.home, back).map_err(found)?;
        let packs = config.machine.packs.packs().len();
        Ok(((), format!("the configuration reads over {id}: profile {}, {packs} packs", config.deployment.name())))
    });
}

/// The package that was in use before the one that is; none is what comes with the program, which nobody can remove.
fn earlier(home: &Home) -> Result<(Option<Installed>, String), String> {
    let Some(selection) = Selection::read(home).map_err(found)? else {
        return Ok((None, "what comes with the program is in use, and can't be removed".to_owned()));
    };
    let Some(before) = &selection.before else {
        return Ok((
            None,
            format!("before {} what comes with the program was in use, which can't be removed", selection.id()),
        ));
    };
    let id = format!("{}@{before}", selection.name);
    let installed = package::find(home, &id).map_err(|failure| {
        format!("{id} was in use before {}, and can't be gone back to: {}", selection.id(), found(failure))
    })?;
    Ok((Some(installed), format!("{id} was in use before {}", selection.id())))
}

fn verifies(back: Option<&Installed>) -> Result<((), String), String> {
    match back {
        Some(installed) => {
            installed.check().map_err(found)?;
            let files = installed.manifest.files.len();
            Ok(((), format!("{files} files are as their builder signed them ({})", installed.receipt.key)))
        }
        None => {
            let core = package::core().map_err(found)?;
            Ok(((), format!("{} is part of this program", core.0.id())))
        }
    }
}
