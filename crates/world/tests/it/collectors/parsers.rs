//! The report parsers, on real reports (`tests/corpus`), on hostile ones, and on any bytes.

use std::{fs, path::PathBuf};

use candor_core::evidence::TestCounts;
use candor_world::collectors::test_report::{self, Report, Why, junit, libtest, summary};
use junit_parser::{TestStatus, TestSuite};
use proptest::prelude::*;

fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn sample(name: &str) -> Report {
    let (folder, file) = name.split_once('/').unwrap();
    let (_, bytes) = corpus(folder).into_iter().find(|(name, _)| name == file).unwrap();
    test_report::parse(&bytes).unwrap()
}

fn counts(report: &Report) -> (u64, u64, u64) {
    (report.counts.passed, report.counts.failed, report.counts.skipped)
}

#[test]
fn real_reports_are_counted_right() {
    for (name, wanted, first_failed) in [
        ("junit/nextest-passes.xml", (4, 0, 0), None),
        ("junit/nextest-fails.xml", (3, 1, 0), Some("whole")),
        ("junit/nextest-flaky.xml", (4, 0, 0), None),
        ("junit/pytest-passes.xml", (1, 0, 2), None),
        ("junit/pytest-fails.xml", (1, 2, 2), Some("test_fails")),
        ("junit/pytest-none.xml", (0, 0, 0), None),
        ("junit/node-passes.xml", (2, 0, 1), None),
        ("junit/node-fails.xml", (1, 1, 1), Some("adds")),
        ("libtest/cargo-test-passes.txt", (5, 0, 1), None),
        ("libtest/cargo-test-fails.txt", (3, 1, 1), Some("whole")),
        ("libtest/cargo-test-filtered-out.txt", (0, 0, 0), None),
        ("libtest/libtest-passes.json", (2, 0, 1), None),
        ("libtest/libtest-fails.json", (3, 1, 1), Some("whole")),
        ("libtest/nextest-passes.json", (4, 0, 1), None),
        ("libtest/nextest-fails.json", (3, 1, 1), Some("sample::whole$whole")),
    ] {
        let report = sample(name);
        assert_eq!(counts(&report), wanted, "{name}");
        assert_eq!(report.first_failed.as_deref(), first_failed, "{name}");
        assert_eq!(report.declared, None, "{name}");
    }
}

#[test]
fn a_report_tells_when_its_run_started() {
    let of = |name| sample(name).started_at.map(|at| at.to_string());
    assert_eq!(of("junit/nextest-passes.xml").as_deref(), Some("2026-11-23T09:32:08.057000Z"));
    assert_eq!(of("junit/node-passes.xml"), None);
    let naive = junit::parse(b"<testsuite timestamp='2026-01-01T00:00:00'/>").unwrap();
    assert_eq!(naive.started_at, None, "a time without an offset is no instant");
}

/// The `junit-parser` crate reads the same counts from every sample; it leaves test cases outside of suites to us.
#[test]
fn another_parser_agrees() {
    fn add(suite: &TestSuite, to: &mut TestCounts) {
        for case in &suite.cases {
            match case.status {
                TestStatus::Success => to.passed += 1,
                TestStatus::Skipped(_) => to.skipped += 1,
                TestStatus::Error(_) | TestStatus::Failure(_) => to.failed += 1,
            }
        }
        suite.suites.iter().for_each(|suite| add(suite, to));
    }
    for (name, bytes) in corpus("junit") {
        let mut wanted = TestCounts::default();
        junit_parser::from_reader(bytes.as_slice()).unwrap().suites.iter().for_each(|suite| add(suite, &mut wanted));
        wanted.passed += u64::from(name.starts_with("node"));
        assert_eq!(junit::parse(&bytes).unwrap().counts, wanted, "{name}");
    }
}

#[test]
fn a_report_cut_anywhere_never_passes_for_a_whole_one() {
    for (name, bytes) in corpus("junit") {
        let end = bytes.trim_ascii_end().len();
        for cut in 0..end {
            assert!(junit::parse(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        assert!(junit::parse(&bytes[..end]).is_ok());
    }
    // Between two test binaries a libtest output can't be told from a whole one; a failure after that is out of sight.
    for (name, bytes) in corpus("libtest") {
        let whole = libtest::parse(&bytes).unwrap();
        for cut in 0..bytes.len() {
            if let Ok(report) = libtest::parse(&bytes[..cut]) {
                assert!(report.ran() <= whole.ran(), "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn variants_of_junit_are_read() {
    for (xml, wanted) in [
        ("<testsuite><testcase name='a' status='notrun'/><testcase name='b' status='run'/></testsuite>", (1, 0, 1)),
        ("<testsuite><error message='setup'/></testsuite>", (0, 1, 0)),
        ("<testsuites><testsuite><testsuite tests='1'><testcase/></testsuite></testsuite></testsuites>", (1, 0, 0)),
        ("<testsuite><testcase><failure/><skipped/></testcase></testsuite>", (0, 1, 0)),
        ("<testsuite><testcase><rerunFailure/><failure/></testcase></testsuite>", (0, 1, 0)),
        ("<testsuite><testcase><system-out><failure/></system-out></testcase></testsuite>", (1, 0, 0)),
        ("<testsuite tests='3' failures='1' skipped='1'/>", (1, 1, 1)),
        ("<testsuites failures='2'><testsuite><testcase/></testsuite></testsuites>", (1, 2, 0)),
        ("<testsuite tests='' errors=' 0 '><testcase name='&unknown;'/></testsuite>", (1, 0, 0)),
        ("\u{feff}<?xml version='1.0'?><!-- c --><testsuite><testcase/></testsuite>\n", (1, 0, 0)),
        ("<j:testsuite xmlns:j='x'><j:testcase/></j:testsuite>", (1, 0, 0)),
    ] {
        assert_eq!(counts(&junit::parse(xml.as_bytes()).unwrap()), wanted, "{xml}");
    }
}

fn refused(bytes: impl AsRef<[u8]>) -> (Why, u64, u64) {
    let error = test_report::parse(bytes.as_ref()).unwrap_err();
    (error.why, error.at.line, error.at.column)
}

#[test]
fn hostile_reports_are_refused_with_their_place() {
    let laughs = "<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><testsuite name='&b;'/>";
    assert_eq!(refused(laughs), (Why::DocumentType, 2, 1));
    let deep = format!("<testsuite>\n{}", "<testsuite>".repeat(200_000));
    assert_eq!(refused(deep), (Why::TooDeep(junit::DEPTH_MAX), 2, 11 * 63 + 1));
    let wide = format!("<testsuite {}/>", (0..200_000).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" "));
    assert_eq!(refused(wide), (Why::TooManyAttributes(junit::ATTRIBUTES_MAX), 1, 1));
    assert_eq!(refused(b"<testsuite>\n\xff</testsuite>"), (Why::NotText, 2, 1));
    assert_eq!(refused("<testsuite tests='many'/>"), (Why::NotACount("many".to_owned()), 1, 1));
    assert_eq!(refused("<testsuite tests='-1'/>").0, Why::NotACount("-1".to_owned()));
    assert_eq!(refused("<html/>"), (Why::UnknownFormat, 1, 1));
    for malformed in ["<testsuite></testcase></testsuite>", "<testsuite/><testsuite/>", "<testsuite a=b/>"] {
        assert!(matches!(refused(malformed).0, Why::Malformed(_)), "{malformed}");
    }
}

#[test]
fn counts_can_not_overflow() {
    let most = u64::MAX;
    let xml = format!(
        "<testsuites><testsuite tests='{most}' failures='{most}' errors='{most}'/><testsuite tests='{most}' failures='1'/></testsuites>"
    );
    assert_eq!(counts(&junit::parse(xml.as_bytes()).unwrap()), (0, most, 0));
    let line = format!("test result: ok. {most} passed; {most} failed; {most} ignored; 0 measured\n").repeat(2);
    assert_eq!(counts(&libtest::parse(line.as_bytes()).unwrap()), (most, most, most));
    assert!(!summary::recognise(&line).is_vacuous());
}

#[test]
fn libtest_that_crashed_or_was_never_ended_does_not_pass() {
    let ok = "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let crashed = format!("running 1 test\ntest b ... \n{ok}");
    assert_eq!(libtest::parse(crashed.as_bytes()).unwrap_err().why, Why::Truncated);
    let told = format!("{ok}running 1 test\nerror: test failed, to rerun pass `--lib`\n");
    assert_eq!(counts(&libtest::parse(told.as_bytes()).unwrap()), (1, 1, 0));
    let printed = format!("test result: excellent\n{{\"type\":\"suite\"}}\n{{broken\n{ok}");
    assert_eq!(counts(&libtest::parse(printed.as_bytes()).unwrap()), (1, 0, 0));
    let slow = "{\"type\":\"suite\",\"event\":\"started\"}\n{\"type\":\"test\",\"event\":\"timeout\",\"name\":\"a\"}\n{\"type\":\"test\",\"event\":\"ok\",\"name\":\"a\"}\n{\"type\":\"suite\",\"event\":\"ok\"}\n";
    assert_eq!(counts(&libtest::parse(slow.as_bytes()).unwrap()), (1, 0, 0));
}

/// A real report with some bytes replaced, removed or doubled.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<_> = ["junit", "libtest"].into_iter().flat_map(corpus).map(|(_, bytes)| bytes).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8);
    (prop::sample::select(all), edits).prop_map(|(mut bytes, edits)| {
        for (place, byte, how) in edits {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

/// Every parser takes it; what it reads keeps the laws that the collector relies on.
fn is_taken(bytes: &[u8]) {
    for parse in [test_report::parse, junit::parse, libtest::parse] {
        if let Ok(report) = parse(bytes) {
            assert!(report.counts.failed == 0 || report.ran() > 0);
            assert!(report.first_failed.is_none_or(|name| name.len() <= 200));
        }
    }
    let found = summary::recognise(&String::from_utf8_lossy(bytes));
    assert!(!found.is_vacuous() || found.counts.failed == 0);
}

proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        is_taken(&bytes);
    }

    #[test]
    fn any_xml_like_text_is_taken(text in "(<|</|/>|>|testsuite|testcase|failure|&lt;|&x;|<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?|<!DOCTYPE| |=|'|tests='1'|name=\"ä\"){0,60}") {
        is_taken(text.as_bytes());
    }

    #[test]
    fn any_libtest_like_text_is_taken(text in "(running |[0-9]{1,22}| tests?\n|test result: |ok\\. |FAILED\\. | passed; | failed; |\\{\"type\":\"(suite|test)\",|\"event\":\"(ok|failed|started)\"|,\"failed\":[0-9]{1,22}|\\}|\n| in |s|=| ){0,60}") {
        is_taken(text.as_bytes());
    }

    #[test]
    fn spoilt_reports_are_taken(bytes in spoilt()) {
        is_taken(&bytes);
    }
}
