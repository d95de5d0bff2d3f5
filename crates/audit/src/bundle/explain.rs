//! What it means that something else stands in an artifact's place.

use std::{collections::BTreeSet, io::BufReader};

use super::{
    FILES, MANIFEST, READ_BYTES,
    archive::ArchiveReader,
    manifest,
    verdict::{Class, Failure, Finding},
    verify::{Source, cursor},
};

/// What is said of an artifact in whose place something else stands, until [`explain`] looks closer.
pub(super) const OTHER_MEMBER: &str = "something else stands in its place";

/// Says which of the two it is: an artifact that isn't there, or one too many before it.
pub(super) fn explain(failure: Failure, bundle: &dyn Source) -> Failure {
    let Failure::Found(finding) = failure else { return failure };
    if finding.words != OTHER_MEMBER {
        return finding.into();
    }
    let Ok(mut from) = bundle.open().map(|bytes| ArchiveReader::new(BufReader::with_capacity(READ_BYTES, bytes)))
    else {
        return finding.into();
    };
    let mut before: Option<String> = None;
    let mut listed = BTreeSet::new();
    if let Ok(list) = cursor(bundle, MANIFEST) {
        let taken = manifest::read(list, |entry| {
            if listed.len() < manifest::MAX_LISTED {
                listed.insert(entry.r#ref);
            }
            Ok(())
        });
        drop(taken);
    }
    let mut seen = BTreeSet::new();
    while let Ok(Some(member)) = from.next_member() {
        let known = FILES.contains(&member.name.as_str()) || listed.contains(&member.name);
        if !known {
            return Finding::new(
                Class::Foreign,
                member.name.escape_debug().to_string(),
                "the manifest doesn't name it",
            )
            .into();
        }
        if !seen.insert(member.name.clone()) {
            return Finding::new(Class::Inserted, member.name, "it is in the archive twice").into();
        }
        if member.name == finding.place {
            let after = before.unwrap_or_default();
            return Finding::new(
                Class::Reordered,
                member.name,
                format!("it stands after `{after}`, not in the log's order"),
            )
            .into();
        }
        before = Some(member.name);
    }
    Finding::new(Class::Missing, finding.place, "it isn't in the bundle").into()
}
