//! A log as pages: the bodies of many events in one row.
//!
//! Between two bodies stands U+001E, as RFC 7464 puts it between JSON texts: raw, it can stand nowhere in JSON.

use caudal_engine::task::LogEntry;

use super::fault::Fault;
use crate::log_page::LogPage;

const SEPARATOR: u8 = 0x1e;
/// Pages are filled up to here; a larger body has one of its own.
pub(super) const PAGE_BYTES: usize = 64 * 1024;

pub(super) struct Page {
    pub(super) first: u64,
    pub(super) bodies: Vec<u8>,
}

/// The pages of a whole log. Refuses a log that is not whole: numbers from 1 without a gap, and an end.
pub(super) fn pages_of(log: &[LogPage], head: u64) -> Result<Vec<Page>, String> {
    let mut pages: Vec<Page> = Vec::new();
    let mut events = 0;
    for read in log {
        if read.first != events + 1 {
            return Err(format!("its log has a gap: event {} follows {events}", read.first));
        }
        let bodies = read.bodies.as_bytes();
        let count = bodies.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        if count != read.count || bodies.contains(&SEPARATOR) {
            return Err(format!("of {} events of its log from {} on some are no JSON", read.count, read.first));
        }
        events += count;
        // What was written together is kept together, as long as it fits.
        if bodies.len() < PAGE_BYTES {
            add(&mut pages, read.first, &read.bodies);
        } else {
            read.entries().for_each(|entry| add(&mut pages, entry.seq, &entry.body));
        }
    }
    let ends = || log.last().and_then(|page| page.entries().last()).is_some_and(|last| last.is_terminal());
    if events != head || !ends() {
        return Err(format!("its log has {events} events and should have {head}, the last of them its end"));
    }
    Ok(pages)
}

fn add(pages: &mut Vec<Page>, first: u64, bodies: &str) {
    let apart = bodies.bytes().map(|byte| if byte == b'\n' { SEPARATOR } else { byte });
    match pages.last_mut().filter(|page| page.bodies.len() + bodies.len() < PAGE_BYTES) {
        Some(page) => {
            page.bodies.push(SEPARATOR);
            page.bodies.extend(apart);
        }
        None => pages.push(Page { first, bodies: apart.collect() }),
    }
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

    fn page(entries: &[LogEntry]) -> LogPage {
        LogPage::of(entries).unwrap()
    }

    /// Goal: whatever the sizes, and whatever was written together, the pages hold every event with its number.
    #[test]
    fn every_event_comes_back() {
        let sizes = [1, PAGE_BYTES, 10, PAGE_BYTES / 2, PAGE_BYTES / 2, 3];
        let bodies: Vec<String> = sizes.iter().map(|size| format!("{{\n{}}}", "x".repeat(*size))).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).chain([END]).collect();
        let log = log_of(&bodies);
        for together in [1, 3, log.len()] {
            let written: Vec<LogPage> = log.chunks(together).map(page).collect();
            let pages = pages_of(&written, log.len() as u64).unwrap();
            if together != 3 {
                assert_eq!(pages.iter().map(|page| page.first).collect::<Vec<_>>(), [1, 2, 3, 5]);
            }
            let read: Vec<LogEntry> =
                pages.iter().flat_map(|page| entries_of(page.first, &page.bodies).unwrap()).collect();
            assert_eq!(read, written.iter().flat_map(LogPage::entries).collect::<Vec<_>>(), "{together} together");
        }
    }

    /// Goal: what is not a whole log is not kept as one.
    #[test]
    fn a_broken_log_is_refused() {
        let whole = log_of(&["{}", END]);
        let miscounted = LogPage { count: 3, ..page(&whole) };
        for (log, head, says) in [
            (vec![page(&whole[..1])], 1, "the last of them its end"),
            (vec![page(&whole)], 3, "should have 3"),
            (vec![], 0, "its end"),
            (vec![page(&whole[..1]), page(&[LogEntry::new(3, END)])], 2, "event 3 follows 1"),
            (vec![page(&[LogEntry::new(1, "\u{1e}"), whole[1].clone()])], 2, "no JSON"),
            (vec![miscounted], 3, "no JSON"),
        ] {
            let refused = pages_of(&log, head).err().unwrap_or_default();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
