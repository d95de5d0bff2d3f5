//! `candor demo`: the whole chain on this machine, in under a minute, on the real code paths: a real daemon in a folder of its own, a
//! real governed process, and a receiver on loopback.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use candor_core::{gate::Gate, notice::StateName};
use candor_store::{Listing, NoticeFilter, NoticeRow, sqlite::Reader};
use clap::Args;
use serde_json::json;

use super::notice::print_rows;
use crate::{
    approvals::rehearsal::Rehearsal,
    cli::Global,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output,
    receiver::Receiver,
};

/// How long each part may take.
const PART_MAX: Duration = Duration::from_secs(20);
/// How often it is looked whether a part is done.
const POLL: Duration = Duration::from_millis(50);

/// See the whole chain on this machine in under a minute
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  candor demo --keep\n\nNothing leaves this machine, and your own state isn't touched."
)]
pub struct DemoArgs {
    /// Keep the demo's state folder, to look at it afterwards
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
pub fn run(global: &Global, args: DemoArgs) -> Outcome {
    let state = std::env::temp_dir().join(format!("candor-demo-{}", std::process::id()));
    let demo = Demo {
        global: Global { state: Some(state.clone()), config: None, url: None, ..global.clone() },
        state: state.clone(),
    };
    let outcome = demo.play();
    if args.keep {
        output::note(format!("kept: candor --state {} status", state.display()));
    } else {
        let _ = std::fs::remove_dir_all(&state);
    }
    outcome
}

struct Demo {
    global: Global,
    state: PathBuf,
}

/// A process that ends when the demo does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Demo {
    fn play(&self) -> Outcome {
        let began = Instant::now();
        let home = Home::find(self.global.state.clone(), None)?;
        home.create()?;
        let receiver = Receiver::start()?;
        std::fs::write(&home.config, config(&receiver))
            .map_err(|error| Failure::new(Exit::Store, format!("`{}`: {error}", home.config.display())))?;
        let owner = Rehearsal::prepare(&home)?;
        self.say("1. A daemon starts in a folder of its own, with three targets: a receiver, one that only pretends, one that refuses.");
        let _daemon = Running(self.candor(&["up", "--listen", "127.0.0.1:0"])?);
        self.until("the daemon answers", || home.daemon().exists())?;
        self.say("2. An owner signs an approval that opens one gate, for one hour, with a reason. Until then nothing may leave.");
        owner.open(&self.global, Gate::ProductionWrite, "demo on loopback", Duration::from_secs(3600))?;
        self.say("3. A governed process works, then goes silent. It may be silent for 2s.");
        let script = "echo working; sleep 5; echo back; sleep 1";
        let exec = ["exec", "--task", "demo", "--period", "1s", "--grace", "1s", "--", "sh", "-c", script];
        let mut process = Running(self.candor(&exec)?);
        self.until("the silence is noticed", || self.notices().iter().any(|row| row.notice.title.contains("silent")))?;
        self.until("the receiver has it", || receiver.count("demo", "taken") > 0)?;
        self.say(&format!("   noticed, and the receiver got: \"{}\"", receiver.last_title()));
        let _ = process.0.wait();
        self.until("it is told that the task is back", || {
            self.notices().iter().any(|row| row.notice.title.contains("is back"))
        })?;
        self.say("   it came back, and that was told too; it ended with exit code 0.");
        self.say("4. An agent claims that all tests pass, and brings nothing.");
        self.done(&["task", "start", "claim", "--agent", "demo-agent"])?;
        let claim = ["claim", "claim", "tests_passed", "--agent", "demo-agent", "--statement", "done, all tests pass"];
        let caught = self.run(&claim)?;
        if caught != i32::from(Exit::Policy as u8) {
            return Err(Failure::new(Exit::Internal, format!("the claim was not caught: exit code {caught}")));
        }
        self.say(&format!("   caught: the command ended with exit code {caught}, and the operator was told."));
        let settled = || {
            let rows = self.notices();
            !rows.is_empty()
                && rows.iter().all(|row| row.deliveries.iter().all(|of| of.state.due_at().is_none() && is_settled(row)))
        };
        self.until("every delivery stands", settled)?;
        self.finish(began)
    }

    fn finish(&self, began: Instant) -> Outcome {
        let rows = self.notices();
        let reached = |state| rows.iter().any(|row| row.deliveries.iter().any(|of| of.state.name() == state));
        if self.global.json {
            output::json(&json!({ "notices": rows, "seconds": began.elapsed().as_secs_f64() }))?;
        } else {
            output::line("");
            print_rows(&rows);
            output::line("");
            output::line(format!(
                "{} s. Every row says what is proved, and no more. Next: candor up",
                began.elapsed().as_secs()
            ));
        }
        for state in [StateName::Acked, StateName::PendingExternalSend, StateName::Blocked] {
            if !reached(state) {
                return Err(Failure::new(Exit::Internal, format!("no delivery reached `{}`", state.as_str())));
            }
        }
        Ok(Exit::Ok)
    }

    fn say(&self, text: &str) {
        if self.global.json {
            output::note(text);
        } else {
            output::line(text);
        }
    }

    fn notices(&self) -> Vec<NoticeRow> {
        let Ok(store) = Reader::open(&self.state.join("candor.db")) else { return Vec::new() };
        store.notices(&NoticeFilter::default(), 100).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> Result<Command, Failure> {
        let own = std::env::current_exe()
            .map_err(|error| Failure::new(Exit::Internal, format!("this program can't be found: {error}")))?;
        let mut command = Command::new(own);
        command.arg("--state").arg(&self.state).args(args).stdin(Stdio::null()).stdout(Stdio::null());
        command.env_remove("CANDOR_CONFIG").env_remove("CANDOR_AGENT");
        Ok(command)
    }

    fn candor(&self, args: &[&str]) -> Result<Child, Failure> {
        self.command(args)?
            .spawn()
            .map_err(|error| Failure::new(Exit::Internal, format!("candor can't be started: {error}")))
    }

    fn run(&self, args: &[&str]) -> Result<i32, Failure> {
        let status = self.command(args)?.status();
        let status =
            status.map_err(|error| Failure::new(Exit::Internal, format!("candor can't be started: {error}")))?;
        Ok(status.code().unwrap_or(-1))
    }

    fn done(&self, args: &[&str]) -> Result<(), Failure> {
        match self.run(args)? {
            0 => Ok(()),
            code => {
                Err(Failure::new(Exit::Internal, format!("`candor {}` ended with exit code {code}", args.join(" "))))
            }
        }
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) -> Result<(), Failure> {
        let end = Instant::now() + PART_MAX;
        while !done() {
            if Instant::now() >= end {
                return Err(Failure::new(
                    Exit::Internal,
                    format!("waited {} s in vain until {what}", PART_MAX.as_secs()),
                )
                .hint(format!("look at it: candor --state {} status", Path::new(&self.state).display())));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// Whether nothing of a notice is on its way any more.
fn is_settled(row: &NoticeRow) -> bool {
    row.deliveries.iter().all(|of| of.state.is_terminal() || of.state.reason() == Some("dry_run"))
}

fn config(receiver: &Receiver) -> String {
    let (taken, gone) = (receiver.url("demo", "taken"), receiver.url("demo", "gone"));
    format!(
        "watch: {{period: 1m, grace: 10s}}\ntargets:\n\
         - {{name: receiver, sender: webhook, url: '{taken}'}}\n\
         - {{name: rehearsal, sender: dry-run}}\n\
         - {{name: refuser, sender: webhook, url: '{gone}'}}\n"
    )
}
