//! Rollback drills: the four lanes, the steps that each rehearses without a write, and what a rehearsal comes to.
//!
//! The steps' ids are fixed: the catalogue names them, the binary has a rehearsal for each, and artifacts keep them.

use candor_core::{limits::DRILL_COUNTS_FOR, time::Timestamp};
use serde::{Deserialize, Serialize};

/// The version of a drill's artifact.
pub const SCHEMA_VERSION: &str = "candor_rollback_drill_v1";

/// A way back that must have been rehearsed before a packet that depends on it can be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its id, as the catalogue and the command line name it.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Who goes the way back when it is needed.
    pub rollback_owner: &'static str,
    /// Every step, in its order.
    pub steps: &'static [Step],
    /// What a missing step means, and what happens then.
    pub failure_if_missing: &'static str,
}

/// One step of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its id.
    pub id: &'static str,
    /// What must be so for it to be done.
    pub says: &'static str,
}

/// `allowed_signers` reads, and someone is an owner.
pub const OWNERS_READ: &str = "owners-read";
/// A revocation closes what an approval opened.
pub const REVOCATION_CLOSES: &str = "revocation-closes";
/// An opening that is spent or over is closed.
pub const END_CLOSES: &str = "end-closes";
/// The journal of what was put on this machine reads.
pub const JOURNAL_READS: &str = "journal-reads";
/// The stage artifacts of the deployment before are there and verify.
pub const STAGES_VERIFY: &str = "stages-verify";
/// What was on the machine before is known piece by piece.
pub const BEFORE_IS_KEPT: &str = "before-is-kept";
/// There is a package to go back to.
pub const EARLIER_PACKAGE: &str = "earlier-package";
/// It verifies against its manifest.
pub const PACKAGE_VERIFIES: &str = "package-verifies";
/// This deployment's configuration reads over it.
pub const PACKAGE_READS: &str = "package-reads";
/// There is a second target.
pub const SECOND_TARGET: &str = "second-target";
/// Its secrets are there.
pub const SECRETS_THERE: &str = "secrets-there";
/// A notice would reach it.
pub const DRY_RUN_REACHES: &str = "dry-run-reaches";

/// Every lane, in the catalogue's order.
pub const LANES: [Lane; 4] = [
    Lane {
        id: "close-gates",
        name: "Close every gate again",
        rollback_owner: "the owner who signed",
        steps: &[
            Step { id: OWNERS_READ, says: "allowed_signers reads, and each owner's key with it" },
            Step {
                id: REVOCATION_CLOSES,
                says: "on a copy of the state, a revocation makes the gate keeper refuse the next permit",
            },
            Step { id: END_CLOSES, says: "on a copy of the state, an opening that is spent or over gives no permit" },
        ],
        failure_if_missing: "what was opened could not be closed again: no packet can be approved until this lane succeeds",
    },
    Lane {
        id: "deployment-rollback",
        name: "Go back to the deployment before",
        rollback_owner: "the operator of this machine",
        steps: &[
            Step { id: JOURNAL_READS, says: "the journal of what was put on this machine reads" },
            Step { id: STAGES_VERIFY, says: "the stage artifacts of the deployment before are there and verify" },
            Step { id: BEFORE_IS_KEPT, says: "each piece that was changed has what was there before it" },
        ],
        failure_if_missing: "a change of this deployment could not be taken back: packets that change it are blocked until this lane succeeds",
    },
    Lane {
        id: "package-rollback",
        name: "Go back to the package before",
        rollback_owner: "the operator of this machine",
        steps: &[
            Step { id: EARLIER_PACKAGE, says: "there is another package to go back to" },
            Step { id: PACKAGE_VERIFIES, says: "it verifies against its signed manifest, file by file" },
            Step { id: PACKAGE_READS, says: "this deployment's configuration reads over it" },
        ],
        failure_if_missing: "a removed or changed package could not be replaced: packets that remove or change are blocked until this lane succeeds",
    },
    Lane {
        id: "channel-fallback",
        name: "Tell the operator another way",
        rollback_owner: "the operator who is told",
        steps: &[
            Step {
                id: SECOND_TARGET,
                says: "where notices are when the first target fails: at a second one, or kept in the queue",
            },
            Step { id: SECRETS_THERE, says: "its secrets are there" },
            Step { id: DRY_RUN_REACHES, says: "a notice that is rehearsed on the path reaches it" },
        ],
        failure_if_missing: "a channel that fails would fail silently: packets that send to the operator are blocked until this lane succeeds",
    },
];

/// The lane of that id.
#[must_use]
pub fn lane(id: &str) -> Option<&'static Lane> {
    LANES.iter().find(|lane| lane.id == id)
}

/// What the rehearsal of one step found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsed {
    /// The step's id.
    pub step: String,
    /// Whether it is done.
    pub done: bool,
    /// What was found, in words.
    pub found: String,
}

/// A drill: every step of a lane, rehearsed without a write. The artifact of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// The lane.
    pub lane: String,
    /// Every step, in the lane's order.
    pub steps: Vec<Rehearsed>,
    /// Whether each one is done.
    pub good: bool,
    /// What the missing steps mean; none when it is good.
    pub failure: Option<String>,
}

impl Drill {
    /// What the rehearsals of a lane come to. A step without a rehearsal is missing, and what isn't a step of it doesn't count.
    #[must_use]
    pub fn of(lane: &Lane, mut rehearsed: Vec<Rehearsed>) -> Self {
        let steps: Vec<Rehearsed> = lane
            .steps
            .iter()
            .map(|step| match rehearsed.iter().position(|one| one.step == step.id) {
                Some(at) => rehearsed.swap_remove(at),
                None => Rehearsed { step: step.id.to_owned(), done: false, found: "it was not rehearsed".to_owned() },
            })
            .collect();
        let good = steps.iter().all(|step| step.done);
        let failure = (!good).then(|| lane.failure_if_missing.to_owned());
        Self { schema_version: SCHEMA_VERSION.to_owned(), lane: lane.id.to_owned(), steps, good, failure }
    }

    /// The steps that are missing.
    pub fn missing(&self) -> impl Iterator<Item = &Rehearsed> {
        self.steps.iter().filter(|step| !step.done)
    }
}

/// How a lane stands, by its last drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneStanding {
    /// It was never drilled.
    Never,
    /// Its last drill failed.
    Failed {
        /// When.
        at: Timestamp,
        /// The steps that were missing.
        missing: Vec<String>,
    },
    /// Its last drill succeeded too long ago.
    Stale {
        /// When.
        at: Timestamp,
    },
    /// Its last drill succeeded, and counts.
    Good {
        /// When.
        at: Timestamp,
    },
}

impl LaneStanding {
    /// How a lane stands at `now` when its last drill was this one.
    #[must_use]
    pub fn of(lane: &Lane, last: Option<(Timestamp, &Drill)>, now: Timestamp) -> Self {
        match last {
            None => Self::Never,
            // A drill of fewer steps than the lane has now says nothing of the new ones.
            Some((at, drill)) if !drill.good || !covers(lane, drill) => {
                let done = |step: &&Step| drill.steps.iter().any(|one| one.step == step.id && one.done);
                let missing = lane.steps.iter().filter(|step| !done(step)).map(|step| step.id.to_owned()).collect();
                Self::Failed { at, missing }
            }
            Some((at, _)) if now.since(at) > DRILL_COUNTS_FOR => Self::Stale { at },
            Some((at, _)) => Self::Good { at },
        }
    }

    /// Whether packets that depend on the lane may be approved.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. })
    }

    /// In words, and what to do.
    #[must_use]
    pub fn words(&self, lane: &Lane) -> String {
        let id = lane.id;
        match self {
            Self::Never => format!("lane `{id}` was never drilled; run `candor approval drill {id}`"),
            Self::Failed { at, missing } => format!(
                "the drill of lane `{id}` at {at} lacks {}; mend that, and run `candor approval drill {id}`",
                missing.join(", ")
            ),
            Self::Stale { at } => {
                format!("the last good drill of lane `{id}` was at {at}; run `candor approval drill {id}`")
            }
            Self::Good { at } => format!("lane `{id}` was drilled at {at}"),
        }
    }
}

fn covers(lane: &Lane, drill: &Drill) -> bool {
    drill.lane == lane.id && lane.steps.iter().all(|step| drill.steps.iter().any(|one| one.step == step.id && one.done))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::time::Duration;

    use super::*;

    fn done(lane: &Lane) -> Vec<Rehearsed> {
        let step = |step: &Step| Rehearsed { step: step.id.to_owned(), done: true, found: "so".to_owned() };
        lane.steps.iter().rev().map(step).collect()
    }

    #[test]
    fn ids_are_unique_and_read() {
        let mut steps: Vec<&str> = LANES.iter().flat_map(|lane| lane.steps).map(|step| step.id).collect();
        let all = steps.len();
        steps.sort_unstable();
        steps.dedup();
        assert_eq!(steps.len(), all);
        assert!(LANES.iter().all(|one| lane(one.id) == Some(one)));
        assert_eq!(lane("close-gate"), None);
    }

    #[test]
    fn a_drill_is_good_when_every_step_is_done() {
        for lane in &LANES {
            let drill = Drill::of(lane, done(lane));
            assert!(drill.good && drill.failure.is_none());
            let order: Vec<&str> = drill.steps.iter().map(|step| step.step.as_str()).collect();
            assert_eq!(order, lane.steps.iter().map(|step| step.id).collect::<Vec<_>>());
            for left_out in 0..lane.steps.len() {
                let mut fewer = done(lane);
                fewer.remove(left_out);
                let drill = Drill::of(lane, fewer);
                assert_eq!((drill.good, drill.missing().count()), (false, 1));
                assert_eq!(drill.failure.as_deref(), Some(lane.failure_if_missing));
            }
        }
    }

    #[test]
    fn a_lane_stands_by_its_last_drill_for_thirty_days() {
        let lane = &LANES[0];
        let now: Timestamp = "2026-06-30T00:00:00Z".parse().unwrap();
        let good = Drill::of(lane, done(lane));
        let standing = |at: Timestamp, drill: &Drill| LaneStanding::of(lane, Some((at, drill)), now);
        assert_eq!(LaneStanding::of(lane, None, now), LaneStanding::Never);
        assert!(standing(now.before(DRILL_COUNTS_FOR), &good).is_good());
        let old = now.before(DRILL_COUNTS_FOR + Duration::from_secs(1));
        assert_eq!(standing(old, &good), LaneStanding::Stale { at: old });
        let failed = Drill::of(lane, Vec::new());
        assert!(matches!(standing(now, &failed), LaneStanding::Failed { missing, .. } if missing.len() == 3));
        // What claims to be good and lacks a step, or is of another lane, isn't.
        let fewer = Drill { steps: good.steps[..2].to_vec(), ..good.clone() };
        assert!(matches!(standing(now, &fewer), LaneStanding::Failed { missing, .. } if missing == [END_CLOSES]));
        assert!(!standing(now, &Drill { lane: "package-rollback".to_owned(), ..good }).is_good());
    }
}
