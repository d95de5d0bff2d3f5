//! Taking a package away: out of use at once, which can be undone; from the disk under an approval, which can't.

use candor_approval::{Permit, kinds::DestructiveOperation};
use candor_core::package::Change;
use candor_path::Act;

use super::{Lock, Selection, find, place, selected};
use crate::{
    config::Config,
    exit::{Exit, Failure},
    home::Home,
};

/// What taking a package away would do.
pub struct Leaving {
    /// The package as it goes on record; none for one that is damaged and that nobody goes by.
    known: Option<Known>,
    /// Whether it is gone by now.
    pub in_use: bool,
    /// Whether its files are there.
    pub is_there: bool,
    /// What this machine goes by without the package.
    pub after: Config,
}

struct Known {
    package: String,
    manifest_sha256: String,
    key: String,
    before: Option<String>,
}

impl Leaving {
    /// The change, for the record.
    #[must_use]
    pub fn act(&self, change: Change) -> Option<Act> {
        let known = self.known.as_ref()?;
        Some(Act::Package {
            change,
            package: known.package.clone(),
            manifest_sha256: known.manifest_sha256.clone(),
            key: known.key.clone(),
            before: known.before.clone(),
        })
    }
}

/// Looks whether a package can be taken away: it is there, nothing goes by it unless that is meant, and the configuration holds without it.
///
/// # Errors
/// Why it can't.
pub fn leaving(home: &Home, id: &str, even_in_use: bool) -> Result<Leaving, Failure> {
    let chosen = Selection::read(home)?;
    let in_use = chosen.as_ref().is_some_and(|of| of.id() == id);
    if in_use && !even_in_use {
        return Err(Failure::new(Exit::Refused, format!("`{id}` is in use")).hint(
            "let another take its place with `candor package upgrade` or `downgrade`, or go back to what comes with this program with `--in-use`",
        ));
    }
    let found = find(home, id);
    if let Err(missing) = &found
        && [Exit::NotFound, Exit::Usage].contains(&missing.exit)
        && !in_use
    {
        return Err(missing.clone());
    }
    // One that was damaged goes too: then the selection says what it was, or nobody went by it.
    let known = match (&found, &chosen) {
        (Ok(installed), _) => Some((installed.digest.clone(), installed.receipt.key.clone())),
        (Err(_), Some(of)) if in_use => Some((of.manifest_sha256.clone(), "unknown".to_owned())),
        (Err(_), _) => None,
    };
    let after = Config::load_over(home, if in_use { None } else { selected(home)? }).map_err(|failure| {
        let why = format!("this machine's configuration doesn't hold without it: {}", failure.message);
        Failure::new(failure.exit, why).hint("mend the configuration first; nothing was removed")
    })?;
    let before = chosen.as_ref().map(Selection::id);
    let known = known.map(|(manifest_sha256, key)| Known { package: id.to_owned(), manifest_sha256, key, before });
    let is_there = found.as_ref().err().is_none_or(|failure| failure.exit != Exit::NotFound);
    Ok(Leaving { known, in_use, is_there, after })
}

/// Takes a package that nobody goes by from the disk: on record first. In words, what was done.
///
/// # Errors
/// When it can't be.
pub fn take_away(
    home: &Home,
    id: &str,
    permit: Permit<DestructiveOperation>,
    record: &dyn Fn(Act) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let lock = Lock::take(home)?;
    if let Some(act) = leaving(home, id, false)?.act(Change::Removed) {
        record(act)?;
    }
    place::remove(home, &lock, id, permit)?;
    Ok(format!("{id} is gone"))
}
