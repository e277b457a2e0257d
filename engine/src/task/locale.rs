//! The language a person wants to be spoken to in, as a start names it.

/// What must be written.
pub const FORM: &str = "must be a language such as en, es or es-MX";

pub fn is_one(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_language = |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_more = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 35 && parts.next().is_some_and(is_language) && parts.all(is_more)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: languages pass, paths and header tricks do not.
    #[test]
    fn languages() {
        for good in ["en", "es", "es-MX", "zh-Hant-TW"] {
            assert!(is_one(good), "{good}");
        }
        for bad in ["", "e", "english", "../en", "es_MX", "es-", "en\r\n", "es-a b"] {
            assert!(!is_one(bad), "{bad:?}");
        }
    }
}
