//! Which place wins, and what is said of a bad value.

mod compose;
mod env_sample;

use std::fs;
use std::path::Path;

use super::keys::{Form, KEYS};
use super::*;

fn sources(flags: &[(&'static str, &str)], environment: &[(&str, &str)], folder: &Path) -> Sources {
    Sources {
        flags: SettingFlags(flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect()),
        environment: environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        folder: folder.to_owned(),
    }
}

fn refusal(flags: &[(&'static str, &str)], environment: &[(&str, &str)]) -> String {
    let empty = tempfile::tempdir().unwrap();
    format!("{:#}", Settings::of(&sources(flags, environment, empty.path())).unwrap_err())
}

fn refusal_of_file(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("caudal.toml"), text).unwrap();
    format!("{:#}", Settings::of(&sources(&[], &[], folder.path())).unwrap_err())
}

/// Goal: with nothing written, everything has its documented default, and the limits are the engine's own.
#[test]
fn defaults() {
    let empty = tempfile::tempdir().unwrap();
    let settings = Settings::of(&sources(&[], &[], empty.path())).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.data_folder, Path::new("caudal-data"));
    assert_eq!(settings.durability, Durability::Full);
    assert_eq!(settings.concurrency, 64);
    assert_eq!(settings.grace, Duration::from_secs(30));
    assert_eq!(settings.public_url, None);
    assert!(!settings.diagnostics && !settings.fetch_allow_private);
    assert_eq!(format!("{:?}", settings.limits), format!("{:?}", Limits::default()));
}

/// Goal: a flag wins over the environment, the environment over the file.
#[test]
fn precedence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("caudal.toml"), "concurrency = 1\ngrace-seconds = 1\ndiagnostics = true\n").unwrap();
    let environment = [("CAUDAL_CONCURRENCY", "2"), ("CAUDAL_GRACE_SECONDS", "2")];
    let settings = Settings::of(&sources(&[("concurrency", "3")], &environment, folder.path())).unwrap();
    assert_eq!(settings.concurrency, 3);
    assert_eq!(settings.grace, Duration::from_secs(2));
    assert!(settings.diagnostics);
}

/// Goal: a bad value is told with its place, its form and an example.
#[test]
fn bad_values_are_named() {
    assert_eq!(
        refusal(&[], &[("CAUDAL_CONCURRENCY", "many")]),
        "CAUDAL_CONCURRENCY is 'many', but must be a whole number from 1 to 100000; for example 16"
    );
    assert_eq!(
        refusal(&[("durability", "half")], &[]),
        "--durability is 'half', but must be one of full, normal; for example normal"
    );
    assert_eq!(
        refusal_of_file("listen = 'localhost'"),
        "listen in caudal.toml is 'localhost', but must be an IP address and a port; for example 127.0.0.1:9000"
    );
    assert_eq!(
        refusal(&[("payload_bytes", "5")], &[]),
        "--payload-bytes is '5', but must be a number of bytes, with or without KiB, MiB or GiB, from 1KiB to 1GiB; \
         for example 256KiB"
    );
    assert_eq!(
        refusal_of_file("concurency = 3"),
        "caudal.toml has the unknown setting 'concurency'; did you mean 'concurrency'?"
    );
    assert!(refusal_of_file("concurrency = [1]").starts_with("concurrency in caudal.toml is array, but must be"));
    assert!(
        refusal_of_file("concurrency").starts_with("cannot") || refusal_of_file("concurrency").contains("is not TOML")
    );
    assert!(
        refusal(&[("config", "no/such/file.toml")], &[]).starts_with("cannot read the settings in no/such/file.toml")
    );
}

/// Goal: nobody opens the server to a network by accident, and the message names the way.
#[test]
fn open_network_is_refused() {
    let message = refusal(&[("listen", "0.0.0.0:8000")], &[]);
    assert!(message.contains("--allow-unauthenticated"), "{message}");
    let empty = tempfile::tempdir().unwrap();
    let allowed = sources(&[("listen", "0.0.0.0:8000"), ("allow_unauthenticated", "true")], &[], empty.path());
    assert!(Settings::of(&allowed).is_ok());
    let key = format!("ann:read:{}", "0".repeat(64));
    for (name, value) in [("api_keys", key.as_str()), ("make_admin_key", "true")] {
        let asks = sources(&[("listen", "0.0.0.0:8000"), (name, value)], &[], empty.path());
        assert!(Settings::of(&asks).is_ok(), "{name}");
    }
    let public = sources(&[("public_url", "https://flows.example.org")], &[], empty.path());
    assert!(Settings::of(&public).unwrap().remarks[0].contains("no key is configured"));
}

/// Goal: keys stand in one text or in an array, and neither they nor a secret are shown in what is told or debugged.
#[test]
fn keys_and_secrets() {
    let lines = ["ann:admin", "ci:start"].map(|name| format!("{name}:{}", "ab".repeat(32)));
    let folder = tempfile::tempdir().unwrap();
    let array = format!("api_keys = ['{}', '{}']\ncors_origins = ['https://a.example', '*']", lines[0], lines[1]);
    fs::write(folder.path().join("caudal.toml"), array).unwrap();
    let secret = "s".repeat(32);
    let settings = Settings::of(&sources(&[], &[("CAUDAL_SECRET", &secret)], folder.path())).unwrap();
    assert_eq!(format!("{:?}", settings.access.api_keys), "[ann:admin, ci:start]");
    assert_eq!(settings.access.cors_origins, ["https://a.example", "*"]);
    let shown = format!("{settings:?}");
    assert!(!shown.contains(&secret) && !shown.contains("abab"), "{shown}");
    let line = lines.join(" , ");
    let both = Settings::of(&sources(&[("api_keys", &line)], &[], folder.path())).unwrap();
    assert_eq!(both.access.api_keys.len(), 2);
    for (name, value) in
        [("CAUDAL_SECRET", "hunter2"), ("CAUDAL_API_KEYS", "ann:admin:hunter2"), ("CAUDAL_API_KEYS", ",")]
    {
        let refused = refusal(&[], &[(name, value)]);
        assert!(refused.contains(name) && !refused.contains("hunter2"), "{refused}");
    }
}

/// Goal: a misspelt variable is spoken of, and does not stop the start.
#[test]
fn unknown_variables_are_remarked() {
    let empty = tempfile::tempdir().unwrap();
    let environment = [("CAUDAL_LISTN", "127.0.0.1:1"), ("CAUDAL_URL", "http://127.0.0.1:1")];
    let settings = Settings::of(&sources(&[], &environment, empty.path())).unwrap();
    assert_eq!(settings.remarks, ["CAUDAL_LISTN is set, but there is no such setting; did you mean 'CAUDAL_LISTEN'?"]);
}

/// Goal: each row of the table is a setting that is read: another value than the default is accepted where its
/// example stands (but for secrets, which everybody would then know), and a wrong one is refused.
#[test]
fn each_key_is_read() {
    let empty = tempfile::tempdir().unwrap();
    for key in KEYS {
        // These mean nothing alone.
        let beside = match key.name {
            "database_url" => Some(("redis_url", "redis://127.0.0.1")),
            "smtp_url" => Some(("mail_from", "caudal@example.org")),
            _ => None,
        };
        let flags: Vec<_> = [(key.name, key.example)].into_iter().chain(beside).collect();
        let example = sources(&flags, &[], empty.path());
        let is_secret = key.form == Form::Secret || key.name.starts_with("webhook_secret");
        assert_eq!(Settings::of(&example).is_ok(), !is_secret, "the example of {} is refused, or no secret", key.name);
        if !matches!(key.form, Form::Text | Form::Path) {
            let wrong = sources(&[(key.name, "\u{1f40c}")], &[], empty.path());
            assert!(Settings::of(&wrong).is_err(), "{} is not read", key.name);
        }
    }
    let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len(), "a name stands twice in the table");
}
