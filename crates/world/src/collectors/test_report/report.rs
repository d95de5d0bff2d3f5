//! What every report format is read into, and where reading one failed.

use std::fmt;

use candor_core::{evidence::TestCounts, time::Timestamp};
use thiserror::Error;

/// Longest name of a failed test that is kept, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What a test report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The tests that it lists, or counts where it lists none.
    pub counts: TestCounts,
    /// The number of tests that it says it has, where that is more than it lists.
    pub declared: Option<u64>,
    /// When the run started by the report's own account. A time without an offset is no instant and isn't kept.
    pub started_at: Option<Timestamp>,
    /// The name of the first failed test, shortened.
    pub first_failed: Option<String>,
}

impl Report {
    /// Tests that ran: passed or failed.
    #[must_use]
    pub fn ran(&self) -> u64 {
        self.counts.passed.saturating_add(self.counts.failed)
    }

    /// Keeps the name of a failed test, if it is the first.
    pub(crate) fn note_failed(&mut self, name: &str) {
        if self.first_failed.is_none() && !name.is_empty() {
            self.first_failed = Some(name.chars().scan(0, within).collect());
        }
    }
}

fn within(bytes: &mut usize, c: char) -> Option<char> {
    *bytes += c.len_utf8();
    (*bytes <= NAME_BYTES_MAX).then_some(c)
}

/// Adds to a count that outside text drives.
pub(crate) fn add(to: &mut u64, more: u64) {
    *to = to.saturating_add(more);
}

/// A place in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in bytes, from 1.
    pub column: u64,
}

impl Position {
    /// The place of the byte at `offset`.
    #[must_use]
    pub(crate) fn of(bytes: &[u8], offset: usize) -> Self {
        let before = bytes.get(..offset.min(bytes.len())).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() as u64 + 1;
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a report can't be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{why} at {at}")]
pub struct ParseError {
    /// Where.
    pub at: Position,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong with a report.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Why {
    /// A format that isn't known.
    #[error("this isn't a report of a runner that Candor knows")]
    UnknownFormat,
    /// It isn't UTF-8 text.
    #[error("this isn't UTF-8 text")]
    NotText,
    /// It breaks off.
    #[error("the report breaks off")]
    Truncated,
    /// It isn't well formed.
    #[error("{0}")]
    Malformed(String),
    /// It declares a document type, which no report needs and which entities hide in.
    #[error("the report declares a document type, which isn't accepted")]
    DocumentType,
    /// It nests too deep.
    #[error("the report nests deeper than {0} levels")]
    TooDeep(usize),
    /// An element has too many attributes.
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    /// A count isn't a number.
    #[error("`{0}` is not a count")]
    NotACount(String),
}

impl Why {
    /// This, at the byte at `offset`.
    pub(crate) fn at(self, bytes: &[u8], offset: usize) -> ParseError {
        ParseError { at: Position::of(bytes, offset), why: self }
    }
}
