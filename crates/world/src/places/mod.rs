//! Places where documents are kept outside the state folder: signed heads of the log, and archives.
//!
//! A document is put there once, under a name that nothing else has: what is there is never written over, and the same again is no failure.
//! A folder of this machine is a file that the operator named, like an export, and passes no gate. A webhook and an object store are live
//! writes outside Candor and pass `production_write`; their secrets are read under `secret_read`.

mod folder;
mod object;

use std::path::PathBuf;

use candor_approval::{GateClosed, GateKeeper, Permit, kinds::ProductionWrite};
use candor_core::{gate::Gate, ids::TargetName, time::Timestamp};
use secrecy::SecretString;
use thiserror::Error;

use crate::{
    secrets::SecretRef,
    senders::{
        HttpPool, Now, binding,
        webhook::{self, Webhook},
    },
};

pub use folder::{put_file, settle};
pub use object::ObjectConfig;

/// A place, as an operator writes it: exactly one of these.
#[derive(Clone, Debug, PartialEq)]
pub enum PlaceConfig {
    /// A folder.
    Folder(PathBuf),
    /// A receiver that takes a POST.
    Webhook(webhook::Config),
    /// An object store.
    ObjectStore(ObjectConfig),
}

/// Something to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name: a file name of letters, digits, `-` and `.`.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why a document wasn't put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PutError {
    /// The gate is closed; nothing left.
    #[error("{0}")]
    GateClosed(String),
    /// Something else has that name there.
    #[error("another document is called `{0}` there, and nothing is written over")]
    Taken(String),
    /// It failed, or nothing certain is known.
    #[error("{0}")]
    Failed(String),
}

/// A place that can be written to.
#[derive(Debug)]
pub struct Place {
    name: TargetName,
    to: To,
}

#[derive(Debug)]
enum To {
    Folder(PathBuf),
    Webhook(Webhook),
    ObjectStore(ObjectConfig),
}

impl Place {
    /// Checks the fields. No file is read and nothing is called here.
    ///
    /// # Errors
    /// What is wrong with them, in words, and what to write instead.
    pub fn bind(name: TargetName, config: &PlaceConfig, pool: &HttpPool) -> Result<Self, String> {
        use crate::senders::Sender as _;
        let to = match config {
            PlaceConfig::Folder(path) if path.is_absolute() => To::Folder(path.clone()),
            PlaceConfig::Folder(path) => {
                return Err(format!("`folder: {}` is not an absolute path", path.display()));
            }
            PlaceConfig::Webhook(own) => To::Webhook(Webhook::bind(own, pool)?),
            PlaceConfig::ObjectStore(own) => {
                own.check()?;
                To::ObjectStore(own.clone())
            }
        };
        Ok(Self { name, to })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// The gates that each document passes; none for a folder.
    #[must_use]
    pub fn gates(&self) -> Vec<Gate> {
        let own = match self.to {
            To::Folder(_) => None,
            To::Webhook(_) | To::ObjectStore(_) => Some(Gate::ProductionWrite),
        };
        binding::gates_of(own, &self.secrets())
    }

    /// Its kind, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.to {
            To::Folder(_) => "folder",
            To::Webhook(_) => "webhook",
            To::ObjectStore(_) => "object_store",
        }
    }

    /// Where its secrets lie.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretRef> {
        use crate::senders::Sender as _;
        match &self.to {
            To::Folder(_) => Vec::new(),
            To::Webhook(hook) => hook.secrets(),
            To::ObjectStore(own) => own.secrets.values().cloned().collect(),
        }
    }

    /// Puts a document there, if the keeper lets it.
    ///
    /// # Errors
    /// Why it isn't there now, as far as is known.
    pub async fn put(&self, keeper: &mut GateKeeper, document: &Document, now: Now<'_>) -> Result<(), PutError> {
        match &self.to {
            To::Folder(path) => {
                let (path, document) = (path.clone(), document.clone());
                let put = tokio::task::spawn_blocking(move || put_file(&path, &document));
                put.await.map_err(|_| PutError::Failed("the write ended unexpectedly".to_owned()))?
            }
            To::Webhook(hook) => {
                let (permit, secrets) = self.leave(keeper, now()).await?;
                let sent = hook.post_document(permit, &secrets, &document.name, document.content.clone(), now).await;
                sent.map_err(PutError::Failed)
            }
            To::ObjectStore(own) => {
                let (permit, secrets) = self.leave(keeper, now()).await?;
                own.put(permit, &secrets, document).await
            }
        }
    }

    /// Leave to write, and what that takes to know. With one of the gates closed no secret is read.
    async fn leave(
        &self,
        keeper: &mut GateKeeper,
        at: Timestamp,
    ) -> Result<(Permit<ProductionWrite>, Vec<SecretString>), PutError> {
        let (to, refs) = (Some(&self.name), self.secrets());
        let closed = |closed: GateClosed| PutError::GateClosed(closed.to_string());
        let permit = keeper.permit(to, at).map_err(closed)?;
        let leave = binding::leave_to_read(&refs, keeper, to, at).map_err(closed)?;
        let secrets = binding::read_with(leave, &refs).await.map_err(|error| PutError::Failed(error.to_string()))?;
        Ok((permit, secrets))
    }
}
