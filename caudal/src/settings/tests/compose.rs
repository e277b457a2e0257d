//! `docker-compose.yml` and `Dockerfile`, held against the binary: no container engine is needed to see that they name
//! commands, variables and ports that there are.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;

use super::super::keys::{KEYS, Key};
use crate::cli::Cli;

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Names of ours that a text sets, as `NAME: value` or `NAME=value`, with the values.
fn variables(text: &str) -> Vec<(String, String)> {
    let assignments = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("ENV ");
        let (name, value) = line.split_once(": ").or_else(|| line.split_once('='))?;
        name.starts_with("CAUDAL_").then(|| (name.to_owned(), value.trim_end_matches(" \\").to_owned()))
    });
    assignments.collect()
}

/// The port at the end of an address.
fn port(address: &str) -> Option<&str> {
    address.trim_matches('"').rsplit(':').next()
}

/// Goal: what the files set are settings, and what they start are commands.
#[test]
fn containers_name_what_there_is() {
    let (compose, image) = (file("docker-compose.yml"), file("Dockerfile"));
    let known: BTreeSet<String> = KEYS.iter().map(Key::variable).collect();
    let set: Vec<(String, String)> = variables(&compose).into_iter().chain(variables(&image)).collect();
    assert!(set.len() > 8, "{set:?}");
    for (name, _) in &set {
        assert!(known.contains(name), "{name} is no setting");
    }
    let commands = compose.lines().filter_map(|line| line.trim().strip_prefix("command: [\"")?.split('"').next());
    let ours: Vec<&str> = commands.filter(|command| *command != "valkey-server").collect();
    assert!(ours.contains(&"web") && ours.contains(&"worker"), "{ours:?}");
    for command in ours {
        assert!(Cli::command().find_subcommand(command).is_some(), "`caudal {command}` is no command");
    }
    // What is written into `.env` reaches the processes, and a port of the host's is no setting of theirs.
    assert!(compose.contains("- path: .env"));
    let asked = compose.split("${").skip(1).filter_map(|rest| rest.split([':', '}']).next());
    for name in asked.filter(|name| name.starts_with("CAUDAL_")) {
        assert!(known.contains(name), "{name} is no setting");
    }
    assert!(image.contains("\"caudal\", \"ready\"") && Cli::command().find_subcommand("ready").is_some());
}

/// Goal: other containers reach the server by its service's name.
#[test]
fn the_web_is_served_under_its_service_name() {
    let compose = file("docker-compose.yml");
    let web = compose.split("\n  web:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let allowed = variables(web).into_iter().find(|(name, _)| name == "CAUDAL_ALLOWED_HOSTS");
    // ... and those that `.env` adds.
    assert_eq!(allowed.map(|(_, names)| names).as_deref(), Some("web,${CAUDAL_ALLOWED_HOSTS:-}"));
}

/// Goal: whoever drains is given the grace time and a little more before it is killed.
#[test]
fn whoever_drains_has_time_to() {
    let compose = file("docker-compose.yml");
    let grace: u64 = Key::find("grace_seconds").unwrap().default.parse().unwrap();
    for command in ["worker", "notifications"] {
        let service = compose.split(&format!("command: [\"{command}\"]")).nth(1).unwrap().split("\n\n").next().unwrap();
        let period = service.lines().find_map(|line| line.trim().strip_prefix("stop_grace_period: ")).unwrap();
        let seconds: u64 = period.trim_end_matches('s').parse().unwrap();
        assert!(seconds >= grace + 10, "{command} has {period}");
    }
}

/// Goal: the port that is published is the one that is listened on, and health is asked where it is answered.
#[test]
fn ports_fit() {
    let (compose, image) = (file("docker-compose.yml"), file("Dockerfile"));
    let of = |name: &str, text: &str| {
        let all = variables(text).into_iter().find(|(known, _)| known == name);
        all.and_then(|(_, address)| port(&address).map(str::to_owned)).unwrap()
    };
    let listened = of("CAUDAL_LISTEN", &compose);
    assert!(compose.contains(&format!("WEB_PORT:-8000}}:{listened}\"")), "{listened}");
    assert!(image.contains(&format!("EXPOSE {listened}")));
    let health = of("CAUDAL_HEALTH_LISTEN", &image);
    assert_eq!(of("CAUDAL_HEALTH_LISTEN", &compose), health);
    assert!(image.contains(&format!("http://127.0.0.1:{health}")), "{health}");
    for line in compose.lines().filter(|line| line.trim().starts_with("- \"") && line.contains(":-8")) {
        assert!(line.contains("\"127.0.0.1:"), "published beyond this machine: {line}");
    }
}

/// One service of the compose file, by indentation: the keys that stand under it, each with its lines below.
fn service(compose: &str, name: &str) -> BTreeMap<String, String> {
    let head = format!("  {name}:");
    let lines = compose.lines().skip_while(|line| *line != head).skip(1);
    let mut keys = BTreeMap::new();
    let mut last = String::new();
    for line in lines.take_while(|line| line.is_empty() || line.starts_with("    ")) {
        match line.strip_prefix("    ").and_then(|line| line.split_once(':')) {
            Some((key, rest)) if !key.starts_with([' ', '#', '-']) => {
                last = key.to_owned();
                keys.insert(last.clone(), rest.trim().to_owned());
            }
            _ => {
                let below: &mut String = keys.entry(last.clone()).or_default();
                below.push('\n');
                below.push_str(line.trim());
            }
        }
    }
    keys
}

/// Goal: each server of the installation is healthy when others may use it, and not while it prepares or loads; Redis keeps
/// what the store asks for, and nothing that the store does not.
#[test]
fn health_means_ready() {
    let compose = file("docker-compose.yml");
    let (redis, postgres) = (service(&compose, "redis"), service(&compose, "postgres"));
    assert!(
        redis["command"].contains(r#""--appendonly", "yes", "--appendfsync", "always", "--save", """#),
        "{redis:?}"
    );
    assert!(redis["command"].contains(r#""--maxmemory-policy", "noeviction""#), "{redis:?}");
    assert!(redis["healthcheck"].contains(r#"["CMD", "valkey-cli", "-e", "ping"]"#), "{redis:?}");
    assert!(postgres["healthcheck"].contains("pg_isready -h 127.0.0.1 "), "{postgres:?}");
    for name in ["web", "worker", "notifications"] {
        assert_eq!(service(&compose, name)["<<"], "*caudal", "{name}");
    }
}

/// Goal: what is built here is what runs, never somebody else's image of the same name, and no secret goes into it.
#[test]
fn the_image_is_ours_and_has_no_secrets() {
    let (compose, ignored) = (file("docker-compose.yml"), file(".dockerignore"));
    let shared = compose.split("services:").next().unwrap();
    assert!(shared.contains("\n  build: .\n  pull_policy: build\n"), "{shared}");
    // Three services are built at once: an image's name that they share is given once and refused twice.
    assert!(!shared.contains("image:"), "{shared}");
    for secret in [".env", "caudal-data", ".git"] {
        assert!(ignored.lines().any(|line| line == secret), "{secret} goes into the image");
    }
}

/// Goal: what the image's own head and the README say of one container alone lets it be reached, and only with a key.
#[test]
fn one_container_can_be_reached() {
    for text in [file("Dockerfile"), file("README.md")] {
        let run = text.split("docker run ").nth(1).unwrap().split("caudal\n").next().unwrap();
        for part in ["-p 127.0.0.1:8000:8000", "CAUDAL_LISTEN=0.0.0.0:8000", "CAUDAL_MAKE_ADMIN_KEY=true"] {
            assert!(text.contains(part), "{part} is not in {run}");
        }
    }
}
