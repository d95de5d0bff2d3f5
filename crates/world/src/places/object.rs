//! An object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage. Built in with the feature `object-store`; without
//! it such a place is refused when the configuration is read.

use std::collections::BTreeMap;

use candor_approval::{Permit, kinds::ProductionWrite};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Document, PutError};
use crate::secrets::SecretRef;

/// Most options and secrets of one store.
pub const OPTIONS_MAX: usize = 32;
/// The schemes that an address may have.
const SCHEMES: [&str; 9] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "https", "file"];

/// Where to put objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectConfig {
    /// Bucket and prefix: `s3://bucket/prefix`, `gs://…`, `az://…`.
    pub url: String,
    /// What the store's client needs besides, by its own names: `region`, `endpoint`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// The same for secrets: `secret_access_key: {file: PATH}`.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
}

impl ObjectConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
        if !SCHEMES.contains(&scheme) {
            return Err(format!(
                "`object_store.url` begins with none of {}",
                SCHEMES.map(|one| format!("{one}://")).join(", ")
            ));
        }
        if self.options.len() + self.secrets.len() > OPTIONS_MAX {
            return Err(format!("`object_store` takes at most {OPTIONS_MAX} options and secrets"));
        }
        if cfg!(not(feature = "object-store")) {
            return Err(
                "this candor is built without object stores; build it with `--features object-store`, or use a folder"
                    .to_owned(),
            );
        }
        Ok(())
    }

    #[cfg(not(feature = "object-store"))]
    pub(super) async fn put(
        &self,
        _: Permit<ProductionWrite>,
        _: &[SecretString],
        document: &Document,
    ) -> Result<(), PutError> {
        Err(PutError::Failed(format!("`{}` isn't sent: this candor is built without object stores", document.name)))
    }

    /// Puts an object there, if nothing has its name. `secrets` are the configuration's, by their names' order.
    #[cfg(feature = "object-store")]
    pub(super) async fn put(
        &self,
        _permit: Permit<ProductionWrite>,
        secrets: &[SecretString],
        document: &Document,
    ) -> Result<(), PutError> {
        use secrecy::ExposeSecret as _;

        use crate::redact::Redactor;

        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = self.options.clone();
        let named = self.secrets.keys().cloned().zip(secrets.iter().map(|secret| secret.expose_secret().to_owned()));
        options.extend(named);
        let redactor = Redactor::new(secrets);
        let failed = |error: &dyn std::fmt::Display| PutError::Failed(redactor.scrub(&error.to_string()));
        let url = reqwest::Url::parse(&self.url).map_err(|error| failed(&error))?;
        let (store, prefix) = object_store::parse_url_opts(&url, options).map_err(|error| failed(&error))?;
        put_into(&*store, &prefix, document).await.map_err(|error| match error {
            PutError::Failed(why) => PutError::Failed(redactor.scrub(&why)),
            other => other,
        })
    }
}

/// Creates the object; where one of that name is there, it must be the same.
#[cfg(feature = "object-store")]
async fn put_into(
    store: &dyn object_store::ObjectStore,
    prefix: &object_store::path::Path,
    document: &Document,
) -> Result<(), PutError> {
    use object_store::{Error, ObjectStoreExt as _, PutMode, PutOptions};

    let failed = |error: Error| PutError::Failed(error.to_string());
    let path = prefix.clone().join(document.name.as_str());
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match store.put_opts(&path, document.content.clone().into(), create).await {
        Ok(_) => Ok(()),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
            let there = store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
            if there == document.content { Ok(()) } else { Err(PutError::Taken(document.name.clone())) }
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(all(test, feature = "object-store"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory, path::Path};

    use super::*;

    fn document(content: &str) -> Document {
        Document { name: "head-1.txt".to_owned(), content: content.as_bytes().to_vec() }
    }

    async fn once_and_never_over_another(store: &dyn ObjectStore) {
        let prefix = Path::from("logs/node-7");
        assert_eq!(put_into(store, &prefix, &document("one")).await, Ok(()));
        assert_eq!(put_into(store, &prefix, &document("one")).await, Ok(()), "the same again");
        let taken = put_into(store, &prefix, &document("two")).await;
        assert_eq!(taken, Err(PutError::Taken("head-1.txt".to_owned())));
    }

    #[tokio::test]
    async fn an_object_is_put_once_and_never_over_another() {
        once_and_never_over_another(&InMemory::new()).await;
        let folder = tempfile::tempdir().unwrap();
        once_and_never_over_another(&LocalFileSystem::new_with_prefix(folder.path()).unwrap()).await;
        let there = std::fs::read_to_string(folder.path().join("logs/node-7/head-1.txt")).unwrap();
        assert_eq!(there, "one");
    }
}
