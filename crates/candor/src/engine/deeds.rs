//! Deeds: work that a gate stood before, done in the world after the commit that took its use.

use std::{collections::BTreeMap, sync::Arc};

use candor_approval::{
    GateKeeper,
    kinds::{DestructiveOperation, ProductionWrite},
    signers::Owners,
};
use candor_core::{
    catalogue::PlanEntry,
    evidence::Origin,
    gate::{Gate, Grant, Scope},
    ids::{EvidenceNo, NoticeNo, PlanId, RuntimeName, TargetName, WorkNo},
    settings::PlanTerms,
    work::{Allowed, Wanted},
};
use candor_path::{Act, Answered, Input, Performed, Reply};
use candor_store::{Listing as _, sqlite::Reader};
use candor_world::{
    collectors::{self, CollectorConfig},
    places::{Document, Place},
    runtimes,
    senders::Binding,
};
use tokio::runtime::Handle;

use super::{Clock, Submitter};
use crate::{
    config::AuditPlan,
    desk::store_failure,
    exit::{Exit, Failure},
    home::Home,
    package,
    pruning::{Hands, Pruner},
    readbacks,
};

/// What deeds need of the deployment.
pub(super) struct Deeds {
    pub(super) home: Home,
    pub(super) node: String,
    pub(super) bindings: Arc<BTreeMap<TargetName, Binding>>,
    pub(super) runtimes: Arc<BTreeMap<RuntimeName, runtimes::Reader>>,
    pub(super) plans: Arc<Vec<PlanEntry>>,
    pub(super) terms: Arc<BTreeMap<PlanId, PlanTerms>>,
    pub(super) collectors: Arc<CollectorConfig>,
    pub(super) audit: Arc<AuditPlan>,
    pub(super) owners: Arc<Owners>,
    pub(super) submitter: Submitter,
    pub(super) runtime: Handle,
    pub(super) clock: Clock,
}

impl Deeds {
    /// Does it, on a thread that may wait.
    pub(super) fn perform(&self, allowed: Allowed) -> Performed {
        let Allowed { work, grants } = allowed;
        let did = |outcome| Performed::Did { outcome };
        let done = match &work.wanted {
            Wanted::ReadBack { notice, target } => self.read_back(*notice, target, grants).map(Performed::ReadBack),
            Wanted::RunPlan { plan } => self.run_plan(plan, grants),
            Wanted::RunRecipe { evidence, .. } => self.run_recipe(*evidence, grants),
            Wanted::RemovePackage { package } => self.remove(package, grants).map(did),
            Wanted::Prune => self.prune(work.no, grants).map(did),
            other => Err(Failure::new(Exit::Internal, format!("nothing outside the store can {}", other.says()))),
        };
        done.unwrap_or_else(|failure| Performed::Failed { why: failure.message })
    }

    fn keeper(&self, grants: Vec<Grant>) -> GateKeeper {
        GateKeeper::from_record(Owners::clone(&self.owners), grants)
    }

    fn act(&self, act: Act) -> Result<Reply, Failure> {
        // The operator wanted the work, and an owner's approval lets it be done.
        let input = Input::Operator { act, origin: Origin::Operator };
        self.runtime.block_on(self.submitter.submit_one(input)).map_err(Failure::from)
    }

    fn store(&self) -> Result<Reader, Failure> {
        Reader::open(&self.home.store()).map_err(store_failure)
    }

    /// Asks a target, once, what became of a notice.
    fn read_back(&self, notice: NoticeNo, target: &TargetName, grants: Vec<Grant>) -> Result<Answered, Failure> {
        let gone = |what: &str| Failure::new(Exit::NotFound, format!("nothing was asked: {what}"));
        let binding = self.bindings.get(target).ok_or_else(|| gone("this process has no sender for the target"))?;
        let question = readbacks::about(&self.store()?, notice, target, &self.node).map_err(store_failure)?;
        let question = question.ok_or_else(|| gone("the notice isn't there any more"))?;
        let (mut keeper, now) = (self.keeper(grants), || self.clock.now());
        let answer = self.runtime.block_on(binding.read_back(&mut keeper, &question, &now));
        answer.map(readbacks::shown).map_err(|closed| Failure::new(Exit::Refused, closed.to_string()))
    }

    /// Runs a readback plan.
    fn run_plan(&self, plan: &PlanId, grants: Vec<Grant>) -> Result<Performed, Failure> {
        let entry = self.plans.iter().find(|entry| entry.id == plan.as_str());
        let (Some(entry), Some(terms)) = (entry, self.terms.get(plan)) else {
            return Err(Failure::new(Exit::NotFound, format!("the catalogue in use has no plan `{plan}`")));
        };
        let asker = readbacks::Asker {
            of: readbacks::Askable { bindings: &self.bindings, runtimes: &self.runtimes, node: &self.node },
            store: &self.store()?,
            keeper: &|grants| self.keeper(grants),
            take: &|gates, scope, what| self.take(gates, scope, what),
            now: &|| self.clock.now(),
            runtime: &self.runtime,
        };
        asker.run(plan, entry, &terms.sha256, grants)
    }

    /// Takes one use of each gate for a further effect of the same work.
    fn take(&self, gates: Vec<Gate>, scope: Scope, what: String) -> Result<Vec<Grant>, Failure> {
        match self.act(Act::TakeUse { gates, scope, what })? {
            Reply::Grants(grants) => Ok(grants),
            other => Err(Failure::new(Exit::Internal, format!("the store answered with {other:?}"))),
        }
    }

    /// Runs the recipe that a piece of evidence names.
    fn run_recipe(&self, no: EvidenceNo, grants: Vec<Grant>) -> Result<Performed, Failure> {
        let evidence = self.store()?.evidence_by_no(no).map_err(store_failure)?;
        let evidence = evidence.ok_or_else(|| Failure::new(Exit::NotFound, format!("{no} isn't there any more")))?;
        let permit = self.keeper(grants).permit::<ProductionWrite>(None, self.clock.now());
        let permit = permit.map_err(|closed| Failure::new(Exit::Refused, closed.to_string()))?;
        let now = || self.clock.now();
        let finding = collectors::collect_by(permit, &evidence.subject, &evidence.supports, &self.collectors, now);
        Ok(Performed::Ran { finding: Box::new(finding) })
    }

    fn remove(&self, id: &str, grants: Vec<Grant>) -> Result<String, Failure> {
        let permit = self.keeper(grants).permit::<DestructiveOperation>(None, self.clock.now());
        let permit = permit.map_err(|closed| Failure::new(Exit::Refused, closed.to_string()))?;
        package::take_away(&self.home, id, permit, &|act| self.act(act).map(drop))
    }

    fn prune(&self, work: WorkNo, grants: Vec<Grant>) -> Result<String, Failure> {
        let pruner = Pruner { home: &self.home, plan: &self.audit, clock: &self.clock };
        let passed = pruner.pass(&Hands {
            act: &|stretches, archive| {
                self.act(Act::Prune { work, grants: grants.clone(), stretches, archive }).map(drop)
            },
            put: &|place, document| self.put(place, document),
        })?;
        let archives: Vec<String> = passed.archives.iter().map(|path| path.display().to_string()).collect();
        Ok(match (passed.taken, archives.is_empty()) {
            (0, _) => "nothing is past its time".to_owned(),
            (taken, true) => format!("the contents of {taken} records are gone"),
            (taken, false) => format!("the contents of {taken} records are gone, archived in {}", archives.join(", ")),
        })
    }

    /// Puts an archive in a place beside its folder, under uses of that place's own.
    fn put(&self, place: &Place, document: &Document) -> Result<(), Failure> {
        let unsent = |why: String| Failure::new(Exit::Refused, format!("the archive isn't sent: {why}"));
        let mut gates = vec![Gate::ProductionWrite];
        if !place.secrets().is_empty() {
            gates.push(Gate::SecretRead);
        }
        let (scope, what) = (Scope::channel(place.name()), format!("put an archive in `{}`", place.name()));
        let grants = self.take(gates, scope, what)?;
        let (mut keeper, now) = (self.keeper(grants), || self.clock.now());
        self.runtime.block_on(place.put(&mut keeper, document, &now)).map_err(|error| unsent(error.to_string()))
    }
}
