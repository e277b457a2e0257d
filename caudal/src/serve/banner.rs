//! What a person sees when the process is ready: what it does, where it keeps everything, what it can run.

use serde_json::json;

use super::role::Role;
use super::wiring::Parts;
use crate::output::Output;
use crate::settings::Settings;

pub(super) fn print(role: Role, settings: &Settings, parts: &Parts, output: Output) {
    let url = parts.address.map(|address| match &settings.public_url {
        Some(url) => url.to_string(),
        None => format!("http://{address}"),
    });
    let kept = parts.store.describe(settings);
    let mut ready = json!({ "ready": true, "role": role.as_str(), "url": url, "flows": parts.flows });
    for (name, value) in &kept {
        ready[*name] = json!(value);
    }
    output.either(&ready, |_| {
        let flows = if parts.flows.is_empty() { "none".to_owned() } else { parts.flows.join(", ") };
        let page = url.iter().map(|url| ("page", url.clone()));
        let lines = page.chain(kept.iter().cloned()).chain([("flows", flows)]);
        let lines: Vec<String> =
            lines.map(|(name, value)| format!("  {:<12} {value}", name.replace('_', " "))).collect();
        let what = if role == Role::All { String::new() } else { format!(" ({})", role.as_str()) };
        format!("Caudal {}{what} is ready.\n{}", env!("CARGO_PKG_VERSION"), lines.join("\n"))
    });
}
