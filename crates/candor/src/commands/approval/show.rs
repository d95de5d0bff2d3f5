//! `candor approval show`: a package for people, under the display redaction contract.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use candor_core::{ids::ApprovalNo, limits::REQUESTS_OPEN_MAX};
use candor_store::{Listing as _, sqlite::Reader};
use clap::Args;
use serde_json::Value;

use super::{given, list::asked, page};
use crate::{
    approvals::{self, shown},
    cli::Global,
    commands::audit::{Fresh, unwritten},
    desk::{reader, store_failure},
    exit::{Exit, Failure, Outcome},
    output,
};

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An approval, such as ap-3; or a package, by its digest or what that begins with [default: the newest package]
    #[arg(value_name = "APPROVAL|DIGEST")]
    what: Option<String>,
    /// Write one page that any browser shows, without a network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write over an existing file
    #[arg(long, requires = "html")]
    force: bool,
}

/// Writes the page. A place where it can't be is a wrong word of the command line, and nothing is wrong with the store.
fn write(path: &Path, force: bool, page: &str) -> Result<(), Failure> {
    let written = Fresh::create(path, force)
        .and_then(|mut file| file.file.write_all(page.as_bytes()).map_err(unwritten).and_then(|()| file.keep()));
    written.map_err(|failure| Failure {
        exit: Exit::Usage,
        message: format!("`{}`: {}", path.display(), failure.message),
        hint: Some("name another place with `--html FILE`, or write over a file with `--force`".to_owned()),
    })
}

/// Shows it.
pub fn run(global: &Global, args: &ShowArgs) -> Outcome {
    let store = reader(global)?;
    if let Some(no) = args.what.as_deref().and_then(|what| what.parse::<ApprovalNo>().ok()) {
        return given::show(global, &store, no);
    }
    let record = find(&store, args.what.as_deref())?;
    let digest = record.get("sha256").and_then(Value::as_str).unwrap_or_default();
    let package = shown::document(record.get("package").unwrap_or(&Value::Null));
    if let Some(path) = &args.html {
        write(path, args.force, &page::html(digest, &package))?;
    }
    if global.json {
        output::json(&package)?;
        return Ok(Exit::Ok);
    }
    match &args.html {
        Some(path) => output::line(format!("{}: open it in any browser", path.display())),
        None => {
            terminal(digest, &package);
            reviewed(&approvals::reviews(&store, Some(digest)).map_err(store_failure)?);
            let mut requests = store.requests(REQUESTS_OPEN_MAX).map_err(store_failure)?;
            requests.retain(|request| request.answered_by.is_none());
            if !requests.is_empty() {
                output::line("");
                asked(&requests);
            }
        }
    }
    Ok(Exit::Ok)
}

/// The operator's own steps about it.
fn reviewed(reviews: &[Value]) {
    if reviews.is_empty() {
        return;
    }
    let row = |review: &Value| {
        let text = |pointer: &str| shown::text(review.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
        [text("/body/action_type"), text("/at"), text("/body/note")]
    };
    output::line("");
    output::table(&["DONE BY YOU", "AT", "NOTE"], reviews.iter().map(row));
}

/// The record of the package that is meant.
fn find(store: &Reader, digest: Option<&str>) -> Result<Value, Failure> {
    let mut all = approvals::recorded(store).map_err(store_failure)?;
    let wanted = digest.map(|text| text.strip_prefix("sha256:").unwrap_or(text));
    all.retain(|record| {
        let sha256 = record.get("sha256").and_then(Value::as_str).and_then(|text| text.strip_prefix("sha256:"));
        wanted.is_none_or(|wanted| !wanted.is_empty() && sha256.is_some_and(|sha256| sha256.starts_with(wanted)))
    });
    match (all.len(), digest) {
        (0, None) => Err(Failure::new(Exit::NotFound, "no package is on record").hint("candor approval build")),
        (0, Some(text)) => {
            Err(Failure::new(Exit::NotFound, format!("no package `{}`", shown::text(text)))
                .hint("candor approval list"))
        }
        (2.., Some(text)) => {
            Err(Failure::new(Exit::Usage, format!("`{}` begins more than one digest", shown::text(text)))
                .hint("candor approval list; write more of it"))
        }
        _ => Ok(all.swap_remove(0)),
    }
}

fn terminal(digest: &str, package: &Value) {
    let at = |pointer: &str| shown::text(package.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    output::line(format!("package    {digest}"));
    output::line(format!("built      {}", at("/generated_at")));
    let percent = package.pointer("/program_status/overall_completion_percent").cloned().unwrap_or_default();
    output::line(format!("ready      {percent} %: {}", at("/program_status/status_note")));
    output::line(format!("before     {}", at("/prior_readback_readiness/readiness_note")));
    for (title, list, id) in page::LISTS {
        output::line("");
        let rows = page::items(package, list).map(|item| {
            let text = |field: &str| shown::text(item.get(field).and_then(Value::as_str).unwrap_or_default());
            [text(id), text("status"), text("owner_agent"), page::why(package, list, item, id).join("; ")]
        });
        output::table(&[title, "STATUS", "OWNER", "WHY"], rows);
    }
    output::line("");
    // What an owner signs for.
    let rows = page::items(package, "approval_packet_templates").map(|item| {
        let text = |field: &str| shown::text(item.get(field).and_then(Value::as_str).unwrap_or_default());
        let list = |field: &str| {
            let texts = item.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            texts.map(shown::text).collect::<Vec<_>>().join(", ")
        };
        [text("packet_id"), text("risk_tier"), list("blocked_runtime_actions"), list("required_approval_fields")]
    });
    output::table(&["APPROVING", "RISK", "OPENS", "ASKS FOR"], rows);
    output::line("");
    let rows = page::items(package, "operator_actions").map(|item| {
        let text = |field: &str| shown::text(item.get(field).and_then(Value::as_str).unwrap_or_default());
        [text("action_type"), text("operator_instruction")]
    });
    output::table(&["WHAT YOU DO", "HOW"], rows);
    output::line("");
    output::line(format!("never displayed: {}", at("/display_redaction_contract/frontend_display_policy")));
}
