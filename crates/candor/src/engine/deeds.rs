//! Deeds: work that a gate stood before, done in the world after the commit that took its use.

use std::sync::Arc;

use candor_approval::{GateKeeper, kinds::DestructiveOperation, signers::Owners};
use candor_core::{
    evidence::Origin,
    gate::{Gate, Grant, Scope},
    ids::WorkNo,
    work::{Allowed, Wanted},
};
use candor_path::{Act, Input, Performed, Reply};
use candor_world::places::{Document, Place};
use tokio::runtime::Handle;

use super::{Clock, Submitter};
use crate::{
    config::AuditPlan,
    exit::{Exit, Failure},
    home::Home,
    package,
    pruning::{Hands, Pruner},
};

/// What deeds need of the deployment.
pub(super) struct Deeds {
    pub(super) home: Home,
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
        let done = match &work.wanted {
            Wanted::RemovePackage { package } => self.remove(package, grants),
            Wanted::Prune => self.prune(work.no, grants),
            other => Err(Failure::new(Exit::Internal, format!("this version can't {}", other.says()))),
        };
        match done {
            Ok(outcome) => Performed::Did { outcome },
            Err(failure) => Performed::Failed { why: failure.message },
        }
    }

    fn keeper(&self, grants: Vec<Grant>) -> GateKeeper {
        GateKeeper::from_record(Owners::clone(&self.owners), grants)
    }

    fn act(&self, act: Act) -> Result<Reply, Failure> {
        // The operator wanted the work, and an owner's approval lets it be done.
        let input = Input::Operator { act, origin: Origin::Operator };
        self.runtime.block_on(self.submitter.submit_one(input)).map_err(Failure::from)
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
        let grants = match self.act(Act::TakeUse { gates, scope, what })? {
            Reply::Grants(grants) => grants,
            other => return Err(unsent(format!("the store answered with {other:?}"))),
        };
        let (mut keeper, now) = (self.keeper(grants), || self.clock.now());
        self.runtime.block_on(place.put(&mut keeper, document, &now)).map_err(|error| unsent(error.to_string()))
    }
}
