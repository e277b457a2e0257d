//! Thoughts that stand in the answer itself: local models write `<think>…</think>` before they speak.

const BEGIN: &str = "<think>";
const END: &str = "</think>";

/// Takes the thoughts at an answer's beginning out of its text, however the pieces are cut.
#[derive(Debug, Default)]
pub(crate) struct InlineThoughts {
    at: At,
    /// What may be a mark, or a part of one.
    held: String,
    /// How much was thought.
    pub(crate) bytes: usize,
}

#[derive(Debug, Default, PartialEq)]
enum At {
    #[default]
    Beginning,
    Thinking,
    /// The thoughts are over: the white space behind them is theirs.
    Between,
    Speaking,
}

impl InlineThoughts {
    /// What of this piece, and of what was held back, is for people.
    pub(crate) fn said(&mut self, piece: &str) -> String {
        if self.at == At::Speaking {
            return piece.to_owned();
        }
        self.held.push_str(piece);
        if self.at == At::Beginning {
            let begun = self.held.trim_start();
            if let Some(thought) = begun.strip_prefix(BEGIN) {
                self.held = thought.to_owned();
                self.at = At::Thinking;
            } else if BEGIN.starts_with(begun) {
                return String::new();
            } else {
                return self.rest();
            }
        }
        if self.at == At::Thinking {
            match self.held.split_once(END) {
                Some((thought, said)) => {
                    self.bytes += thought.len();
                    self.held = said.to_owned();
                    self.at = At::Between;
                }
                None => {
                    self.forget_thoughts();
                    return String::new();
                }
            }
        }
        match self.held.trim_start() {
            "" => String::new(),
            said => {
                self.held = said.to_owned();
                self.rest()
            }
        }
    }

    /// What was held back when nothing more comes.
    pub(crate) fn rest(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.at, At::Speaking) {
            At::Beginning | At::Between | At::Speaking => held,
            At::Thinking => {
                self.bytes += held.len();
                String::new()
            }
        }
    }

    /// All but what may be the beginning of the end mark.
    fn forget_thoughts(&mut self) {
        let kept = (1..END.len()).rev().find(|length| self.held.ends_with(&END[..*length])).unwrap_or(0);
        let thought = self.held.len() - kept;
        self.bytes += thought;
        self.held.drain(..thought);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By pieces of so many letters.
    fn said(text: &str, length: usize) -> (String, usize) {
        let letters: Vec<char> = text.chars().collect();
        let mut thoughts = InlineThoughts::default();
        let mut said: String =
            letters.chunks(length).map(|piece| thoughts.said(&piece.iter().collect::<String>())).collect();
        said.push_str(&thoughts.rest());
        (said, thoughts.bytes)
    }

    /// Goal: thoughts at the beginning are taken out however the text is cut, and nothing else is.
    #[test]
    fn thoughts_are_taken_out() {
        for length in 1..=30 {
            assert_eq!(said("<think>\nHm </thin é</think>\n\nRain falls.", length).0, "Rain falls.", "{length}");
            assert_eq!(said("\n<think></think>Rain", length).0, "Rain");
            assert_eq!(said("<think>for ever </thi", length), (String::new(), 14));
            for kept in ["Rain <think>falls</think>.", " <thing>", "<thi", "<", "", "  rain", "a</think>b"] {
                assert_eq!(said(kept, length), (kept.to_owned(), 0));
            }
        }
    }
}
