//! What reporters and auditors hand in.

use candor_audit::{canonical, header::Header, json};
use candor_core::{
    event::Event,
    limits::EVENT_BYTES_MAX,
    time::{Timestamp, duration_text, format_duration, parse_duration},
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The time of every run: 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// What is taken in has one canonical form, and that form reads back as the same document.
pub(crate) fn json(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes, EVENT_BYTES_MAX) else { return };
    let written = canonical::to_bytes(&value);
    // Canonical form may be longer than what came (`1e15` becomes sixteen digits), so it has no limit here.
    let again = json::parse(&written, usize::MAX);
    assert_eq!(again.as_ref(), Ok(&value), "canonical form reads back as another document");
    assert_eq!(canonical::to_bytes(&value), written, "canonical form is not one form");
    assert!(json::admit(&value).is_ok(), "what was parsed is not admitted");
}

/// An accepted event keeps what came, and is accepted again.
pub(crate) fn event(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes, EVENT_BYTES_MAX) else { return };
    match Event::parse(value.clone(), NOW) {
        Ok(event) => {
            assert_eq!(event.raw, value, "the event as it came was changed");
            assert_eq!(Event::parse(value, NOW).as_ref(), Ok(&event), "the same bytes made two events");
        }
        Err(error) => assert!(error.to_string().len() < 4096, "an error repeats too much of what came"),
    }
}

/// Only bytes that a header writes are a header.
pub(crate) fn header(bytes: &[u8]) {
    if let Ok(header) = Header::parse(bytes) {
        assert_eq!(header.line(), bytes, "a header was read that would be written otherwise");
    }
}

/// `name: value` lines, an empty line, a body: as on the wire. What binary mode accepts goes on to the event parser.
pub(crate) fn binary_mode(bytes: &[u8]) {
    let blank = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match blank {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 2..).unwrap_or_default()),
        None => (bytes, &[][..]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            headers.append(name, value);
        }
    }
    if let Ok(value) = candor_web::parse_binary_mode(&headers, body) {
        let _ = Event::parse(value, NOW);
    }
}

/// A time that is read writes itself in a form that reads as the same time.
pub(crate) fn timestamp(bytes: &[u8]) {
    let Some(time) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Timestamp>().ok()) else { return };
    assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time), "a time changed on its way");
}

/// A duration that is read is kept exactly; the short form for people reads as no more than it, and off by less than
/// the smaller of its two units.
pub(crate) fn duration(bytes: &[u8]) {
    let Some(duration) = std::str::from_utf8(bytes).ok().and_then(|text| parse_duration(text).ok()) else { return };
    let kept = duration_text::serialize(&duration, serde_json::value::Serializer);
    let again = kept.as_ref().ok().and_then(|kept| duration_text::deserialize(kept).ok());
    assert_eq!(again, Some(duration), "{kept:?} is another duration");
    let short = format_duration(duration);
    let read = parse_duration(&short);
    assert!(read.as_ref().is_ok_and(|read| *read <= duration), "`{short}` says more than there is");
    assert_eq!(read.map(format_duration).as_ref(), Ok(&short), "`{short}` is not one form");
}
