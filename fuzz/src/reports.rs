//! What other programs print.

use candor_world::{
    collectors::test_report::{self, summary},
    redact::Redactor,
};
use secrecy::SecretString;

/// A report that is read is consistent; the end of a terminal's output is recognised or not, and never fails.
pub(crate) fn test_report(bytes: &[u8]) {
    if let Ok(report) = test_report::parse(bytes) {
        assert_eq!(test_report::parse(bytes), Ok(report), "one report was read in two ways");
    }
    let _ = summary::recognise(&String::from_utf8_lossy(bytes));
}

/// A known secret never passes, whatever stands around it.
pub(crate) fn redact(bytes: &[u8]) {
    const SECRET: &str = "s3cr3t-q7w9e2r5t8";
    let redactor = Redactor::new([&SecretString::from(SECRET)]);
    let text = String::from_utf8_lossy(bytes);
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = text.split_at(middle);
    let with = format!("{before}{SECRET}{after}");
    assert!(!redactor.scrub(&with).contains(SECRET), "a secret passed in a text");
    assert!(!redactor.line(&with).contains(SECRET), "a secret passed in a line");
    assert!(!redactor.raw(with.as_bytes()).unwrap_or_default().contains(SECRET), "a secret passed in an answer");
}
