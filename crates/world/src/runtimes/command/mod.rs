//! `command`: asks a runtime by a program of the operator's per plan. Its README is the contract.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use candor_core::time::duration_text;
use serde::Deserialize;

use super::{Call, RuntimeRead};
use crate::senders::{command::ARGS_MAX, timeout_in_bounds};

/// Which program answers which plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A read-only program per plan, by its absolute path, with its arguments.
    pub plans: BTreeMap<RuntimeRead, Vec<String>>,
    /// Longest run. Default: 30 s.
    #[serde(default = "default_timeout", with = "duration_text")]
    pub timeout: Duration,
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

impl Config {
    pub(super) fn check(&self) -> Result<(), String> {
        timeout_in_bounds(self.timeout)?;
        for (plan, words) in &self.plans {
            let plan = plan.as_str();
            match words.first().map(PathBuf::from) {
                Some(program) if program.is_absolute() => {}
                Some(program) => {
                    return Err(format!("`{plan}` begins with an absolute path, not `{}`", program.display()));
                }
                None => return Err(format!("`{plan}` names no program; write `{plan}: [/PROGRAM, ARGUMENT…]`")),
            }
            if words.len() > ARGS_MAX + 1 {
                return Err(format!("`{plan}` takes at most {ARGS_MAX} arguments"));
            }
        }
        Ok(())
    }

    pub(super) fn call(&self, plan: RuntimeRead) -> Result<Call, String> {
        let words = self.plans.get(&plan).and_then(|words| words.split_first());
        let (program, args) = words.ok_or_else(|| format!("no program is named for `{}`", plan.as_str()))?;
        Ok(Call { program: program.into(), args: args.to_vec(), pass_env: Vec::new(), timeout: self.timeout })
    }
}
