//! One HTTP request of a sender, and what is known after it: an answer, surely nothing, or nothing sure.

use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use candor_approval::{LiveGate, Permit};
use candor_core::time::Timestamp;
use reqwest::{
    Client, Method, Url,
    header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER},
};

/// Most bytes of a body that are read; what follows is left unread. A chat provider echoes the message, escaped: 4,096 UTF-16 units make
/// at most 24 KiB.
pub const HTTP_BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for a connection. Shorter than [`TIMEOUT`], so that a connection that can't be made is told from an answer that
/// doesn't come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the whole answer unless a target says otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait that a target may ask for.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(120);
/// How long an unused connection is kept. Servers drop theirs after a minute or more; a request on a connection that was just dropped
/// has an unknown outcome, so ours go well before.
const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(15);
/// Most unused connections kept per host.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// The connections that senders share. Made at the first request, so a daemon that never sends holds none of it.
#[derive(Clone, Debug, Default)]
pub struct HttpPool(Arc<Clients>);

/// One client without certificates, for receivers on this machine, which must work where no certificates are installed; and one with.
#[derive(Debug, Default)]
struct Clients {
    plain: OnceLock<Client>,
    tls: OnceLock<Client>,
}

/// A request that a sender makes.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Duration,
}

/// What is known after a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// An answer came.
    Answered(HttpAnswer),
    /// No connection was made: no byte of the request left.
    NotSent(String),
    /// The request can't be formed from the configuration: no byte left.
    Unfit(String),
    /// The request may have left and no answer came.
    Lost(String),
}

/// A channel's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// How long the channel asks to wait, in milliseconds, from `Retry-After` in either form.
    pub retry_after_ms: Option<u64>,
    /// Where a redirect leads, as scheme and host only.
    pub location: Option<String>,
    /// The body, up to [`HTTP_BODY_BYTES_MAX`].
    pub body: Vec<u8>,
    /// Whether that is the whole of it.
    pub whole: bool,
}

impl HttpPool {
    /// The client for an address. A failure isn't kept: the certificates that were missing may be there the next time.
    fn client(&self, url: &Url) -> Result<&Client, String> {
        let tls = url.scheme() == "https";
        let made = if tls { &self.0.tls } else { &self.0.plain };
        match made.get() {
            Some(client) => Ok(client),
            None => build(tls).map(|client| made.get_or_init(|| client)),
        }
    }

    /// Asks once: no redirect is followed, no proxy is taken from the environment, and nothing is repeated.
    pub(super) async fn call<G: LiveGate>(&self, _permit: Permit<G>, request: Request, now: Timestamp) -> Wire {
        let client = match self.client(&request.url) {
            Ok(client) => client,
            Err(why) => return Wire::NotSent(why),
        };
        let wait = request.timeout;
        let mut call = client.request(request.method, request.url).timeout(wait);
        if !request.body.is_empty() {
            call = call.header(CONTENT_TYPE, "application/json").body(request.body);
        }
        for (name, value) in request.headers {
            call = call.header(HeaderName::from_static(name), value);
        }
        match call.send().await {
            Ok(response) => Wire::Answered(read(response, now).await),
            Err(error) if error.is_builder() => Wire::Unfit(words(error)),
            Err(error) if error.is_connect() => Wire::NotSent(words(error)),
            Err(error) if error.is_timeout() => {
                Wire::Lost(format!("no answer within {}", candor_core::time::format_duration(wait)))
            }
            Err(error) => Wire::Lost(words(error)),
        }
    }
}

/// A client for Candor's own daemon on loopback: what it calls is no live effect, so it passes no gate.
///
/// # Errors
/// Why it can't be made.
pub fn daemon_client(timeout: Duration) -> Result<Client, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = Client::builder().tls_certs_only([]).no_proxy().redirect(reqwest::redirect::Policy::none());
    plain.timeout(timeout).build().map_err(words)
}

fn build(tls: bool) -> Result<Client, String> {
    // Fails when a provider is set already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = if tls { Client::builder() } else { Client::builder().tls_certs_only([]) };
    builder
        .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_CONNECTION_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build()
        .map_err(words)
}

async fn read(mut response: reqwest::Response, now: Timestamp) -> HttpAnswer {
    let header = |name: HeaderName| text(response.headers(), name);
    let mut answer = HttpAnswer {
        status: response.status().as_u16(),
        retry_after_ms: header(RETRY_AFTER).and_then(|after| retry_after_ms(&after, header(DATE).as_deref(), now)),
        location: header(LOCATION).map(|to| host_of(response.url(), &to)),
        body: Vec::new(),
        whole: true,
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = HTTP_BODY_BYTES_MAX.saturating_sub(answer.body.len());
                answer.body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    answer.whole = false;
                    return answer;
                }
            }
            Ok(None) => return answer,
            Err(_) => {
                answer.whole = false;
                return answer;
            }
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned())
}

/// An error in words, without the address: a path may be a secret.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut all = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_words = cause.to_string();
        if !all.contains(&cause_words) {
            all.push_str(": ");
            all.push_str(&cause_words);
        }
        next = cause.source();
    }
    all
}

fn host_of(base: &Url, location: &str) -> String {
    base.join(location).map_or_else(|_| "an unreadable address".to_owned(), |url| origin(&url))
}

/// Scheme, host and port: what may be shown of an address. The rest may be a secret.
pub(super) fn origin(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Whether an address stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Checks a target's timeout.
pub(crate) fn timeout_in_bounds(timeout: Duration) -> Result<Duration, String> {
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        let most = candor_core::time::format_duration(TIMEOUT_MAX);
        return Err(format!("`timeout` must be more than zero and at most {most}"));
    }
    Ok(timeout)
}

/// How long `Retry-After` asks to wait, in milliseconds: a number of seconds, or a date in any form of RFC 9110 section 5.6.7.
///
/// A date is counted from the server's own `Date` where it gives one, so that a clock that is off on either side doesn't shorten the
/// wait, and from `now` else. A date that has passed is a wait of zero. What reads as neither is none.
pub fn retry_after_ms(after: &str, date: Option<&str>, now: Timestamp) -> Option<u64> {
    if !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit is a wait without end, not none.
        return Some(after.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1_000));
    }
    let until = epoch_ms(after)?;
    let from = date.and_then(epoch_ms).unwrap_or_else(|| now.as_micros().div_euclid(1_000));
    Some(u64::try_from(until.saturating_sub(from)).unwrap_or(0))
}

fn epoch_ms(date: &str) -> Option<i64> {
    let at = httpdate::parse_http_date(date).ok()?;
    i64::try_from(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn retry_after_in_both_forms_is_a_floor() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        for (after, date, ms) in [
            ("0", None, Some(0)),
            ("2", None, Some(2_000)),
            ("3600", Some("Sun, 06 Nov 1994 08:00:00 GMT"), Some(3_600_000)),
            ("99999999999999999999999", None, Some(u64::MAX)),
            ("18446744073709551615", None, Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None, Some(7_000)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None, Some(7_000)),
            ("Sun Nov  6 08:49:37 1994", None, Some(7_000)),
            // The server's clock is an hour ahead of ours: the wait is what it means by its own clock.
            ("Sun, 06 Nov 1994 09:49:37 GMT", Some("Sun, 06 Nov 1994 09:49:30 GMT"), Some(7_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("not a date"), Some(7_000)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", None, Some(0)),
            ("soon", None, None),
            ("-5", None, None),
            ("", None, None),
        ] {
            assert_eq!(retry_after_ms(after, date, now), ms, "{after} {date:?}");
        }
        let half = now.shifted(500_000);
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", None, half), Some(6_500));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, here) in [
            ("http://localhost:8080/x", true),
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:80/", true),
            ("http://10.0.0.1/", false),
            ("http://localhost.example.org/", false),
            ("http://127.0.0.1.example.org/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), here, "{url}");
        }
    }

    #[test]
    fn an_address_shows_its_origin_only() {
        let url = Url::parse("https://user:pass@hooks.example.org:8443/T0/secret?key=x").unwrap();
        assert_eq!(origin(&url), "https://hooks.example.org:8443");
        assert_eq!(host_of(&url, "/elsewhere?token=1"), "https://hooks.example.org:8443");
        assert_eq!(host_of(&url, "http://u:p@other.example.org/x"), "http://other.example.org");
    }
}
