use candor_audit::canonical;
use candor_audit::json::{MAX_DEPTH, Refusal, admit, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary;

const MAX_BYTES: usize = 1 << 20;

fn refusal(text: &str) -> Refusal {
    parse(text.as_bytes(), MAX_BYTES).expect_err(text).refusal
}

fn place(text: &str) -> (usize, usize) {
    let error = parse(text.as_bytes(), MAX_BYTES).expect_err(text);
    (error.line, error.column)
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn duplicate_keys_are_refused_at_any_depth_and_however_spelt() {
    assert_eq!(refusal(r#"{"a":1,"a":2}"#), Refusal::DuplicateKey("a".into()));
    assert_eq!(refusal(r#"[{"x":{"a":1,"b":2,"a":1}}]"#), Refusal::DuplicateKey("a".into()));
    assert_eq!(refusal(r#"{"a":1,"\u0061":2}"#), Refusal::DuplicateKey("a".into()));
}

#[test]
fn the_redaction_key_is_reserved_at_any_depth() {
    assert_eq!(refusal(r#"{"$redacted":"x"}"#), Refusal::ReservedKey);
    assert_eq!(refusal(r#"[{"a":{"\u0024redacted":1,"b":2}}]"#), Refusal::ReservedKey);
    assert!(parse(br#"{"$redacted2":1,"redacted":"$redacted"}"#, MAX_BYTES).is_ok());
}

#[test]
fn integers_to_2_pow_53_are_taken_and_none_beyond() {
    for text in ["9007199254740992", "-9007199254740992"] {
        assert_eq!(parse(text.as_bytes(), MAX_BYTES).unwrap().to_string(), text);
    }
    for text in [
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e16",
        "1e300",
        "9007199254740994.0",
    ] {
        assert!(matches!(refusal(text), Refusal::NumberTooLarge(_)), "{text}");
    }
}

#[test]
fn numbers_that_a_double_would_change_are_refused() {
    for text in [
        "9007199254740992.5",
        "9007199254740993.0",
        "0.1234567890123456789",
        "0.30000000000000004441",
        "1e-400",
        "4.9e-324",
        "0.1e-99999999999999999999",
    ] {
        assert_eq!(refusal(text), Refusal::NumberRounded(text.into()));
    }
}

#[test]
fn numbers_that_a_double_keeps_are_taken_with_one_spelling() {
    for (text, value) in [
        ("0.1", json!(0.1)),
        ("0.30000000000000004", json!(0.300_000_000_000_000_04)),
        ("1.10000000000000000000000", json!(1.1)),
        ("5e-324", json!(5e-324)),
        ("0.0000000000000000000000015", json!(1.5e-24)),
        ("-0", json!(0)),
        ("-0.0", json!(0)),
        ("0e99", json!(0)),
        ("1.0", json!(1)),
        ("1.5E+3", json!(1500)),
        ("100e-2", json!(1)),
        ("-12.50e1", json!(-125)),
    ] {
        assert_eq!(parse(text.as_bytes(), MAX_BYTES).expect(text), value, "{text}");
    }
}

#[test]
fn digits_inside_strings_are_no_numbers() {
    let text = r#"{"9007199254740993.5":"0.1234567890123456789","b\"0.1234567890123456789":0.5,"c\\":[1.5]}"#;
    assert!(parse(text.as_bytes(), MAX_BYTES).is_ok());
}

#[test]
fn depth_is_limited() {
    assert!(parse(nested(MAX_DEPTH).as_bytes(), MAX_BYTES).is_ok());
    assert_eq!(refusal(&nested(MAX_DEPTH + 1)), Refusal::TooDeep);
    assert_eq!(refusal(&"[".repeat(100_000)), Refusal::TooDeep);
    assert_eq!(refusal(&r#"{"a":"#.repeat(100_000)), Refusal::TooDeep);
}

#[test]
fn size_is_limited_by_the_caller() {
    assert!(parse(b"\"ab\"", 4).is_ok());
    let error = parse(b"\"abc\"", 4).unwrap_err();
    assert_eq!(error.refusal, Refusal::TooLarge { bytes: 5, max_bytes: 4 });
}

#[test]
fn anything_but_one_json_document_is_refused() {
    for text in ["", " ", "{", "[1,]", "{\"a\":1,}", "1 2", "{} x", "NaN", "Infinity", "-", "01", "1.", ".5", "+1"] {
        assert!(matches!(refusal(text), Refusal::Syntax(_)), "{text}");
    }
    for text in ["'a'", "\"\t\"", r#""\ud800""#, "nul", "// c\n1", "\u{feff}1", "1e999", "{1:2}"] {
        assert!(matches!(refusal(text), Refusal::Syntax(_)), "{text}");
    }
    assert!(parse(b"\"\xff\"", MAX_BYTES).is_err());
}

#[test]
fn errors_name_the_place_and_what_to_do() {
    assert_eq!(place("{\n  \"a\": 1,\n  \"a\": 2\n}"), (3, 5));
    assert_eq!(place("{\n  \"a\": 9007199254740993\n}"), (2, 23));
    assert_eq!(place("[\n1,\n 0.1234567890123456789]"), (3, 2));
    assert_eq!(place("{}\n}"), (2, 1));
    let error = parse(b"{\"a\":1,\"a\":2}", MAX_BYTES).unwrap_err();
    assert_eq!(error.to_string(), "line 1 column 10: key `a` stands twice in one object; keep one of them");
    let error = parse(b"[1,]", MAX_BYTES).unwrap_err().to_string();
    assert_eq!(error, "line 1 column 4: not valid JSON: trailing comma; send exactly one JSON document in UTF-8");
}

#[test]
fn errors_repeat_a_bounded_piece_of_the_input() {
    let key = "é".repeat(5_000);
    let error = parse(format!(r#"{{"{key}":1,"{key}":2}}"#).as_bytes(), MAX_BYTES).unwrap_err();
    assert!(error.to_string().chars().count() < 200);
    let digits = format!("0.{}", "12345".repeat(5_000));
    assert!(parse(digits.as_bytes(), MAX_BYTES).unwrap_err().to_string().len() < 200);
}

#[test]
fn built_values_are_held_to_the_same_rules() {
    assert!(admit(&json!({"a": [1, -0.0, 1.5, 9_007_199_254_740_992_u64, null, {}, []]})).is_ok());
    let mut deep = Value::Null;
    for _ in 0..=MAX_DEPTH {
        deep = json!([deep]);
    }
    for (value, pointer) in [
        (json!({"a/b": [0, {"$redacted": 1}]}), "/a~1b/1"),
        (json!([9_007_199_254_740_993_u64]), "/0"),
        (json!({"~": -9_007_199_254_740_993_i64}), "/~0"),
        (json!({"x": 1e16}), "/x"),
    ] {
        assert_eq!(admit(&value).unwrap_err().pointer, pointer);
    }
    assert_eq!(admit(&deep).unwrap_err().refusal, Refusal::TooDeep);
    assert!(admit(&deep[0]).is_ok());
}

proptest! {
    #[test]
    fn canonical_bytes_parse_back_to_the_value(value in arbitrary::json()) {
        prop_assert!(admit(&value).is_ok());
        prop_assert_eq!(&parse(&canonical::to_bytes(&value), MAX_BYTES).unwrap(), &value);
        prop_assert_eq!(&parse(&serde_json::to_vec_pretty(&value).unwrap(), MAX_BYTES).unwrap(), &value);
    }

    #[test]
    fn any_bytes_are_taken_or_refused_and_never_panic(bytes: Vec<u8>) {
        if let Ok(value) = parse(&bytes, MAX_BYTES) {
            prop_assert_eq!(parse(&canonical::to_bytes(&value), MAX_BYTES).unwrap(), value);
        }
    }

    #[test]
    fn a_decimal_is_taken_exactly_if_its_value_survives(whole in 0..10_000_u32, fraction in "[0-9]{1,25}", exponent in -30..10_i32) {
        let text = format!("{whole}.{fraction}e{exponent}");
        let taken = parse(text.as_bytes(), MAX_BYTES);
        // The other way to ask: is the shortest spelling of the double the same decimal, digit by digit?
        let survives = decimal(&text) == decimal(&format!("{:e}", text.parse::<f64>().unwrap()));
        let in_range = text.parse::<f64>().unwrap() <= 9_007_199_254_740_992.0;
        prop_assert_eq!(taken.is_ok(), survives && in_range, "{}", text);
    }
}

/// Digits without outer zeros, and the power of ten of the last.
fn decimal(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap();
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = mantissa.replace('.', "");
    let kept = digits.trim_end_matches('0');
    if kept.trim_start_matches('0').is_empty() {
        return (String::new(), 0);
    }
    let dropped = i32::try_from(digits.len() - kept.len()).unwrap();
    let places = i32::try_from(fraction.len()).unwrap();
    (kept.trim_start_matches('0').to_owned(), exponent.parse::<i32>().unwrap() - places + dropped)
}
