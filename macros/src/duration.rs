//! Durations as people write them, read at compile time: `500ms`, `90s`, `5m`, `1h30m`, `2d`.

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Milliseconds. Units come in falling order, each at most once.
pub(crate) fn parse_milliseconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is no duration; write it like \"500ms\", \"90s\", \"5m\", \"1h30m\" or \"2d\"");
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let milliseconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms).ok_or_else(wrong)?;
        if milliseconds >= smallest {
            return Err(wrong());
        }
        smallest = milliseconds;
        total = number.checked_mul(milliseconds).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    match total {
        0 if text.is_empty() => Err(wrong()),
        0 => Err(format!("\"{text}\" is no time at all; leave the option out for no limit")),
        _ => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_milliseconds;

    /// Goal: every form that the message promises is read.
    #[test]
    fn forms() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1s250ms", 1_250),
        ] {
            assert_eq!(parse_milliseconds(text), Ok(milliseconds), "{text}");
        }
    }

    /// Goal: what could be misread is refused.
    #[test]
    fn refusals() {
        for text in ["", "5", "m", "5 m", "-5m", "5m5m", "5s1h", "1.5h", "5min", "0s", "99999999999999d"] {
            assert!(parse_milliseconds(text).is_err(), "{text}");
        }
    }
}
