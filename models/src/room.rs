//! How much of a conversation is sent: what tools brought long ago makes room when it grows too long.
//!
//! A pure function of the conversation, so that a turn that runs again after a crash is sent the same.

use crate::chat::{Chat, Line};
use crate::material::shorten_data;

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
        if let Line::Tool { text, .. } = line {
            let had = text.chars().count();
            if had > LEFT_OUT.len() {
                length -= had - LEFT_OUT.len();
                LEFT_OUT.clone_into(text);
            }
        }
    }
    let results = chat.lines[newest..].iter().filter(|line| matches!(line, Line::Tool { .. })).count();
    if length > most && results > 0 {
        let brought: usize = chat.lines[newest..].iter().map(tool_length).sum();
        let share = (most.saturating_sub(length - brought) / results).max(LEAST);
        for line in &mut chat.lines[newest..] {
            if let Line::Tool { text, .. } = line {
                *text = shorten_data(text, share);
            }
        }
    }
    chat
}

fn tool_length(line: &Line) -> usize {
    match line {
        Line::Tool { text, .. } => text.chars().count(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Answer, ToolCall};
    use crate::material::as_data;

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
