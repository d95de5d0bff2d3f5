use candor_audit::at::{MAX_AT_US, MIN_AT_US, parse, write};
use proptest::prelude::*;

fn written(at_us: i64) -> String {
    let mut out = Vec::new();
    write(at_us, &mut out);
    String::from_utf8(out).unwrap()
}

fn by_jiff(at_us: i64) -> String {
    format!("{:.6}", jiff::Timestamp::from_microsecond(at_us).unwrap())
}

#[test]
fn the_edges_of_rfc_3339_are_written_and_nothing_beyond() {
    assert_eq!(written(MIN_AT_US), "0000-01-01T00:00:00.000000Z");
    assert_eq!(written(MAX_AT_US), "9999-12-31T23:59:59.999999Z");
    assert_eq!(written(i64::MIN), written(MIN_AT_US));
    assert_eq!(written(i64::MAX), written(MAX_AT_US));
    assert_eq!(written(-1), "1969-12-31T23:59:59.999999Z");
}

#[test]
fn every_day_of_eight_centuries_is_as_jiff_has_it() {
    const DAY_US: i64 = 86_400_000_000;
    for day in -146_097..146_097 {
        let at_us = day * DAY_US + day.rem_euclid(DAY_US);
        let text = written(at_us);
        assert_eq!(text, by_jiff(at_us));
        assert_eq!(parse(&text), Some(at_us));
    }
}

#[test]
fn other_spellings_of_a_time_are_refused() {
    for text in [
        "",
        "2026-11-23T09:02:58Z",
        "2026-11-23T09:02:58.123Z",
        "2026-11-23t09:02:58.123456Z",
        "2026-11-23T09:02:58.123456+00:00",
        "2026-11-23 09:02:58.123456Z",
        "2026-02-29T09:02:58.123456Z",
        "2026-13-01T09:02:58.123456Z",
        "2026-00-10T09:02:58.123456Z",
        "2026-11-23T24:00:00.000000Z",
        "2026-11-23T09:02:60.000000Z",
        "2026-11-23T09:02:+8.123456Z",
        "-999-11-23T09:02:58.123456Z",
        "2026-11-23T09:02:58.12345éZ",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_time_is_as_jiff_has_it_and_reads_back(at_us in MIN_AT_US..=MAX_AT_US) {
        let text = written(at_us);
        prop_assert_eq!(&text, &by_jiff(at_us));
        prop_assert_eq!(parse(&text), Some(at_us));
    }
}
