//! The layers of ARCHITECTURE.md, held against what the packages really depend on.
//!
//! An invariant is written as what is absent: `engine` knows no HTTP, no apalis, no SQL, no Redis, no SMTP; web,
//! worker and notifications never import each other, nor a store. The compiler cannot say that, `cargo metadata` can.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Our packages from the bottom up, each with those it may build on. Dev-dependencies are free, but see below.
const MAY_USE: &[(&str, &[&str])] = &[
    ("caudal-macros", &[]),
    ("caudal-engine", &["caudal-macros"]),
    ("caudal-models", &["caudal-engine"]),
    ("caudal-flows", &["caudal-engine", "caudal-models"]),
    ("caudal-stores", &["caudal-engine"]),
    ("caudal-runtime", &["caudal-engine"]),
    ("caudal-web", &["caudal-engine"]),
    ("caudal-worker", &["caudal-engine", "caudal-runtime"]),
    ("caudal-notifications", &["caudal-engine", "caudal-runtime"]),
    (
        "caudal",
        &[
            "caudal-engine",
            "caudal-models",
            "caudal-flows",
            "caudal-stores",
            "caudal-runtime",
            "caudal-web",
            "caudal-worker",
            "caudal-notifications",
        ],
    ),
    ("caudal-tests", &["caudal", "caudal-flows"]),
    ("caudal-bench", &[]),
];

/// Libraries that belong to one place, because they are what an adapter adapts to.
const KNOWN_ONLY_TO: &[(&str, &[&str])] = &[
    ("actix-web", &["caudal-web"]),
    ("actix-http", &["caudal-web"]),
    ("actix-web-lab", &["caudal-web"]),
    ("actix-cors", &["caudal-web"]),
    ("apalis", &["caudal-runtime"]),
    ("apalis-core", &["caudal-runtime"]),
    ("rusqlite", &["caudal-stores"]),
    ("sqlx", &["caudal-stores"]),
    ("sqlx-core", &["caudal-stores"]),
    ("sqlx-postgres", &["caudal-stores"]),
    ("redis", &["caudal-stores"]),
    ("lettre", &["caudal-notifications"]),
    ("reqwest", &["caudal", "caudal-models", "caudal-flows", "caudal-notifications", "caudal-bench", "caudal-tests"]),
    ("clap", &["caudal", "caudal-bench"]),
];

struct Package {
    normal: BTreeSet<String>,
    dev: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let texts = |package: &Value, dev: bool| {
        package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| (dependency["kind"] == "dev") == dev)
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let name = package["name"].as_str().unwrap().to_owned();
            (name, Package { normal: texts(package, false), dev: texts(package, true) })
        })
        .collect()
}

/// Goal: arrows only go down, and a new package must be given its place in the table.
#[test]
fn our_packages_import_only_downwards() {
    let packages = packages();
    let known: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, package) in &packages {
        let Some(allowed) = known.get(name.as_str()) else {
            wrong.push(format!("{name} has no place in MAY_USE"));
            continue;
        };
        for used in package.normal.iter().filter(|used| packages.contains_key(*used)) {
            if !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    for name in known.keys().filter(|name| !packages.contains_key(**name)) {
        wrong.push(format!("{name} stands in MAY_USE and is no package"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Goal: the table itself has no arrow upwards, or the test above would bless a cycle.
#[test]
fn the_table_is_in_layers() {
    for (place, (name, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let below = MAY_USE.iter().position(|(other, _)| other == used);
            assert!(below.is_some_and(|below| below < place), "{used} must stand above {name} in MAY_USE");
        }
    }
}

/// Goal: a library is met in one layer only, so that replacing it touches one folder.
#[test]
fn adapters_keep_their_libraries_to_themselves() {
    let mut wrong = Vec::new();
    for (name, package) in packages() {
        for (library, homes) in KNOWN_ONLY_TO {
            if package.normal.contains(*library) && !homes.contains(&name.as_str()) {
                wrong.push(format!("{name} must not know {library}; it belongs to {}", homes.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Goal: web, worker and notifications meet only through the stores, in their tests too.
#[test]
fn roles_do_not_know_each_other() {
    let roles = ["caudal-web", "caudal-worker", "caudal-notifications"];
    let packages = packages();
    for role in roles {
        for other in roles.into_iter().filter(|other| *other != role) {
            let package = &packages[role];
            assert!(!package.normal.contains(other) && !package.dev.contains(other), "{role} knows {other}");
        }
        assert!(!packages[role].normal.contains("caudal-stores"), "{role} knows the stores");
    }
}
