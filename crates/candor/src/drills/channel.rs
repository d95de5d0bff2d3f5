//! Lane `channel-fallback`: when a channel fails, the operator is told another way.

use candor_approval::drill::{DRY_RUN_REACHES, SECOND_TARGET, SECRETS_THERE};
use candor_core::settings::Target;
use candor_path::{Act, Effect, Input, Reply};

use super::{Scene, Steps, stage::Stage};

pub(super) fn rehearse(scene: &Scene<'_>, steps: &mut Steps) {
    let Some(second) = steps.go(SECOND_TARGET, || second(scene)) else { return };
    steps.go(SECRETS_THERE, || secrets(scene, &second));
    steps.go(DRY_RUN_REACHES, || reaches(scene, &second));
}

/// The target that is left when the first one fails: a live one before one that only pretends.
fn second(scene: &Scene<'_>) -> Result<(Target, String), String> {
    let targets: Vec<&Target> = scene.config.machine.settings.targets.iter().filter(|one| one.available).collect();
    let (live, kept): (Vec<&Target>, Vec<&Target>) = targets.into_iter().partition(|one| one.gate.is_some());
    match (live.as_slice(), kept.as_slice()) {
        ([], []) => Err("no target takes notices; add `{name: here, sender: dry-run}` to `targets`".to_owned()),
        // The first live channel is about to be added: what it doesn't take is left where everything is kept now.
        ([], [local, ..]) => {
            let words = format!(
                "no channel is live yet; what one doesn't take is left at `{}` ({}), which reaches nobody by itself: `candor status` shows it",
                local.name, local.sender
            );
            Ok(((*local).clone(), words))
        }
        ([first, second, ..], _) => {
            let words = format!("when `{}` fails, `{}` ({}) is left", first.name, second.name, second.sender);
            Ok(((*second).clone(), words))
        }
        ([first], [local, ..]) => {
            let words = format!(
                "when `{}` fails, what it should have told is left at `{}` ({}), which reaches nobody by itself: `candor status` shows it",
                first.name, local.name, local.sender
            );
            Ok(((*local).clone(), words))
        }
        // Nothing is lost by that, and nobody is told either: said as it is, and no reason to keep the only channel shut.
        ([first], []) => {
            let words = format!(
                "`{}` is the only target: when it fails, what it should have told stays in the queue, and only `candor status` and `candor doctor` tell; a second target would be better",
                first.name
            );
            Ok(((*first).clone(), words))
        }
    }
}

fn secrets(scene: &Scene<'_>, second: &Target) -> Result<((), String), String> {
    let binding = scene.config.bindings.get(&second.name).ok_or_else(|| format!("`{}` has no sender", second.name))?;
    binding.check_secrets().map_err(|error| format!("`{}`: {error}", second.name))?;
    let words = match binding.secrets().len() {
        0 => format!("`{}` needs none", second.name),
        count => format!("{count} of `{}` are there, and only this user can read them", second.name),
    };
    Ok(((), words))
}

/// A test notice on the path of a copy, where the sender only pretends: queued, handed over, taken up, and ready to be sent.
fn reaches(scene: &Scene<'_>, second: &Target) -> Result<((), String), String> {
    let name = second.name.clone();
    let mut stage = Stage::of(&scene.config.machine, scene.now, |settings| {
        for target in &mut settings.targets {
            target.gate = None;
            target.reads_secrets = false;
        }
    })?;
    let Reply::Notice(notice) = stage.act(Act::Test { target: Some(name.clone()) })?.reply else {
        return Err("no notice was made".to_owned());
    };
    let dispatched = Input::Dispatch { notice, target: name.clone(), owner: stage.owner, open: true };
    let sent = stage.step(dispatched)?.effects.into_iter().any(|effect| match effect {
        Effect::Send(sending) => sending.message.target == name,
        _ => false,
    });
    if sent {
        Ok(((), format!("a test notice came as far as the sender of `{name}`, which was not called")))
    } else {
        Err(format!("a test notice did not come as far as the sender of `{name}`"))
    }
}
