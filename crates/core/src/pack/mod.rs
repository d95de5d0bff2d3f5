//! Policy packs: rules over [`facts`](crate::facts), loaded strictly, evaluated deterministically, explained in plain words.
//!
//! A pack is a folder: `pack.yaml` (identity and tunables), `rules.cedar` (the rules), `cases/*.yaml` (golden cases) and
//! `README.md` (what it is for). Every rule is a Cedar `permit`, which here means "this rule applies": Cedar names every
//! satisfied `permit` as a reason, but names none of them once a `forbid` is satisfied, so `forbid` is refused.
//!
//! Who is who:
//! - a [`PackSource`] is a pack's files as text, and a [`PackSet`] is what loading makes of several of them;
//! - [`PackSet::evaluate`] turns facts into an [`Evaluation`], and [`Evaluation::settle`] says what takes effect here;
//!   [`PackSet::decide`] makes a [`Decision`](crate::decision::Decision) of both, and [`PackSet::decide_again`] makes a recorded one again;
//! - [`explain`] says why a recorded decision is what it is, and what would change it;
//! - [`cases`] runs a pack's golden cases, and [`lint`] says everything that is wrong with a pack.

mod bounds;
pub mod cases;
mod decide;
mod effect;
mod error;
mod evaluate;
mod explain;
mod lint;
mod load;
mod manifest;
mod rule;
mod schema;
mod source;

pub use decide::Subject;
pub use effect::{Settled, effective};
pub(crate) use error::nearest;
pub use error::{PackError, PackErrors, Position};
pub use evaluate::{Evaluation, PackSet};
pub use explain::{Change, Explanation, FiredRule, explain};
pub use lint::lint;
pub use load::manifests;
pub use manifest::{Direction, Pack, Stricter, Tunable};
pub(crate) use manifest::{is_name, is_version};
pub use rule::Rule;
pub use schema::cedar_schema;
pub use source::{PackSource, core_sources};
