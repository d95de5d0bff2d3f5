//! The state machine of a report's way. Pure: `step(view, now, input) -> plan`.
//!
//! The way, in order; each word is a folder:
//! - [`watch`]: a deadline has passed; are all signals silent?
//! - [`event`]: a report is taken in, once.
//! - [`evaluate`]: facts are computed from the view.
//! - [`decide`]: policy's verdict, what of it can take effect here, and what must be told.
//! - [`queue`]: the notice waits for its time, one delivery per target.
//! - [`dispatch`]: a delivery is handed over under a lease.
//! - [`bridge`]: an attempt is opened; only its commit allows the send.
//! - `send` happens outside, by the one who performs [`Effect::Send`].
//! - [`receipt`]: what the provider answered becomes a state and a receipt.
//! - `audit`: every plan carries the artifacts that record it.
//!
//! Laws: all that one step writes is one commit. A send follows the commit that opened its attempt. The idempotency key belongs to
//! the notice and target, never to the attempt. An answer under an older fence changes nothing. `acked` needs the destination's
//! proof, and nothing overwrites it.

pub mod bridge;
pub mod decide;
pub mod dispatch;
pub mod evaluate;
pub mod event;
mod gate;
mod input;
mod machine;
mod outcome;
mod plan;
pub mod queue;
pub mod receipt;
mod refused;
pub mod retention;
mod view;
pub mod watch;
mod work;

pub use gate::{Vouched, void};
pub use input::{Act, Answered, Deploy, Deployed, InForce, Input, Performed};
pub use machine::{Machine, StepError};
pub use plan::{Accepted, Artifact, ArtifactKind, Beat, Effect, Numbers, Plan, Refusal, Reply, Sending, Write};
pub use refused::ApprovalRefusal;
pub use view::{BeatFold, ClockReading, Due, OwnerRow, Seen, Unreadable, View};
pub use work::gates as gates_of_work;
