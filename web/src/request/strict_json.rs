//! JSON read strictly: an object that names a key twice is refused, because two readers would see two values.
//!
//! serde_json's own limit of 128 levels stays on, so depth is an error and never a crash; lone surrogates are an
//! error too, since no string can hold them. NUL and everything else is kept.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub(crate) fn parse_strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key '{}' stands twice", key.escape_debug())));
            }
            let value = fields.next_value_seed(Strict)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: keys that stand twice are refused at any depth, also when they are written differently.
    #[test]
    fn keys_stand_once() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"x":{"b":1,"b":2}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(parse_strict(text).unwrap_err().to_string().contains("stands twice"), "{text}");
        }
        assert!(parse_strict(r#"{"a":{"a":1},"b":[{"a":2}]}"#).is_ok());
    }

    /// Goal: depth, lone surrogates, huge numbers and trailing text are errors and nothing worse; NUL is text.
    #[test]
    fn odd_texts() {
        for text in ["[".repeat(20_000), "{\"a\":".repeat(20_000), r#""\ud800""#.into(), "1e999".into(), "{} x".into()]
        {
            assert!(parse_strict(&text).is_err());
        }
        assert_eq!(parse_strict(r#""a\u0000b""#).unwrap(), Value::String("a\0b".into()));
        assert_eq!(parse_strict("18446744073709551615").unwrap(), Value::from(u64::MAX));
    }
}
