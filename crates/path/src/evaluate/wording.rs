//! Wording: what a text says of itself. Only plain, closed lists: a missed phrase costs a label, a wrong guess costs trust.

/// Phrases that mark a text as a placeholder. Matched as whole words, in lower case.
const PLACEHOLDERS: [&str; 13] = [
    "todo",
    "fixme",
    "tbd",
    "xxx",
    "placeholder",
    "lorem ipsum",
    "to be done",
    "to be determined",
    "not implemented",
    "not yet implemented",
    "coming soon",
    "dummy text",
    "insert here",
];

/// Phrases by which a text itself says that something was not checked or is failing.
const ADMISSIONS: [&str; 22] = [
    "unverified",
    "not verified",
    "not yet verified",
    "could not verify",
    "couldn't verify",
    "untested",
    "not tested",
    "not yet tested",
    "haven't tested",
    "have not tested",
    "not run",
    "did not run",
    "didn't run",
    "haven't run",
    "have not run",
    "couldn't run",
    "could not run",
    "still failing",
    "tests fail",
    "test fails",
    "is failing",
    "are failing",
];

/// Whether a text has placeholder wording.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    has_any(text, &PLACEHOLDERS)
}

/// Whether a text itself says that something is unverified, failing or was not run.
#[must_use]
pub fn admits_unverified(text: &str) -> bool {
    has_any(text, &ADMISSIONS)
}

fn has_any(text: &str, phrases: &[&str]) -> bool {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    phrases.iter().any(|phrase| {
        text.match_indices(phrase).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + phrase.len()..).and_then(|after| after.chars().next());
            let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !inside(before) && !inside(after)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording_is_matched_by_whole_words() {
        assert!(is_placeholder("TODO: write this") && is_placeholder("results: TBD."));
        assert!(!is_placeholder("the todoist import works") && !is_placeholder("mastodon"));
        assert!(
            admits_unverified("Done, but I haven\u{2019}t run the tests")
                && admits_unverified("2 tests fail, both known")
        );
        assert!(!admits_unverified("All tests pass"));
    }
}
