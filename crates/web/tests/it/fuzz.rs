//! Whatever comes, the answer is no 5xx, nothing panics, and the next request is served.

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use candor_web::parse_binary_mode;
use proptest::{collection::vec, prelude::*};
use tokio::runtime::{Builder, Runtime};

use crate::{
    client::{Request, Server},
    events::started,
};

fn server() -> &'static (Runtime, Server) {
    static SERVER: OnceLock<(Runtime, Server)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(Server::start());
        (runtime, server)
    })
}

fn status_of(request: &Request) -> u16 {
    let (runtime, server) = server();
    runtime.block_on(server.send(request)).status
}

fn content_type() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"])
}

/// An event with some of its bytes overwritten, cut, or doubled.
fn nearly_an_event() -> impl Strategy<Value = Vec<u8>> {
    (vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), any::<prop::sample::Index>(), any::<bool>(), any::<bool>())
        .prop_map(|(changes, cut, whole, listed)| {
            let event = started("1", "t1").to_string();
            let mut bytes = if listed { format!("[{event},{event}]") } else { event }.into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if !whole {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes
        })
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => 0x20_u8..0x7f, 1 => 0x80_u8..=0xff, 2 => prop::sample::select(b"%\"\\ aF0".to_vec())], 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bodies_are_refused_in_order(kind in content_type(), body in vec(any::<u8>(), 0..200)) {
        let status = status_of(&Request::post("/v1/events", kind, body).header("ce-specversion", "1.0"));
        prop_assert!((400..500).contains(&status) || status == 207, "{}", status);
    }

    #[test]
    fn nearly_right_bodies_are_answered_in_order(kind in content_type(), body in nearly_an_event()) {
        let status = status_of(&Request::post("/v1/events", kind, body).header("ce-specversion", "1.0"));
        prop_assert!(status < 500, "{}", status);
    }

    #[test]
    fn random_attributes_are_answered_in_order(id in header_value(), source in header_value(), name in "[a-z]{1,8}", value in header_value()) {
        let request = Request::post("/v1/events", "application/json", "{}")
            .header("ce-specversion", "1.0")
            .header("ce-type", "reporting-governance.task.started")
            .header("ce-subject", "t1")
            .header("ce-id", id)
            .header("ce-source", source)
            .header(&format!("ce-{name}"), value);
        let status = status_of(&request);
        prop_assert!(status == 200 || (400..500).contains(&status), "{}", status);
    }

    #[test]
    fn random_bytes_on_the_wire_break_nothing(bytes in vec(any::<u8>(), 0..300), honest in any::<bool>()) {
        let (runtime, server) = server();
        let status = runtime.block_on(async {
            let mut connection = server.connect().await;
            let mut sent = if honest { b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\n".to_vec() } else { Vec::new() };
            sent.extend(bytes);
            connection.write(&sent).await;
            connection.end_writing().await;
            connection.answer().await.map(|answer| answer.status)
        });
        prop_assert!(status.is_none_or(|status| (400..500).contains(&status)), "{:?}", status);
        prop_assert_eq!(status_of(&Request::get("/healthz")), 200);
    }

    /// What is read in binary mode is what was meant: encoding and decoding are one round trip, for every text.
    #[test]
    fn binary_attributes_round_trip(text in "\\PC{0,40}", lazy in any::<bool>()) {
        let encoded: String = text
            .bytes()
            .map(|byte| match byte {
                b'!'..=b'~' if byte != b'%' && byte != b'"' => char::from(byte).to_string(),
                b' ' if lazy => " ".to_owned(),
                _ => format!("%{byte:02X}"),
            })
            .collect();
        // HTTP itself trims a value; the binding's encoding keeps its outer spaces by `%20`.
        let value = HeaderValue::from_str(&encoded).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static("ce-id"), value)]);
        let event = parse_binary_mode(&headers, b"").unwrap();
        prop_assert_eq!(event["id"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn parsing_binary_mode_never_panics(values in vec(header_value(), 0..4), body in vec(any::<u8>(), 0..60)) {
        let names = ["ce-id", "ce-source", "ce-x", "ce-"];
        let headers: HeaderMap = names
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(&value).ok()?)))
            .collect();
        if let Ok(event) = parse_binary_mode(&headers, &body) {
            prop_assert!(event.is_object());
        }
    }
}
