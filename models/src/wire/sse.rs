//! Bytes to the JSON texts of an event stream, whatever the line ends and wherever the network cuts.

/// No provider sends a longer line; one that does is not read on.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct SseReader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The `data:` lines of the event that has not ended yet.
    data: Vec<String>,
    ended_with_return: bool,
}

/// What an event holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SseData {
    /// Most likely JSON.
    Text(String),
    Done,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineTooLong;

impl SseReader {
    /// Takes in what came and gives what became whole by it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseData>, LineTooLong> {
        let mut whole = Vec::new();
        for byte in bytes {
            let second_of_two = std::mem::take(&mut self.ended_with_return) && *byte == b'\n';
            match byte {
                b'\n' if second_of_two => {}
                b'\n' | b'\r' => {
                    self.ended_with_return = *byte == b'\r';
                    self.end_line(&mut whole);
                }
                _ => self.line.push(*byte),
            }
        }
        let held = self.line.len() + self.data.iter().map(String::len).sum::<usize>();
        if held > LONGEST_LINE { Err(LineTooLong) } else { Ok(whole) }
    }

    /// What came last, if the stream ended without an empty line.
    pub(crate) fn finish(&mut self) -> Vec<SseData> {
        let mut whole = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut whole);
        }
        self.dispatch(&mut whole);
        whole
    }

    fn end_line(&mut self, whole: &mut Vec<SseData>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            self.dispatch(whole);
        } else if let Some(data) = line.strip_prefix("data:") {
            let data = data.trim();
            // Some servers send no empty lines between events: what is whole by itself is an event.
            if data == "[DONE]" || is_json(data) {
                self.dispatch(whole);
                self.data.push(data.to_owned());
                self.dispatch(whole);
            } else {
                self.data.push(data.to_owned());
            }
        }
        // Comments keep the connection alive; the names and numbers of events say nothing that is needed.
    }

    fn dispatch(&mut self, whole: &mut Vec<SseData>) {
        let text = std::mem::take(&mut self.data).join("\n");
        match text.as_str() {
            "" => {}
            "[DONE]" => whole.push(SseData::Done),
            _ => whole.push(SseData::Text(text)),
        }
    }
}

fn is_json(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = SseReader::default();
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(reader.push(piece).unwrap());
        }
        all.extend(reader.finish());
        all.into_iter()
            .map(|data| match data {
                SseData::Text(text) => text,
                SseData::Done => "DONE".to_owned(),
            })
            .collect()
    }

    /// Goal: the same events come out wherever the network cuts, with any line ends, and with comments in between.
    #[test]
    fn cuts_and_line_ends_mean_nothing() {
        let stream = "data: {\"a\":\"ä\"}\n\n: still here\r\n\r\nevent: x\rdata:{\"b\":2}\r\rdata: [DONE]\n\n";
        let expected = ["{\"a\":\"ä\"}", "{\"b\":2}", "DONE"];
        for at in 0..stream.len() {
            let (left, right) = stream.as_bytes().split_at(at);
            assert_eq!(texts(&[left, right]), expected, "cut at {at}");
        }
        let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(texts(&single), expected);
    }

    /// Goal: events without empty lines between them, JSON over several lines, and an end without an end are read.
    #[test]
    fn odd_streams_are_read() {
        assert_eq!(texts(&[b"data: {\"a\":1}\ndata: {\"b\":2}\ndata: [DONE]"]), ["{\"a\":1}", "{\"b\":2}", "DONE"]);
        assert_eq!(texts(&[b"data: {\ndata: \"a\": 1}\n\n"]), ["{\n\"a\": 1}"]);
        assert_eq!(texts(&[b"data: {\"a\":1}"]), ["{\"a\":1}"]);
        assert_eq!(texts(&[b"data: \n\ndata:\n\n"]), [""; 0]);
    }

    /// Goal: a line without an end does not fill the memory.
    #[test]
    fn a_line_has_a_bound() {
        let mut reader = SseReader::default();
        assert_eq!(reader.push(&vec![b'x'; LONGEST_LINE]), Ok(Vec::new()));
        assert_eq!(reader.push(b"x"), Err(LineTooLong));
    }
}
