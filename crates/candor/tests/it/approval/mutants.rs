//! Documents made of a valid package by seeded changes: what a JSON Schema must say yes or no to.

use serde_json::{Map, Value, json};

/// What stands before and after a text that goes into the document as it is, without quotes.
const RAW: (&str, &str) = ("@raw[", "]raw@");
/// Texts of numbers that a reader with limits stumbles over.
const NUMBERS: [&str; 22] = [
    "5.0",
    "5e0",
    "50e-1",
    "0.0",
    "-0",
    "-0.0",
    "0e5",
    "1e400",
    "-1e400",
    "1e-400",
    "1e308",
    "5.5",
    "-1",
    "100",
    "101",
    "100.0",
    "18446744073709551616",
    "9007199254740993",
    "-9223372036854775809",
    "2",
    "7.0",
    "1E2",
];

/// Numbers from a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// JSON pointers of every value.
fn places(of: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match of {
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), all)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }),
        _ => {}
    }
}

fn raw(text: &str) -> Value {
    json!(format!("{}{text}{}", RAW.0, RAW.1))
}

fn strange(dice: &mut Dice) -> Value {
    let long = "9".repeat(400);
    match dice.roll(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!(""),
        4 => json!([]),
        5 => json!({}),
        6 => json!([null]),
        7 => json!("5"),
        8 => json!("ready_for_owner_review"),
        9 => json!("\u{1f600}\u{301}"),
        10 => raw(&long),
        11 => raw("\"\\ud800\""),
        12 => raw(&("[".repeat(150) + &"]".repeat(150))),
        _ => raw(NUMBERS[dice.roll(NUMBERS.len())]),
    }
}

fn text_changed(text: &str, dice: &mut Dice) -> Value {
    match dice.roll(9) {
        0 => json!(format!("{text}\n")),
        1 => json!(text.to_uppercase()),
        2 => json!(format!(" {text}")),
        3 => json!(text.chars().skip(1).collect::<String>()),
        4 => json!(format!("{text}0")),
        5 => json!(text.replace('0', "\u{ff10}")),
        6 => json!(text.replace(':', "\n:")),
        7 => json!(text.chars().take(1).collect::<String>()),
        _ => json!(text.replace("sha256", "sha512")),
    }
}

fn list_changed(items: &mut Vec<Value>, dice: &mut Dice) {
    match dice.roll(6) {
        0 => drop(items.pop()),
        1 => items.clear(),
        2 => items.push(strange(dice)),
        3 => items.extend(items.first().cloned()),
        4 => items.reverse(),
        _ => items.truncate(4),
    }
}

fn fields_changed(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let Some(name) = (!names.is_empty()).then(|| names[dice.roll(names.len())].clone()) else { return };
    let one = fields.get(&name).cloned().unwrap_or_default();
    match dice.roll(7) {
        0 | 1 => drop(fields.remove(&name)),
        2 => {
            fields.remove(&name);
            fields.insert(format!("{name}s"), one);
        }
        3 => drop(fields.insert("surprise".to_owned(), strange(dice))),
        4 => drop(fields.insert(name.to_uppercase(), one)),
        5 => {
            let other = names[dice.roll(names.len())].clone();
            let theirs = fields.insert(other, one).unwrap_or_default();
            fields.insert(name, theirs);
        }
        _ => drop(fields.insert(name, strange(dice))),
    }
}

fn number_changed(dice: &mut Dice) -> Value {
    raw(NUMBERS[dice.roll(NUMBERS.len())])
}

/// A document with one to three changes, as text.
pub(super) fn mutant(of: &Value, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    // The first numbers of neighbouring seeds are alike.
    (0..8).for_each(|_| {
        dice.roll(2);
    });
    let mut document = of.clone();
    for _ in 0..1 + dice.roll(3) {
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let at = all[dice.roll(all.len())].clone();
        let from = all[dice.roll(all.len())].clone();
        let other = document.pointer(&from).cloned().unwrap_or_default();
        let place = document.pointer_mut(&at).unwrap();
        if dice.roll(12) == 0 {
            *place = if dice.roll(2) == 0 { other } else { strange(&mut dice) };
            continue;
        }
        match place {
            Value::String(text) if !text.starts_with(RAW.0) => *place = text_changed(&text.clone(), &mut dice),
            Value::Array(items) => list_changed(items, &mut dice),
            Value::Object(fields) => fields_changed(fields, &mut dice),
            Value::Number(_) => *place = number_changed(&mut dice),
            Value::Bool(is) => *place = if dice.roll(2) == 0 { json!(!*is) } else { strange(&mut dice) },
            _ => *place = strange(&mut dice),
        }
    }
    as_text(&document, &mut dice)
}

/// The document with its raw texts, and sometimes with a field that stands twice.
fn as_text(document: &Value, dice: &mut Dice) -> String {
    let mut text = document.to_string();
    while let Some(start) = text.find(&format!("\"{}", RAW.0)) {
        let end = start + text[start..].find(&format!("{}\"", RAW.1)).unwrap();
        let inner: String = serde_json::from_str(&text[start..end + RAW.1.len() + 1]).unwrap();
        let inner = inner.trim_start_matches(RAW.0).trim_end_matches(RAW.1).to_owned();
        text.replace_range(start..end + RAW.1.len() + 1, &inner);
    }
    match dice.roll(20) {
        0 if text.starts_with('{') && text.len() > 2 => text.replacen('{', "{\"schema_version\": 1, ", 1),
        1 if text.ends_with('}') && text.len() > 2 => format!(
            "{},\"rollups\":{{}}}}",
            text.trim_end_matches('}').to_owned() + &"}".repeat(text.len() - text.trim_end_matches('}').len() - 1)
        ),
        _ => text,
    }
}
