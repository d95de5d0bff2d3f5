//! Bounds on a rule's text, checked before Cedar reads it: reading a rule and letting it go recurse once per level and per operator,
//! so a rule without end would take the whole stack, and with it the process.

use super::error::{PackError, Position};

/// Deepest nesting in a rule, in open brackets and `if`s.
const NESTING_MAX: usize = 48;
/// Most operators and `.`s in one rule.
const OPERATORS_MAX: usize = 512;

/// The first rule that is too deep or too long, if any.
pub(super) fn check(pack: &str, file: &str, text: &str) -> Option<PackError> {
    let (mut open, mut ifs, mut operators) = (0_usize, 0_usize, 0_usize);
    let mut bytes = text.bytes().enumerate().peekable();
    let mut word_before = false;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => while bytes.next_if(|(_, byte)| *byte != b'"').is_some_and(|(_, byte)| byte != b'\\' || bytes.next().is_some()) {},
            b'/' if bytes.next_if(|(_, next)| *next == b'/').is_some() => while bytes.next_if(|(_, next)| *next != b'\n').is_some() {},
            b';' => (open, ifs, operators) = (0, 0, 0),
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'i' if !word_before && text.get(at..).is_some_and(|rest| rest.starts_with("if")) => ifs += 1,
            b'&' | b'|' | b'!' | b'+' | b'-' | b'*' | b'<' | b'>' | b'=' | b'.' => operators += 1,
            _ => {}
        }
        // The quote that ends a string is taken here, as the loop above stops before it.
        if byte == b'"' {
            bytes.next();
        }
        word_before = byte.is_ascii_alphanumeric() || byte == b'_';
        let message = if open + ifs > NESTING_MAX {
            format!("the rule is nested more than {NESTING_MAX} levels deep")
        } else if operators > OPERATORS_MAX {
            format!("the rule has more than {OPERATORS_MAX} operators")
        } else {
            continue;
        };
        return Some(PackError::new(pack, file, message).at(Position::of(text, at)).hint("split it into several rules"));
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
