//! What a browser could be tricked into: a page of some other site whose name was made to point here (DNS rebinding), or that
//! posts to a loopback address. No CORS header is ever sent, so that no page reads an answer or gets past a preflight.

use axum::http::{HeaderMap, Method, StatusCode, header, request::Parts, uri::Authority};

use crate::problem::Problem;

/// Turns away what doesn't speak to this machine by a loopback name, and posts that come from a page of elsewhere.
pub(crate) fn check(request: &Parts) -> Result<(), Problem> {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_host", "send exactly one `Host` header").at("host"));
    };
    let named = host.to_str().ok().is_some_and(is_loopback)
        && request.uri.authority().map(Authority::as_str).is_none_or(is_loopback);
    if !named {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "bad_host",
            "this answers only to `localhost`, `127.0.0.1` and `[::1]`",
        )
        .at("host")
        .help("use a loopback address; to reach it from elsewhere, forward the port with ssh"));
    }
    if request.method != Method::GET && request.method != Method::HEAD && !from_here(&request.headers) {
        return Err(
            Problem::new(StatusCode::FORBIDDEN, "bad_origin", "a web page of elsewhere may not do that").at("origin")
        );
    }
    Ok(())
}

/// No `Origin` at all, as from any program that isn't a browser, or a loopback one.
fn from_here(headers: &HeaderMap) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        origin
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")))
            .is_some_and(is_loopback)
    })
}

/// `localhost`, `127.0.0.1` or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| {
        let Some((start, rest)) = host.split_at_checked(name.len()) else { return false };
        let port = rest.strip_prefix(':');
        start.eq_ignore_ascii_case(name) && (rest.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        for good in ["localhost", "LocalHost:7717", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:7717"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "localhost.example.org",
            "localhost:x",
            "localhost:",
            "localhost:99999",
            "127.0.0.1.nip.io",
            "127.0.0.2",
            "0.0.0.0",
            "::1",
            "[::1",
            "[::2]",
            "a@localhost",
            "localhost/",
            "localhost@evil",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
