//! Approval packages of this deployment.

use candor_core::{approval::PackageRow, limits::PACKAGE_REVIEW_MAX};
use candor_store::{Listing as _, sqlite::Reader};

use crate::{
    cli::Global,
    config::Config,
    desk::store_failure,
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
};

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
