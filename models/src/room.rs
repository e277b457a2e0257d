//! How much of a conversation is sent: what tools brought long ago makes room when it grows too long. What a person said
//! stays, or they would be asked again.
//!
//! A pure function of the conversation, so that a turn that runs again after a crash is sent the same.

use crate::chat::{Chat, Line};
use crate::material::{is_data, shorten_data};

/// Of the newest results, which the model has not read yet, at least this much is left.
const LEAST: usize = 500;
const LEFT_OUT: &str = "Left out to make room. Use the tool again if you need it.";

/// The conversation within so many characters, as far as the results of tools can make it so: the oldest are left out
/// first; those of the last turn are shortened when nothing else is left.
pub(crate) fn within(chat: &Chat, most: usize) -> Chat {
    let mut chat = chat.clone();
    let mut length = chat.length();
    let newest = chat.lines.iter().rposition(|line| matches!(line, Line::Model { .. })).unwrap_or(0);
    for line in &mut chat.lines[..newest] {
        if length <= most {
            return chat;
        }
        if let Some(text) = data_of(line) {
            let had = text.chars().count();
            if had > LEFT_OUT.len() {
                length -= had - LEFT_OUT.len();
                LEFT_OUT.clone_into(text);
            }
        }
    }
    let newest = &mut chat.lines[newest..];
    let lengths: Vec<usize> = newest.iter_mut().filter_map(data_of).map(|text| text.chars().count()).collect();
    let (results, brought) = (lengths.len(), lengths.iter().sum::<usize>());
    if length > most && results > 0 {
        let share = (most.saturating_sub(length - brought) / results).max(LEAST);
        for text in newest.iter_mut().filter_map(data_of) {
            *text = shorten_data(text, share);
        }
    }
    chat
}

/// What a tool brought that can be brought again.
fn data_of(line: &mut Line) -> Option<&mut String> {
    match line {
        Line::Tool { text, .. } if is_data(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Answer, ToolCall};
    use crate::material::{as_data, as_word_of_person};

    /// A question, and turns that each brought two results of a thousand letters.
    fn long_chat(turns: usize) -> Chat {
        let mut chat = Chat::from("Why?");
        for turn in 0..turns {
            let call = ToolCall { id: format!("{turn}"), name: "look".to_owned(), ..ToolCall::default() };
            chat.hear(Answer { calls: vec![call.clone(), call.clone()], ..Answer::default() });
            for _ in 0..2 {
                chat.report(&call, as_data("look", &turn.to_string().repeat(1_000)));
            }
        }
        chat
    }

    fn results(chat: &Chat) -> Vec<&str> {
        let texts = chat.lines.iter().filter_map(|line| match line {
            Line::Tool { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Goal: the oldest results are left out, no more than is needed, and what fits is not touched.
    #[test]
    fn the_oldest_make_room() {
        let chat = long_chat(4);
        assert_eq!(within(&chat, 20_000).lines, chat.lines);
        let shorter = within(&chat, 6_000);
        let texts = results(&shorter);
        assert_eq!((texts[0], texts[2]), (LEFT_OUT, LEFT_OUT));
        assert!(texts[3..].iter().all(|text| text.contains("</data>")), "{texts:?}");
        assert!(shorter.length() <= 6_000);
        assert_eq!(within(&shorter, 6_000).lines, shorter.lines);
    }

    /// Goal: what a person said, and why a call was refused, is sent whole, however old it is and however little room there is.
    #[test]
    fn words_of_people_stay() {
        let mut chat = Chat::from("Why?");
        let call = ToolCall { id: "a".to_owned(), name: "ask_person".to_owned(), ..ToolCall::default() };
        let said = as_word_of_person(&"Only the blue one. ".repeat(50));
        let refused = format!("A person does not allow it: {}", "it is mine ".repeat(50));
        for _ in 0..2 {
            chat.hear(Answer { calls: vec![call.clone(); 3], ..Answer::default() });
            chat.report(&call, said.clone());
            chat.report(&call, refused.clone());
            chat.report(&call, as_data("look", &"1".repeat(2_000)));
        }
        let shorter = within(&chat, 1_000);
        let texts = results(&shorter);
        assert_eq!((texts[0], texts[1], texts[2]), (&*said, &*refused, LEFT_OUT));
        assert_eq!((texts[3], texts[4]), (&*said, &*refused));
        assert!(texts[5].ends_with("[cut]\n</data>") && texts[5].len() < 600, "{}", texts[5]);
    }

    /// Goal: the results of the last turn are shortened within their marks, with what was added behind them, and stay.
    #[test]
    fn the_newest_are_shortened() {
        let mut chat = long_chat(2);
        chat.add("This is your last turn.");
        let shorter = within(&chat, 1_500);
        let texts = results(&shorter);
        assert_eq!(texts[..2], [LEFT_OUT, LEFT_OUT]);
        assert!(texts[2].starts_with("<data from=\"look\">\n111") && texts[2].ends_with("\n</data>"), "{}", texts[2]);
        assert!(texts[3].contains("[cut]\n</data>\n\nThis is your last turn."), "{}", texts[3]);
        assert!(shorter.length() < 1_700, "{}", shorter.length());
    }
}
