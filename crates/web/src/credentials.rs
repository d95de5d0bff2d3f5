//! Who asks: bearer tokens, compared in constant time. A wrong token is refused and never taken for none.

use std::{collections::BTreeMap, fmt};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use candor_core::{evidence::Origin, ids::AgentId};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use crate::{
    limits::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN},
    problem::Problem,
};

/// A bearer token. It shows itself nowhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Why credentials can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokensError {
    /// Not a bearer token as RFC 6750 writes it, or of a length that is too short to be safe or too long to be sent.
    #[error(
        "a token must be {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} letters, digits or `-._~+/=`; make one with `openssl rand -hex 32`"
    )]
    Malformed,
    /// One token in two roles: nobody could say who uses it.
    #[error("the operator's, the adapter's and every agent's token must differ; make a new one for each")]
    Shared,
}

impl Secret {
    /// Takes a token.
    ///
    /// # Errors
    /// [`TokensError::Malformed`].
    pub fn new(token: impl Into<String>) -> Result<Self, TokensError> {
        let token = token.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(allowed) {
            Ok(Self(token))
        } else {
            Err(TokensError::Malformed)
        }
    }

    fn matches(&self, presented: &[u8]) -> Choice {
        self.0.as_bytes().ct_eq(presented)
    }
}

/// Every credential that is known here.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The operator's: may do everything.
    pub operator: Secret,
    /// The one of Candor's own adapters: what they report was observed from outside.
    pub adapter: Secret,
    /// Agents that have one of their own: it fixes who they are.
    pub agents: BTreeMap<Secret, AgentId>,
    /// Whether reports without a token are refused.
    pub require_agent_token: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody on this machine, without a token: an untrusted reporter.
    Anonymous,
    /// An agent that proved who it is: an untrusted reporter all the same.
    Agent(AgentId),
    /// One of Candor's own adapters.
    Adapter,
    /// The operator.
    Operator,
}

impl Caller {
    /// Whose credential a report comes with.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Anonymous | Self::Agent(_) => Origin::Agent,
            Self::Adapter => Origin::Adapter,
            Self::Operator => Origin::Operator,
        }
    }
}

impl Tokens {
    pub(crate) fn check(&self) -> Result<(), TokensError> {
        let shared = self.operator == self.adapter
            || self.agents.contains_key(&self.operator)
            || self.agents.contains_key(&self.adapter);
        if shared { Err(TokensError::Shared) } else { Ok(()) }
    }

    /// Who asks, by the `Authorization` header; nobody when there is none.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = given.next() else { return Ok(Caller::Anonymous) };
        if given.next().is_some() {
            return Err(unauthorized("more than one `Authorization` header came"));
        }
        let presented =
            bearer(value).ok_or_else(|| unauthorized("the `Authorization` header holds no bearer token"))?;
        // Every token is looked at, whichever matches, so that the time taken says nothing of which.
        let (mut who, mut agent) = (0_u8, None);
        who.conditional_assign(&1, self.operator.matches(presented));
        who.conditional_assign(&2, self.adapter.matches(presented));
        for (secret, id) in &self.agents {
            if secret.matches(presented).into() {
                agent = Some(id);
            }
        }
        match (who, agent) {
            (1, _) => Ok(Caller::Operator),
            (2, _) => Ok(Caller::Adapter),
            (_, Some(id)) => Ok(Caller::Agent(id.clone())),
            _ => Err(unauthorized("the token is not known here")),
        }
    }

    /// Who reports.
    pub(crate) fn reporter(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match self.caller(headers)? {
            Caller::Anonymous if self.require_agent_token => Err(unauthorized("reports need a token here")),
            caller => Ok(caller),
        }
    }

    /// The operator, or nobody.
    pub(crate) fn operator(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self.caller(headers)? {
            Caller::Operator => Ok(()),
            Caller::Anonymous => Err(unauthorized("this needs the operator's token")),
            Caller::Agent(_) | Caller::Adapter => Err(forbidden("only the operator may do that")),
        }
    }

    /// Whoever may read.
    pub(crate) fn reader(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self.caller(headers)? {
            Caller::Operator | Caller::Adapter => Ok(()),
            Caller::Anonymous => Err(unauthorized("this needs the operator's or the adapter's token")),
            Caller::Agent(_) => Err(forbidden("an agent's token reports and attaches evidence, and reads nothing")),
        }
    }
}

/// `Bearer <token>`, the scheme in any case, as RFC 6750 writes it.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn unauthorized(message: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .help("send `Authorization: Bearer <token>`, or to report without a token, no such header")
}

fn forbidden(message: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", message)
}
