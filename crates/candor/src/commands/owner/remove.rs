//! `candor owner remove`: an owner, or one of their keys, counts no more.

use std::collections::BTreeSet;

use candor_core::ids::AgentId;
use serde_json::json;

use super::{RemoveArgs, after, signers::Files};
use crate::{
    cli::Global,
    config::parse_signers,
    exit::{Exit, Failure, Outcome},
    home::Home,
};

pub(super) fn run(global: &Global, home: &Home, args: &RemoveArgs) -> Outcome {
    let files = Files::read(home)?;
    let called = files.owners.called(&args.principal).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("nobody is called `{}` in `{}`", args.principal, files.path.display()))
            .hint("`candor owner list` shows who is")
    })?;
    let gone: BTreeSet<usize> = files
        .owners
        .keys()
        .iter()
        .filter(|key| key.name() == called && args.key.as_ref().is_none_or(|only| *only == key.fingerprint()))
        .map(candor_approval::signers::OwnerKey::line)
        .collect();
    if gone.is_empty() {
        let key = args.key.as_deref().unwrap_or_default();
        return Err(Failure::new(Exit::NotFound, format!("`{called}` has no key `{key}`"))
            .hint("`candor owner list` shows their keys"));
    }
    let kept = files.text.lines().zip(1_usize..).filter(|(_, line)| !gone.contains(line));
    let text: String = kept.flat_map(|(text, _)| [text, "\n"]).collect();
    let mut forgotten = BTreeSet::new();
    let left = parse_signers(&files.path, &text)?;
    // Names in the configuration must be those of owners at every moment, so theirs goes first.
    if left.called(called).is_none() {
        let mut names: BTreeSet<&String> = BTreeSet::new();
        names.extend(files.owners.keys().iter().filter(|key| key.name() == called).flat_map(|key| key.names()));
        for name in names {
            let files = Files::read(home)?;
            forgotten.extend(files.agents(name));
            files.write_config(&files.with_agents(name, &BTreeSet::new())?)?;
        }
    }
    files.write_signers(&text)?;
    let told = json!({ "owner": called, "keys": gone.len(), "left": left.names(), "allowed_signers": files.path, "forgotten_agents": forgotten });
    let mut words = match (left.called(called), left.is_empty()) {
        (Some(_), _) => format!("{called} has {} key(s) less", gone.len()),
        (None, true) => format!("{called} may approve no more, and nobody is left who may"),
        (None, false) => format!("{called} may approve no more"),
    };
    if !forgotten.is_empty() {
        let agents: Vec<&str> = forgotten.iter().map(AgentId::as_str).collect();
        let agents = agents.join(", ");
        words.push_str(&format!(
            "\nforgotten with them: that their agents are {agents}; `candor owner add` needs `--agents {agents}` again"
        ));
    }
    after(global, &told, &words)
}
