//! What flows find by `ctx.resource::<T>()`: the model, the search, the file area, how far a fetch may go; and what the
//! binary adds of its own.

use anyhow::Result;
use caudal_engine::flow::Resources;
use caudal_models::tools::search::RehearsedSearch;
use caudal_models::tools::{Sandbox, WebSearch};
use caudal_models::web_page::FetchSettings;
use caudal_models::{LanguageModel, wire_model};

use crate::commands::Usage;
use crate::run::WireResources;
use crate::settings::Settings;

pub(super) fn resources(settings: &Settings, wire: WireResources) -> Result<Resources> {
    let mut resources = Resources::default();
    let model = wire_model(settings.models.clone(), &mut resources)
        .map_err(|error| Usage(format!("no language model can be used: {error} (CAUDAL_MODEL, CAUDAL_FLOW_MODELS)")))?;
    say_which(model.as_ref());
    resources.insert(search(settings, model.as_ref()));
    resources.insert(Sandbox::at(&settings.tools.sandbox_folder));
    resources.insert(FetchSettings {
        allow_private_addresses: settings.fetch_allow_private,
        most_bytes: settings.fetch_bytes,
        timeout: settings.fetch_timeout,
    });
    wire(settings, &mut resources);
    Ok(resources)
}

fn say_which(model: Option<&LanguageModel>) {
    match model {
        Some(model) if model.is_rehearsal() => {
            tracing::warn!("the language model is a rehearsal: all that it says is pretended, and marked so");
        }
        Some(model) => tracing::info!(model = model.name(), "flows think with this language model"),
        None => tracing::info!("no language model is configured; flows that need one are listed as not ready"),
    }
}

/// A pretend model gets a pretend search, unless a key says otherwise: both are for trying without the world.
fn search(settings: &Settings, model: Option<&LanguageModel>) -> WebSearch {
    let tools = settings.tools.clone();
    let asked_for = tools.tavily_key.is_some() || tools.duckduckgo_url.is_some();
    if model.is_some_and(LanguageModel::is_rehearsal) && !asked_for {
        return WebSearch::with(RehearsedSearch);
    }
    WebSearch::of(tools.tavily_key, tools.tavily_url, tools.duckduckgo_url)
}
