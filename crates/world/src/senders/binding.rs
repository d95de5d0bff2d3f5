//! The seam that every sender implements, and the binding that the bridge holds.

use std::{fmt, pin::Pin};

use candor_approval::{
    GateClosed, GateKeeper, GateKind, Permit,
    kinds::{CanonicalRuntimeReadback, SecretRead, TelegramFailureReceiptSend},
};
use candor_core::{
    gate::Gate,
    ids::TargetName,
    notice::{Answer, BlockReason, Message, Outcome},
    read_back::{Question, ReadBack},
    time::Timestamp,
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{
    config::{ConfigError, TargetConfig},
    http::HttpPool,
};
use crate::{
    redact::Redactor,
    secrets::{self, SecretError, SecretRef},
};

/// The clock, as handed to a sender: it notes when the provider was called and when the answer was in.
pub type Now<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// A way out of this machine.
pub trait Sender: Send + Sync + Sized + 'static {
    /// The gate that each attempt passes. It belongs to the sender and can't be configured.
    type Gate: GateKind;
    /// The sender's own fields of a target.
    type Config: DeserializeOwned + Clone + fmt::Debug + PartialEq + Send + Sync;
    /// Its name in a target's `sender:` field.
    const NAME: &'static str;

    /// Checks the fields and makes the sender. No file is read, no program started and nothing is called here.
    ///
    /// # Errors
    /// What is wrong with the fields, in words, and what to write instead.
    fn bind(config: &Self::Config, pool: &HttpPool) -> Result<Self, String>;

    /// Whether a repeat under the same key has no second effect at the destination.
    fn idempotent(&self) -> bool;

    /// The bytes that [`Sender::send`] sends for this message: the same message gives the same bytes.
    fn payload(&self, message: &Message) -> Vec<u8>;

    /// What an operator should know about this target that doesn't stop it: unsigned, a program that isn't there. No effect.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Where its secrets lie. A sender reads none itself: they are read for it, under a permit of their own, right before each attempt.
    fn secrets(&self) -> Vec<SecretRef> {
        Vec::new()
    }

    /// Makes one attempt. It always answers: whatever goes wrong is an outcome. `secrets` are those of [`Sender::secrets`], in that order.
    fn send(
        &self,
        permit: Permit<Self::Gate>,
        secrets: &[SecretString],
        message: &Message,
        now: Now<'_>,
    ) -> impl Future<Output = Answer> + Send;

    /// Whether this target can be asked what became of a message.
    ///
    /// # Errors
    /// Why it can't, in words.
    fn reads_back(&self) -> Result<(), String> {
        Err(format!("`{}` has no way to ask what became of a message", Self::NAME))
    }

    /// Asks what became of a message, once. It always answers: what isn't known is said to be so. Every text of the answer is scrubbed.
    ///
    /// [`ReadBack::Absent`] only where the channel's answer itself says that it isn't there: never for silence, an error or a timeout.
    fn read_back(
        &self,
        permit: Permit<CanonicalRuntimeReadback>,
        secrets: &[SecretString],
        question: &Question,
        now: Now<'_>,
    ) -> impl Future<Output = ReadBack> + Send {
        let _ = (permit, secrets, question, now);
        std::future::ready(ReadBack::Unable { why: self.reads_back().err().unwrap_or_default() })
    }
}

/// What was read back, or the gate that is closed.
type Reading<'a> = Pin<Box<dyn Future<Output = Result<ReadBack, GateClosed>> + Send + 'a>>;

type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// [`Sender`] with its types erased, so that bindings of different senders lie in one list.
trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn gate(&self) -> Option<Gate>;
    fn idempotent(&self) -> bool;
    fn payload(&self, message: &Message) -> Vec<u8>;
    fn warnings(&self) -> Vec<String>;
    fn secrets(&self) -> Vec<SecretRef>;
    fn send<'a>(&'a self, keeper: &mut GateKeeper, message: &'a Message, now: Now<'a>) -> Sending<'a>;
    fn reads_back(&self) -> Result<(), String>;
    fn read_back<'a>(&'a self, keeper: &mut GateKeeper, question: &'a Question, now: Now<'a>) -> Reading<'a>;
}

impl<S: Sender> Erased for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn gate(&self) -> Option<Gate> {
        S::Gate::GATE
    }

    fn idempotent(&self) -> bool {
        Sender::idempotent(self)
    }

    fn payload(&self, message: &Message) -> Vec<u8> {
        Sender::payload(self, message)
    }

    fn warnings(&self) -> Vec<String> {
        Sender::warnings(self)
    }

    fn secrets(&self) -> Vec<SecretRef> {
        Sender::secrets(self)
    }

    fn send<'a>(&'a self, keeper: &mut GateKeeper, message: &'a Message, now: Now<'a>) -> Sending<'a> {
        let at = now();
        let target = Some(&message.target);
        let refs = Sender::secrets(self);
        let about_a_failure = message.failure_of.is_some();
        match leave_to_send::<S>(&refs, keeper, about_a_failure, target, at) {
            Ok((permit, leave)) => Box::pin(async move {
                match read_with(leave, &refs).await {
                    Ok(secrets) => Sender::send(self, permit, &secrets, message, now).await,
                    Err(error) => {
                        let outcome =
                            Outcome::Refused { reason: BlockReason::SecretUnreadable, why: error.to_string() };
                        answer(outcome, at, now())
                    }
                }
            }),
            Err(closed) => {
                let outcome = Outcome::GateClosed { why: closed.to_string() };
                Box::pin(std::future::ready(answer(outcome, at, at)))
            }
        }
    }

    fn reads_back(&self) -> Result<(), String> {
        Sender::reads_back(self)
    }

    fn read_back<'a>(&'a self, keeper: &mut GateKeeper, question: &'a Question, now: Now<'a>) -> Reading<'a> {
        if let Err(why) = Sender::reads_back(self) {
            return Box::pin(std::future::ready(Ok(ReadBack::Unable { why })));
        }
        let (at, target, refs) = (now(), Some(&question.message.target), Sender::secrets(self));
        let own = keeper.permit::<CanonicalRuntimeReadback>(target, at);
        match own.and_then(|own| Ok((own, leave_to_read(&refs, keeper, target, at)?))) {
            Ok((permit, leave)) => Box::pin(async move {
                Ok(match read_with(leave, &refs).await {
                    Ok(secrets) => Sender::read_back(self, permit, &secrets, question, now).await,
                    Err(error) => ReadBack::Unknown { why: error.to_string() },
                })
            }),
            Err(closed) => Box::pin(std::future::ready(Err(closed))),
        }
    }
}

/// Leave for an effect, and to read secrets for it where it needs any.
type Leave<G> = (Permit<G>, Option<Permit<SecretRead>>);

/// Leave for one attempt, and to read the secrets that it takes. Telling of a failure on another channel takes leave of its own.
fn leave_to_send<S: Sender>(
    secrets: &[SecretRef],
    keeper: &mut GateKeeper,
    about_a_failure: bool,
    target: Option<&TargetName>,
    at: Timestamp,
) -> Result<Leave<S::Gate>, GateClosed> {
    let own = keeper.permit(target, at)?;
    if about_a_failure && S::Gate::GATE.is_some() {
        keeper.permit::<TelegramFailureReceiptSend>(target, at)?;
    }
    Ok((own, leave_to_read(secrets, keeper, target, at)?))
}

/// Leave to read secrets, where there are any to read.
pub(crate) fn leave_to_read(
    secrets: &[SecretRef],
    keeper: &mut GateKeeper,
    target: Option<&TargetName>,
    at: Timestamp,
) -> Result<Option<Permit<SecretRead>>, GateClosed> {
    if secrets.is_empty() { Ok(None) } else { keeper.permit(target, at).map(Some) }
}

/// What that leave lets read.
pub(crate) async fn read_with(
    leave: Option<Permit<SecretRead>>,
    secrets: &[SecretRef],
) -> Result<Vec<SecretString>, SecretError> {
    match leave {
        Some(leave) => secrets::read(secrets, leave).await,
        None => Ok(Vec::new()),
    }
}

/// A sender's own gate, and `secret_read` with it where there are secrets to read.
pub(crate) fn gates_of(own: Option<Gate>, secrets: &[SecretRef]) -> Vec<Gate> {
    own.into_iter().chain((!secrets.is_empty()).then_some(Gate::SecretRead)).collect()
}

/// One target's sender, ready to send. Holds where secrets lie, never what they are.
pub struct Binding {
    target: TargetName,
    sender: Box<dyn Erased>,
}

impl Binding {
    /// Binds a target to its sender. Targets that share a pool share their connections.
    ///
    /// # Errors
    /// [`ConfigError`], which names the target and says what to write.
    pub fn from_config(config: &TargetConfig, pool: &HttpPool) -> Result<Self, ConfigError> {
        config.bind(pool)
    }

    pub(super) fn new<S: Sender>(target: TargetName, sender: S) -> Self {
        Self { target, sender: Box::new(sender) }
    }

    /// The target that it sends to.
    #[must_use]
    pub fn target(&self) -> &TargetName {
        &self.target
    }

    /// The sender's own gate; none where it only pretends. [`Binding::gates`] has all that an attempt passes.
    #[must_use]
    pub fn gate(&self) -> Option<Gate> {
        self.sender.gate()
    }

    /// All gates that an attempt passes: the sender's own, and `secret_read` where it has secrets. None where it only pretends.
    #[must_use]
    pub fn gates(&self) -> Vec<Gate> {
        gates_of(self.sender.gate(), &self.sender.secrets())
    }

    /// Whether a repeat under the same key has no second effect.
    #[must_use]
    pub fn idempotent(&self) -> bool {
        self.sender.idempotent()
    }

    /// The sender's name and version, `webhook@0.1.0`.
    #[must_use]
    pub fn describe(&self) -> String {
        versioned(self.sender.name())
    }

    /// What an operator should know about this target, for `candor doctor`. Touches no network and starts nothing.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.sender.warnings()
    }

    /// Where its secrets lie.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretRef> {
        self.sender.secrets()
    }

    /// Whether its secrets could be read, without reading them.
    ///
    /// # Errors
    /// The first that couldn't, and what to do.
    pub fn check_secrets(&self) -> Result<(), SecretError> {
        self.sender.secrets().iter().try_for_each(SecretRef::check)
    }

    /// The bytes that [`Binding::send`] sends for this message.
    #[must_use]
    pub fn payload(&self, message: &Message) -> Vec<u8> {
        self.sender.payload(message)
    }

    /// SHA-256 in hex of [`Binding::payload`], for the receipt.
    #[must_use]
    pub fn payload_sha256(&self, message: &Message) -> String {
        Sha256::digest(self.payload(message)).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Makes one attempt, if the keeper lets it: with one of its gates closed the answer is `gate_closed`, no secret is read and nothing
    /// leaves.
    ///
    /// The permits are asked for before this returns, so the keeper isn't kept. To tie the attempt to the opening that was recorded with
    /// it, hand over a keeper that was made from that opening, as the store holds it now.
    pub fn send<'a>(
        &'a self,
        keeper: &mut GateKeeper,
        message: &'a Message,
        now: Now<'a>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        self.sender.send(keeper, message, now)
    }
}

impl Binding {
    /// Whether the destination can be asked what became of a message; else why not, in words.
    ///
    /// # Errors
    /// See [`Sender::reads_back`].
    pub fn reads_back(&self) -> Result<(), String> {
        self.sender.reads_back()
    }

    /// All gates that a read-back passes. None where the destination can't be asked.
    #[must_use]
    pub fn read_back_gates(&self) -> Vec<Gate> {
        match self.reads_back() {
            Ok(()) => gates_of(Some(Gate::CanonicalRuntimeReadback), &self.sender.secrets()),
            Err(_) => Vec::new(),
        }
    }

    /// Asks the destination what became of a message, once, if the keeper lets it. Where it can't be asked the answer is
    /// [`ReadBack::Unable`], whatever the gates.
    ///
    /// # Errors
    /// [`GateClosed`]: nothing was asked and no secret was read.
    pub fn read_back<'a>(
        &'a self,
        keeper: &mut GateKeeper,
        question: &'a Question,
        now: Now<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<ReadBack, GateClosed>> + Send + 'a>> {
        self.sender.read_back(keeper, question, now)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({} by {})", self.target, self.describe())
    }
}

pub(super) fn versioned(sender: &str) -> String {
    format!("{sender}@{}", env!("CARGO_PKG_VERSION"))
}

/// An answer with nothing but an outcome: no call was made, or nothing came back.
pub(super) fn answer(outcome: Outcome, called_at: Timestamp, answered_at: Timestamp) -> Answer {
    Answer { outcome, status: None, raw: None, simulated: false, called_at, answered_at }
}

/// An answer of a live channel, as a receipt may keep it: every text scrubbed and cut.
pub(super) fn scrubbed(redactor: &Redactor, answer: Answer, raw: &[u8]) -> Answer {
    Answer { outcome: redactor.outcome(answer.outcome), raw: redactor.raw(raw), ..answer }
}
