//! Approval packages of this deployment.

mod build;
pub mod shown;
pub mod truth;

use candor_audit::kind::Kind;
use candor_core::{
    approval::PackageRow,
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, Catalogue, parse_catalogue},
    limits::PACKAGE_REVIEW_MAX,
};
use candor_store::{Listing, StoreError, sqlite::Reader};
use serde_json::Value;

pub use self::build::build;
use crate::{
    cli::Global,
    config::Config,
    desk::store_failure,
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
    package::selected,
};

/// Most records of the approval chain that are looked through for packages.
const RECORDS_MAX: usize = 10_000;

/// The packages on record, newest first, each with its evidence, as their artifacts have them.
///
/// # Errors
/// When the store can't be read.
pub fn recorded(store: &impl Listing) -> Result<Vec<Value>, StoreError> {
    let records = store.of_kind(Kind::Approval, RECORDS_MAX)?;
    Ok(records.into_iter().map(|record| record.body).filter(|body| body.get("package").is_some()).collect())
}

/// What owners can be asked for: the catalogue of the package in use, or the one that comes with this program.
///
/// # Errors
/// When it doesn't read.
pub fn catalogue(home: &Home) -> Result<Catalogue, Failure> {
    let wrong = |error: candor_core::catalogue::CatalogueError| Failure::new(Exit::Config, error.to_string());
    let installed = selected(home)?.map(|package| package.documents("approvals")).transpose()?.unwrap_or_default();
    match installed.into_iter().find(|(id, ..)| id == "catalogue") {
        Some((_, text, file)) => parse_catalogue(&file.display().to_string(), &text).map_err(wrong),
        None => parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).map_err(wrong),
    }
}

/// The package that is approved: the newest on record.
///
/// # Errors
/// When there is none, or it is too old to be approved.
pub fn newest(global: &Global, _: &Config) -> Result<PackageRow, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let known = match Reader::open(&home.store()) {
        Ok(reader) => reader.packages(1).map_err(store_failure)?.pop(),
        Err(candor_store::StoreError::Absent { .. }) => None,
        Err(error) => return Err(store_failure(error)),
    };
    let now = Clock::from_env().now();
    known.filter(|package| now.since(package.at) <= PACKAGE_REVIEW_MAX).ok_or_else(|| {
        Failure::new(Exit::Refused, "no approval package of the last 7 days is on record")
            .hint("`candor approval build` makes one")
    })
}
