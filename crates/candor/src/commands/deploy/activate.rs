//! `candor deploy activate`: what was checked is installed, and what was installed is shown to work.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, time::Duration};

use candor_path::{Act, Deploy, Deployed};
use candor_world::schedulers::{Found, Piece, PieceError, Placed, Way};
use serde_json::{Value, json};

use super::{ChoiceArgs, show};
use crate::{
    cli::Global,
    deploy::{self, Activation, Active, Deployments, Journal, Runner, Stage, Validation, unit, validate},
    desk::{self, DaemonFile, Desk},
    engine::{Clock, crash},
    exit::{Exit, Failure, Outcome},
    files,
    home::Home,
    output,
};

/// How long a daemon may take until it answers.
const DAEMON_MAX: Duration = Duration::from_secs(15);
/// How often it is looked.
const POLL: Duration = Duration::from_millis(50);

/// Runs the command.
pub(super) fn run(global: &Global, home: &Home, args: &ChoiceArgs) -> Outcome {
    home.create()?;
    let deployments = Deployments::of(home);
    let _held = deployments.hold()?;
    let runner = args.runner()?;
    let checked = validate(home, runner, args.degrade)?;
    if !checked.holds() {
        leave_candidate(home, &checked)?;
        return refused(global, &checked);
    }
    if let Some(active) = unchanged(&deployments, runner, home, &checked)? {
        return told(global, &active, &checked, "already active, and as it was installed; nothing was changed");
    }
    let no = begun(&deployments)?.unwrap_or_else(|| deployments.next());
    let active = install(global, home, runner, &checked, Change { no, of: no, what: Deploy::Activate })?;
    told(global, &active, &checked, "active")
}

/// Which change of a deployment it is.
#[derive(Clone, Copy)]
pub(super) struct Change {
    /// Its number.
    pub no: u64,
    /// The one whose configuration it has.
    pub of: u64,
    /// How it goes on record.
    pub what: Deploy,
}

/// The number of an activation that was begun and not finished.
pub(super) fn begun(deployments: &Deployments) -> Result<Option<u64>, Failure> {
    Ok(deployments.journal()?.and_then(|journal| journal.no))
}

pub(super) fn refused(global: &Global, checked: &Validation) -> Outcome {
    if global.json {
        output::json(&show::json(checked))?;
    } else {
        show::people(checked);
    }
    Ok(Exit::Unhealthy)
}

/// The active deployment, where it is all that is asked for.
fn unchanged(
    deployments: &Deployments,
    runner: Runner,
    home: &Home,
    checked: &Validation,
) -> Result<Option<Active>, Failure> {
    let (None, Some(active)) = (deployments.journal()?, deployments.active()?) else { return Ok(None) };
    let wanted = pieces(home, runner)?;
    let same = active.placed.iter().map(|placed| &placed.piece).eq(&wanted);
    let digest = checked.config.as_ref().map(|config| config.digest.as_str());
    let in_place = wanted.iter().all(|piece| !matches!(piece.found(), Ok(Found::Missing | Found::Changed) | Err(_)));
    let runs = active.way != Some(Way::Daemon) || DaemonFile::read(home).is_some_and(|file| desk::is_reachable(&file));
    Ok((same && in_place && runs && digest == Some(&active.digest)).then_some(active))
}

/// The pieces that a runner needs.
fn pieces(home: &Home, runner: Runner) -> Result<Vec<Piece>, Failure> {
    match runner {
        Runner::Installed(scheduler, way) => Ok((scheduler.pieces)(&unit(home, way)?)),
        Runner::Manual => Ok(Vec::new()),
    }
}

/// What is to be put there and taken away, with what was there before the first change that isn't finished or undone.
///
/// # Errors
/// When what is there can't be looked at.
pub(super) fn plan(home: &Home, runner: Runner) -> Result<Journal, Failure> {
    let deployments = Deployments::of(home);
    let mut before: Vec<Placed> = deployments.active()?.map(|active| active.placed).unwrap_or_default();
    if let Some(journal) = deployments.journal()? {
        before.extend(journal.placed);
        before.extend(journal.stale);
    }
    let known = |piece: &Piece| before.iter().find(|placed| placed.piece.same_place(piece));
    let wanted = pieces(home, runner)?;
    let placed = wanted.iter().map(|piece| match known(piece) {
        Some(earlier) => Ok(Placed { piece: piece.clone(), made: earlier.made.clone(), had: earlier.had }),
        // Before anything is begun: what is somebody else's is neither written over nor, later, taken away.
        None if piece.found().map_err(unmade)? == Found::Changed && !resumed(piece) => {
            Err(unmade(PieceError::InTheWay(PathBuf::from(piece.place()))))
        }
        None => piece.before().map_err(unmade),
    });
    let placed = placed.collect::<Result<Vec<_>, _>>()?;
    let mut stale: Vec<Placed> = Vec::new();
    for old in &before {
        let again = placed.iter().chain(&stale).any(|new| new.piece.same_place(&old.piece));
        if !again {
            stale.push(old.clone());
        }
    }
    Ok(Journal { no: None, placed, stale })
}

pub(super) fn unmade(error: PieceError) -> Failure {
    Failure::new(Exit::Unhealthy, error.to_string())
        .hint("mend it and run the same command again: it goes on where it stopped; or `candor deploy deactivate`")
}

/// Leaves what was checked where nothing was activated by it.
pub(super) fn leave_candidate(home: &Home, checked: &Validation) -> Result<(), Failure> {
    match &checked.stages {
        Some(stages) => stages.leave(&Deployments::of(home).candidate()).map(drop),
        None => Ok(()),
    }
}

/// Installs it: journal first, then piece by piece, then the record, then an export that verifies.
pub(super) fn install(
    global: &Global,
    home: &Home,
    runner: Runner,
    checked: &Validation,
    change: Change,
) -> Result<Active, Failure> {
    let (Some(config), Some(stages)) = (&checked.config, &checked.stages) else {
        return Err(Failure::new(Exit::Config, "there is nothing to activate"));
    };
    let deployments = Deployments::of(home);
    let folder = deployments.artifacts(change.no);
    let journal = Journal { no: Some(change.no), ..plan(home, runner)? };
    deployments.begin(&journal)?;
    crash::point("deploy.after_journal");
    deployments.snapshot(home, change.no)?;
    let mut digests = stages.leave(&folder)?;
    for placed in journal.stale.iter().rev() {
        placed.take_away(&deployments.aside()).map_err(unmade)?;
    }
    let earlier = deployments.active()?;
    for placed in &journal.placed {
        let ours = earlier.iter().any(|active| active.placed.iter().any(|old| old.piece.same_place(&placed.piece)));
        placed.piece.put(ours || resumed(&placed.piece)).map_err(unmade)?;
        crash::point("deploy.after_piece");
    }
    let at = Clock::from_env().now();
    let activation =
        Activation { at, scheduler: runner.name().to_owned(), way: runner.way(), placed: journal.placed.clone() };
    digests.extend([deploy::leave(&folder, Stage::Activation, &activation)?]);
    daemon(global, home, runner)?;
    let gaps = checked.gaps.iter().map(|gap| (gap.ability.to_string(), gap.instead.to_owned())).collect();
    let deployed = Deployed {
        what: change.what,
        deployment: change.no,
        profile: config.deployment.name(),
        adapter: config.deployment.descriptor.metadata.name(),
        package: config.package(),
        scheduler: runner.name().to_owned(),
        stages: digests,
        gaps,
    };
    record(global, deployed)?;
    crash::point("deploy.after_record");
    deploy::leave(&folder, Stage::Export, &export(global, home, change.no)?)?;
    let active = Active {
        no: change.no,
        of: change.of,
        at,
        profile: config.deployment.name(),
        adapter: config.deployment.descriptor.metadata.name(),
        package: config.package(),
        scheduler: runner.name().to_owned(),
        way: runner.way(),
        placed: journal.placed,
        state: home.state.clone(),
        program: std::env::current_exe().unwrap_or_default(),
        digest: config.digest.clone(),
    };
    deployments.finish(Some(&active))?;
    deployments.forget_oldest();
    let _ = fs::remove_dir_all(deployments.candidate());
    Ok(active)
}

/// A file that says it was made by this command, and that no finished activation knows: one that crashed left it.
fn resumed(piece: &Piece) -> bool {
    let Piece::File { path, .. } = piece else { return false };
    fs::read_to_string(path).is_ok_and(|text| text.contains("candor deploy activate"))
}

/// Waits for the daemon that was started, or lets the one that runs go by the configuration that was checked.
fn daemon(global: &Global, home: &Home, runner: Runner) -> Result<(), Failure> {
    let until = std::time::Instant::now() + DAEMON_MAX;
    let answers = || DaemonFile::read(home).is_some_and(|file| desk::is_reachable(&file));
    if runner.way() != Some(Way::Daemon) {
        if answers() {
            own(global, home, &["config", "reload"])?;
        }
        return Ok(());
    }
    // `@reboot` starts it at the next start of the machine, and nothing before.
    if runner.name() == "cron" {
        return Ok(());
    }
    while !answers() {
        if std::time::Instant::now() >= until {
            let said = format!("it is installed, and no daemon answers after {} s", DAEMON_MAX.as_secs());
            return Err(Failure::new(Exit::Unhealthy, said).hint(format!(
                "look at the scheduler's own log (journalctl --user -u {}, for one); then the same command again",
                home.deployment_name()?
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Has it on record.
pub(super) fn record(global: &Global, deployed: Deployed) -> Result<(), Failure> {
    desk::block_on(async {
        let desk = Desk::open(global).await?;
        let told = desk.act(Act::Deployed(Box::new(deployed))).await;
        desk.close().await?;
        told.map(drop)
    })
}

/// Stage 6: all that is on record of this activation is exported, and the bundle verified, as a reviewer would.
fn export(global: &Global, home: &Home, no: u64) -> Result<Value, Failure> {
    let out = home.state.join("export").join(format!("deployment-{no}.tar"));
    let file = out.display().to_string();
    let since = fs::metadata(Deployments::of(home).artifacts(no).join(Stage::Package.file()))
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let since = candor_core::time::Timestamp::from_micros(
        since.and_then(|at| i64::try_from(at.as_micros()).ok()).unwrap_or_default() - 1_000_000,
    );
    let exported = own(global, home, &["audit", "export", "--since", &since.to_string(), "--out", &file, "--force"])?;
    let key = exported.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    let verified = own(global, home, &["audit", "verify", &file, "--key", &key])?;
    let unread = |error: std::io::Error| Failure::new(Exit::Store, format!("`{}`: {error}", out.display()));
    let sha256 = files::digest(&out).map_err(unread)?;
    Ok(json!({ "bundle": file, "sha256": sha256, "exported": exported, "verified": verified }))
}

/// Runs another of Candor's own commands on the same state folder; what it printed.
fn own(global: &Global, home: &Home, words: &[&str]) -> Result<Value, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Internal, format!("this program can't be found: {error}")))?;
    let out = Command::new(program)
        .arg("--state")
        .arg(&home.state)
        .arg("--config")
        .arg(&home.config)
        .args(global.url.iter().flat_map(|url| ["--url", url]))
        .args(words)
        .arg("--json")
        .output()
        .map_err(|error| Failure::new(Exit::Internal, format!("`candor {}`: {error}", words.join(" "))))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        return Err(Failure::new(
            Exit::Unhealthy,
            format!("`candor {}` ended with {}: {said}", words.join(" "), out.status),
        )
        .hint("mend it and run the same command again"));
    }
    serde_json::from_slice(&out.stdout).or_else(|_| Ok(Value::Null))
}

/// What was seen of it running, and what wasn't yet.
fn seen(active: &Active) -> &'static str {
    match (active.way, active.scheduler.as_str()) {
        (None, _) => "nothing starts Candor here: run `candor up`, or `candor run` again and again",
        (Some(Way::Daemon), "cron") => "cron starts the daemon at the next start of this machine, and not before",
        (Some(Way::Daemon), _) => "its daemon answers",
        (Some(Way::Passes), _) => "a pass is due each minute; whether one came is said by `candor deploy status`",
    }
}

pub(super) fn told(global: &Global, active: &Active, checked: &Validation, what: &str) -> Outcome {
    if global.json {
        let gaps: BTreeMap<String, &str> =
            checked.gaps.iter().map(|gap| (gap.ability.to_string(), gap.instead)).collect();
        output::json(&json!({ "deployment": active, "gaps": gaps }))?;
        return Ok(Exit::Ok);
    }
    output::line(format!(
        "deployment {} is {what}: {}, {}, run by {}",
        active.no, active.profile, active.adapter, active.scheduler
    ));
    output::line(seen(active));
    for gap in &checked.gaps {
        output::line(format!("less than asked for: {} is {}; instead: {}", gap.ability, gap.why, gap.instead));
    }
    output::line("see it with: candor deploy status; take it away with: candor deploy deactivate");
    Ok(Exit::Ok)
}
