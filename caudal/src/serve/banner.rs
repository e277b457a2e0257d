//! What a person sees when the server is ready: where it is, where it keeps everything, what it can run.

use serde_json::json;

use super::wiring::Parts;
use crate::output::Output;
use crate::settings::{Durability, LogFormat, Settings};

pub(super) fn print(settings: &Settings, parts: &Parts, output: Output) {
    let url = match &settings.public_url {
        Some(url) => url.to_string(),
        None => format!("http://{}", parts.address),
    };
    let folder = std::path::absolute(&settings.data_folder).unwrap_or_else(|_| settings.data_folder.clone());
    let durability = match settings.durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    let ready = json!({
        "ready": true, "url": url, "data_folder": folder, "durability": durability, "flows": parts.flows,
    });
    let output = Output { json: output.json || settings.log_format == LogFormat::Json };
    output.either(&ready, |_| {
        format!(
            "Caudal {version} is ready.\n  page   {url}\n  data   {folder} (durability {durability})\n  flows  {flows}",
            version = env!("CARGO_PKG_VERSION"),
            folder = folder.display(),
            flows = if parts.flows.is_empty() { "none".to_owned() } else { parts.flows.join(", ") },
        )
    });
}
