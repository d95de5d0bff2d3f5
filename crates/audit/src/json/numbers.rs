//! Which numbers a double holds without changing them.

use super::MAX_INTEGER;

/// A number as it stands in a document.
pub(super) struct Token<'t> {
    pub(super) offset: usize,
    pub(super) text: &'t str,
}

/// The integer that `value` is, if it is one and within 2^53. Minus zero is zero.
pub(super) fn as_whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= MAX_INTEGER as f64).then_some(value as i64)
}

/// The first number in a valid JSON text whose canonical form has another value than the one written.
pub(super) fn first_rounded(json: &[u8]) -> Option<Token<'_>> {
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(after),
            b'-' | b'0'..=b'9' => {
                let (number, after) = split_number(rest);
                let text = std::str::from_utf8(number).unwrap_or_default();
                if !is_exact(text) {
                    return Some(Token { offset: json.len() - rest.len(), text });
                }
                after
            }
            _ => after,
        };
    }
    None
}

/// What follows the string whose opening quote was just passed.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        match rest.get(at..) {
            Some([b'"', after @ ..]) => return after,
            Some([_, _, after @ ..]) => rest = after,
            _ => break,
        }
    }
    &[]
}

fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let end = text.iter().position(|byte| !part(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

fn is_exact(text: &str) -> bool {
    // 15 significant digits always survive a double, away from its smallest exponents.
    const ALWAYS_KEPT_DIGITS: usize = 15;
    if text.len() <= ALWAYS_KEPT_DIGITS && !text.contains(['e', 'E']) {
        return true;
    }
    let Ok(double) = text.parse::<f64>() else {
        return false;
    };
    let mut buffer = ryu_js::Buffer::new();
    Decimal::read(text) == Decimal::read(buffer.format(double))
}

/// The exact value `0.DIGITS × 10^exponent` of a number's text, in its one normal form.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Decimal {
        let (text, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let Some(first) = all.iter().position(|digit| *digit != b'0') else {
            return Decimal { negative: false, digits: Vec::new(), exponent: 0 };
        };
        let last = all.iter().rposition(|digit| *digit != b'0').unwrap_or(first);
        // An exponent that overflows belongs to a value that is no double either: any wrong answer refuses it.
        let written = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().unwrap_or(i64::MIN);
        let shift = i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(first).unwrap_or(0);
        Decimal {
            negative,
            digits: all.get(first..=last).unwrap_or_default().to_vec(),
            exponent: written.saturating_add(shift),
        }
    }
}
