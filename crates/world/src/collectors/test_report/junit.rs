//! JUnit XML, as nextest, pytest, jest, Surefire, gotestsum, PHPUnit, GoogleTest and others write it.
//!
//! There is no standard; the reading here follows <https://github.com/testmoapp/junitxml> and what those runners do. Tests are
//! counted from their `testcase` elements. What the suites declare is held against that: a report that declares a failure has one,
//! and one that declares more tests than it lists says so in [`Report::declared`].

use std::borrow::Cow;

use candor_core::time::Timestamp;
use quick_xml::{
    Reader,
    errors::{Error, IllFormedError, SyntaxError},
    events::{BytesStart, Event},
};

use super::report::{ParseError, Report, Why, add};

/// Deepest nesting of elements, in levels. Suites nest a few levels in practice.
pub const DEPTH_MAX: usize = 64;
/// Most attributes of one element.
pub const ATTRIBUTES_MAX: usize = 128;

/// Reads a JUnit XML report. Total: any bytes give a report or an error.
///
/// Memory stays bounded by the input: nothing is kept but counts, and entities are never expanded.
///
/// # Errors
/// A [`ParseError`] with line and column.
pub fn parse(bytes: &[u8]) -> Result<Report, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|error| Why::NotText.at(bytes, error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = bytes.len() - text.len();
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        let at = offset(reader.buffer_position());
        let step = match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => walk.step(&event),
            Err(error) => {
                let at = offset(reader.error_position());
                return Err(why(&error).at(bytes, skipped + at));
            }
        };
        step.map_err(|why| why.at(bytes, skipped + at))?;
    }
    walk.end().map_err(|why| why.at(bytes, bytes.len()))
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn why(error: &Error) -> Why {
    match error {
        Error::Syntax(SyntaxError::InvalidBangMarkup) => Why::Malformed(error.to_string()),
        Error::Syntax(_) | Error::IllFormed(IllFormedError::MissingEndTag(_)) => Why::Truncated,
        _ => Why::Malformed(error.to_string()),
    }
}

/// What an element is to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Suites,
    Suite,
    Case,
    Other,
}

#[derive(Default)]
struct Walk {
    report: Report,
    open: Vec<Element>,
    /// The test case that is open.
    case: Option<Case>,
    /// Whether a root element was seen.
    rooted: bool,
    declared: Declared,
}

#[derive(Default)]
struct Case {
    name: String,
    failed: bool,
    skipped: bool,
}

/// What the outermost suites say of themselves. Inner suites are counted in their outer one.
#[derive(Default)]
struct Declared {
    tests: Option<u64>,
    failed: u64,
    skipped: u64,
    /// What the root says, which holds for all suites.
    root_failed: u64,
}

impl Walk {
    fn step(&mut self, event: &Event<'_>) -> Result<(), Why> {
        match event {
            Event::Start(start) => self.open(start),
            Event::Empty(start) => {
                self.open(start)?;
                self.close();
                Ok(())
            }
            Event::End(_) => {
                self.close();
                Ok(())
            }
            Event::DocType(_) => Err(Why::DocumentType),
            Event::Text(text) if self.open.is_empty() && !text.trim().is_empty() => Err(Why::UnknownFormat),
            _ => Ok(()),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Why> {
        let name = start.local_name();
        let parent = self.open.last().copied();
        let element = match (parent, name.as_ref()) {
            (None, _) if self.rooted => {
                return Err(Why::Malformed("the report has a second root element".to_owned()));
            }
            (None, "testsuites" | "testrun") => Element::Suites,
            (None | Some(Element::Suites | Element::Suite), "testsuite") => Element::Suite,
            (None, _) => return Err(Why::UnknownFormat),
            (Some(Element::Suites | Element::Suite), "testcase") => Element::Case,
            _ => Element::Other,
        };
        self.rooted = true;
        if self.open.len() >= DEPTH_MAX {
            return Err(Why::TooDeep(DEPTH_MAX));
        }
        let attributes = Attributes::of(start)?;
        match element {
            Element::Suites => self.declared.root_failed = attributes.failed()?,
            Element::Suite => self.declare(parent, &attributes)?,
            Element::Case => self.case = Some(Case::of(&attributes)),
            Element::Other => self.outcome(parent, name.as_ref()),
        }
        if self.report.started_at.is_none_or(|at| attributes.at.is_some_and(|this| this < at)) {
            self.report.started_at = attributes.at.or(self.report.started_at);
        }
        self.open.push(element);
        Ok(())
    }

    fn declare(&mut self, parent: Option<Element>, attributes: &Attributes<'_>) -> Result<(), Why> {
        if parent == Some(Element::Suite) {
            return Ok(());
        }
        if let Some(tests) = attributes.count("tests")? {
            add(self.declared.tests.get_or_insert(0), tests);
        }
        add(&mut self.declared.failed, attributes.failed()?);
        for word in ["skipped", "disabled"] {
            add(&mut self.declared.skipped, attributes.count(word)?.unwrap_or(0));
        }
        Ok(())
    }

    /// A failure may stand in a test case, or straight in a suite whose setup failed. `flakyFailure` and `rerunFailure` are
    /// attempts, not outcomes, and are left out on purpose.
    fn outcome(&mut self, parent: Option<Element>, name: &str) {
        let (failed, skipped) = (matches!(name, "failure" | "error"), name == "skipped");
        match (&mut self.case, parent) {
            (Some(case), Some(Element::Case)) => {
                case.failed |= failed;
                case.skipped |= skipped;
            }
            (_, Some(Element::Suite)) if failed => {
                add(&mut self.report.counts.failed, 1);
                self.report.note_failed("a whole suite");
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.open.pop() != Some(Element::Case) {
            return;
        }
        let Some(case) = self.case.take() else { return };
        let counts = &mut self.report.counts;
        if case.failed {
            add(&mut counts.failed, 1);
            self.report.note_failed(&case.name);
        } else if case.skipped {
            add(&mut counts.skipped, 1);
        } else {
            add(&mut counts.passed, 1);
        }
    }

    fn end(mut self) -> Result<Report, Why> {
        if !self.open.is_empty() {
            return Err(Why::Truncated);
        }
        if !self.rooted {
            return Err(Why::UnknownFormat);
        }
        let counts = &mut self.report.counts;
        let listed = [counts.failed, counts.skipped].into_iter().fold(counts.passed, u64::saturating_add);
        let failed = self.declared.failed.max(self.declared.root_failed);
        counts.failed = counts.failed.max(failed);
        match self.declared.tests {
            // A summary that lists no test at all still counts them.
            Some(tests) if listed == 0 => {
                counts.skipped = self.declared.skipped.min(tests);
                counts.passed = tests.saturating_sub(counts.failed).saturating_sub(counts.skipped);
            }
            Some(tests) if tests > listed => self.report.declared = Some(tests),
            _ => {}
        }
        Ok(self.report)
    }
}

impl Case {
    /// GoogleTest marks what it didn't run by an attribute, not by an element.
    fn of(attributes: &Attributes<'_>) -> Self {
        let unrun = |name, words: [&str; 3]| attributes.text(name).is_some_and(|is| words.contains(&is));
        Self {
            name: attributes.text("name").unwrap_or_default().to_owned(),
            failed: false,
            skipped: unrun("status", ["notrun", "skipped", "disabled"])
                || unrun("result", ["suppressed", "skipped", "notrun"]),
        }
    }
}

/// The attributes that matter, as written but for the predefined entities.
struct Attributes<'a> {
    found: Vec<(&'a str, Cow<'a, str>)>,
    at: Option<Timestamp>,
}

const WANTED: [&str; 8] = ["tests", "failures", "errors", "skipped", "disabled", "name", "status", "result"];

impl<'a> Attributes<'a> {
    fn of(start: &'a BytesStart<'_>) -> Result<Self, Why> {
        let (mut found, mut at) = (Vec::new(), None);
        let mut attributes = start.attributes();
        // The check for duplicates costs the square of their number.
        for (index, attribute) in attributes.with_checks(false).enumerate() {
            if index >= ATTRIBUTES_MAX {
                return Err(Why::TooManyAttributes(ATTRIBUTES_MAX));
            }
            let attribute = attribute.map_err(|error| Why::Malformed(error.to_string()))?;
            let name = attribute.key.into_inner();
            if name == "timestamp" {
                at = attribute.value.parse().ok();
            } else if WANTED.contains(&name) {
                // An unknown entity leaves the text as it stands: names are only shown.
                let value = match quick_xml::escape::unescape(&attribute.value) {
                    Ok(text) => Cow::Owned(text.into_owned()),
                    Err(_) => attribute.value.clone(),
                };
                found.push((name, value));
            }
        }
        Ok(Self { found, at })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.found.iter().find(|(is, _)| *is == name).map(|(_, value)| value.as_ref())
    }

    fn count(&self, name: &str) -> Result<Option<u64>, Why> {
        match self.text(name).map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Why::NotACount(text.chars().take(32).collect())),
        }
    }

    fn failed(&self) -> Result<u64, Why> {
        Ok(self.count("failures")?.unwrap_or(0).saturating_add(self.count("errors")?.unwrap_or(0)))
    }
}
