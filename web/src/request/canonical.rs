//! The fingerprint of a body: SHA-256 of its JSON with the keys of every object sorted, so that two writings of the
//! same request are the same request, in whatever order a map keeps its keys.

use serde_json::Value;
use sha2::{Digest, Sha256};

pub(super) fn body_hash(value: &Value) -> [u8; 32] {
    let mut hasher = Sha256::new();
    feed(&mut hasher, value);
    hasher.finalize().into()
}

fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_str());
            hasher.update(b"{");
            for (key, field) in sorted {
                feed_text(hasher, key);
                hasher.update(b":");
                feed(hasher, field);
                hasher.update(b",");
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(hasher, item);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        Value::String(text) => feed_text(hasher, text),
        plain => hasher.update(plain.to_string().as_bytes()),
    }
}

/// The length first: no text can pretend to be structure.
fn feed_text(hasher: &mut Sha256, text: &str) {
    hasher.update(format!("\"{}:", text.len()).as_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::strict_json::parse_strict;
    use super::*;

    /// Goal: the order of keys and the spaces do not count; everything else does.
    #[test]
    fn same_request_same_hash() {
        let hash = |text: &str| body_hash(&parse_strict(text).unwrap());
        assert_eq!(hash(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#), hash(r#"{ "b":{"d":null,"c":[1, 2]},"a":1 }"#));
        for other in [r#"{"a":1,"b":{"c":[2,1],"d":null}}"#, r#"{"a":"1","b":{"c":[1,2],"d":null}}"#, r#"{"a":1}"#] {
            assert_ne!(hash(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#), hash(other));
        }
        assert_ne!(hash(r#"["a","b"]"#), hash(r#"["a\",\"b"]"#));
    }
}
