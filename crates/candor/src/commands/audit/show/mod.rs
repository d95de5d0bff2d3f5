//! `candor audit show`: what a bundle tells, for people.

mod page;
mod picture;
mod story;
mod text;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use candor_audit::{at, bundle::verify::Checked};
use clap::Args;
use serde_json::json;

pub(in crate::commands) use self::text::html;
pub use self::text::visible;
use self::{page::Page, story::Story, text::on_a_line};
use super::{
    fresh::{Fresh, digest, unwritten},
    reads,
    replay::Replay,
    verify::{self, VerifyArgs},
};
use crate::{
    cli::Global,
    exit::{Exit, Failure, Outcome},
    output,
};

/// Longest line of the timeline in a terminal, in characters.
const LINE_CHARS_MAX: usize = 160;

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    bundle: VerifyArgs,
    /// Write one page that any browser shows, without a network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write over an existing file
    #[arg(long, requires = "html")]
    force: bool,
}

/// Shows the bundle, if it is intact: of another nothing is said to be so.
pub fn run(global: &Global, args: &ShowArgs) -> Outcome {
    let (mut story, mut replay) = (Story::default(), Replay::default());
    let checked = verify::read(global, &args.bundle, &mut |seen| {
        story.take(seen);
        replay.take(seen);
    })?;
    let Some(checked) = checked else { return Ok(Exit::NotIntact) };
    if let Some(path) = &args.html {
        write_page(args, path, &checked, &story, &replay)?;
    }
    reads::record(global, &args.bundle, &checked.verdict, "show");
    if global.json {
        let records: Vec<_> = story
            .items
            .iter()
            .map(|item| json!({ "id": item.id, "at": at::text(item.at_us), "what": item.lane.words(), "task": item.task, "words": item.words }))
            .collect();
        output::json(&json!({
            "intact": true, "verdict": checked.verdict, "replay": replay.told(), "records": records, "more": story.untold, "page": args.html,
        }))?;
        return Ok(Exit::Ok);
    }
    verify::show(global, &checked.verdict)?;
    output::line(replay.words());
    match &args.html {
        Some(path) => output::line(format!("{}: open it in any browser", path.display())),
        None => timeline(&story),
    }
    Ok(Exit::Ok)
}

fn write_page(args: &ShowArgs, path: &Path, checked: &Checked, story: &Story, replay: &Replay) -> Result<(), Failure> {
    let digest = digest(&args.bundle.file)?;
    let name = args.bundle.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let page = Page {
        verdict: &checked.verdict,
        rest: &checked.rest,
        story,
        replay: &replay.words(),
        replayed: replay.is_equal(),
        file: (&name, &digest),
    };
    let mut file = Fresh::create(path, args.force)?;
    file.file.write_all(page.html().as_bytes()).map_err(unwritten)?;
    file.keep()
}

fn timeline(story: &Story) {
    let rows = story.items.iter().map(|item| {
        let words = on_a_line(&item.words);
        let mut line: String = words.chars().take(LINE_CHARS_MAX).collect();
        if line.len() < words.len() {
            line.push('\u{2026}');
        }
        [at::text(item.at_us), item.lane.words().to_owned(), item.id.clone(), visible(&item.task), line]
    });
    output::line("");
    output::table(&["at", "what", "record", "task", ""], rows);
    let deliveries = story.deliveries.iter().map(|((_, notice, target), of)| {
        [notice.clone(), target.clone(), of.state.clone(), on_a_line(&of.why), on_a_line(&of.title)]
    });
    if !story.deliveries.is_empty() {
        output::line("");
        output::table(&["notice", "target", "state", "proof or reason", "title"], deliveries);
    }
    if story.untold > 0 {
        output::line(format!("and {} more records", story.untold));
    }
}
