//! `candor readback run`: a canonical readback plan is rehearsed, and run.

use std::collections::BTreeMap;

use candor_core::{
    catalogue::PlanEntry,
    gate::Gate,
    ids::PlanId,
    work::{DocumentKind, Wanted},
};
use candor_path::{Act, gates_of_work};
use candor_store::{StoreError, sqlite::Reader};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    approvals::{catalogue_of, shown},
    cli::Global,
    config::Config,
    desk::{self, Desk, store_failure},
    exit::{Exit, Failure, Outcome},
    gated,
    home::Home,
    output,
    readbacks::{self, Ask, Askable, Asks, PlanKind},
};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The plan; `candor readback list` shows them
    plan: PlanId,
    /// Ask nobody: show what would be asked, whom, and what would be kept, and have that on record
    #[arg(long)]
    dry_run: bool,
}

/// Rehearses the plan, or runs it.
pub fn run(global: &Global, args: &RunArgs) -> Outcome {
    let home = Home::find(global.state.clone(), global.config.clone())?;
    home.create()?;
    let config = Config::load(&home)?;
    let entry = entry(&config, &args.plan)?;
    if args.dry_run {
        return rehearse(global, &home, &config, &entry);
    }
    if let Some(nothing) = nothing_to_ask(&home, &config, &entry)? {
        return nothing_told(global, &entry, &nothing);
    }
    let work = gated::want_by(global, config, Wanted::RunPlan { plan: args.plan.clone() }, &|| ())?;
    gated::tell(global, &work)
}

/// What a run would ask, where that is nothing: then it takes no use.
fn nothing_to_ask(home: &Home, config: &Config, entry: &PlanEntry) -> Result<Option<Asks>, Failure> {
    let of = Askable { bindings: &config.bindings, runtimes: &config.runtimes, node: &config.machine.settings.node };
    let asks = match (Reader::open(&home.store()), PlanKind::parse(&entry.id)) {
        (Ok(store), Some(kind)) => readbacks::asks(kind, &store, of).map_err(store_failure)?,
        (Err(StoreError::Absent { .. }), _) => Asks::default(),
        (Err(error), _) => return Err(store_failure(error)),
        (Ok(_), None) => return Ok(None),
    };
    Ok(asks.questions.is_empty().then_some(asks))
}

fn nothing_told(global: &Global, entry: &PlanEntry, asks: &Asks) -> Outcome {
    if let Some(unasked) = asks.unasked.first() {
        let why = shown::text(&format!("{}: {}", unasked.what, unasked.why));
        return Err(Failure::new(Exit::Refused, format!("nobody can be asked for `{}`: not {why}", entry.id))
            .hint(format!("`candor readback run {} --dry-run` shows all of it", entry.id)));
    }
    if global.json {
        output::json(&json!({ "plan": entry.id, "asked": 0 }))?;
    } else {
        output::line(format!("there is nothing to ask about for `{}`", entry.id));
    }
    Ok(Exit::Ok)
}

/// The plan of that id, where it can be run.
fn entry(config: &Config, plan: &PlanId) -> Result<PlanEntry, Failure> {
    let found = config.plans.iter().find(|entry| entry.id == plan.as_str() && PlanKind::parse(&entry.id).is_some());
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = config.plans.iter().map(|entry| entry.id.as_str()).collect();
        Failure::new(Exit::NotFound, format!("no plan `{plan}` that can be run"))
            .hint(format!("the catalogue in use has {}", known.join(", ")))
    })
}

fn rehearse(global: &Global, home: &Home, config: &Config, entry: &PlanEntry) -> Outcome {
    let of = Askable { bindings: &config.bindings, runtimes: &config.runtimes, node: &config.machine.settings.node };
    let kind = PlanKind::parse(&entry.id).ok_or_else(|| Failure::new(Exit::NotFound, "no such plan".to_owned()))?;
    let catalogue = catalogue_of(config.deployment.package.as_ref())?;
    let body = desk::block_on(async {
        // The store is there once the desk is open.
        let desk = Desk::open(global).await?;
        let store = Reader::open(&home.store()).map_err(store_failure)?;
        let asks = readbacks::asks(kind, &store, of).map_err(store_failure)?;
        let body = rehearsed(config, &catalogue.name(), entry, &asks, of)?;
        let act = Act::Keep { kind: DocumentKind::DryRun, key: entry.id.clone(), body: body.clone() };
        let kept = desk.act(act).await;
        desk.close().await?;
        kept.map(|_| (body, asks))
    });
    let (body, asks) = body?;
    if global.json {
        output::json(&shown::document(&body))?;
    } else {
        told(entry, &body, &asks, of);
    }
    Ok(Exit::Ok)
}

/// What goes on record of a dry run. Programs and their arguments aren't in it: an argument may be a secret. Their digest is.
fn rehearsed(
    config: &Config,
    catalogue: &str,
    entry: &PlanEntry,
    asks: &Asks,
    of: Askable<'_>,
) -> Result<Value, Failure> {
    let plan: PlanId = entry.id.parse().map_err(|_| Failure::new(Exit::Config, "the plan's id doesn't read"))?;
    let terms = config.machine.settings.approvals.plans.get(&plan);
    let terms = terms.ok_or_else(|| Failure::new(Exit::NotFound, format!("no plan `{plan}` that can be run")))?;
    let questions: Vec<Value> = asks
        .questions
        .iter()
        .map(|ask| json!({ "whom": ask.to_string(), "about": ask.about(), "gates": ask.gates(of) }))
        .collect();
    Ok(json!({
        "plan": entry.id,
        "catalogue": catalogue,
        "sha256": terms.sha256,
        "query_scope": entry.query_scope,
        "required_fields": entry.required_fields,
        "redaction_checks": entry.redaction_checks,
        "questions": questions,
        "unasked": asks.unasked,
        "uses": uses(config, &plan, asks, of),
    }))
}

/// How often each gate would be used: by the run itself with its first question, and by each further one.
fn uses(config: &Config, plan: &PlanId, asks: &Asks, of: Askable<'_>) -> BTreeMap<Gate, u64> {
    let own = gates_of_work(&config.machine.settings, &Wanted::RunPlan { plan: plan.clone() });
    let further = asks.questions.iter().skip(1).flat_map(|ask| ask.gates(of));
    let mut uses = BTreeMap::new();
    for gate in own.into_iter().chain(further) {
        *uses.entry(gate).or_default() += 1;
    }
    uses
}

fn told(entry: &PlanEntry, body: &Value, asks: &Asks, of: Askable<'_>) {
    let words = |list: &[String]| list.join(", ");
    output::line(format!("dry run of `{}`: {}", entry.id, shown::text(&entry.name)));
    output::line(format!("asks about   {}", shown::text(&entry.query_scope)));
    output::line(format!("needs        {}", words(&entry.required_fields)));
    let checks: Vec<String> = entry.redaction_checks.iter().map(|kind| kind.as_str().to_owned()).collect();
    output::line(format!("keeps out    {}", words(&checks)));
    let row = |ask: &Ask| {
        let by = match ask {
            Ask::Notice { target, .. } => of.bindings.get(target).map(|binding| binding.describe()),
            Ask::Runtime { runtime, read, .. } => {
                let asked = of.runtimes.get(runtime).and_then(|reader| reader.would_ask(*read).ok());
                asked.map(|asked| format!("{} {}", asked.program.display(), asked.args.join(" ")))
            }
        };
        let gates: Vec<&str> = ask.gates(of).iter().map(|gate| gate.as_str()).collect();
        [shown::text(&ask.to_string()), shown::text(by.unwrap_or_default().trim()), gates.join(", ")]
    };
    output::table(&["WOULD ASK", "BY", "GATES"], asks.questions.iter().map(row));
    for unasked in &asks.unasked {
        output::line(shown::text(&format!("not {}: {}", unasked.what, unasked.why)));
    }
    if let Some(uses) = body.get("uses").and_then(Value::as_object).filter(|_| !asks.questions.is_empty()) {
        let uses: Vec<String> = uses.iter().map(|(gate, count)| format!("{count} of {gate}")).collect();
        output::line(format!("takes        {}", uses.join(", ")));
    }
    output::line(match asks.questions.is_empty() {
        true => "nobody was asked, and now there is nothing to ask".to_owned(),
        false => format!("nobody was asked; `candor readback run {}` asks", entry.id),
    });
}
