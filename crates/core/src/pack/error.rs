//! What is wrong with a pack, and where.

use std::fmt;

use thiserror::Error;

/// A place in a file, both counted from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of a byte offset in a text. An offset past the end is the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub struct PackError {
    /// The pack's folder; empty when it is about the set as a whole.
    pub pack: String,
    /// The file in it; empty when it is about the pack as a whole.
    pub file: String,
    /// Where in the file, when that is known.
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: Vec<&str> =
            [self.pack.as_str(), self.file.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        if !place.is_empty() {
            write!(f, "{}", place.join("/"))?;
            if let Some(at) = self.at {
                write!(f, ":{at}")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl PackError {
    /// An error about a pack's file.
    pub(super) fn new(pack: &str, file: &str, message: impl Into<String>) -> Self {
        Self { pack: pack.to_owned(), file: file.to_owned(), at: None, message: message.into(), hint: None }
    }

    pub(super) fn at(mut self, at: Position) -> Self {
        self.at = Some(at);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong with the packs, in the order of packs, files and places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PackErrors(pub Vec<PackError>);

impl fmt::Display for PackErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl From<PackError> for PackErrors {
    fn from(error: PackError) -> Self {
        Self(vec![error])
    }
}

/// Nothing when there are no errors; all of them, sorted and once each, otherwise.
pub(super) fn check(mut errors: Vec<PackError>) -> Result<(), PackErrors> {
    if errors.is_empty() {
        return Ok(());
    }
    errors.sort();
    errors.dedup();
    Err(PackErrors(errors))
}

/// The nearest of `known` to a mistyped word, when it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (n, a) in from.chars().enumerate() {
        let mut diagonal = n;
        let mut left = n + 1;
        let mut next = vec![left];
        for (b, above) in to.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        assert_eq!(Position::of("aé\nßx", 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of("aé\nßx", 6), Position { line: 2, column: 2 });
        assert_eq!(Position::of("ab", 99), Position { line: 1, column: 3 });
    }

    #[test]
    fn a_typo_finds_what_was_meant() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(nearest("block_completon", ["block_completion", "block_dispatch"]), Some("block_completion"));
        assert_eq!(nearest("banana", ["block_completion"]), None);
    }
}
