//! `cargo xtask bench`: what Candor costs, each figure beside a limit or a peer of the same run.
//!
//! Every run starts the release binary in a folder of its own below `target/bench`, and a receiver on loopback. Peers are taken in
//! turn with Candor; one that can't be had is named and not made up.

mod audit;
mod daemon;
mod idle;
mod load;
mod micro;
mod notices;
mod peers;
mod process;
mod sink;
mod stats;
mod table;
mod tasks;

use serde_json::{Value, json};
pub(crate) use table::Row;

use crate::shell::{TaskError, Trying as _, failed, root};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these: notices, idle, tasks, micro, audit (repeatable); or burst, Candor's own without the peers, to tune by.
    #[arg(long)]
    only: Vec<String>,
    /// A tenth of the work: to see that it runs, not to publish.
    #[arg(long)]
    quick: bool,
    /// Write the table into docs/performance.md.
    #[arg(long)]
    write: bool,
}

/// What was measured so far.
pub(crate) struct Bench {
    /// Whether to do little.
    pub(crate) quick: bool,
    /// Peers that aren't here, and how to get them.
    pub(crate) missing: Vec<String>,
    /// Every single run.
    pub(crate) raw: Vec<Value>,
    rows: Vec<Row>,
}

impl Bench {
    /// Adds a row to the table.
    pub(crate) fn row(&mut self, row: Row) {
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// Says what is being measured.
    pub(crate) fn progress(&self, what: &str) {
        eprintln!("… {what}");
    }
}

/// Runs the benches.
pub(crate) fn run(args: &Args) -> Result<bool, TaskError> {
    const NAMES: [&str; 6] = ["notices", "burst", "idle", "tasks", "micro", "audit"];
    if let Some(unknown) = args.only.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return failed(format!("no bench `{unknown}`; there are {}", NAMES.join(", ")));
    }
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    daemon::build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().trying("no runtime")?;
    let mut bench = Bench { quick: args.quick, missing: Vec::new(), raw: Vec::new(), rows: Vec::new() };
    if wanted("notices") {
        runtime.block_on(notices::measure(&mut bench))?;
    }
    if args.only.iter().any(|only| only == "burst") {
        runtime.block_on(notices::tune(&mut bench))?;
    }
    if wanted("idle") {
        idle::measure(&mut bench)?;
    }
    if wanted("tasks") {
        runtime.block_on(tasks::measure(&mut bench))?;
    }
    if wanted("micro") {
        micro::measure(&mut bench)?;
    }
    if wanted("audit") {
        audit::measure(&mut bench)?;
    }
    let text = table::markdown(&bench.rows, &bench.missing, &command(args));
    println!("\n{text}");
    let raw = root().join("target/bench/raw.json");
    let kept = serde_json::to_string_pretty(&json!(bench.raw)).unwrap_or_default();
    std::fs::write(&raw, kept).trying(format!("cannot write `{}`", raw.display()))?;
    println!("every run: {}", raw.display());
    if args.write {
        table::write(&text)?;
    }
    Ok(bench.rows.iter().all(Row::holds))
}

/// The command that makes the same table.
fn command(args: &Args) -> String {
    let only: String = args.only.iter().map(|name| format!(" --only {name}")).collect();
    format!("cargo xtask bench{only}{}", if args.quick { " --quick" } else { "" })
}
