//! What a canonical readback plan asks here, and whom. Nothing is asked here: that is [`super::run`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use candor_audit::{canonical, hex};
use candor_core::{
    catalogue::{Catalogue, PlanEntry},
    gate::{Gate, Scope},
    ids::{NoticeNo, PlanId, RuntimeName, TargetName},
    settings::PlanTerms,
};
use candor_store::{Listing, StoreError};
use candor_world::{
    runtimes::{Reader, RuntimeRead},
    senders::Binding,
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    question::in_doubt,
    rows::{self, About},
};
use crate::config::Config;

/// The plan that asks channels about notices.
const NOTICES: &str = "outcome-unknown-notices";
/// Most questions of one run. What is beyond them is told, and asked by the next run.
pub const QUESTIONS_MAX: usize = 50;

/// Whom a plan asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// Channels, about notices.
    Notices,
    /// Runtimes.
    Runtime(RuntimeRead),
}

impl PlanKind {
    /// The plan of that id; none for one that this version has no way to run.
    #[must_use]
    pub fn parse(plan: &str) -> Option<Self> {
        if plan == NOTICES { Some(Self::Notices) } else { RuntimeRead::parse(plan).map(Self::Runtime) }
    }
}

/// Who can be asked here.
#[derive(Clone, Copy)]
pub struct Askable<'a> {
    /// Each target's sender.
    pub bindings: &'a BTreeMap<TargetName, Binding>,
    /// Each runtime's reader.
    pub runtimes: &'a BTreeMap<RuntimeName, Reader>,
    /// The node's id, which the keys of notices begin with.
    pub node: &'a str,
}

/// One question of a run.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A channel, what became of a notice.
    Notice {
        /// The notice.
        notice: NoticeNo,
        /// The target.
        target: TargetName,
    },
    /// A runtime, what it has on record.
    Runtime {
        /// Which.
        runtime: RuntimeName,
        /// For what.
        read: RuntimeRead,
        /// What its answer is looked through for.
        about: Vec<About>,
    },
}

impl Ask {
    /// How many things it asks about.
    #[must_use]
    pub fn about(&self) -> usize {
        match self {
            Self::Notice { .. } => 1,
            Self::Runtime { about, .. } => about.len(),
        }
    }

    /// What a use for it is about.
    #[must_use]
    pub fn scope(&self, plan: &PlanId) -> Scope {
        let plan = Some(plan.clone());
        match self {
            Self::Notice { target, .. } => Scope { plan, ..Scope::channel(target) },
            Self::Runtime { runtime, .. } => Scope { plan, runtime: Some(runtime.clone()), channel: None },
        }
    }

    /// The gates that it passes, beside that of keeping.
    #[must_use]
    pub fn gates(&self, of: Askable<'_>) -> Vec<Gate> {
        match self {
            Self::Notice { target, .. } => of.bindings.get(target).map(Binding::read_back_gates).unwrap_or_default(),
            Self::Runtime { runtime, read, .. } => {
                let asked = of.runtimes.get(runtime).and_then(|reader| reader.would_ask(*read).ok());
                asked.map(|asked| asked.gates).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notice { notice, target } => write!(f, "target `{target}` about {notice}"),
            Self::Runtime { runtime, about, .. } => write!(f, "runtime `{runtime}` about {}", about.len()),
        }
    }
}

/// Somebody or something that isn't asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unasked {
    /// Who or what.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What a run would ask now.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    /// The questions, at most [`QUESTIONS_MAX`].
    pub questions: Vec<Ask>,
    /// What can't be asked, or isn't by this run.
    pub unasked: Vec<Unasked>,
}

/// What a run of a plan would ask now.
///
/// # Errors
/// When the store can't be read.
pub fn asks(kind: PlanKind, store: &impl Listing, of: Askable<'_>) -> Result<Asks, StoreError> {
    let mut asks = match kind {
        PlanKind::Notices => notices(store, of)?,
        PlanKind::Runtime(read) => runtimes(read, store, of)?,
    };
    for beyond in asks.questions.iter().skip(QUESTIONS_MAX) {
        let why = format!("one run asks at most {QUESTIONS_MAX} questions; the next one asks this");
        asks.unasked.push(Unasked { what: beyond.to_string(), why });
    }
    asks.questions.truncate(QUESTIONS_MAX);
    Ok(asks)
}

fn notices(store: &impl Listing, of: Askable<'_>) -> Result<Asks, StoreError> {
    let mut asks = Asks::default();
    for doubted in in_doubt(store)? {
        let (notice, target) = (doubted.notice, doubted.target);
        let what = format!("target `{target}` about {notice}");
        match of.bindings.get(&target).map(Binding::reads_back) {
            Some(Ok(())) => asks.questions.push(Ask::Notice { notice, target }),
            Some(Err(why)) => asks.unasked.push(Unasked { what, why }),
            None => asks.unasked.push(Unasked { what, why: "the target isn't configured any more".to_owned() }),
        }
    }
    Ok(asks)
}

fn runtimes(read: RuntimeRead, store: &impl Listing, of: Askable<'_>) -> Result<Asks, StoreError> {
    let mut about = match read {
        RuntimeRead::GatewayQueue => {
            let handed = rows::handed_over(store, of)?;
            // Any runtime that knows a gateway's queue may have any of them.
            of.runtimes.keys().map(|runtime| (runtime.clone(), handed.clone())).collect()
        }
        RuntimeRead::RuntimeTasks => rows::tasks(store)?,
        RuntimeRead::CapturedResults => rows::captured(store)?,
    };
    about.retain(|_, about| !about.is_empty());
    let mut asks = Asks::default();
    for (runtime, about) in about {
        let able = of.runtimes.get(&runtime).map(|reader| reader.would_ask(read));
        let what = format!("runtime `{runtime}` about {}", about.len());
        match able {
            Some(Ok(_)) => asks.questions.push(Ask::Runtime { runtime, read, about }),
            Some(Err(why)) => asks.unasked.push(Unasked { what, why }),
            None => {
                let why = "`runtimes:` of the configuration doesn't say how it is asked".to_owned();
                asks.unasked.push(Unasked { what, why });
            }
        }
    }
    Ok(asks)
}

/// What runs of the catalogue's plans are held against here.
#[must_use]
pub fn terms(catalogue: &Catalogue, of: Askable<'_>) -> BTreeMap<PlanId, PlanTerms> {
    let terms = |plan: &PlanEntry| {
        let (whom, reads_secrets) = whom(PlanKind::parse(&plan.id)?, of);
        let all = json!({ "catalogue": catalogue.name(), "plan": plan, "whom": whom });
        let sha256 = hex(&Sha256::digest(canonical::to_bytes(&all)));
        Some((plan.id.parse().ok()?, PlanTerms { sha256, reads_secrets }))
    };
    catalogue.plans.iter().filter_map(terms).collect()
}

/// Who can be asked for each plan of the catalogue, by name, for packages.
#[must_use]
pub fn askable(config: &Config) -> BTreeMap<String, Vec<String>> {
    let who = |plan: &PlanEntry| match PlanKind::parse(&plan.id) {
        Some(PlanKind::Notices) => {
            let able = config.bindings.values().filter(|binding| binding.reads_back().is_ok());
            able.map(|binding| format!("target {}", binding.target())).collect()
        }
        Some(PlanKind::Runtime(read)) => {
            let able = config.runtimes.iter().filter(|(_, reader)| reader.would_ask(read).is_ok());
            able.map(|(name, _)| format!("runtime {name}")).collect()
        }
        None => Vec::new(),
    };
    config.plans.iter().map(|plan| (plan.id.clone(), who(plan))).collect()
}

/// Whoever a plan could ask, by what; and whether that takes a secret.
fn whom(kind: PlanKind, of: Askable<'_>) -> (Vec<Value>, bool) {
    let mut gates = BTreeSet::new();
    let whom = match kind {
        PlanKind::Notices => {
            let able = of.bindings.values().filter(|binding| binding.reads_back().is_ok());
            able.map(|binding| {
                gates.extend(binding.read_back_gates());
                json!({ "target": binding.target(), "sender": binding.describe(), "gates": binding.read_back_gates() })
            })
            .collect()
        }
        PlanKind::Runtime(read) => {
            let able = of.runtimes.iter().filter_map(|(name, reader)| Some((name, reader.would_ask(read).ok()?)));
            able.map(|(name, asked)| {
                gates.extend(asked.gates.iter().copied());
                json!({ "runtime": name, "asked": asked })
            })
            .collect()
        }
    };
    (whom, gates.contains(&Gate::SecretRead))
}
