//! Adding a flow means adding one file: this finds a file that was added and does not count.

use std::collections::BTreeSet;
use std::fs;

use caudal::flow::Registry;
// Without a word of it the crate, and with it every flow, would not be linked.
use caudal_flows as _;

/// Goal: each `x_flow.rs` registers a flow `x_flow`, and each flow stands in the file of its name.
#[test]
fn each_flow_file_is_a_registered_flow() {
    let files: BTreeSet<String> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name.ends_with("_flow"))
        .collect();
    let registered: BTreeSet<String> =
        Registry::collect(true).unwrap().names().into_iter().map(str::to_owned).collect();
    assert_eq!(files, registered);
}

/// Goal: people see the flows that are for them; those for tests and measurements are there on request.
#[test]
fn diagnostics_are_there_on_request() {
    let (shown, all) = (Registry::collect(false).unwrap(), Registry::collect(true).unwrap());
    let for_people: Vec<&str> = all.iter().filter(|flow| !flow.diagnostics).map(|flow| flow.name).collect();
    assert_eq!(shown.names(), for_people);
    assert!(shown.names().contains(&"tour_flow") && !shown.names().contains(&"bench_flow"), "{:?}", shown.names());
}

/// Goal: each flow has a title and a sentence, for the page and the command line.
#[test]
fn each_flow_says_what_it_does() {
    for flow in Registry::collect(true).unwrap().iter() {
        assert!(!flow.title.is_empty() && flow.summary.ends_with('.'), "{}: {:?}", flow.name, flow.summary);
    }
}
