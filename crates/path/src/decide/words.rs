//! A notice's words: what happened, on which grounds, and what to type next. Plain text, no more than is known.

use std::time::Duration;

use candor_core::{
    decision::{Decision, Verdict},
    event::Report,
    limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX},
    task::{IncidentKind, Task},
    time::format_duration,
};

use super::Case;

/// Title and text.
pub(super) fn notice(case: &Case<'_>, decision: &Decision) -> (String, String) {
    let title = title(case, decision);
    let mut text = vec![body(case)];
    text.extend(
        decision.rules.iter().filter(|rule| !rule.message.is_empty()).map(|rule| format!("- {}", rule.message)),
    );
    if decision.requested != decision.effective {
        let missing = decision.gap.as_ref().map_or("a capability", |gap| gap.missing.as_str());
        text.push(format!(
            "Policy asked for `{}`; `{}` took effect, because this runtime lacks `{missing}`.",
            decision.requested.as_str(),
            decision.effective.as_str(),
        ));
    }
    text.push(format!("Why: candor explain {}", decision.no));
    text.retain(|line| !line.is_empty());
    (cut(&title.replace(['\n', '\r'], " "), LINE_BYTES_MAX), cut(&text.join("\n"), TEXT_BYTES_MAX))
}

fn name(task: Option<&Task>) -> String {
    task.map_or_else(
        || "A report".to_owned(),
        |task| format!("Task {}", task.name.as_deref().unwrap_or(task.id.as_str())),
    )
}

fn title(case: &Case<'_>, decision: &Decision) -> String {
    let task = name(case.task);
    match case.report {
        Report::TaskMissed(_) => match case.task {
            Some(of) => format!(
                "{task} is silent for {} (reports every {}, grace {})",
                short(silence(case)),
                short(of.cadence.period),
                short(of.cadence.grace)
            ),
            None => format!("{task} is silent"),
        },
        Report::TaskEscalated(silence) => {
            let what = match case.incident.map(|incident| incident.kind) {
                Some(IncidentKind::Blocked) => "is still blocked",
                _ => "is still silent",
            };
            format!("{task} {what}, and nobody took it on (level {})", silence.level)
        }
        Report::TaskSlow(_) => format!("{task} takes longer than expected"),
        Report::TaskRecovered(recovered) => {
            format!("{task} is back after {}", short(recovered.silent_for))
        }
        Report::TaskBlocked(blocked) => format!("{task} is blocked: {}", blocked.reason),
        Report::TaskWaiting(waiting) => format!("{task} waits for a person: {}", waiting.on),
        Report::TaskFailed(failed) => format!("{task} failed: {}", failed.reason),
        Report::TaskCompleted(_) => format!("{task} claims to be done: {}", effect(decision.effective)),
        Report::ClaimMade(claim) => format!("{task} claims `{}`: {}", claim.claim, effect(decision.effective)),
        Report::EvidenceAdded(_) => match case.claim {
            Some(claim) => format!("{task}: evidence speaks against its claim `{}`", claim.kind),
            None => format!("{task}: evidence was brought"),
        },
        Report::NoticeRequested(notice) => notice.title.clone(),
        other => format!("{task} reported `{}`: {}", other.event_type().as_str(), effect(decision.effective)),
    }
}

/// What takes effect, for a title.
fn effect(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "it stands",
        Verdict::AllowWithLabel => "it stands, with a label",
        Verdict::RequestEvidence => "evidence is asked for",
        Verdict::DowngradeStatus => "shown as unproved",
        Verdict::ForceCheckpoint => "a report is asked for",
        Verdict::ForceReviewNotice => "a person must look",
        Verdict::BlockDispatch => "not passed on",
        Verdict::BlockCompletion => "held back",
    }
}

/// How long nothing was seen, as the facts of the decision have it.
fn silence(case: &Case<'_>) -> Duration {
    Duration::from_secs(u64::try_from(case.facts.task.silent_s).unwrap_or_default())
}

/// A duration for people: whole seconds, or less where there is no whole one.
fn short(of: Duration) -> String {
    let whole = Duration::from_secs(of.as_secs());
    format_duration(if whole.is_zero() { of } else { whole })
}

fn body(case: &Case<'_>) -> String {
    match case.report {
        Report::TaskMissed(silence) | Report::TaskSlow(silence) | Report::TaskEscalated(silence) => {
            silence.looked_at.join("; ")
        }
        Report::TaskRecovered(recovered) => format!("What ended it: {}.", recovered.by),
        Report::TaskBlocked(blocked) => {
            blocked.needs.as_ref().map(|needs| format!("It needs: {needs}")).unwrap_or_default()
        }
        Report::TaskCompleted(completed) => {
            completed.summary.as_ref().map(|summary| format!("In its words: {summary}")).unwrap_or_default()
        }
        Report::ClaimMade(claim) => {
            claim.statement.as_ref().map(|statement| format!("In its words: {statement}")).unwrap_or_default()
        }
        Report::NoticeRequested(notice) => notice.text.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

/// At most `bytes_max` bytes, cut at a character, with a mark that it was cut.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if kept.len() + letter.len_utf8() + '…'.len_utf8() > bytes_max {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}
