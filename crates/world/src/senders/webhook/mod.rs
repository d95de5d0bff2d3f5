//! `webhook`: one POST to a receiver, after the Standard Webhooks specification 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! `webhook-id` is the notice's key, the same for every attempt, so a receiver can drop repeats; that is why this sender counts as
//! idempotent and an unknown outcome is resolved by sending again.

mod classify;
mod read_back;

use std::{fmt, str::FromStr, time::Duration};

use candor_approval::{
    LiveGate, Permit,
    kinds::{CanonicalRuntimeReadback, ProductionWrite},
};
use candor_core::{
    decision::Severity,
    ids::{CorrelationId, NoticeNo, TargetName, TaskId},
    notice::{Answer, BlockReason, Message, Outcome},
    read_back::{Question, ReadBack},
    time::{Timestamp, duration_text},
};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use self::{
    classify::{GIVE_UP_ATTEMPT, classify},
    read_back::{Template, classify as classify_read_back},
};
use super::{
    HttpPool, Now, Sender, Wire,
    binding::{answer, scrubbed},
    found::unknown,
    http::{Request, TIMEOUT, is_loopback, origin, timeout_in_bounds},
};
use crate::{redact::Redactor, secrets::SecretRef};

/// Most signing secrets: the one in use, and those that are being rotated in or out.
pub const SIGNING_SECRETS_MAX: usize = 4;
/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2_048;
/// What the body says that it is.
const BODY_TYPE: &str = "reporting-governance.notice.raised";

/// Where to POST, and how to sign it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The receiver's address. Shown as scheme and host only: the rest may be a secret.
    pub url: Address,
    /// Signing secrets, `whsec_...`; each gives one signature, so that a receiver can rotate. Without any the request is unsigned.
    #[serde(default)]
    pub secrets: Vec<SecretRef>,
    /// Where the receiver answers for a notice's key: `https://host/notices/{key}`. Without it nothing can be read back.
    #[serde(default)]
    pub readback: Option<Template>,
    /// Whether plain `http` may leave this machine. Default: no.
    #[serde(default)]
    pub insecure: bool,
    /// Longest wait for the answer. Default: 20 s, within the 15 to 30 s that the specification asks for.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

/// A receiver's address, which may hold a secret in its user part, its path or its query.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// The parts that must not be shown.
    fn secrets(&self) -> Vec<SecretString> {
        let mut parts = Vec::new();
        if let Some(password) = self.0.password() {
            parts.push(password.to_owned());
            parts.push(format!("{}:{password}", self.0.username()));
        }
        if self.0.path().len() > 1 {
            parts.push(self.0.path().to_owned());
        }
        parts.extend(self.0.query().map(str::to_owned));
        parts.into_iter().map(SecretString::from).collect()
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > URL_BYTES_MAX {
            return Err("the address is too long; 2048 bytes is the most");
        }
        let url = Url::parse(text).map_err(|_| "the address doesn't read; write it as `https://host/path`")?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("the address must begin with `https://` or `http://` and name a host");
        }
        Ok(Self(url))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&origin(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// See the module.
#[derive(Debug)]
pub struct Webhook {
    config: Config,
    pool: HttpPool,
}

/// The body. The first three fields are the specification's recommended shape.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    key: &'a str,
    notice: NoticeNo,
    target: &'a TargetName,
    severity: Severity,
    title: &'a str,
    text: &'a str,
    task: Option<&'a TaskId>,
    correlation: &'a CorrelationId,
    covers: &'a [NoticeNo],
    maybe_repeat: bool,
}

impl Sender for Webhook {
    type Gate = ProductionWrite;
    type Config = Config;
    const NAME: &'static str = "webhook";

    fn bind(config: &Config, pool: &HttpPool) -> Result<Self, String> {
        timeout_in_bounds(config.timeout)?;
        if config.secrets.len() > SIGNING_SECRETS_MAX {
            return Err(format!("`secrets` takes at most {SIGNING_SECRETS_MAX}"));
        }
        let readback = config.readback.as_ref().map(Template::any).transpose()?;
        for (field, url) in [("url", Some(&config.url.0)), ("readback", readback.as_ref())] {
            if url.is_some_and(|url| url.scheme() == "http" && !config.insecure && !is_loopback(url)) {
                return Err(format!(
                    "`{field}` would send notices to {} unencrypted; use `https`, or set `insecure: true` if that is meant",
                    url.map(origin).unwrap_or_default()
                ));
            }
        }
        Ok(Self { config: config.clone(), pool: pool.clone() })
    }

    fn idempotent(&self) -> bool {
        true
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        let data = Data {
            key: &message.key,
            notice: message.notice,
            target: &message.target,
            severity: message.severity,
            title: &message.title,
            text: &message.text,
            task: message.task.as_ref(),
            correlation: &message.correlation,
            covers: &message.covers,
            maybe_repeat: message.maybe_repeat,
        };
        serde_json::to_vec(&Body { r#type: BODY_TYPE, timestamp: message.at, data }).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .config
            .secrets
            .iter()
            .filter_map(|secret| secret.check().err())
            .map(|error| error.to_string())
            .collect();
        if self.config.secrets.is_empty() {
            warnings.push(format!(
                "requests to {} are unsigned; add `secrets` so that it can tell who sent them",
                self.config.url
            ));
        }
        if self.config.url.0.scheme() == "http" && !is_loopback(&self.config.url.0) {
            warnings.push(format!("notices go to {} unencrypted", self.config.url));
        }
        warnings
    }

    fn secrets(&self) -> Vec<SecretRef> {
        self.config.secrets.clone()
    }

    async fn send(
        &self,
        permit: Permit<ProductionWrite>,
        secrets: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> Answer {
        let called_at = now();
        let called = (Method::POST, &self.config.url);
        let body = (message.key.as_str(), self.payload(message));
        let (wire, redactor) = match self.call(permit, secrets, called, body, called_at).await {
            Ok(posted) => posted,
            Err(why) => {
                let reason = BlockReason::SecretUnreadable;
                return answer(Outcome::Refused { reason, why }, called_at, now());
            }
        };
        let outcome = classify(&wire, message.attempt);
        let (status, raw) = match wire {
            Wire::Answered(answer) => (Some(i64::from(answer.status)), answer.body),
            Wire::NotSent(_) | Wire::Unfit(_) | Wire::Lost(_) => (None, Vec::new()),
        };
        scrubbed(&redactor, Answer { status, ..answer(outcome, called_at, now()) }, &raw)
    }

    fn reads_back(&self) -> Result<(), String> {
        match self.config.readback {
            Some(_) => Ok(()),
            None => Err("the target names no `readback` address that answers for a notice's key".to_owned()),
        }
    }

    async fn read_back(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        secrets: &[SecretString],
        question: &Question,
        now: Now<'_>,
    ) -> ReadBack {
        let key = &question.message.key;
        let to = match self.config.readback.as_ref().map(|template| template.of(key)) {
            Some(Ok(to)) => to,
            Some(Err(why)) => return unknown(why),
            None => return ReadBack::Unable { why: self.reads_back().err().unwrap_or_default() },
        };
        // Signed like a notice, with an empty body: the receiver can tell who asks.
        match self.call(permit, secrets, (Method::GET, &to), (key, Vec::new()), now()).await {
            Ok((wire, redactor)) => redactor.read_back(classify_read_back(&wire, &question.message)),
            Err(why) => unknown(why),
        }
    }
}

impl Webhook {
    /// Signs a body under its id, and sends it once.
    async fn call<G: LiveGate>(
        &self,
        permit: Permit<G>,
        secrets: &[SecretString],
        (method, to): (Method, &Address),
        (id, body): (&str, Vec<u8>),
        now: Timestamp,
    ) -> Result<(Wire, Redactor), String> {
        let hidden: Vec<SecretString> = self.config.url.secrets().into_iter().chain(to.secrets()).collect();
        let redactor = Redactor::new(secrets.iter().chain(&hidden));
        let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", now.as_secs().to_string())];
        let signed = signatures(secrets, &self.config.secrets, id, now.as_secs(), &body)?;
        headers.extend(signed.map(|signatures| ("webhook-signature", signatures)));
        let request = Request { method, url: to.0.clone(), headers, body, timeout: self.config.timeout };
        Ok((self.pool.call(permit, request, now).await, redactor))
    }

    /// POSTs something that is no notice, such as a signed head of the log, under an id that is the same for each try.
    ///
    /// # Errors
    /// Why the receiver didn't say that it has it, without secrets.
    pub async fn post_document(
        &self,
        permit: Permit<ProductionWrite>,
        secrets: &[SecretString],
        id: &str,
        body: Vec<u8>,
        now: Now<'_>,
    ) -> Result<(), String> {
        let (wire, redactor) = self.call(permit, secrets, (Method::POST, &self.config.url), (id, body), now()).await?;
        match redactor.outcome(classify(&wire, GIVE_UP_ATTEMPT)) {
            Outcome::Proved { .. } => Ok(()),
            Outcome::Failed { why, .. } | Outcome::Refused { why, .. } | Outcome::Unknown { why } => Err(why),
            _ => Err("the receiver didn't say that it has it".to_owned()),
        }
    }
}

/// One `v1,...` per secret, separated by spaces. None without secrets.
fn signatures(
    secrets: &[SecretString],
    from: &[SecretRef],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<Option<String>, String> {
    let signed: Result<Vec<String>, String> = secrets
        .iter()
        .zip(from)
        .map(|(secret, from)| {
            standardwebhooks::Webhook::new(secret.expose_secret())
                .and_then(|key| key.sign(id, timestamp, body))
                .map_err(|_| format!("{} is not a signing secret; it is written `whsec_` and base64", from.describe()))
        })
        .collect();
    signed.map(|all| (!all.is_empty()).then(|| all.join(" ")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// The specification's own example.
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn sign(secrets: &[&str]) -> Result<Option<String>, String> {
        let refs = vec![SecretRef::Env("HOOK_SECRET".to_owned()); secrets.len()];
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        signatures(&secrets, &refs, ID, 1_614_265_330, BODY)
    }

    #[test]
    fn it_signs_as_the_specification_does_and_with_every_secret() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(sign(&[]), Ok(None));
        assert_eq!(sign(&[key]), Ok(Some(SIGNED.to_owned())));
        let both = sign(&["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", key]).unwrap().unwrap();
        assert_eq!(both.split(' ').count(), 2);
        assert!(both.ends_with(&format!(" {SIGNED}")), "{both}");
    }

    #[test]
    fn what_is_no_signing_secret_is_named_by_its_place() {
        for bad in ["whsk_asymmetric", "whsec_not base64!", "plain-words"] {
            let error = sign(&[bad]).unwrap_err();
            assert!(error.contains("environment variable `HOOK_SECRET`") && !error.contains(bad), "{error}");
        }
    }

    fn bind(config: &str) -> Result<Webhook, String> {
        let config: Config = serde_json::from_str(config).map_err(|error| error.to_string())?;
        Webhook::bind(&config, &HttpPool::default())
    }

    #[test]
    fn plain_http_leaves_this_machine_only_when_that_is_meant() {
        assert!(bind(r#"{"url":"http://127.0.0.1:9/x"}"#).is_ok());
        assert!(bind(r#"{"url":"https://example.org/x"}"#).is_ok());
        assert!(bind(r#"{"url":"http://example.org/x"}"#).unwrap_err().contains("insecure: true"));
        let meant = bind(r#"{"url":"http://example.org/x","insecure":true}"#).unwrap();
        assert!(meant.warnings().iter().any(|warning| warning.contains("unencrypted")));
    }

    #[test]
    fn bad_fields_are_refused_without_quoting_the_address() {
        for bad in [
            r#"{"url":"ftp://user:hunter22@example.org/x"}"#,
            r#"{"url":"no address with hunter22"}"#,
            r#"{"url":"http://user:hunter22@example.org/x"}"#,
            r#"{"url":"https://example.org/hunter22","timeout":"0s"}"#,
            r#"{"url":"https://example.org/hunter22","timeout":"1h"}"#,
            r#"{"url":"https://example.org/hunter22","ulr":1}"#,
            r#"{"url":"https://example.org/hunter22","secrets":["hunter22"]}"#,
        ] {
            let error = bind(bad).unwrap_err();
            // A secret written in place of where it lies is named by serde as a variant; it must not be.
            assert!(!error.contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn an_address_never_shows_its_secrets() {
        let hook = bind(r#"{"url":"https://user:hunter22@example.org/T000/hunter22?key=hunter22"}"#).unwrap();
        for shown in [format!("{hook:?}"), hook.config.url.to_string(), hook.warnings().join(" ")] {
            assert!(shown.contains("example.org") && !shown.contains("hunter22"), "{shown}");
        }
    }
}
