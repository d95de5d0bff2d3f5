//! Reading a profile: strictly, and with the rule's name where a field can't exist.

use serde::de::DeserializeOwned;

use super::{Profile, ProfileError, ProfileErrors, Rule};
use crate::{
    capability::Identity,
    limits::{ESCALATION_LEVELS_MAX, LINE_BYTES_MAX, PROFILE_BYTES_MAX},
    pack::{Position, is_name, is_version},
    package::Version,
    yaml,
};

/// The version of this package, as profiles and export manifests name it.
pub const PACKAGE_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-mainline");
/// The `apiVersion:` of profiles and descriptors.
pub const API_VERSION: &str = "reporting-governance/v1alpha1";
/// The `kind:` of a profile.
const KIND: &str = "DeploymentProfile";

/// Reads a profile strictly; `file` is what errors name.
///
/// # Errors
/// Everything that is wrong with it, each with line and column where it has one, and the rule that it breaks.
pub fn parse_profile(file: &str, text: &str) -> Result<Profile, ProfileErrors> {
    match PACKAGE_VERSION.parse() {
        Ok(package) => parse_profile_for(file, text, &package),
        Err(_) => {
            Err(ProfileErrors(vec![ProfileError::new(file, Rule::PackageVersion, "", "this package has no version")]))
        }
    }
}

/// The same for a profile that would hold over a package of this version.
///
/// # Errors
/// As [`parse_profile`].
pub fn parse_profile_for(file: &str, text: &str, package: &Version) -> Result<Profile, ProfileErrors> {
    let profile: Profile = read_document(file, text)?;
    let mut errors = check_head(file, (&profile.api_version, &profile.kind, KIND), &profile.metadata);
    let spec = &profile.spec;
    if let Some(why) = misfit(&spec.package.plugin_version, package) {
        errors.push(
            ProfileError::new(file, Rule::PackageVersion, "pluginVersion", why)
                .hint(format!("this package is {package}; install the other one, or mend the profile")),
        );
    }
    if spec.adapters.queue.as_ref().is_some_and(|queue| !queue.enabled) {
        errors.push(
            ProfileError::new(file, Rule::QueueIsKept, "queue", "`adapters.queue` is switched off")
                .hint("leave it on; a profile may stop at the queue with `sender_modes: [dry-run]`"),
        );
    }
    if spec.notifications.escalate_after.as_ref().is_some_and(|levels| levels.len() >= ESCALATION_LEVELS_MAX) {
        let message = format!("`escalate_after` names more than {} levels", ESCALATION_LEVELS_MAX - 1);
        errors.push(ProfileError::new(file, Rule::WithinBounds, "escalate_after", message).hint("name fewer"));
    }
    if spec.notifications.sender_modes.as_ref().is_some_and(std::collections::BTreeSet::is_empty) {
        let error = ProfileError::new(file, Rule::SenderModes, "sender_modes", "`sender_modes` names no sender");
        errors.push(error.hint("write `[dry-run]` where nothing may leave"));
    }
    for both in spec.capability_expectations.required.intersection(&spec.capability_expectations.optional) {
        let message = format!("`{both}` is both required and optional");
        errors.push(ProfileError::new(file, Rule::WellFormed, both.as_str(), message).hint("keep one of them"));
    }
    ProfileErrors::check(errors, text)?;
    Ok(profile)
}

/// What is wrong with a document's head.
pub(crate) fn check_head(
    file: &str,
    (version, kind, expected): (&str, &str, &str),
    identity: &Identity,
) -> Vec<ProfileError> {
    let mut errors = Vec::new();
    let mut wrong = |key: &str, message: String, hint: String| {
        errors.push(ProfileError::new(file, Rule::WellFormed, key, message).hint(hint));
    };
    if version != API_VERSION {
        wrong("apiVersion", format!("`{version}` is not an apiVersion known here"), format!("write `{API_VERSION}`"));
    }
    if kind != expected {
        wrong("kind", format!("`{kind}` is not the kind of this document"), format!("write `{expected}`"));
    }
    if !is_name(&identity.id, b'-') {
        wrong("id", format!("`{}` is not an id", identity.id), "use lower case words joined by `-`".to_owned());
    }
    if !is_version(&identity.version) {
        wrong("version", format!("`{}` is not a version", identity.version), "write it as `1.0.0`".to_owned());
    }
    if identity.summary.is_empty() || identity.summary.len() > LINE_BYTES_MAX {
        wrong("summary", "the summary is empty or too long".to_owned(), "say in a sentence what it is for".to_owned());
    }
    errors
}

/// Reads a document of the deployment model.
pub(crate) fn read_document<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ProfileErrors> {
    if text.len() > PROFILE_BYTES_MAX {
        let message = format!("the file has {} bytes; at most {PROFILE_BYTES_MAX} are read", text.len());
        return Err(ProfileErrors(vec![ProfileError::new(file, Rule::WellFormed, "", message).hint("shorten it")]));
    }
    yaml::read_plain(text).map_err(|wrong| {
        let (kind, word) = named(&wrong.message);
        let rule = word.filter(|_| kind.is_some()).and_then(Rule::broken_by).unwrap_or(Rule::WellFormed);
        let message = match (rule, word) {
            (Rule::WellFormed, _) | (_, None) => wrong.message.clone(),
            (_, Some(word)) => format!("`{word}` can't stand here"),
        };
        let error =
            ProfileError { at: wrong.at.map(|at| place(text, word, at)), ..ProfileError::new(file, rule, "", message) };
        ProfileErrors(vec![if rule == Rule::WellFormed { error } else { error.hint("take it out") }])
    })
}

/// The word that a parser's message is about, where it is one that it doesn't know.
fn named(message: &str) -> (Option<&'static str>, Option<&str>) {
    let kind = ["unknown field", "unknown variant"].into_iter().find(|kind| message.contains(kind));
    (kind, message.split('`').nth(1))
}

/// The place of the word in its line: the parser may name the value behind it.
fn place(text: &str, word: Option<&str>, at: Position) -> Position {
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
    match word.and_then(|word| line.find(word)) {
        Some(offset) => Position { column: Position::of(line, offset).column, ..at },
        None => at,
    }
}

/// Why a profile for this version doesn't fit this package.
fn misfit(asked: &str, package: &Version) -> Option<String> {
    let Ok(wanted) = asked.parse::<Version>() else {
        return Some(format!("`{asked}` is not a version such as `{PACKAGE_VERSION}`"));
    };
    if !wanted.is_compatible(package) {
        return Some(format!("the profile is for package {asked}, another line than this one"));
    }
    let newer = wanted.compared(package) == std::cmp::Ordering::Greater;
    newer.then(|| format!("the profile needs package {asked}, which is newer than this one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfit(asked: &str) -> Option<String> {
        super::misfit(asked, &Version { numbers: (0, 1, 0), line: None })
    }

    #[test]
    fn a_profile_fits_its_line_from_its_version_on() {
        assert_eq!(misfit("0.1.0-mainline"), None);
        assert_eq!(misfit("0.1.0"), None);
        for asked in ["0.1.1", "0.2.0-mainline", "1.0.0", "0.0.9"] {
            assert!(misfit(asked).is_some(), "{asked}");
        }
        for asked in ["", "0.1", "latest", "0.1.0-", "0.1.0-a b"] {
            assert!(misfit(asked).is_some_and(|why| why.contains("not a version")), "{asked}");
        }
    }
}
