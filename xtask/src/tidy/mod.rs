//! `cargo xtask tidy`: rules about the code itself, which no compiler checks. One function per rule, one line per finding.

mod docs;
mod effects;
mod modules;
mod rooms;
mod shown;
mod size;
mod tree;
mod words;

use tree::{Finding, Tree};

use crate::shell::TaskError;

/// One rule: what it says, and who breaks it.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// The rules, in the order in which they are reported.
const RULES: [Rule; 14] = [
    ("files have at most 600 lines", size::files),
    ("nothing is left to do", words::unfinished),
    ("no path or registry of one machine", words::machine_paths),
    ("every crate takes the workspace's lints", rooms::lints),
    ("pure crates stay pure", rooms::purity),
    ("the path's folders are the stages", rooms::stages),
    ("every adapter is described", rooms::adapters),
    ("every source file is compiled", modules::forgotten),
    ("one integration test binary per crate", modules::one_test_binary),
    ("links lead somewhere", docs::links),
    ("the limits are documented", docs::limits),
    ("the exit codes are documented", docs::exit_codes),
    ("every raw effect is listed, with its gate or why it has none", effects::listed),
    ("what is promised is shown", shown::by_something),
];

/// Checks all rules and says whether they hold.
pub(crate) fn run() -> Result<bool, TaskError> {
    let tree = Tree::of_project()?;
    let mut findings = 0;
    for (name, rule) in RULES {
        let found = rule(&tree);
        println!("{} {name}", if found.is_empty() { "ok    " } else { "FAILED" });
        for finding in &found {
            println!("       {finding}");
        }
        findings += found.len();
    }
    if findings > 0 {
        println!("{findings} findings");
    }
    Ok(findings == 0)
}
