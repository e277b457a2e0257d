//! Answers of hundreds of texts come as one: a script packs them (MessagePack, `cmsgpack.pack`), which spares Redis writing
//! each and us reading each off the wire.

use caudal_engine::ports::StoreError;
use redis::Value;

use super::fault::unreadable;
use super::reply;

/// Lists in lists in lists: no answer has more.
const DEEPEST: usize = 8;

/// The answer as it was before it was packed. Of what Lua can say there are texts, lists and what is absent.
pub(super) fn unpacked(answer: Value) -> Result<Value, StoreError> {
    let bytes = reply::bytes(answer)?;
    let mut rest = &bytes[..];
    match value(&mut rest, DEEPEST) {
        Some(value) if rest.is_empty() => Ok(value),
        _ => Err(unreadable("Redis packed an answer in a way that nobody knows")),
    }
}

fn value(rest: &mut &[u8], deepest: usize) -> Option<Value> {
    let kind = *take(rest, 1)?.first()?;
    match kind {
        0x90..=0x9f => list(rest, usize::from(kind & 0x0f), deepest),
        0xdc => number(rest, 2).and_then(|count| list(rest, count, deepest)),
        0xdd => number(rest, 4).and_then(|count| list(rest, count, deepest)),
        0xa0..=0xbf => text(rest, usize::from(kind & 0x1f)),
        0xd9 => number(rest, 1).and_then(|length| text(rest, length)),
        0xda => number(rest, 2).and_then(|length| text(rest, length)),
        0xdb => number(rest, 4).and_then(|length| text(rest, length)),
        // Lua's nil, and its false, as Redis answers it.
        0xc0 | 0xc2 => Some(Value::Nil),
        _ => None,
    }
}

fn list(rest: &mut &[u8], count: usize, deepest: usize) -> Option<Value> {
    let deeper = deepest.checked_sub(1)?;
    // What says to be longer than what comes is not believed.
    let mut items = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        items.push(value(rest, deeper)?);
    }
    Some(Value::Array(items))
}

fn text(rest: &mut &[u8], length: usize) -> Option<Value> {
    Some(Value::BulkString(take(rest, length)?.to_vec()))
}

fn number(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    Some(take(rest, bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn read(packed: &[u8]) -> Option<Value> {
        unpacked(Value::BulkString(packed.to_vec())).ok()
    }

    /// Goal: texts of any length, lists and what is absent come out as they went in.
    #[test]
    fn texts_lists_and_gaps_come_through() {
        assert_eq!(read(b"\x93\xa2hi\xc2\x90"), Some(Value::Array(vec![text("hi"), Value::Nil, Value::Array(vec![])])));
        let long = "x".repeat(70_000);
        let packed = [b"\xdc\x00\x02\xda\x01\x00", &long.as_bytes()[..256], b"\xdb\x00\x01\x11\x70", long.as_bytes()];
        assert_eq!(read(&packed.concat()), Some(Value::Array(vec![text(&long[..256]), text(&long)])));
    }

    /// Goal: what is cut off, too long, too deep or of another kind is refused and takes nothing down.
    #[test]
    fn nonsense_is_refused() {
        for odd in [
            &b""[..],
            b"\x91",
            b"\xa5hi",
            b"\xdd\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xffhi",
            b"\x81\xa1a\xa1b",
            b"\x90\x90",
        ] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
        assert_eq!(read(&[0x91; 100]), None);
    }
}
