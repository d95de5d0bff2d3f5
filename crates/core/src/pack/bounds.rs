//! Bounds on a rule's text, checked before Cedar reads it: reading a rule and letting it go recurse once per level and per operator,
//! so a rule without end would take the whole stack, and with it the process.

use super::error::{PackError, Position};

/// Deepest nesting in a rule, in open brackets and `if`s.
const NESTING_MAX: usize = 48;
/// Most operators and `.`s in one rule.
const OPERATORS_MAX: usize = 512;

/// Where a byte stands.
#[derive(Clone, Copy)]
enum Inside {
    Rule,
    Text,
    /// Right after a `\` in a text.
    Escape,
    Comment,
}

/// What one rule has so far.
#[derive(Default)]
struct Count {
    open: usize,
    ifs: usize,
    operators: usize,
}

impl Count {
    fn take(&mut self, byte: u8, is_if: bool) {
        match byte {
            b';' => *self = Self::default(),
            b'(' | b'[' | b'{' => self.open += 1,
            b')' | b']' | b'}' => self.open = self.open.saturating_sub(1),
            b'&' | b'|' | b'!' | b'+' | b'-' | b'*' | b'<' | b'>' | b'=' | b'.' => self.operators += 1,
            _ => self.ifs += usize::from(is_if),
        }
    }

    fn excess(&self) -> Option<String> {
        if self.open + self.ifs > NESTING_MAX {
            return Some(format!("the rule is nested more than {NESTING_MAX} levels deep"));
        }
        (self.operators > OPERATORS_MAX).then(|| format!("the rule has more than {OPERATORS_MAX} operators"))
    }
}

/// The first rule that is too deep or too long, if any.
pub(super) fn check(pack: &str, file: &str, text: &str) -> Option<PackError> {
    let mut inside = Inside::Rule;
    let mut count = Count::default();
    let mut in_word = false;
    for (at, byte) in text.bytes().enumerate() {
        let rest = || text.get(at..).unwrap_or_default();
        inside = match (inside, byte) {
            (Inside::Text, b'\\') => Inside::Escape,
            (Inside::Text, b'"') | (Inside::Comment, b'\n') => Inside::Rule,
            (Inside::Text | Inside::Escape, _) | (Inside::Rule, b'"') => Inside::Text,
            (Inside::Comment, _) => Inside::Comment,
            (Inside::Rule, b'/') if rest().starts_with("//") => Inside::Comment,
            (Inside::Rule, _) => {
                count.take(byte, !in_word && rest().starts_with("if"));
                Inside::Rule
            }
        };
        in_word = byte.is_ascii_alphanumeric() || byte == b'_';
        if let Some(message) = count.excess() {
            let error = PackError::new(pack, file, message).at(Position::of(text, at));
            return Some(error.hint("split it into several rules"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{NESTING_MAX, OPERATORS_MAX, check};

    fn refused(text: &str) -> bool {
        check("p", "rules.cedar", text).is_some()
    }

    #[test]
    fn the_bounds_are_the_bounds() {
        assert!(!refused(&"(".repeat(NESTING_MAX)) && refused(&"(".repeat(NESTING_MAX + 1)));
        assert!(!refused(&"if ".repeat(NESTING_MAX)) && refused(&"if ".repeat(NESTING_MAX + 1)));
        assert!(!refused(&"+1".repeat(OPERATORS_MAX)) && refused(&"+1".repeat(OPERATORS_MAX + 1)));
    }

    #[test]
    fn each_rule_counts_for_itself_and_texts_do_not_count() {
        assert!(!refused(&"permit (a, b, c) when { a && b };\n".repeat(1_000)));
        assert!(!refused(&format!("@message(\"{}\\\"{}\")", "((".repeat(100), "&&".repeat(600))));
        assert!(!refused(&format!("// {}\npermit ();", "((".repeat(100))));
        assert!(!refused(&"notif gif ".repeat(100)));
        assert!(refused(&format!("@message(\"\\\\\"){}", "(".repeat(100))));
    }
}
