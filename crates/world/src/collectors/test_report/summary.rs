//! Test summaries in the output of any command: what a runner prints last, for people.
//!
//! It says which runners ran and how many tests, so that a run that exits with 0 and tested nothing isn't taken for a proof. A runner
//! that isn't known is simply not found, and nothing follows from that.

use std::collections::BTreeSet;

use candor_core::evidence::TestCounts;

use super::{libtest, report::add};

/// Longest line that is looked at, in bytes. Summary lines are short.
const LINE_BYTES_MAX: usize = 1024;

/// What the summaries in an output say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The runners found. Families that print alike go by one name.
    pub runners: BTreeSet<&'static str>,
    /// Their counts, added up.
    pub counts: TestCounts,
    /// Go packages that ran tests: without `-v`, `go test` tells no number of tests.
    pub packages: u64,
}

impl Summary {
    /// Whether a runner was found and none ran a test.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        !self.runners.is_empty() && self.counts.passed == 0 && self.counts.failed == 0 && self.packages == 0
    }

    fn add(&mut self, runner: &'static str, more: TestCounts) {
        self.runners.insert(runner);
        add(&mut self.counts.passed, more.passed);
        add(&mut self.counts.failed, more.failed);
        add(&mut self.counts.skipped, more.skipped);
    }
}

/// A runner's name and how it reads one line.
type Reader = (&'static str, fn(&str) -> Option<TestCounts>);

/// Runners whose summary is a line of its own. The first that reads a line has it.
const READERS: [Reader; 9] = [
    ("libtest", |line| libtest::counts(line.strip_prefix("test result: ")?)),
    ("nextest", nextest),
    ("pytest", pytest),
    ("unittest", unittest),
    ("jest", jest),
    ("mocha", mocha),
    ("node", node),
    ("surefire", surefire),
    ("tally", tally),
];

/// Finds the test summaries in an output.
#[must_use]
pub fn recognise(output: &str) -> Summary {
    let mut summary = Summary::default();
    for line in output.lines().filter(|line| line.len() <= LINE_BYTES_MAX) {
        let line = plain(line);
        let line = line.trim();
        if go(line, &mut summary) {
            continue;
        }
        if let Some((runner, counts)) = READERS.iter().find_map(|(name, read)| Some((*name, read(line)?))) {
            summary.add(runner, counts);
        }
    }
    // unittest says how many ran, and then how many of those failed.
    if summary.runners.contains("unittest") {
        summary.counts.passed = summary.counts.passed.saturating_sub(summary.counts.failed);
    }
    summary
}

/// A line without terminal colours (`ESC [ … letter`).
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            text.push(c);
        } else if chars.next() == Some('[') {
            chars.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    text
}

/// Every number in a text with the word after it: `2 passed, 1 failed` or `2 tests run: 1 passed`. None where something else
/// stands between, so that prose isn't taken for a summary.
fn pairs(text: &str) -> Option<Vec<(u64, String)>> {
    let words = text.split(|c: char| c.is_whitespace() || ",;|()=".contains(c)).filter(|word| !word.is_empty());
    let mut found: Vec<(u64, String)> = Vec::new();
    for word in words {
        match (word.parse(), found.last_mut()) {
            (Ok(count), _) => found.push((count, String::new())),
            (Err(_), Some((_, after))) if after.is_empty() => *after = word.trim_end_matches(':').to_lowercase(),
            (Err(_), Some((_, after))) if after == "tests" && word == "run:" => {}
            _ => return None,
        }
    }
    (!found.is_empty()).then_some(found)
}

/// Sorts pairs into counts; none where a word isn't among those that `place` knows.
fn sort(pairs: Vec<(u64, String)>, place: impl Fn(&str) -> Option<Place>) -> Option<TestCounts> {
    let (mut counts, mut total) = (TestCounts::default(), None);
    for (count, word) in pairs {
        match place(&word)? {
            Place::Passed => add(&mut counts.passed, count),
            Place::Failed => add(&mut counts.failed, count),
            Place::Skipped => add(&mut counts.skipped, count),
            Place::Total => add(total.get_or_insert(0), count),
            Place::Aside => {}
        }
    }
    if let Some(total) = total {
        counts.passed = total.saturating_sub(counts.failed).saturating_sub(counts.skipped);
    }
    Some(counts)
}

#[derive(Clone, Copy)]
enum Place {
    Passed,
    Failed,
    Skipped,
    Total,
    Aside,
}

/// `Summary [   0.004s] 3 tests run: 2 passed (1 slow), 1 failed, 0 skipped`
fn nextest(line: &str) -> Option<TestCounts> {
    let (_, rest) = line.strip_prefix("Summary [")?.split_once(']')?;
    let rest = rest.replacen(" test run:", " tests run:", 1);
    let (_, rest) = rest.split_once(" tests run:")?;
    // `4 timed out` and `1 exec failed` are of two words.
    let rest = rest.replace("timed out", "failed").replace("exec failed", "failed");
    sort(pairs(&rest)?, |word| {
        Some(match word {
            "passed" => Place::Passed,
            "failed" => Place::Failed,
            "skipped" => Place::Skipped,
            _ => Place::Aside,
        })
    })
}

/// `=== 2 passed, 1 failed, 3 warnings in 0.12s ===`, without the signs when quiet, and `no tests ran in 0.01s`.
fn pytest(line: &str) -> Option<TestCounts> {
    let (told, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    if told == "no tests ran" {
        return Some(TestCounts::default());
    }
    sort(pairs(told)?, |word| {
        Some(match word {
            "passed" | "xpassed" => Place::Passed,
            "failed" | "error" | "errors" => Place::Failed,
            "skipped" | "xfailed" => Place::Skipped,
            "warning" | "warnings" | "deselected" | "rerun" => Place::Aside,
            _ => return None,
        })
    })
}

/// `Ran 5 tests in 0.001s`, and then `FAILED (failures=1, errors=1)`.
fn unittest(line: &str) -> Option<TestCounts> {
    if let Some(details) = line.strip_prefix("FAILED (").and_then(|rest| rest.strip_suffix(')')) {
        let failed = details
            .split(", ")
            .filter_map(|part| part.split_once('='))
            .filter(|(word, _)| matches!(*word, "failures" | "errors"))
            .filter_map(|(_, count)| count.parse::<u64>().ok())
            .fold(0, u64::saturating_add);
        return Some(TestCounts { failed: failed.max(1), ..TestCounts::default() });
    }
    let (count, rest) = line.strip_prefix("Ran ")?.split_once(" test")?;
    let passed = count.parse().ok()?;
    rest.contains(" in ").then_some(TestCounts { passed, ..TestCounts::default() })
}

/// jest: `Tests:       1 failed, 2 passed, 3 total`. vitest: `Tests  1 failed | 2 passed (3)`.
fn jest(line: &str) -> Option<TestCounts> {
    let rest = line.strip_prefix("Tests:").or_else(|| line.strip_prefix("Tests  "))?;
    // vitest's total stands alone in parentheses.
    let rest = rest.rsplit_once(" (").map_or(rest, |(before, _)| before);
    sort(pairs(rest)?, |word| {
        Some(match word {
            "passed" => Place::Passed,
            "failed" => Place::Failed,
            "skipped" | "todo" => Place::Skipped,
            "total" => Place::Aside,
            _ => return None,
        })
    })
}

/// `5 passing (10ms)`, `1 failing`, `2 pending`, each on its line.
fn mocha(line: &str) -> Option<TestCounts> {
    let (count, word) = line.split_once(' ')?;
    let count = count.parse().ok()?;
    let none = TestCounts::default();
    match word.split(' ').next()? {
        "passing" if word == "passing" || word.starts_with("passing (") => Some(TestCounts { passed: count, ..none }),
        "failing" if word == "failing" => Some(TestCounts { failed: count, ..none }),
        "pending" if word == "pending" => Some(TestCounts { skipped: count, ..none }),
        _ => None,
    }
}

/// `node --test`: `# pass 5`, `# fail 0`, `# skipped 0`, or with `ℹ` for `#`.
fn node(line: &str) -> Option<TestCounts> {
    let (word, count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?.split_once(' ')?;
    let count = count.parse().ok()?;
    let none = TestCounts::default();
    match word {
        "pass" => Some(TestCounts { passed: count, ..none }),
        "fail" | "cancelled" => Some(TestCounts { failed: count, ..none }),
        "skipped" | "todo" => Some(TestCounts { skipped: count, ..none }),
        _ => None,
    }
}

/// `Tests run: 5, Failures: 0, Errors: 0, Skipped: 0`: the sum, without the lines per class, which tell a time.
fn surefire(line: &str) -> Option<TestCounts> {
    let (_, rest) = line.split_once("Tests run: ").filter(|(_, rest)| !rest.contains("Time elapsed"))?;
    let swapped: Vec<_> = format!("Total: {rest}")
        .split(", ")
        .map(|part| {
            part.split_once(": ").and_then(|(word, count)| Some((count.trim().parse().ok()?, word.to_lowercase())))
        })
        .collect::<Option<_>>()?;
    sort(swapped, |word| {
        Some(match word {
            "total" => Place::Total,
            "failures" | "errors" => Place::Failed,
            "skipped" => Place::Skipped,
            _ => return None,
        })
    })
}

/// ExUnit, RSpec, minitest, test-unit: `2 doctests, 87 tests, 0 failures, 1 skipped`, `10 examples, 0 failures, 1 pending`.
fn tally(line: &str) -> Option<TestCounts> {
    let pairs = pairs(line)?;
    pairs.iter().find(|(_, word)| matches!(word.as_str(), "failure" | "failures"))?;
    sort(pairs, |word| {
        Some(match word {
            "test" | "tests" | "doctest" | "doctests" | "property" | "properties" | "example" | "examples" | "run"
            | "runs" => Place::Total,
            "failure" | "failures" | "error" | "errors" | "invalid" => Place::Failed,
            "skipped" | "skips" | "excluded" | "pending" | "pendings" | "omissions" => Place::Skipped,
            "assertion" | "assertions" | "notifications" => Place::Aside,
            _ => return None,
        })
    })
}

/// `ok  pkg 0.1s`, `ok  pkg 0.1s [no tests to run]`, `?  pkg [no test files]`, `--- PASS: TestX`, `FAIL pkg 0.1s`.
fn go(line: &str, summary: &mut Summary) -> bool {
    let (head, rest) = line.split_once(['\t', ' ']).unwrap_or((line, ""));
    let is_package = line.contains('\t');
    match head {
        "ok" if is_package => {
            let ran = !rest.contains("[no tests to run]") && !rest.contains("[no test files]");
            summary.packages = summary.packages.saturating_add(u64::from(ran));
        }
        "?" if is_package && rest.ends_with("[no test files]") => {}
        "FAIL" if is_package => summary.packages = summary.packages.saturating_add(1),
        "---" if rest.starts_with("PASS: ") => add(&mut summary.counts.passed, 1),
        "---" if rest.starts_with("FAIL: ") => add(&mut summary.counts.failed, 1),
        "---" if rest.starts_with("SKIP: ") => add(&mut summary.counts.skipped, 1),
        _ => return false,
    }
    summary.runners.insert("go");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> (Vec<&'static str>, (u64, u64, u64)) {
        let found = recognise(output);
        (found.runners.into_iter().collect(), (found.counts.passed, found.counts.failed, found.counts.skipped))
    }

    #[test]
    fn summaries_are_read() {
        for (output, runner, counts) in [
            (
                "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                "libtest",
                (2, 0, 1),
            ),
            (
                "     Summary [   0.004s] 4 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 3 skipped",
                "nextest",
                (2, 2, 3),
            ),
            ("\u{1b}[32m===== 3 passed, 1 skipped, 2 warnings in 0.12s =====\u{1b}[0m", "pytest", (3, 0, 1)),
            ("1 failed, 2 passed in 61.02s (0:01:01)", "pytest", (2, 1, 0)),
            ("Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=1)", "unittest", (3, 2, 0)),
            ("Tests:       1 failed, 2 passed, 3 total", "jest", (2, 1, 0)),
            ("      Tests  1 failed | 2 passed (3)", "jest", (2, 1, 0)),
            ("  5 passing (10ms)\n  1 failing", "mocha", (5, 1, 0)),
            ("# tests 3\n# pass 2\n# fail 1\n# cancelled 0", "node", (2, 1, 0)),
            (
                "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.1 s -- in a.B\n[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 1",
                "surefire",
                (1, 0, 1),
            ),
            ("14 doctests, 87 tests, 0 failures", "tally", (101, 0, 0)),
            ("10 examples, 1 failure, 2 pending", "tally", (7, 1, 2)),
            ("5 runs, 7 assertions, 0 failures, 0 errors, 0 skips", "tally", (5, 0, 0)),
            ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\texample.com/a\t0.1s", "go", (1, 1, 0)),
        ] {
            assert_eq!(read(output), (vec![runner], counts), "{output}");
        }
    }

    #[test]
    fn a_run_of_nothing_is_seen() {
        for output in [
            "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 12 filtered out; finished in 0.00s",
            "===== no tests ran in 0.01s =====",
            "===== 4 deselected in 0.01s =====",
            "?   \texample.com/a\t[no test files]",
            "ok  \texample.com/a\t0.1s [no tests to run]",
            "Ran 0 tests in 0.000s\n\nOK",
            "0 examples, 0 failures",
            "3 tests, 0 failures, 3 excluded",
        ] {
            assert!(recognise(output).is_vacuous(), "{output}");
        }
        assert!(!recognise("ok  \texample.com/a\t0.1s").is_vacuous());
        assert!(!recognise("all good").is_vacuous());
    }

    #[test]
    fn prose_is_no_summary() {
        for output in [
            "there were 3 failures in 2 tests",
            "ok 3 passed",
            "Tests: all of them passed",
            "5 passing remarks",
            "- 1 failures",
        ] {
            assert!(recognise(output).runners.is_empty(), "{output}");
        }
    }
}
