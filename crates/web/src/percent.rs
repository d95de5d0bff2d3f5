//! Percent-decoding as RFC 3986 writes it: one round, and nothing is guessed.

/// Decodes one round. None when a `%` isn't followed by two hex digits, or when the bytes aren't UTF-8.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<String> {
    if !bytes.contains(&b'%') {
        return String::from_utf8(bytes).ok();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.into_iter();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
            decoded.push(high << 4 | low);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        decode(text.as_bytes().to_vec())
    }

    #[test]
    fn one_round_and_only_whole_utf8() {
        assert_eq!(decoded("Euro%20%E2%82%AC%20%F0%9F%98%80").as_deref(), Some("Euro € 😀"));
        assert_eq!(decoded("%2541").as_deref(), Some("%41"));
        assert_eq!(decoded("plain+plus").as_deref(), Some("plain+plus"));
        // An overlong space, a lone surrogate, a cut sequence, and what is no escape at all.
        for bad in ["%C0%A0", "%ED%A0%80", "%E2%82", "%", "%4", "%zz", "100%"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
