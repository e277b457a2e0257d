//! Texts as Postgres can hold them: all of Unicode but NUL, which is escaped so that it comes back as it was.
//!
//! Nearly no text has one, and then it stands in the database as it is, for people to read.

use std::borrow::Cow;

const ESCAPE: char = '\u{1a}';

pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            letter => escaped.push(letter),
        }
    }
    escaped.into()
}

pub(super) fn unescaped(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ESCAPE => unescaped.push(if letters.next() == Some('0') { '\0' } else { ESCAPE }),
            letter => unescaped.push(letter),
        }
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Goal: every text comes back as it was, without a NUL in between, and different ones stay different.
        #[test]
        fn every_text_comes_back(one in "[\0\u{1a}01ä]{0,12}", other in "[\0\u{1a}01ä]{0,12}") {
            prop_assert!(!escaped(&one).contains('\0'));
            prop_assert_eq!(&unescaped(escaped(&one).into_owned()), &one);
            prop_assert_eq!(escaped(&one) == escaped(&other), one == other);
        }
    }

    /// Goal: what people can read stays readable.
    #[test]
    fn plain_text_stays() {
        assert!(matches!(escaped("Writing the poem…"), Cow::Borrowed("Writing the poem…")));
    }
}
