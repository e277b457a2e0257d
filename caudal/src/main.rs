//! The `caudal` binary: the platform with the flows that ship with it.

use caudal_flows::FetchSettings;

// The linker would leave out a crate of which nothing is used, and its flows with it; here the settings are used.
fn main() {
    caudal::run_with(|settings, resources| {
        resources.insert(FetchSettings {
            allow_private_addresses: settings.fetch_allow_private,
            most_bytes: settings.fetch_bytes,
            timeout: settings.fetch_timeout,
        });
    });
}
