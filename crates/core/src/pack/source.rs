//! A pack's files as text, and the core packs that come with Candor.

use std::collections::BTreeMap;

use super::error::PackError;

/// Most packs that can be loaded together.
pub(super) const PACKS_MAX: usize = 64;
/// Most files in a pack.
pub(super) const FILES_MAX: usize = 64;
/// Largest file of a pack, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 256 * 1024;

/// A pack's files as text: paths in the folder with `/`, such as `pack.yaml` or `cases/basic.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackSource {
    /// The folder's name, which is the pack's id.
    pub folder: String,
    /// Path in the folder to text.
    pub files: BTreeMap<String, String>,
}

impl PackSource {
    /// A source from its folder's name and its files.
    #[must_use]
    pub fn new<'a>(folder: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        Self { folder: folder.to_owned(), files }
    }

    /// The text of a file that every pack must have.
    pub(super) fn required(&self, path: &str) -> Result<&str, PackError> {
        self.files.get(path).map(String::as_str).ok_or_else(|| {
            PackError::new(&self.folder, path, "the file is missing")
                .hint("docs/adding-a-pack.md shows what a pack holds")
        })
    }

    /// What is wrong with the files before any is read: too many, too large, or one that no pack has.
    pub(super) fn check(&self, errors: &mut Vec<PackError>) {
        if self.files.len() > FILES_MAX {
            let message = format!("the pack has {} files; at most {FILES_MAX} are read", self.files.len());
            errors.push(PackError::new(&self.folder, "", message).hint("split it"));
        }
        for (path, text) in &self.files {
            if text.len() > FILE_BYTES_MAX {
                let message = format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len());
                errors.push(PackError::new(&self.folder, path, message).hint("split the pack"));
            }
            if !is_pack_file(path) {
                errors.push(
                    PackError::new(&self.folder, path, "a pack has no such file")
                        .hint("it holds `pack.yaml`, `rules.cedar`, `README.md` and `cases/*.yaml`"),
                );
            }
        }
    }
}

fn is_pack_file(path: &str) -> bool {
    let case = path.strip_prefix("cases/").and_then(|name| name.strip_suffix(".yaml"));
    matches!(path, "pack.yaml" | "rules.cedar" | "README.md")
        || case.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

macro_rules! core_packs {
    ($($id:literal)+) => {
        /// The eight core packs as they come with Candor.
        #[must_use]
        pub fn core_sources() -> Vec<PackSource> {
            vec![$(PackSource::new($id, [
                ("pack.yaml", include_str!(concat!("../../../../policy-packs/", $id, "/pack.yaml"))),
                ("rules.cedar", include_str!(concat!("../../../../policy-packs/", $id, "/rules.cedar"))),
                ("README.md", include_str!(concat!("../../../../policy-packs/", $id, "/README.md"))),
                ("cases/cases.yaml", include_str!(concat!("../../../../policy-packs/", $id, "/cases/cases.yaml"))),
            ]),)+]
        }
    };
}

core_packs! {
    "blocker-escalation"
    "checkpoint-cadence"
    "completion-integrity"
    "delivery-truth"
    "evidence-freshness"
    "placeholder-labeling"
    "status-consistency"
    "subagent-accountability"
}
