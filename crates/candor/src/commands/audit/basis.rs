//! What a bundle says its decisions were made by: profile, capabilities and packs, as they lie in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use candor_audit::{
    bundle::{opening::MAX_COPY_BYTES, verify::SeenArtifact},
    header::Header,
    json as strict,
    kind::Kind,
};
use candor_core::{
    capability::{Capabilities, Capability},
    decision::{Decision, Verdict},
    facts::Facts,
    ids::RuntimeName,
    pack::{PackSet, PackSource},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// Most of what had been in force before that is kept, in changes.
const EARLIER_MAX: usize = 8;

/// What was in force, change by change.
#[derive(Debug, Default)]
pub(super) struct Bases(VecDeque<Basis>);

/// What was in force from one change to the next.
#[derive(Debug)]
pub(super) struct Basis {
    /// The number that its records share: `p-1`, `k-1` and `q-1` are of one change.
    no: String,
    profile: Part<Profile>,
    standing: Part<BTreeSet<String>>,
    packs: Part<PackSet>,
}

/// A part of it, or why it isn't known.
type Part<T> = Result<T, String>;

/// What a profile's record says that decides.
#[derive(Debug)]
struct Profile {
    name: String,
    default_verdict: Verdict,
    /// What any runtime could do, and what the deployment could.
    capabilities: BTreeSet<Capability>,
    /// What the runtimes alone could do by their descriptor.
    of_runtimes: BTreeMap<RuntimeName, Capabilities>,
    /// The thresholds; older records have them in each decision's facts alone.
    thresholds: Option<BTreeMap<String, i64>>,
}

#[derive(Deserialize)]
struct RecordedPack {
    pack: String,
    files: BTreeMap<String, Value>,
}

/// The runtime of Candor's own commands, which need no descriptor to hold a completion back.
const OWN_COMMANDS: &str = "cli";

impl Bases {
    /// Takes a record of what is in force, or the header of one that isn't in the bundle.
    pub(super) fn take(&mut self, header: &Header, artifact: Option<&SeenArtifact<'_>>) {
        let no = header.id.as_str().split_once('-').map_or("", |(_, no)| no);
        if self.0.front().is_none_or(|basis| basis.no != no) {
            let missing = |what: &str| format!("the {what} in force isn't in the bundle");
            self.0.push_front(Basis {
                no: no.to_owned(),
                profile: Err(missing("profile")),
                standing: Err(missing("capability descriptor")),
                packs: Err("the packs in force aren't in the bundle".to_owned()),
            });
            self.0.truncate(EARLIER_MAX + 1);
        }
        let (Some(basis), Some(artifact)) = (self.0.front_mut(), artifact) else { return };
        match header.kind {
            Kind::Profile => basis.profile = said(artifact, Profile::read),
            Kind::Capability => basis.standing = said(artifact, supported),
            _ => {
                let tuned = basis.profile.as_ref().ok().and_then(|profile| profile.thresholds.clone());
                basis.packs = said(artifact, |said| packs(said, &tuned.unwrap_or_default()));
            }
        }
    }

    /// What is in force now.
    pub(super) fn last(&self) -> Part<&Basis> {
        self.0.front().ok_or_else(|| "nothing in the bundle says what was in force".to_owned())
    }

    /// What had been in force before, the latest first.
    pub(super) fn earlier(&self) -> impl Iterator<Item = &Basis> {
        self.0.iter().skip(1)
    }
}

impl Basis {
    /// The profile's record and name.
    pub(super) fn name(&self) -> String {
        let name = self.profile.as_ref().map_or("", |profile| profile.name.as_str());
        format!("p-{} {name}", self.no).trim_end().to_owned()
    }

    /// The decision as it comes out by this.
    ///
    /// # Errors
    /// What isn't known of it.
    pub(super) fn decide_again(&self, decision: &Decision, facts: &Facts) -> Part<Value> {
        let profile = self.profile.as_ref().map_err(Clone::clone)?;
        let standing = self.standing.as_ref().map_err(Clone::clone)?;
        let packs = self.packs.as_ref().map_err(Clone::clone)?;
        let retuned;
        let packs = if profile.thresholds.is_some() {
            packs
        } else {
            retuned = packs.with_tuning(&facts.threshold).map_err(|errors| format!("its thresholds: {errors}"))?;
            &retuned
        };
        let again = packs.decide_again(decision, profile.default_verdict).map_err(|error| error.to_string())?;
        let mut again = serde_json::to_value(again).map_err(|error| error.to_string())?;
        // What it counted on and what nothing in force supports isn't among the facts that come out.
        for capability in facts.capability.0.iter().filter(|one| !profile.supports(**one, standing)) {
            if let Some(of) = again.pointer_mut("/facts/capability").and_then(Value::as_object_mut) {
                of.remove(capability.as_str());
            }
        }
        Ok(again)
    }
}

impl Profile {
    fn read(said: &Value) -> Part<Self> {
        let of_runtimes: BTreeMap<RuntimeName, Capabilities> = field(said, "/settings/capabilities")?;
        let deployment: Capabilities = field(said, "/settings/deployment")?;
        Ok(Self {
            name: field(said, "/profile")?,
            default_verdict: field(said, "/settings/default_verdict")?,
            capabilities: deployment.0,
            of_runtimes,
            thresholds: said.get("thresholds").is_some().then(|| field(said, "/thresholds")).transpose()?,
        })
    }

    /// Whether a decision could count on it: the deployment or a runtime has it, and a runtime only by a descriptor that says so. That a
    /// watchdog runs is known when it is decided, and on record with the facts alone.
    fn supports(&self, capability: Capability, standing: &BTreeSet<String>) -> bool {
        let has = |(runtime, of): (&RuntimeName, &Capabilities)| {
            of.supports(capability) && (runtime.as_str() == OWN_COMMANDS || standing.contains(capability.as_str()))
        };
        capability == Capability::ScheduledWatchdog
            || self.capabilities.contains(&capability)
            || self.of_runtimes.iter().any(has)
    }
}

/// What `read` makes of a record of what is in force. What was taken out of it matters only where that is read.
fn said<T>(artifact: &SeenArtifact<'_>, read: impl FnOnce(&Value) -> Part<T>) -> Part<T> {
    let SeenArtifact { entry, body, .. } = artifact;
    let said = strict::parse_copy(body, MAX_COPY_BYTES).map_err(|error| format!("`{}`: {error}", entry.r#ref))?;
    read(&said).map_err(|why| match entry.redacted.len() {
        0 => why,
        count => format!("{why} ({count} values were taken out of `{}`)", entry.r#ref),
    })
}

fn field<T: DeserializeOwned>(said: &Value, at: &str) -> Part<T> {
    let value = said.pointer(at).ok_or_else(|| format!("the profile in force has no `{at}`"))?;
    T::deserialize(value).map_err(|error| format!("the profile in force has an unknown `{at}`: {error}"))
}

/// The abilities that count as supported by a descriptor's record.
fn supported(said: &Value) -> Part<BTreeSet<String>> {
    let all = said.get("standing").and_then(Value::as_array);
    let all = all.ok_or_else(|| "the capability descriptor in force has an unknown form".to_owned())?;
    let counted = all.iter().filter(|one| one.get("counts").and_then(Value::as_str) == Some("supported"));
    Ok(counted.filter_map(|one| one.get("ability")?.as_str().map(str::to_owned)).collect())
}

fn packs(said: &Value, tuned: &BTreeMap<String, i64>) -> Part<PackSet> {
    let unknown = |error: String| format!("the packs in force have a form that this program doesn't know: {error}");
    let listed = said.get("packs").ok_or_else(|| unknown("no `packs`".to_owned()))?;
    let listed: Vec<RecordedPack> = Vec::deserialize(listed).map_err(|error| unknown(error.to_string()))?;
    // What was taken out is no text; a file that the rules don't need may be missing.
    let text = |(name, value): (String, Value)| value.as_str().map(|text| (name, text.to_owned()));
    let source =
        |of: RecordedPack| PackSource { folder: of.pack, files: of.files.into_iter().filter_map(text).collect() };
    let sources: Vec<PackSource> = listed.into_iter().map(source).collect();
    PackSet::load(&sources, tuned).map_err(|errors| unknown(errors.to_string()))
}
