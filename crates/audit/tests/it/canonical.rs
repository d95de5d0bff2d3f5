use candor_audit::canonical::to_bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary;

fn text(value: &Value) -> String {
    String::from_utf8(to_bytes(value)).unwrap()
}

/// The examples of RFC 8785 and of its author's reference repository, cyberphone/json-canonicalization (testdata/).
#[test]
fn published_vectors_come_out_byte_for_byte() {
    macro_rules! vectors {
        ($($name:literal),*) => {[$((
            $name,
            include_str!(concat!("../vectors/", $name, ".input.json")),
            include_str!(concat!("../vectors/", $name, ".expected.json")),
        )),*]};
    }
    for (name, input, expected) in
        vectors!["rfc_example", "rfc_sorting", "arrays", "french", "structures", "unicode", "values", "weird"]
    {
        assert_eq!(text(&serde_json::from_str(input).unwrap()), expected.trim_end(), "{name}");
    }
}

/// RFC 8785 appendix B.
#[test]
fn numbers_of_appendix_b() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(text(&json!(f64::from_bits(bits))), expected, "{bits:016x}");
    }
}

#[test]
fn every_ascii_character_is_escaped_as_the_oracle_does() {
    let all: String = (0..=0x7f_u8).map(char::from).collect();
    let value = json!({ &all: all });
    assert_eq!(to_bytes(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
}

#[test]
fn keys_are_ordered_by_utf_16_units() {
    // U+10000 is D800 DC00 in UTF-16 and so comes before U+E000, though not in UTF-8.
    assert_eq!(text(&json!({"\u{e000}": 1, "\u{10000}": 2, "a": 3})), "{\"a\":3,\"\u{10000}\":2,\"\u{e000}\":1}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn random_json_is_as_the_oracle_writes_it(value in arbitrary::json()) {
        prop_assert_eq!(to_bytes(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
    }

    #[test]
    fn random_numbers_are_as_the_oracle_writes_them(double in any::<f64>(), unsigned: u64, signed: i64) {
        for value in [json!(double), json!(unsigned), json!(signed)] {
            prop_assert_eq!(to_bytes(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }
    }
}
