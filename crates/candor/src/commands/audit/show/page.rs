//! One page for people: no script, nothing loaded from anywhere, every text of the records escaped.

use std::fmt::Write as _;

use candor_audit::{
    at,
    bundle::{
        manifest::Rest,
        verdict::{Anchor, Complete, Verdict},
    },
};

use super::{
    picture,
    story::{Claim, Decision, Delivery, Story, Tone, state_tone, verdict_tone},
    text::{html, visible},
};

/// Everything that the page says.
pub(super) struct Page<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) rest: &'a Rest,
    pub(super) story: &'a Story,
    /// What replaying its decisions came to, in words.
    pub(super) replay: &'a str,
    /// Whether all of them came out as recorded.
    pub(super) replayed: bool,
    /// The bundle's file name, and its SHA-256 in hex.
    pub(super) file: (&'a str, &'a str),
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn html(&self) -> String {
        let title = format!("Audit bundle: {}", visible(&self.verdict.about));
        // Whatever a record says, the browser runs nothing and loads nothing.
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
            include_str!("page.css"),
            title = html(&title),
        );
        self.head(&title, &mut out);
        self.timeline(&mut out);
        self.deliveries(&mut out);
        self.claims(&mut out);
        self.decisions(&mut out);
        self.capabilities(&mut out);
        self.removed(&mut out);
        self.records(&mut out);
        self.foot(&mut out);
        out.push_str("</body>\n</html>\n");
        out
    }

    fn head(&self, title: &str, out: &mut String) {
        let verdict = self.verdict;
        let complete = match verdict.complete {
            Complete::Range { from, to } => {
                format!("every header of records {from} to {} is shown", to.saturating_sub(1))
            }
            Complete::UpToLastShown { last } => {
                format!("up to the last shown record{}", last.map_or(String::new(), |last| format!(", {last}")))
            }
        };
        let anchored = match verdict.anchored {
            Anchor::SignerOnly => "by the signer's word only".to_owned(),
            Anchor::KnownHead { size } => format!("continues a head of {size} records that the reader had"),
        };
        let mut rows = vec![
            ("signed by", verdict.signed_by.clone()),
            ("log", format!("{} records at {}", verdict.tree_size, verdict.head_at)),
            ("in it", format!("{} artifacts, {} headers", verdict.artifacts, verdict.headers)),
            ("complete", complete),
            ("anchored", anchored),
            ("profile", self.rest.deployment_profile.clone().unwrap_or_default()),
            ("taken out", format!("{} values, {} records withheld", verdict.redacted, verdict.withheld)),
            ("gaps", format!("{} on record", verdict.gaps)),
        ];
        if let Some(copy) = &verdict.derived {
            rows.push(("copied by", copy.by.clone()));
        }
        let rows: String =
            rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", html(&visible(value)))).collect();
        let open: String = verdict.not_proved.iter().map(|one| format!("<li>{}</li>", html(&visible(one)))).collect();
        let replay = badge(
            if self.replayed { Tone::Good } else { Tone::Bad },
            if self.replayed { "replays" } else { "doesn't replay" },
        );
        let _ = write!(
            out,
            "<header>\n<h1>{}</h1>\n<p>{} {replay} <span class=\"soft\">{}</span></p>\n\
             <div class=\"two\">\n<section class=\"card\"><h3>What was checked</h3><dl>{rows}</dl></section>\n\
             <section class=\"card\"><h3>What it doesn\u{2019}t prove</h3><ul>{open}</ul></section>\n</div>\n</header>\n",
            html(title),
            badge(Tone::Good, "intact"),
            html(self.replay),
        );
    }

    fn timeline(&self, out: &mut String) {
        section("Timeline", out);
        let shown = self.story.items.len().min(picture::DOTS_MAX);
        let more = match self.story.items.len() - shown {
            0 => String::new(),
            more => format!(" The first {shown} records; {more} more are in the list below."),
        };
        let day = self.story.items.first().map(|item| at::text(item.at_us)).unwrap_or_default();
        let _ = write!(
            out,
            "<div class=\"scroll\">{}</div>\n<p class=\"small soft legend\"><span class=\"good\">good</span><span class=\"open\">open</span>\
             <span class=\"bad\">against it</span><span class=\"plain\">for the record</span>From {} on, times in UTC. Pauses are shortened.{more}</p>\n",
            picture::svg(self.story),
            html(day.get(..10).unwrap_or_default()),
        );
    }

    fn deliveries(&self, out: &mut String) {
        section("What the operator was told", out);
        let row = |((_, notice, target), of): (&(u64, String, String), &Delivery)| {
            let state = badge(state_tone(&of.state), &of.state);
            row(&[html(notice), said(&of.title), html(target), state, said(&of.why), of.receipts.to_string()])
        };
        let rows: Vec<String> = self.story.deliveries.iter().map(row).collect();
        table(
            &["notice", "about", "target", "state", "proof or reason", "receipts"],
            &rows,
            "No notice is in this bundle.",
            out,
        );
    }

    fn claims(&self, out: &mut String) {
        section("Who said what, and what backs it", out);
        let row = |claim: &Claim| {
            let backing: Vec<String> = self
                .story
                .backing(claim)
                .map(|of| {
                    let tone = if of.bearing == "supports" { Tone::Good } else { Tone::Bad };
                    let words = format!("{}, {}", of.strength, of.bearing);
                    format!("<p>{} {} {}</p>", html(&of.no), badge(tone, &words), html(&of.summary))
                })
                .collect();
            let backing = if backing.is_empty() {
                "<span class=\"soft\">nothing but the word</span>".to_owned()
            } else {
                backing.concat()
            };
            let decided = self.story.decisions.iter().rfind(|of| of.claim == claim.no);
            let decided = decided.map_or(String::new(), |of| badge(verdict_tone(&of.effective), &of.effective));
            let kind = format!("<code>{}</code>", html(&claim.kind));
            row(&[
                html(&claim.no),
                html(&claim.agent),
                html(&claim.task),
                kind,
                said(&claim.statement),
                backing,
                decided,
            ])
        };
        let rows: Vec<String> = self.story.claims.iter().map(row).collect();
        table(
            &["claim", "who", "task", "what", "in its words", "evidence", "in effect"],
            &rows,
            "Nothing was claimed.",
            out,
        );
    }

    fn decisions(&self, out: &mut String) {
        section("What was decided, and why", out);
        let row = |of: &Decision| {
            let asked = badge(verdict_tone(&of.asked), &of.asked);
            let effect = if of.asked == of.effective {
                "<span class=\"soft\">as asked</span>".to_owned()
            } else {
                let why = format!("nothing here can do the other: no {}", of.missing.replace('_', " "));
                format!(
                    "{}<p class=\"small soft\">{}</p>",
                    badge(verdict_tone(&of.effective), &of.effective),
                    html(&why)
                )
            };
            let why: String = of
                .rules
                .iter()
                .map(|[rule, _, message]| {
                    format!("<p>{} <span class=\"small soft\">{}</span></p>", html(message), html(rule))
                })
                .collect();
            let why = if why.is_empty() { "<span class=\"soft\">no rule applied</span>".to_owned() } else { why };
            let about = format!(
                "{} <code>{}</code><p class=\"small soft\">{}</p>",
                html(&of.event),
                html(&of.event_type),
                html(&of.task)
            );
            row(&[html(&of.no), about, asked, effect, html(&of.severity), why])
        };
        let rows: Vec<String> = self.story.decisions.iter().map(row).collect();
        table(
            &["decision", "about", "asked for", "took effect", "severity", "why"],
            &rows,
            "Nothing was decided.",
            out,
        );
    }

    fn capabilities(&self, out: &mut String) {
        section("What this deployment couldn\u{2019}t do", out);
        let _ = writeln!(
            out,
            "<p class=\"soft small\">As last recorded, by the descriptor {}.</p>",
            html(&self.story.descriptor)
        );
        let rows: Vec<String> = self
            .story
            .unsupported
            .iter()
            .map(|[ability, counts, note]| {
                row(&[html(&ability.replace('_', " ")), badge(Tone::Open, counts), said(note)])
            })
            .collect();
        table(
            &["ability", "counts as", "what the descriptor says"],
            &rows,
            "No capability is missing, or none is on record here.",
            out,
        );
    }

    fn removed(&self, out: &mut String) {
        section("What was taken out", out);
        let code = |at: &String| format!("<code>{}</code>", html(at));
        let of_record = |(place, pointers): &(String, Vec<String>)| {
            row(&[format!("<code>{}</code>", html(place)), pointers.iter().map(code).collect::<Vec<_>>().join(", ")])
        };
        let withheld = self
            .rest
            .withheld
            .iter()
            .map(|of| row(&[format!("record {}", of.index), said(&format!("withheld: {}", visible(&of.why)))]));
        let rows: Vec<String> = self.story.removed.iter().map(of_record).chain(withheld).collect();
        table(&["record", "values"], &rows, "Nothing was taken out.", out);
    }

    fn records(&self, out: &mut String) {
        section("All records, in order", out);
        let rows: Vec<String> = self
            .story
            .items
            .iter()
            .map(|item| {
                let id = html(&item.id);
                let what = format!("<span class=\"{}\">{}</span>", item.tone.word(), item.lane.words());
                let cells = [
                    id.clone(),
                    format!("<span class=\"mono small\">{}</span>", at::text(item.at_us)),
                    what,
                    html(&item.task),
                    said(&item.words),
                ];
                row(&cells).replacen("<tr>", &format!("<tr id=\"{id}\">"), 1)
            })
            .collect();
        table(&["record", "at", "what", "task", ""], &rows, "No record is in this bundle.", out);
        if self.story.untold > 0 {
            let _ =
                writeln!(out, "<p class=\"soft\">And {} more, which this page has no room for.</p>", self.story.untold);
        }
    }

    fn foot(&self, out: &mut String) {
        section("Don\u{2019}t take this page\u{2019}s word for it", out);
        let (name, digest) = self.file;
        let _ = writeln!(
            out,
            "<div class=\"card\"><p>A page proves nothing. The bundle does, by the key that you got from the node\u{2019}s owner:</p>\
             <p><code>candor audit verify {name} --key {}</code></p>\
             <p class=\"soft small\">It was made from the file <code>{name}</code> with the SHA-256 <code>{digest}</code>, exported at {} by {}.</p></div>",
            html(&visible(&self.verdict.signed_by)),
            html(&visible(&self.rest.exported_at)),
            html(&visible(&self.rest.exporter)),
            name = html(&visible(name)),
        );
    }
}

fn section(title: &str, out: &mut String) {
    let _ = writeln!(out, "<h2>{title}</h2>");
}

fn badge(tone: Tone, words: &str) -> String {
    format!("<span class=\"badge {}\">{}</span>", tone.word(), html(&words.replace('_', " ")))
}

/// A text of the records, with its lines.
fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<div class=\"said\" dir=\"auto\">{}</div>", html(text)) }
}

/// A row of cells that are HTML already.
fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn table(head: &[&str], rows: &[String], none: &str, out: &mut String) {
    if rows.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{none}</p>");
        return;
    }
    let head: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    let _ = write!(out, "<div class=\"scroll\"><table>\n<tr>{head}</tr>\n{}</table></div>\n", rows.concat());
}
