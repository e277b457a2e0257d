//! What a server was sent, read from its monitor.

use caudal_engine::task::TaskId;

/// The words of a monitored command: `1.2 [0 127.0.0.1:1] "EVALSHA" "…"`, with escapes.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.bytes();
    while bytes.by_ref().any(|byte| byte == b'"') {
        let mut word = Vec::new();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => break,
                b'\\' => match bytes.next() {
                    Some(b'n') => word.push(b'\n'),
                    Some(b'r') => word.push(b'\r'),
                    Some(b't') => word.push(b'\t'),
                    Some(b'a') => word.push(7),
                    Some(b'b') => word.push(8),
                    Some(b'x') => {
                        let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                        word.push(u8::from_str_radix(&digits, 16).unwrap());
                    }
                    Some(other) => word.push(other),
                    None => {}
                },
                other => word.push(other),
            }
        }
        words.push(word);
    }
    words
}

/// The commands, scripts among them but not what these did, that named the task.
pub fn commands_about(task: TaskId, lines: &[String]) -> Vec<String> {
    let task = task.to_string();
    let about = lines.iter().filter(|line| line.contains(&task) && !line.contains(" lua]"));
    about.map(|line| String::from_utf8(words(line).remove(0)).unwrap()).collect()
}

#[test]
fn escapes_are_undone() {
    assert_eq!(words(r#"1.2 [0 x] "A" "b\n\"\\\x00c" """#), [&b"A"[..], b"b\n\"\\\0c", b""]);
}
