//! `.env.sample`: every setting with its meaning, its form and its default, made from the table.

use std::path::{Path, PathBuf};

use super::super::keys::KEYS;

const HEAD: &str = "\
# All settings of Caudal, each with its default. They are read once, at the start, from three places:
#
#   flags          caudal serve --data-folder /var/lib/caudal      the strongest
#   environment    CAUDAL_DATA_FOLDER=/var/lib/caudal
#   caudal.toml    data_folder = \"/var/lib/caudal\"                 the weakest
#
# Put what is secret, also a URL with a password in it, into the last two: a command line can be seen by all users of a machine.
#
# To use this file, copy it to .env, take out the `#` of what you change, and load it with systemd (EnvironmentFile), a
# container (--env-file), or a shell, in which values with spaces or signs want quotes: set -a; . ./.env; set +a
";

fn render() -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for key in KEYS {
        if key.group != group {
            group = key.group;
            text.push_str(&format!("\n# --- {group}\n"));
        }
        text.push_str(&format!("\n# {}.\n# Must be {}; for example {}.\n", key.about, key.form, key.example));
        text.push_str(&format!("# {}={}\n", key.variable(), key.default));
    }
    text.push_str("\n# --- Command line\n\n");
    text.push_str("# The server that `caudal start`, `tasks`, `watch` and the others talk to.\n");
    text.push_str("# CAUDAL_URL=http://127.0.0.1:8000\n");
    text.push_str("\n# The key that they show to the server, where it asks for one.\n# CAUDAL_API_KEY=\n");
    text.push_str("\n# Where the settings file is, if not ./caudal.toml.\n# CAUDAL_CONFIG=\n");
    text
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.sample")
}

/// Goal: the sample lists each setting, with its default, and nothing that is none.
#[test]
fn env_sample_is_the_table() {
    let written = std::fs::read_to_string(path()).unwrap();
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# CAUDAL_")?.split_once('='));
        lines.map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!(names(&written), names(&render()), "settings are missing in .env.sample, or are none");
    assert_eq!(written, render(), "write it anew: cargo test -p caudal write_env_sample -- --ignored");
}

/// Goal: none; it writes the file.
#[test]
#[ignore = "writes .env.sample"]
fn write_env_sample() {
    std::fs::write(path(), render()).unwrap();
}
