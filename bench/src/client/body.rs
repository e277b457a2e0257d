//! Where the bytes of a body lie in what was read: by length, in chunks, or up to the end of the connection.
//!
//! ```text
//! chunks:  Size ──"1a\r\n"──▶ Data ──26 bytes──▶ DataEnd ──"\r\n"──▶ Size
//!            └──"0\r\n"──▶ Trailer ──empty line──▶ ended
//! ```

use std::ops::Range;

use anyhow::{Result, bail};

use super::head::Length;

#[derive(Debug)]
pub(super) struct Body(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes are to come.
    Plain(u64),
    UntilClose,
    /// The size so far; `done` when a `;` was met, after which nothing counts until the line ends.
    Size {
        size: u64,
        done: bool,
    },
    Data(u64),
    DataEnd,
    /// The bytes of the trailer's current line.
    Trailer(usize),
    Ended,
}

/// What was found in the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) consumed: usize,
    /// The next bytes of the body; empty when more input is needed or the body has ended.
    pub(super) data: Range<usize>,
}

impl Body {
    pub(super) const NONE: Self = Self(State::Ended);

    pub(super) fn new(length: Length) -> Self {
        Self(match length {
            Length::Known(0) => State::Ended,
            Length::Known(bytes) => State::Plain(bytes),
            Length::Chunked => State::Size { size: 0, done: false },
            Length::UntilClose => State::UntilClose,
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0 == State::Ended
    }

    /// Whether the end of the connection is the end of the body.
    pub(super) fn may_close(&self) -> bool {
        matches!(self.0, State::UntilClose | State::Ended)
    }

    pub(super) fn next_piece(&mut self, input: &[u8]) -> Result<Piece> {
        let mut at = 0;
        while at < input.len() {
            match self.0 {
                State::Plain(left) => return Ok(self.take(at, input, left, State::Plain)),
                State::Data(left) => return Ok(self.take(at, input, left, State::Data)),
                State::UntilClose => return Ok(Piece { consumed: input.len(), data: at..input.len() }),
                State::Ended => break,
                State::Size { .. } | State::DataEnd | State::Trailer(_) => {
                    self.0 = between(self.0, input[at])?;
                    at += 1;
                }
            }
        }
        Ok(Piece { consumed: at, data: at..at })
    }

    fn take(&mut self, from: usize, input: &[u8], left: u64, rest: fn(u64) -> State) -> Piece {
        let there = input.len() - from;
        let taken = usize::try_from(left).map_or(there, |left| left.min(there));
        let left = left - taken as u64;
        self.0 = match (left, self.0) {
            (0, State::Data(_)) => State::DataEnd,
            (0, _) => State::Ended,
            _ => rest(left),
        };
        Piece { consumed: from + taken, data: from..from + taken }
    }
}

/// One byte between chunks.
fn between(state: State, byte: u8) -> Result<State> {
    Ok(match (state, byte) {
        (State::Size { size: 0, .. }, b'\n') => State::Trailer(0),
        (State::Size { size, .. }, b'\n') => State::Data(size),
        (State::Size { size, done }, _) if done || byte == b'\r' => State::Size { size, done: true },
        (State::Size { size, .. }, b';' | b' ') => State::Size { size, done: true },
        (State::Size { size, .. }, _) => match (char::from(byte).to_digit(16), size.checked_mul(16)) {
            (Some(digit), Some(size)) => State::Size { size: size + u64::from(digit), done: false },
            _ => bail!("a chunk's size holds the byte {byte:#04x}"),
        },
        (State::DataEnd, b'\r') => State::DataEnd,
        (State::DataEnd, b'\n') => State::Size { size: 0, done: false },
        (State::Trailer(0), b'\n') => State::Ended,
        (State::Trailer(_), b'\n') => State::Trailer(0),
        (State::Trailer(length), b'\r') => State::Trailer(length),
        (State::Trailer(length), _) => State::Trailer(length + 1),
        (State::DataEnd, _) => bail!("a chunk is longer than its size says"),
        (state, _) => state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that the body holds, when its bytes come in the given pieces; and how many bytes were left over.
    fn read(length: Length, pieces: &[&[u8]]) -> (Vec<u8>, usize, bool) {
        let (mut body, mut all, mut left) = (Body::new(length), Vec::new(), Vec::new());
        for piece in pieces {
            left.extend_from_slice(piece);
            loop {
                let found = body.next_piece(&left).unwrap();
                all.extend_from_slice(&left[found.data.clone()]);
                left.drain(..found.consumed);
                if found.data.is_empty() {
                    break;
                }
            }
        }
        (all, left.len(), body.has_ended())
    }

    /// Goal: wherever the network cuts a chunked body, the same bytes come out, and nothing after it is eaten.
    #[test]
    fn chunks_cut_at_any_byte() {
        let wire = b"5\r\nhello\r\n1A;name=value\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nx-trailer: 1\r\n\r\nHTTP";
        for cut in 0..=wire.len() {
            let (all, left, ended) = read(Length::Chunked, &[&wire[..cut], &wire[cut..]]);
            assert_eq!(all, b"helloabcdefghijklmnopqrstuvwxyz", "cut at {cut}");
            assert!(ended && left == 4, "cut at {cut}: {left} bytes left");
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(read(Length::Chunked, &bytes).0, b"helloabcdefghijklmnopqrstuvwxyz");
    }

    /// Goal: a body of known length ends there, one without ends with the connection.
    #[test]
    fn plain_bodies() {
        assert_eq!(read(Length::Known(3), &[b"a", b"bcd"]), (b"abc".to_vec(), 1, true));
        assert_eq!(read(Length::UntilClose, &[b"a", b"bcd"]), (b"abcd".to_vec(), 0, false));
    }

    /// Goal: what is not chunked is refused, not waited for.
    #[test]
    fn broken_chunks_are_refused() {
        assert!(Body::new(Length::Chunked).next_piece(b"zz\r\n").is_err());
        let mut body = Body::new(Length::Chunked);
        assert_eq!(body.next_piece(b"1\r\nab").unwrap(), Piece { consumed: 4, data: 3..4 });
        assert!(body.next_piece(b"b").is_err());
    }
}
