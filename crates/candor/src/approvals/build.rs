//! A package of this deployment, as it is now.

use candor_approval::{
    build::{self, Built, Refused},
    package::to_json,
};
use candor_core::{limits::DOCUMENT_BYTES_MAX, time::Timestamp};
use candor_path::Act;
use candor_store::{Listing as _, sqlite::Reader};
use serde_json::Value;

use super::{catalogue, shown, truth};
use crate::{
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
};

/// Builds a package and puts it on record: it, and what the desk answered. Effects count since the last gate closed, or since an earlier time.
///
/// # Errors
/// When something stands against it, by name; when it can't be kept.
pub fn build(global: &Global, since: Option<Timestamp>) -> Result<(Built, Value), Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let config = Config::load(&home)?;
    let catalogue = catalogue(&home)?;
    let reader = Reader::open(&home.store()).map_err(store_failure)?;
    let now = Clock::from_env().now();
    // Wider, never narrower: what happened since the last gate closed always counts.
    let closed = reader.last_closed_at(now).map_err(store_failure)?;
    let since = since.filter(|since| closed.is_some_and(|closed| *since < closed));
    let truth = truth::of(&reader, &config, now, since).map_err(store_failure)?;
    let built = build::build(&catalogue, &truth).map_err(|against| refused(&against))?;
    let told = record(global, &built)?;
    Ok((built, told))
}

fn refused(against: &[Refused]) -> Failure {
    let lines: Vec<String> = against.iter().map(|why| shown::text(&why.to_string())).collect();
    Failure::new(Exit::Refused, format!("no package can be built:\n  {}", lines.join("\n  ")))
        .hint("a package says that nothing is open and that nothing happened; see docs/approval-package.md")
}

fn record(global: &Global, built: &Built) -> Result<Value, Failure> {
    let (package, evidence) = (to_json(&built.package), built.evidence_json());
    let bytes = package.to_string().len() + evidence.to_string().len();
    if bytes > DOCUMENT_BYTES_MAX {
        let why = format!("the package has {bytes} bytes; at most {DOCUMENT_BYTES_MAX} are kept");
        return Err(Failure::new(Exit::Refused, why).hint("shorten the texts of the catalogue"));
    }
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(Act::RecordPackage { package, evidence }).await;
        desk.close().await?;
        told
    })
}
