//! Keys: how a step is found again when its flow runs a second time.
//!
//! A key is scope path, name, occurrence: `Write the poem/1` at the top, `Count/1/3/Fetch/2` for the second `Fetch`
//! of the fourth item of the first `Count`. The same code with the same outcomes makes the same keys. Beside the
//! key, each made thing has an *ordinal*, its place in the scope; a key that stands at another place than the log
//! says is how changed code is noticed. Scopes are counted by themselves: the log keeps the number under which each
//! was opened in its parent.

use std::collections::HashMap;
use std::sync::Arc;

use crate::task::{Key, NO_PLACE};

#[derive(Debug, Default)]
pub struct Scope {
    path: Arc<str>,
    occurrences: HashMap<Arc<str>, u32>,
    made: u32,
    opened: u32,
    told: u32,
}

/// A key with its place.
#[derive(Debug, Clone)]
pub struct Place {
    pub key: Key,
    pub ordinal: u32,
}

impl Scope {
    pub fn root() -> Self {
        Self::default()
    }

    fn at(path: Arc<str>) -> Self {
        Self { path, ..Self::default() }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many things were made here so far.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// How many scopes were opened in this one so far.
    pub fn opened(&self) -> u32 {
        self.opened
    }

    /// The key of the next scope in this one, and its place among them.
    pub fn open(&mut self, name: &str) -> Place {
        let key = self.next_key(name);
        let ordinal = self.opened;
        self.opened += 1;
        Place { key, ordinal }
    }

    /// The key of the next thing of this name, and its place.
    pub fn make(&mut self, name: &str) -> Place {
        let key = self.next_key(name);
        let ordinal = self.made;
        self.made += 1;
        Place { key, ordinal }
    }

    /// A key that takes no place: for values that are computed from their key.
    pub fn next_key(&mut self, name: &str) -> Key {
        let name = escape(name);
        let count = self.occurrences.entry(name.clone()).or_insert(0);
        *count += 1;
        if self.path.is_empty() {
            format!("{name}/{count}").into()
        } else {
            format!("{}/{name}/{count}", self.path).into()
        }
    }

    /// The key of the next thing that the flow tells here outside steps.
    pub fn next_told(&mut self) -> Key {
        self.told += 1;
        format!("{}~{}", self.path, self.told).into()
    }

    /// The scope of a branch with this key.
    pub fn branch(key: Key) -> Self {
        Self::at(key)
    }

    /// A scope per item below the key of a `map`.
    pub fn item(of: &Key, index: usize) -> Self {
        Self::at(format!("{of}/{index}").into())
    }
}

/// Names may hold anything; a slash in one must not look like a scope.
fn escape(name: &str) -> Arc<str> {
    if name.contains(['/', '%', '~']) {
        name.replace('%', "%25").replace('/', "%2F").replace('~', "%7E").into()
    } else {
        name.into()
    }
}

/// Whether this is the key of a cleanup. Steps that a retry has taken over are bound to no place either.
pub fn is_cleanup(key: &str, ordinal: u32) -> bool {
    ordinal == NO_PLACE && split_key(key).1.starts_with("cleanup ")
}

/// The scope and the rest (`name/occurrence`) of a key.
pub fn split_key(key: &str) -> (&str, &str) {
    let end = key.rfind('/').unwrap_or(0);
    match key.get(..end).and_then(|head| head.rfind('/')) {
        Some(at) => (key.get(..at).unwrap_or(""), key.get(at + 1..).unwrap_or("")),
        None => ("", key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: keys tell scopes, names and occurrences apart whatever the names hold.
    #[test]
    fn keys_are_unambiguous() {
        let mut root = Scope::root();
        let first = root.make("a/1/b");
        let again = root.make("a/1/b");
        let branch = root.open("a");
        let mut inner = Scope::item(&branch.key, 1);
        let nested = inner.make("b");
        assert_eq!(&*first.key, "a%2F1%2Fb/1");
        assert_eq!((&*again.key, again.ordinal), ("a%2F1%2Fb/2", 1));
        assert_eq!(&*nested.key, "a/1/1/b/1");
        assert_eq!(split_key(&nested.key), ("a/1/1", "b/1"));
        assert_eq!(split_key(&first.key), ("", "a%2F1%2Fb/1"));
    }
}
