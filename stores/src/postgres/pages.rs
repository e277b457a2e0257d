//! A log as pages: the bodies of many events in one row.
//!
//! Between two bodies stands U+001E, as RFC 7464 puts it between JSON texts: raw, it can stand nowhere in JSON.

use caudal_engine::task::LogEntry;

use super::fault::Fault;

const SEPARATOR: u8 = 0x1e;
/// Pages are filled up to here; a larger body has one of its own.
pub(super) const PAGE_BYTES: usize = 64 * 1024;

pub(super) struct Page {
    pub(super) first: u64,
    pub(super) bodies: Vec<u8>,
}

/// The pages of a whole log. Refuses a log that is not whole: numbers from 1 without a gap, and an end.
pub(super) fn pages_of(log: &[LogEntry], head: u64) -> Result<Vec<Page>, String> {
    if log.len() as u64 != head || !log.last().is_some_and(LogEntry::is_terminal) {
        return Err(format!("its log has {} events and should have {head}, the last of them its end", log.len()));
    }
    let mut pages: Vec<Page> = Vec::new();
    for (number, entry) in (1..).zip(log) {
        if entry.seq != number {
            return Err(format!("its log has a gap: event {} follows {}", entry.seq, number - 1));
        }
        let body = entry.body.as_bytes();
        if body.contains(&SEPARATOR) {
            return Err(format!("event {number} of its log is no JSON"));
        }
        match pages.last_mut().filter(|page| page.bodies.len() + body.len() < PAGE_BYTES) {
            Some(page) => {
                page.bodies.push(SEPARATOR);
                page.bodies.extend_from_slice(body);
            }
            None => pages.push(Page { first: number, bodies: body.to_vec() }),
        }
    }
    Ok(pages)
}

/// The entries of a page.
pub(super) fn entries_of(first: u64, bodies: &[u8]) -> Result<impl DoubleEndedIterator<Item = LogEntry>, Fault> {
    let bodies: Vec<&str> =
        std::str::from_utf8(bodies).map_err(Fault::unreadable)?.split(char::from(SEPARATOR)).collect();
    Ok((first..).zip(bodies).map(|(seq, body)| LogEntry::new(seq, body)).collect::<Vec<_>>().into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(bodies: &[&str]) -> Vec<LogEntry> {
        (1..).zip(bodies).map(|(seq, body)| LogEntry::new(seq, *body)).collect()
    }

    const END: &str = "{\"kind\":\"task.cancelled\",\n \"at\":\"\"}";

    /// Goal: whatever the sizes, the pages hold every event with its number, line breaks and all.
    #[test]
    fn every_event_comes_back() {
        let sizes = [1, PAGE_BYTES, 10, PAGE_BYTES / 2, PAGE_BYTES / 2, 3];
        let bodies: Vec<String> = sizes.iter().map(|size| format!("{{\n{}}}", "x".repeat(*size))).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).chain([END]).collect();
        let log = log_of(&bodies);
        let pages = pages_of(&log, log.len() as u64).unwrap();
        assert_eq!(pages.iter().map(|page| page.first).collect::<Vec<_>>(), [1, 2, 3, 5]);
        let read: Vec<LogEntry> = pages.iter().flat_map(|page| entries_of(page.first, &page.bodies).unwrap()).collect();
        assert_eq!(read, log);
    }

    /// Goal: what is not a whole log is not kept as one.
    #[test]
    fn a_broken_log_is_refused() {
        let whole = log_of(&["{}", END]);
        for (log, head, says) in [
            (&whole[..1], 1, "the last of them its end"),
            (&whole[..], 3, "should have 3"),
            (&[], 0, "its end"),
            (&[whole[0].clone(), LogEntry::new(3, END)], 2, "event 3 follows 1"),
            (&[LogEntry::new(1, "\u{1e}"), whole[1].clone()], 2, "no JSON"),
        ] {
            let refused = pages_of(log, head).err().unwrap_or_default();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
