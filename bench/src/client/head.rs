//! The head of an HTTP/1.1 answer: its status, and where its body ends.

use anyhow::{Context, Result, bail};

/// A head that is longer is not one of ours.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(super) length: Length,
    /// The server ends the connection after this answer.
    pub(super) closes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Known(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// The head and the number of its bytes, once all of it is there.
    pub(super) fn parse(input: &[u8]) -> Result<Option<(Self, usize)>> {
        let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
            if input.len() > MOST_BYTES {
                bail!("the head of an answer is longer than {MOST_BYTES} bytes");
            }
            return Ok(None);
        };
        let text = str::from_utf8(&input[..end]).context("the head of an answer is not UTF-8")?;
        Ok(Some((Self::of_text(text)?, end + 4)))
    }

    fn of_text(text: &str) -> Result<Self> {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status: u16 = first
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
            .with_context(|| format!("'{first}' does not begin an HTTP/1 answer"))?;
        let has_body = !(status < 200 || status == 204 || status == 304);
        let mut head = Self {
            status,
            length: if has_body { Length::UntilClose } else { Length::Known(0) },
            closes: first.starts_with("HTTP/1.0"),
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            head.hear(name, value.trim(), has_body)?;
        }
        head.closes |= head.length == Length::UntilClose;
        Ok(head)
    }

    fn hear(&mut self, name: &str, value: &str, has_body: bool) -> Result<()> {
        if name.eq_ignore_ascii_case("connection") {
            self.closes = value.eq_ignore_ascii_case("close");
        } else if has_body && name.eq_ignore_ascii_case("transfer-encoding") {
            self.length = Length::Chunked;
        } else if has_body && name.eq_ignore_ascii_case("content-length") && self.length != Length::Chunked {
            self.length = Length::Known(value.parse().with_context(|| format!("'{value}' is no content length"))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the three ways in which a body can end, and answers that have none.
    #[test]
    fn tells_where_the_body_ends() {
        let head = |text: &str| Head::parse(text.as_bytes()).unwrap().unwrap().0;
        let known = head("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n");
        assert_eq!((known.status, known.length, known.closes), (200, Length::Known(12), false));
        let chunked = head("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nconnection: close\r\n\r\n");
        assert_eq!((chunked.status, chunked.length, chunked.closes), (404, Length::Chunked, true));
        let open = head("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((open.length, open.closes), (Length::UntilClose, true));
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n").length, Length::Known(0));
    }

    /// Goal: a head that is cut anywhere is waited for, and what is no head is refused.
    #[test]
    fn waits_for_the_whole_head() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
        for cut in 0..text.len() {
            assert!(Head::parse(&text[..cut]).unwrap().is_none(), "cut at {cut}");
        }
        assert_eq!(Head::parse(text).unwrap().unwrap().1, text.len());
        assert!(Head::parse(b"SSH-2.0 hello\r\n\r\n").is_err());
    }
}
