//! Where two documents differ.

use serde_json::Value;

use crate::canonical::in_order;

/// The RFC 6901 pointer of the first value, in canonical order, that one of the two documents has and the other hasn't, or has otherwise; none
/// where they are the same.
#[must_use]
pub fn first_difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(of_left), Value::Object(of_right)) => {
            let mut keys: Vec<&String> = in_order(of_left).map(|(key, _)| key).collect();
            keys.extend(of_right.keys().filter(|key| !of_left.contains_key(*key)));
            keys.sort_by(|one, other| one.encode_utf16().cmp(other.encode_utf16()));
            keys.into_iter().find_map(|key| {
                let below = match (of_left.get(key), of_right.get(key)) {
                    (Some(left), Some(right)) => first_difference(left, right)?,
                    _ => String::new(),
                };
                Some(format!("/{}{below}", key.replace('~', "~0").replace('/', "~1")))
            })
        }
        (Value::Array(of_left), Value::Array(of_right)) => {
            let most = of_left.len().max(of_right.len());
            (0..most).find_map(|at| {
                let below = match (of_left.get(at), of_right.get(at)) {
                    (Some(left), Some(right)) => first_difference(left, right)?,
                    _ => String::new(),
                };
                Some(format!("/{at}{below}"))
            })
        }
        _ => (left != right).then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_pointer() {
        let all = [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!({"a": 1}), json!({"a": 2}), Some("/a")),
            (json!({"b": 1, "a": {"x": [1, 2]}}), json!({"b": 2, "a": {"x": [1, 3]}}), Some("/a/x/1")),
            (json!({"a": [1]}), json!({"a": [1, 2]}), Some("/a/1")),
            (json!({"a": 1}), json!({"a": 1, "0/~": 2}), Some("/0~1~0")),
            (json!({"b": 1}), json!({"a": 1}), Some("/a")),
            (json!({}), json!([]), Some("")),
            (json!([{}]), json!([null]), Some("/0")),
        ];
        for (left, right, at) in all {
            assert_eq!(first_difference(&left, &right).as_deref(), at, "{left} {right}");
            assert_eq!(first_difference(&right, &left).as_deref(), at, "{right} {left}");
        }
    }
}
