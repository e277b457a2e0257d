//! API keys as a person finds them in what a process has said.

/// A key's prefix and the letters of its 256 random bits.
const LETTERS: usize = "caudal_".len() + 43;

pub fn keys_told(said: &str) -> Vec<String> {
    let words = said.split(|letter: char| letter.is_whitespace() || letter == '"');
    words.filter(|word| word.starts_with("caudal_") && word.len() == LETTERS).map(str::to_owned).collect()
}
