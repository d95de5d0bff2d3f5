//! Approval packages of this deployment.

pub mod rehearsal;
pub mod shown;
pub mod standing;
pub mod truth;

use candor_approval::{
    build::{self, Built, Refused},
    package::to_json,
    readiness::{self, Readiness},
};
use candor_audit::kind::Kind;
use candor_core::{
    approval::PackageRow,
    catalogue::{CATALOGUE_FILE, CORE_CATALOGUE, Catalogue, parse_catalogue},
    limits::{DOCUMENT_BYTES_MAX, PACKAGE_REVIEW_MAX},
    work::DocumentKind,
};
use candor_path::Act;
use candor_store::{Listing, StoreError, sqlite::Reader};
use serde_json::Value;

use crate::{
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    drills,
    engine::Clock,
    exit::{Exit, Failure},
    home::Home,
    output,
    package::{Installed, selected},
};

/// The key under which the stage before is kept: there is one of a node.
const READINESS: &str = "readiness";
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

/// The operator's own steps on record, newest first: of this package, or of any.
///
/// # Errors
/// When the store can't be read.
pub fn reviews(store: &impl Listing, package: Option<&str>) -> Result<Vec<Value>, StoreError> {
    let of = |body: &Value| {
        let about = body.pointer("/body/package_sha256").and_then(Value::as_str);
        body.get("kind").and_then(Value::as_str) == Some(DocumentKind::Review.as_str())
            && package.is_none_or(|package| about == Some(package))
    };
    let records = store.of_kind(Kind::Approval, RECORDS_MAX)?;
    Ok(records.into_iter().map(|record| record.body).filter(of).collect())
}

/// What owners can be asked for: the catalogue of the package in use, or the one that comes with this program.
///
/// # Errors
/// When it doesn't read.
pub fn catalogue(home: &Home) -> Result<Catalogue, Failure> {
    catalogue_of(selected(home)?.as_ref())
}

/// The same of this package, or of none.
///
/// # Errors
/// As [`catalogue`].
pub fn catalogue_of(package: Option<&Installed>) -> Result<Catalogue, Failure> {
    let wrong = |error: candor_core::catalogue::CatalogueError| Failure::new(Exit::Config, error.to_string());
    let installed = package.map(|package| package.documents("approvals")).transpose()?.unwrap_or_default();
    match installed.into_iter().find(|(id, ..)| id == "catalogue") {
        Some((_, text, file)) => parse_catalogue(&file.display().to_string(), &text).map_err(wrong),
        None => parse_catalogue(CATALOGUE_FILE, CORE_CATALOGUE).map_err(wrong),
    }
}

/// The package that is approved: the newest on record. Where there is none that `fits`, another is made: what wasn't drilled is, the stage
/// before is built, and the package from that.
///
/// # Errors
/// When there is none and none can be made, with why.
pub fn newest(global: &Global, config: &Config, fits: &dyn Fn(&PackageRow) -> bool) -> Result<PackageRow, Failure> {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    let now = Clock::from_env().now();
    let known = match Reader::open(&home.store()) {
        Ok(reader) => reader.packages(1).map_err(store_failure)?.pop(),
        Err(StoreError::Absent { .. }) => None,
        Err(error) => return Err(store_failure(error)),
    };
    let known = known.filter(|package| now.since(package.at) <= PACKAGE_REVIEW_MAX);
    match known {
        Some(package) if fits(&package) => Ok(package),
        before => match make(global, &home, config) {
            Ok(package) => {
                output::note(format!("built the approval package {}; `candor approval show` shows it", package.sha256));
                Ok(package)
            }
            // Another can't be made while a gate is open: what is wrong with the one before is said by whoever needs it.
            Err(failure) => before.ok_or(failure),
        },
    }
}

/// Drills what wasn't drilled with success lately, builds the stage before and the package, and puts all on record.
fn make(global: &Global, home: &Home, config: &Config) -> Result<PackageRow, Failure> {
    home.create()?;
    desk::block_on(async {
        // The store is there once the desk is open.
        let desk = Desk::open(global).await?;
        let made = make_at(&desk, home, config).await;
        desk.close().await?;
        made
    })
}

async fn make_at(desk: &Desk, home: &Home, config: &Config) -> Result<PackageRow, Failure> {
    let open = || Reader::open(&home.store()).map_err(store_failure);
    let now = || Clock::from_env().now();
    let due: Vec<_> = drills::standings(&open()?, now())?.into_iter().filter(|(_, stands)| !stands.is_good()).collect();
    for (lane, _) in due {
        drills::record(desk, home, config, lane).await?;
    }
    let truth = truth::of(&open()?, config, now(), None).map_err(store_failure)?;
    record_readiness(desk, &readiness::build(&truth)).await?;
    let truth = truth::of(&open()?, config, now(), None).map_err(store_failure)?;
    let built = build::build(&catalogue(home)?, &truth).map_err(|against| refused(&against))?;
    record_package(desk, &built).await
}

/// Puts the stage before a package on record.
///
/// # Errors
/// When it isn't taken.
pub async fn record_readiness(desk: &Desk, document: &Readiness) -> Result<(), Failure> {
    let act = Act::Keep { kind: DocumentKind::Readiness, key: READINESS.to_owned(), body: to_json(document) };
    desk.act(act).await.map(drop)
}

/// Puts a package on record, with its evidence.
///
/// # Errors
/// When it is too large, or isn't taken.
pub async fn record_package(desk: &Desk, built: &Built) -> Result<PackageRow, Failure> {
    let (package, evidence) = (to_json(&built.package), built.evidence_json());
    let bytes = package.to_string().len() + evidence.to_string().len();
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(Failure::new(
            Exit::Refused,
            format!("the package has {bytes} bytes; at most {DOCUMENT_BYTES_MAX} are kept"),
        )
        .hint("shorten the texts of the catalogue"));
    }
    let told = desk.act(Act::RecordPackage { package, evidence }).await?;
    let row = told.get("package").cloned().unwrap_or_default();
    serde_json::from_value(row)
        .map_err(|error| Failure::new(Exit::Internal, format!("no package was answered: {error}")))
}

/// Why no package can be built.
#[must_use]
pub fn refused(against: &[Refused]) -> Failure {
    let lines: Vec<String> = against.iter().map(|why| shown::text(&why.to_string())).collect();
    Failure::new(Exit::Refused, format!("no package can be built:\n  {}", lines.join("\n  ")))
        .hint("a package says that nothing is open and that nothing happened; see docs/approval-package.md")
}
