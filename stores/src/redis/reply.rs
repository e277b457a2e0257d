//! Taking a reply of Redis apart.

use caudal_engine::ports::StoreError;
use redis::Value;

use super::fault::unreadable;

fn odd(reply: &Value, wanted: &str) -> StoreError {
    unreadable(format_args!("Redis answered {reply:?} where {wanted} was expected"))
}

pub(super) fn int(reply: &Value) -> Result<i64, StoreError> {
    match reply {
        Value::Int(number) => Ok(*number),
        Value::BulkString(bytes) => {
            std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or_else(|| odd(reply, "a number"))
        }
        _ => Err(odd(reply, "a number")),
    }
}

/// A number that is left out as an empty text.
pub(super) fn maybe_int(reply: &Value) -> Result<Option<i64>, StoreError> {
    match reply {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) if bytes.is_empty() => Ok(None),
        reply => int(reply).map(Some),
    }
}

pub(super) fn count(reply: &Value) -> Result<u64, StoreError> {
    u64::try_from(int(reply)?).map_err(|_| odd(reply, "a count"))
}

pub(super) fn bytes(reply: Value) -> Result<Vec<u8>, StoreError> {
    match reply {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        other => Err(odd(&other, "a text")),
    }
}

pub(super) fn text(reply: Value) -> Result<String, StoreError> {
    String::from_utf8(bytes(reply)?).map_err(unreadable)
}

pub(super) fn list(reply: Value) -> Result<Vec<Value>, StoreError> {
    match reply {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        other => Err(odd(&other, "a list")),
    }
}

/// A list of exactly so many.
pub(super) fn tuple<const N: usize>(reply: Value) -> Result<[Value; N], StoreError> {
    <[Value; N]>::try_from(list(reply)?).map_err(|items| odd(&Value::Array(items), "a list of another length"))
}
