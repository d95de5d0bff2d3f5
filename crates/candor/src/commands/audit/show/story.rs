//! What the records of a bundle tell: who said what, what backs it, what was decided, and what became of telling the operator.

use std::collections::BTreeMap;

use candor_audit::{bundle::opening::MAX_COPY_BYTES, bundle::verify::Seen, header::Header, json as strict, kind::Kind};
use serde_json::Value;

use super::text::{self, TAKEN_OUT};

/// Most records that are told; the others are counted.
pub(super) const RECORDS_MAX: usize = 10_000;

/// Most values taken out of one record, and most rules of one decision, that are named; the others are counted.
const NAMED_MAX: usize = 50;

/// Where in the picture something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Reports,
    Claims,
    Evidence,
    Policy,
    Incident,
    Notices,
    Delivery,
    Operator,
    Record,
}

impl Lane {
    pub(super) const ALL: [Self; 9] = [
        Self::Reports,
        Self::Claims,
        Self::Evidence,
        Self::Policy,
        Self::Incident,
        Self::Notices,
        Self::Delivery,
        Self::Operator,
        Self::Record,
    ];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Reports => "reported",
            Self::Claims => "claimed",
            Self::Evidence => "evidence",
            Self::Policy => "decided",
            Self::Incident => "incident",
            Self::Notices => "to be told",
            Self::Delivery => "delivery",
            Self::Operator => "operator",
            Self::Record => "record",
        }
    }
}

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Open,
    Bad,
}

impl Tone {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Open => "open",
            Self::Bad => "bad",
        }
    }
}

/// One record, in a line.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at_us: i64,
    pub(super) lane: Lane,
    pub(super) tone: Tone,
    pub(super) id: String,
    pub(super) task: String,
    pub(super) words: String,
}

/// What an agent asserts.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) no: String,
    pub(super) agent: String,
    pub(super) task: String,
    pub(super) kind: String,
    pub(super) statement: String,
}

/// What speaks for or against a claim.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) no: String,
    pub(super) task: String,
    pub(super) supports: String,
    pub(super) strength: String,
    pub(super) bearing: String,
    pub(super) summary: String,
}

/// What policy made of an event.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) no: String,
    pub(super) event: String,
    pub(super) event_type: String,
    pub(super) task: String,
    pub(super) claim: String,
    pub(super) asked: String,
    pub(super) effective: String,
    pub(super) severity: String,
    /// The missing capability, where the two differ.
    pub(super) missing: String,
    /// Rule, what it asks for, and its message.
    pub(super) rules: Vec<[String; 3]>,
}

/// What became of telling one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Delivery {
    pub(super) title: String,
    pub(super) state: String,
    pub(super) why: String,
    pub(super) receipts: u64,
}

/// An incident's times.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) opened_us: i64,
    pub(super) resolved_us: Option<i64>,
    pub(super) words: String,
}

/// What the records tell.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) items: Vec<Item>,
    pub(super) claims: Vec<Claim>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) decisions: Vec<Decision>,
    pub(super) incidents: BTreeMap<String, Incident>,
    /// By notice, with its number first so that they stand in its order, and target.
    pub(super) deliveries: BTreeMap<(u64, String, String), Delivery>,
    /// Ability, how it counts, what the descriptor says: those that aren't supported, as last recorded.
    pub(super) unsupported: Vec<[String; 3]>,
    pub(super) descriptor: String,
    /// Where something was taken out, and what.
    pub(super) removed: Vec<(String, Vec<String>)>,
    /// Records beyond [`RECORDS_MAX`].
    pub(super) untold: u64,
}

impl Story {
    /// Takes the log's next record.
    pub(super) fn take(&mut self, seen: &Seen<'_>) {
        let Some(artifact) = &seen.artifact else { return };
        if self.items.len() >= RECORDS_MAX {
            self.untold += 1;
            return;
        }
        let entry = artifact.entry;
        if !entry.redacted.is_empty() {
            let mut named: Vec<String> = entry.redacted.iter().take(NAMED_MAX).map(|at| text::visible(at)).collect();
            if entry.redacted.len() > NAMED_MAX {
                named.push(format!("and {} more", entry.redacted.len() - NAMED_MAX));
            }
            self.removed.push((entry.r#ref.clone(), named));
        }
        let said = strict::parse_copy(artifact.body, MAX_COPY_BYTES).unwrap_or_default();
        let (lane, tone, words) = self.tell(seen.header, &said);
        let task = seen.header.task.as_ref().map(|link| text::visible(&link.task_id)).unwrap_or_default();
        let id = seen.header.id.as_str().to_owned();
        // Each of its parts is bounded; so is the whole.
        let words = text::up_to(&words, 4 * text::TEXT_CHARS_MAX);
        self.items.push(Item { at_us: seen.header.at_us, lane, tone, id, task, words });
    }

    fn tell(&mut self, header: &Header, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        match header.kind {
            Kind::Event => event(said),
            Kind::HeartbeatFold => (Lane::Reports, Tone::Plain, format!("{} routine checkpoints", at("/count"))),
            Kind::Watch => (Lane::Reports, Tone::Plain, "the watchdog looked".to_owned()),
            Kind::Claim => self.claim(said),
            Kind::Evidence => self.evidence(said),
            Kind::Decision => self.decision(said),
            Kind::Incident => self.incident(header, said),
            Kind::Queue => self.notice(said),
            Kind::Spool | Kind::Attempt => self.handed_over(said),
            Kind::Receipt => self.receipt(said),
            Kind::OperatorAct => {
                let what = [at("/act"), at("/about"), at("/how"), at("/profile"), at("/note"), at("/by")];
                (Lane::Operator, Tone::Plain, joined(&what))
            }
            Kind::Gate => {
                let closed = said.get("closed_at").is_some_and(|at| !at.is_null());
                let how = if closed { "closed" } else { "opened" };
                (Lane::Operator, Tone::Plain, format!("gate {} {how}: {}", at("/gate"), at("/reason")))
            }
            Kind::Approval => (Lane::Operator, Tone::Plain, approval(header, said)),
            Kind::Effect => {
                let words = format!("use {} of gate {}: {}", at("/use_no"), at("/gate"), at("/what"));
                (Lane::Operator, Tone::Plain, words)
            }
            Kind::Work => {
                let kept = said.get("kind").is_some();
                let what = if kept { [at("/kind"), at("/key")] } else { [at("/wanted/want"), at("/state/state")] };
                (Lane::Operator, Tone::Plain, format!("gated work: {}", joined(&what)))
            }
            Kind::Readback => {
                let what = [at("/notice"), at("/target"), at("/answer/answer"), at("/key")];
                (Lane::Delivery, Tone::Plain, format!("read back: {}", joined(&what)))
            }
            Kind::Gap => (Lane::Record, Tone::Bad, format!("gap: {}", at("/gap").replace('_', " "))),
            Kind::Profile => (Lane::Record, Tone::Plain, format!("profile in force: {}", at("/profile"))),
            Kind::Capability => self.capability(said),
            Kind::Key => {
                (Lane::Record, Tone::Plain, "another key signs the log from now on; both signed that".to_owned())
            }
            Kind::Pack => {
                let packs = said.get("packs").and_then(Value::as_array).map_or(0, Vec::len);
                (Lane::Record, Tone::Plain, format!("{packs} policy packs in force"))
            }
        }
    }

    fn claim(&mut self, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let agent =
            Some(at("/agent")).filter(|agent| !agent.is_empty()).unwrap_or_else(|| "an unnamed agent".to_owned());
        let claim = Claim { no: at("/no"), agent, task: at("/task"), kind: at("/kind"), statement: at("/statement") };
        let words = format!("{} claims `{}`: {}", claim.agent, claim.kind, claim.statement);
        self.claims.push(claim);
        (Lane::Claims, Tone::Plain, words)
    }

    fn evidence(&mut self, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let evidence = Evidence {
            no: at("/no"),
            task: at("/task"),
            supports: at("/supports"),
            strength: at("/strength"),
            bearing: at("/finding/bearing"),
            summary: at("/finding/summary"),
        };
        let tone = match evidence.bearing.as_str() {
            "supports" => Tone::Good,
            "contradicts" => Tone::Bad,
            _ => Tone::Open,
        };
        let words = format!("{} ({}): {}", evidence.bearing, evidence.strength, evidence.summary);
        self.evidence.push(evidence);
        (Lane::Evidence, tone, words)
    }

    fn decision(&mut self, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let rules = said.get("rules").and_then(Value::as_array).into_iter().flatten();
        let decision = Decision {
            no: at("/no"),
            event: at("/event"),
            event_type: at("/event_type"),
            task: at("/task"),
            claim: at("/claim"),
            asked: at("/requested"),
            effective: at("/effective"),
            severity: at("/severity"),
            missing: at("/gap/missing"),
            rules: rules
                .take(NAMED_MAX)
                .map(|rule| ["/rule", "/verdict", "/message"].map(|field| text::at(rule, field)))
                .collect(),
        };
        let words = if decision.asked == decision.effective {
            format!("{} about {}", decision.effective, decision.event_type)
        } else {
            format!("{} about {} (asked for {})", decision.effective, decision.event_type, decision.asked)
        };
        let tone = verdict_tone(&decision.effective);
        self.decisions.push(decision);
        (Lane::Policy, tone, words)
    }

    fn incident(&mut self, header: &Header, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let resolved_us = said.get("resolved_at").and_then(Value::as_str).and_then(candor_audit::at::parse);
        let opened = said.get("opened_at").and_then(Value::as_str).and_then(candor_audit::at::parse);
        let opened_us = opened.unwrap_or(header.at_us);
        let what = format!("{} {} at level {}", at("/no"), at("/kind"), at("/level"));
        let (tone, words) = match (resolved_us, at("/acknowledged_by")) {
            (Some(_), _) => (Tone::Good, format!("{what}, resolved: {}", at("/resolution"))),
            (None, by) if by.is_empty() => (Tone::Bad, format!("{what}, open")),
            (None, by) => (Tone::Open, format!("{what}, acknowledged by {by}")),
        };
        self.incidents.insert(at("/no"), Incident { opened_us, resolved_us, words: words.clone() });
        (Lane::Incident, tone, words)
    }

    fn notice(&mut self, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let Some(notice) = said.get("notice").filter(|notice| notice.is_object()) else {
            return (
                Lane::Notices,
                Tone::Plain,
                format!("{}: {} more reports folded in", at("/notice"), at("/folded")),
            );
        };
        let (no, title) = (text::at(notice, "/no"), text::at(notice, "/title"));
        for target in said.get("targets").and_then(Value::as_array).into_iter().flatten() {
            let delivery = self.delivery(&no, &text::of(target));
            delivery.title.clone_from(&title);
            "queued".clone_into(&mut delivery.state);
        }
        let tone = if text::at(notice, "/severity") == "info" { Tone::Plain } else { Tone::Open };
        (Lane::Notices, tone, title)
    }

    fn handed_over(&mut self, said: &Value) -> (Lane, Tone, String) {
        let (notice, target) = (text::at(said, "/notice"), text::at(said, "/target"));
        if said.get("state").is_none() {
            "dispatched".clone_into(&mut self.delivery(&notice, &target).state);
        }
        (Lane::Delivery, Tone::Plain, format!("{notice} handed over to {target}"))
    }

    fn receipt(&mut self, said: &Value) -> (Lane, Tone, String) {
        let at = |pointer: &str| text::at(said, pointer);
        let (notice, target, state) = (at("/notice"), at("/target"), at("/state"));
        let proof = match at("/proof/level") {
            level if level.is_empty() => String::new(),
            level => format!("proof: {level} {}", at("/proof/provider_id")).trim_end().to_owned(),
        };
        let why = joined(&[proof, at("/reason").replace('_', " "), at("/answer/outcome/why"), at("/note")]);
        let delivery = self.delivery(&notice, &target);
        delivery.state.clone_from(&state);
        delivery.why.clone_from(&why);
        delivery.receipts += 1;
        (Lane::Delivery, state_tone(&state), format!("{notice} to {target}: {state}, {why}"))
    }

    fn delivery(&mut self, notice: &str, target: &str) -> &mut Delivery {
        let no = notice.split_once('-').and_then(|(_, no)| no.parse().ok()).unwrap_or(u64::MAX);
        self.deliveries.entry((no, notice.to_owned(), target.to_owned())).or_default()
    }

    fn capability(&mut self, said: &Value) -> (Lane, Tone, String) {
        self.descriptor = text::at(said, "/descriptor");
        let all = said.get("standing").and_then(Value::as_array).into_iter().flatten();
        let short = all.filter(|one| one.get("counts").and_then(Value::as_str) != Some("supported"));
        self.unsupported =
            short.map(|one| ["/ability", "/counts", "/note"].map(|field| text::at(one, field))).collect();
        let count = self.unsupported.len();
        (Lane::Record, Tone::Plain, format!("capabilities of {}: {count} aren't supported", self.descriptor))
    }

    /// The evidence that speaks to a claim.
    pub(super) fn backing(&self, claim: &Claim) -> impl Iterator<Item = &Evidence> {
        let speaks = |one: &&Evidence| {
            one.task == claim.task && one.supports.split(", ").any(|kind| kind == claim.kind || kind == TAKEN_OUT)
        };
        self.evidence.iter().filter(speaks)
    }
}

fn event(said: &Value) -> (Lane, Tone, String) {
    let at = |pointer: &str| text::at(said, pointer);
    let kind = at("/event/type");
    let kind = kind.strip_prefix("reporting-governance.").unwrap_or(&kind).to_owned();
    let by = Some(at("/event/agentid")).filter(|agent| !agent.is_empty()).unwrap_or_else(|| at("/origin"));
    let texts = ["summary", "note", "reason", "title", "text", "statement", "on", "by"];
    let said = texts.map(|field| at(&format!("/event/data/{field}")));
    let tone = match kind.as_str() {
        "task.missed" | "task.escalated" | "task.failed" => Tone::Bad,
        "task.blocked" | "task.waiting" | "task.slow" => Tone::Open,
        "task.recovered" | "task.unblocked" => Tone::Good,
        _ => Tone::Plain,
    };
    let words = joined(&said);
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    (Lane::Reports, tone, format!("{kind} by {by}{words}"))
}

/// What a verdict looks like: nothing against it, less than was said, or held back.
pub(super) fn verdict_tone(verdict: &str) -> Tone {
    match verdict {
        "allow" => Tone::Good,
        "allow_with_label" | "request_evidence" | "force_checkpoint" => Tone::Open,
        "downgrade_status" | "force_review_notice" | "block_dispatch" | "block_completion" => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// What a delivery's state looks like.
pub(super) fn state_tone(state: &str) -> Tone {
    match state {
        "acked" => Tone::Good,
        "blocked" => Tone::Bad,
        "pending_external_send" => Tone::Open,
        _ => Tone::Plain,
    }
}

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What an artifact of the approval chain says.
fn approval(header: &Header, said: &Value) -> String {
    let at = |pointer: &str| text::at(said, pointer);
    let id = header.id.as_str();
    if id.starts_with("pk-") {
        return format!("approval package {} is on record", at("/sha256"));
    }
    if said.get("revoked").is_some() {
        return format!(
            "approval {} is revoked by {}: {}",
            at("/revoked/no"),
            at("/revoked/standing/by"),
            at("/revoked/standing/reason")
        );
    }
    if said.get("terms").is_some() {
        let (verdict, packet, by) = (at("/terms/verdict"), at("/terms/packet_id"), at("/signed_by"));
        return format!("{by} signed `{verdict}` of packet {packet}: {}", at("/terms/fields/reason"));
    }
    if said.get("agent").is_some() && said.get("gate").is_some() {
        return format!("agent {} asks for gate {}: {}", at("/agent"), at("/gate"), at("/reason"));
    }
    format!("{} of {}", at("/kind"), at("/key"))
}
