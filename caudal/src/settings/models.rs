//! The settings of what flows think with: the model, its keys and prices, the tools of agents.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use caudal_engine::flow::Secret;
use caudal_models::ModelSettings;
use caudal_models::price::{PriceRow, PriceTable};
use caudal_models::provider::Provider;
use reqwest::Url;

use super::values::Values;

pub(super) fn model_settings(values: &Values) -> Result<ModelSettings> {
    let mut keys = std::collections::BTreeMap::new();
    for variable in Provider::key_variables() {
        let name = variable.trim_start_matches("CAUDAL_").to_ascii_lowercase();
        keys.extend(values.password(&name)?.map(|key| (variable, key)));
    }
    Ok(ModelSettings {
        model: values.optional_text("model")?,
        url: values.url("model_url")?,
        keys,
        by_flow: values.list("flow_models", flow_model)?.into_iter().collect(),
        embedding_model: values.optional_text("embedding_model")?,
        prices: values.list("model_prices", price)?.into_iter().collect::<PriceTable>(),
        timeout: Duration::from_secs(values.number("model_timeout_seconds")?),
        silence: Duration::from_secs(values.number("model_silence_seconds")?),
        most_characters: values.size("model_most_characters")?,
    })
}

/// What the tools of agents reach.
#[derive(Debug, Clone)]
pub(crate) struct ToolSettings {
    pub(crate) tavily_key: Option<Secret<String>>,
    pub(crate) tavily_url: Option<Url>,
    pub(crate) duckduckgo_url: Option<Url>,
    pub(crate) sandbox_folder: PathBuf,
}

impl ToolSettings {
    pub(super) fn of(values: &Values) -> Result<Self> {
        Ok(Self {
            tavily_key: values.password("tavily_api_key")?,
            tavily_url: values.url("tavily_url")?,
            duckduckgo_url: values.url("duckduckgo_url")?,
            sandbox_folder: values.path("sandbox_folder")?,
        })
    }
}

fn flow_model(entry: &str) -> Result<(String, String), String> {
    match entry.split_once('=').map(|(flow, model)| (flow.trim(), model.trim())) {
        Some((flow, model)) if !flow.is_empty() && !model.is_empty() => Ok((flow.to_owned(), model.to_owned())),
        _ => Err(format!("is '{entry}', but must be a flow's name, = and provider:model")),
    }
}

fn price(entry: &str) -> Result<PriceRow, String> {
    entry.parse().map_err(|wrong: caudal_models::price::BadPrice| wrong.to_string())
}
