//! Reads server-sent events from bytes that come in any portions.
//!
//! Lines end with LF or CRLF (the lone CR that the standard also allows is not used by anybody we meet). One message
//! is kept and used again, so that reading a stream allocates nothing once it has seen its longest message.

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SseMessage {
    /// Empty for unnamed messages.
    pub(crate) event: Vec<u8>,
    pub(crate) data: Vec<u8>,
    /// The last one told, as a browser keeps it.
    pub(crate) id: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct SseParser {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    message: SseMessage,
    has_data: bool,
    /// The message was handed out: the next line begins another.
    is_complete: bool,
}

impl SseParser {
    pub(super) fn message(&self) -> &SseMessage {
        &self.message
    }

    /// Consumes input up to the end of the next message, or all of it. True: [`Self::message`] is complete.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> bool {
        if std::mem::take(&mut self.is_complete) {
            self.begin();
        }
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = (&input[..end], &input[end + 1..]);
            *input = rest;
            if self.line.is_empty() {
                self.hear(head);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.hear(&line);
                line.clear();
                self.line = line;
            }
            if self.is_complete {
                return true;
            }
        }
        self.line.extend_from_slice(input);
        *input = &[];
        false
    }

    fn begin(&mut self) {
        self.message.event.clear();
        self.message.data.clear();
        self.has_data = false;
    }

    fn hear(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            // A block without data (a comment, a `retry`) is no message.
            self.is_complete = self.has_data;
            if !self.has_data {
                self.begin();
            }
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.message.data.push(b'\n');
                }
                self.message.data.extend_from_slice(value);
            }
            b"event" => value.clone_into(&mut self.message.event),
            b"id" => value.clone_into(&mut self.message.id),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = (String, String, String);

    fn read(portions: &[&[u8]]) -> Vec<Told> {
        let (mut parser, mut all) = (SseParser::default(), Vec::new());
        for portion in portions {
            let mut rest = *portion;
            while parser.advance(&mut rest) {
                let SseMessage { event, data, id } = parser.message();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                all.push((text(event), text(data), text(id)));
            }
        }
        all
    }

    /// Goal: wherever a stream is cut, the same messages come out; comments and `retry` are none.
    #[test]
    fn messages_cut_at_any_byte() {
        let wire = "retry: 1000\n\n:\n\nid: 1\nevent: log\ndata: {\"a\":1}\n\n:x\n\nid:2\r\ndata:one\r\ndata: zwei – ü\r\n\r\ndata\n\n";
        let wire = wire.as_bytes();
        let told = |event: &str, data: &str, id: &str| (event.to_owned(), data.to_owned(), id.to_owned());
        let expected = [told("log", "{\"a\":1}", "1"), told("", "one\nzwei – ü", "2"), told("", "", "2")];
        for cut in 0..=wire.len() {
            assert_eq!(read(&[&wire[..cut], &wire[cut..]]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(read(&bytes), expected);
    }

    /// Goal: the last message counts only once its empty line has come.
    #[test]
    fn an_unfinished_message_is_not_told() {
        assert_eq!(read(&[b"data: 1\n"]), []);
    }
}
