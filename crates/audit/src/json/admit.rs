//! The rules of ingest for a value that was built, not parsed.

use serde_json::{Number, Value};

use super::{MAX_DEPTH, MAX_INTEGER, REDACTED_KEY, Refusal};

/// A built value that no document could have brought.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at `{pointer}`: {refusal}")]
pub struct Unfit {
    /// RFC 6901 pointer to the value, or to the object that holds the key.
    pub pointer: String,
    /// What is wrong and what to do.
    pub refusal: Refusal,
}

/// Whether `value` keeps the rules of [`super::parse`], so that its canonical bytes parse back to it.
///
/// # Errors
/// The first value that does not.
pub fn admit(value: &Value) -> Result<(), Unfit> {
    admit_at(value, 0)
}

fn admit_at(value: &Value, depth: usize) -> Result<(), Unfit> {
    let refuse = |refusal| Err(Unfit { pointer: String::new(), refusal });
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if is_kept(number) => Ok(()),
        Value::Number(number) => refuse(Refusal::NumberTooLarge(number.to_string())),
        Value::Array(_) | Value::Object(_) if depth == MAX_DEPTH => refuse(Refusal::TooDeep),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| admit_at(item, depth + 1).map_err(|unfit| unfit.within(&index.to_string()))),
        Value::Object(object) if object.contains_key(REDACTED_KEY) => refuse(Refusal::ReservedKey),
        Value::Object(object) => {
            object.iter().try_for_each(|(key, item)| admit_at(item, depth + 1).map_err(|unfit| unfit.within(key)))
        }
    }
}

fn is_kept(number: &Number) -> bool {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(value), _, _) => value <= MAX_INTEGER,
        (_, Some(value), _) => value.unsigned_abs() <= MAX_INTEGER,
        (_, _, Some(value)) => value.abs() <= MAX_INTEGER as f64,
        (None, None, None) => false,
    }
}

impl Unfit {
    fn within(mut self, token: &str) -> Unfit {
        let token = token.replace('~', "~0").replace('/', "~1");
        self.pointer.insert_str(0, &token);
        self.pointer.insert(0, '/');
        self
    }
}
