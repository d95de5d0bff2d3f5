//! The CloudEvents 1.0 HTTP protocol binding: which of the three modes a request is in, and the event that it carries.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use candor_audit::json;
use candor_core::limits::{EVENT_BATCH_MAX, EVENT_BYTES_MAX, JSON_DEPTH_MAX, REQUEST_BYTES_MAX};
use serde_json::{Map, Value};

use crate::{percent, problem::Problem};

/// How a request carries events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The body is the event.
    Structured,
    /// The attributes are headers, the body is `data`.
    Binary,
    /// The body is a list of events.
    Batched,
}

impl Mode {
    /// The mode that the headers announce. Every content type but the three is refused: a browser's form can send none of them
    /// without asking first.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        match media_type(headers)?.as_deref() {
            Some("application/cloudevents+json") => Ok(Self::Structured),
            Some("application/cloudevents-batch+json") => Ok(Self::Batched),
            // An event without data has no content type; its `ce-` headers make it one all the same.
            Some("application/json") | None if headers.contains_key("ce-specversion") => Ok(Self::Binary),
            _ => Err(unsupported(
                "send `application/cloudevents+json`, `application/cloudevents-batch+json`, or `application/json` with `ce-` headers",
            )),
        }
    }

    /// Most bytes that the body may have.
    pub(crate) fn bytes_max(self) -> usize {
        match self {
            Self::Structured | Self::Binary => EVENT_BYTES_MAX,
            Self::Batched => REQUEST_BYTES_MAX,
        }
    }
}

/// Whether the body is announced as plain JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers)?.as_deref() {
        Some("application/json") => Ok(()),
        _ => Err(unsupported("send `application/json`")),
    }
}

fn unsupported(help: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "the content type isn't one that is read here",
    )
    .at("content-type")
    .help(help)
}

/// The media type in lower case, without parameters. UTF-8 is the one charset that is read.
fn media_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let value = value.to_str().ok().filter(|_| given.next().is_none());
    let value = value.ok_or_else(|| unsupported("send one content type"))?.to_ascii_lowercase();
    let (media, parameters) = value.split_once(';').unwrap_or((&value, ""));
    for parameter in parameters.split(';').map(str::trim).filter(|parameter| !parameter.is_empty()) {
        if !["charset=utf-8", "charset=\"utf-8\""].contains(&parameter) {
            return Err(unsupported("send UTF-8, and no parameter but `charset=utf-8`"));
        }
    }
    Ok(Some(media.trim().to_owned()))
}

/// Reads a body in structured mode: one event.
pub(crate) fn parse_structured(body: &[u8]) -> Result<Value, Problem> {
    let event = json::parse(body, EVENT_BYTES_MAX)?;
    check_depth(&event)?;
    Ok(event)
}

/// Reads a body in batched mode: the events, each with what its own size or depth has against it.
///
/// The list must be strict JSON as a whole; one that isn't is refused as a whole.
pub(crate) fn parse_batch(body: &[u8]) -> Result<Vec<Result<Value, Problem>>, Problem> {
    let Value::Array(events) = json::parse(body, REQUEST_BYTES_MAX)? else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_json", "a batch must be a JSON array of events"));
    };
    if events.len() > EVENT_BATCH_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("{} events came; a batch may have at most {EVENT_BATCH_MAX}", events.len()),
        )
        .help("send several batches"));
    }
    let checked = |event: Value| {
        check_depth(&event)?;
        check_size(&event)?;
        Ok(event)
    };
    Ok(events.into_iter().map(checked).collect())
}

/// Reads an event in binary mode: attributes from `ce-` headers, `data` from the body.
///
/// Header values are unquoted (RFC 7230 section 3.2.6), then percent-decoded once, as the binding asks; what isn't UTF-8 then, is
/// given twice, or would stand beside what the content type and the body say, is refused. An empty body is an event without data.
///
/// # Errors
/// [`Problem`] with the header's name, or the place in the body.
pub fn parse_binary_mode(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let refuse = |message: &'static str| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_header", message).at(name.as_str().to_owned())
        };
        if attribute == "data" || attribute == "datacontenttype" {
            return Err(refuse("in binary mode the body is the data and `Content-Type` is its type; drop this header"));
        }
        let value = attribute_value(value)
            .ok_or_else(|| refuse("its value isn't percent-encoded UTF-8; write `%` as `%25` and a quote as `%22`"))?;
        if event.insert(attribute.to_owned(), Value::String(value)).is_some() {
            return Err(refuse("it came more than once"));
        }
    }
    if !body.is_empty() {
        let data = json::parse(body, EVENT_BYTES_MAX)?;
        event.insert("datacontenttype".to_owned(), Value::from("application/json"));
        event.insert("data".to_owned(), data);
    }
    let event = Value::Object(event);
    check_depth(&event)?;
    check_size(&event)?;
    Ok(event)
}

/// Unquotes, then decodes.
fn attribute_value(value: &HeaderValue) -> Option<String> {
    let raw = value.as_bytes();
    if !raw.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return None;
    }
    if !raw.contains(&b'"') {
        return percent::decode(raw.to_vec());
    }
    let (mut plain, mut quoted, mut rest) = (Vec::with_capacity(raw.len()), false, raw.iter());
    while let Some(&byte) = rest.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => plain.push(*rest.next()?),
            _ => plain.push(byte),
        }
    }
    if quoted { None } else { percent::decode(plain) }
}

fn check_depth(event: &Value) -> Result<(), Problem> {
    if deeper_than(event, JSON_DEPTH_MAX) {
        let message = format!("nested more than {JSON_DEPTH_MAX} levels deep; send a flatter event");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_json", message));
    }
    Ok(())
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| deeper_than(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| deeper_than(field, levels - 1)),
        _ => false,
    }
}

/// An event whose bytes weren't counted on their own is measured as it would be written.
fn check_size(event: &Value) -> Result<(), Problem> {
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, event) {
        Ok(()) if count.0 <= EVENT_BYTES_MAX => Ok(()),
        _ => Err(Problem::too_large(EVENT_BYTES_MAX, "an event")),
    }
}

struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
