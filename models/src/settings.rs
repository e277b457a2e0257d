//! What the binary says about models: which one, where, with which keys, at which prices.

use std::collections::BTreeMap;
use std::time::Duration;

use caudal_engine::flow::Secret;
use thiserror::Error;
use url::Url;

use crate::price::PriceTable;
use crate::provider::{PROVIDERS, Provider, REHEARSAL};

/// Read once by the binary; a bad combination is refused when the model is made, at the start.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// `provider:model`, a provider alone, or `rehearsal`. None: the first provider whose key is there.
    pub model: Option<String>,
    /// Where the API of that provider is, instead of the usual place.
    pub url: Option<Url>,
    /// By variable: `OPENAI_API_KEY`, …
    pub keys: BTreeMap<&'static str, Secret<String>>,
    /// `provider:model` by the name of a flow that is to use another.
    pub by_flow: BTreeMap<String, String>,
    pub embedding_model: Option<String>,
    pub prices: PriceTable,
    /// For a whole answer.
    pub timeout: Duration,
    /// For the next piece of one that has begun: before its first piece a model may think as long as it likes.
    pub silence: Duration,
    /// Characters of a conversation with tools, at most: above, what tools brought first is left out.
    pub most_characters: usize,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            model: None,
            url: None,
            keys: BTreeMap::new(),
            by_flow: BTreeMap::new(),
            embedding_model: None,
            prices: PriceTable::default(),
            timeout: Duration::from_secs(600),
            silence: Duration::from_secs(90),
            most_characters: 240_000,
        }
    }
}

/// Said at the start, with what to do.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum ModelSettingsError {
    #[error("'{0}' is no model; write provider:model with a provider of: {known}", known = Provider::names())]
    UnknownProvider(String),
    #[error("{0} has no usual model; write {0}:<model>")]
    NoModel(&'static str),
    #[error("{provider} needs a key in {variable}")]
    NoKey { provider: &'static str, variable: &'static str },
    #[error("{0} can be anywhere; say where with CAUDAL_MODEL_URL, for example http://127.0.0.1:8080/v1")]
    NoUrl(&'static str),
    #[error("no HTTP client can be made: {0}")]
    NoClient(String),
}

/// A model that was chosen, with all that a call of it needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Chosen {
    Rehearsal,
    Served { provider: &'static Provider, model: String, url: String, key: Option<Secret<String>> },
}

impl ModelSettings {
    /// What `model` says, or the first key; none when nothing is configured.
    pub(crate) fn chosen(&self) -> Result<Option<Chosen>, ModelSettingsError> {
        if let Some(name) = &self.model {
            return self.choose(name).map(Some);
        }
        self.by_key().map(|provider| self.choose(provider.name)).transpose()
    }

    fn by_key(&self) -> Option<&'static Provider> {
        PROVIDERS.iter().find(|provider| {
            let has_key = provider.key_variable.is_some_and(|variable| self.keys.contains_key(variable));
            has_key && provider.default_model.is_some()
        })
    }

    pub(crate) fn choose(&self, name: &str) -> Result<Chosen, ModelSettingsError> {
        if name == REHEARSAL {
            return Ok(Chosen::Rehearsal);
        }
        let (provider, model) = match name.split_once(':') {
            Some((provider, model)) => (provider, Some(model.trim()).filter(|model| !model.is_empty())),
            None => (name, None),
        };
        let provider = Provider::find(provider).ok_or_else(|| ModelSettingsError::UnknownProvider(name.to_owned()))?;
        let model = model.or(provider.default_model).ok_or(ModelSettingsError::NoModel(provider.name))?;
        self.served(provider, model)
    }

    /// The model for embeddings: the setting, else the usual one of the chat model's provider.
    pub(crate) fn choose_embedding(&self, chat: &Chosen) -> Result<Chosen, ModelSettingsError> {
        match (&self.embedding_model, chat) {
            (Some(name), _) => self.choose(name),
            (None, Chosen::Rehearsal) => Ok(Chosen::Rehearsal),
            (None, Chosen::Served { provider, .. }) => {
                let model = provider.default_embedding_model.ok_or(ModelSettingsError::NoModel(provider.name))?;
                self.served(provider, model)
            }
        }
    }

    fn served(&self, provider: &'static Provider, model: &str) -> Result<Chosen, ModelSettingsError> {
        let key = provider.key_variable.and_then(|variable| self.keys.get(variable)).cloned();
        if let (true, None, Some(variable)) = (provider.needs_key, &key, provider.key_variable) {
            return Err(ModelSettingsError::NoKey { provider: provider.name, variable });
        }
        let own = self.url.as_ref().filter(|_| self.is_main(provider)).map(Url::as_str);
        let url = own.or(provider.url).ok_or(ModelSettingsError::NoUrl(provider.name))?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Chosen::Served { provider, model: model.to_owned(), url, key })
    }

    /// Another provider's key must not be sent to where the setting points.
    fn is_main(&self, provider: &Provider) -> bool {
        match &self.model {
            Some(name) => name.split(':').next() == Some(provider.name),
            None => self.by_key() == Some(provider),
        }
    }
}

impl Chosen {
    /// `provider:model`, as prices and usage name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Rehearsal => REHEARSAL.to_owned(),
            Self::Served { provider, model, .. } => format!("{}:{model}", provider.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_key(variable: &'static str) -> ModelSettings {
        let keys = BTreeMap::from([(variable, Secret::new("k".to_owned()))]);
        ModelSettings { keys, ..ModelSettings::default() }
    }

    fn name(settings: &ModelSettings) -> String {
        settings.chosen().unwrap().unwrap().name()
    }

    /// Goal: a key alone is enough, and nothing at all chooses nothing, least of all the pretend model.
    #[test]
    fn what_is_there_is_chosen() {
        assert_eq!(name(&with_key("GEMINI_API_KEY")), "gemini:gemini-2.5-flash");
        assert_eq!(ModelSettings::default().chosen(), Ok(None));
        assert_eq!(with_key("OPENROUTER_API_KEY").chosen(), Ok(None), "it has no usual model");
        let rehearsal = ModelSettings { model: Some("rehearsal".into()), ..with_key("GEMINI_API_KEY") };
        assert_eq!(rehearsal.chosen(), Ok(Some(Chosen::Rehearsal)));
        let colons = ModelSettings { model: Some("ollama:llama3.2:3b".into()), ..ModelSettings::default() };
        assert_eq!(name(&colons), "ollama:llama3.2:3b");
    }

    /// Goal: what is missing is named, with the variable.
    #[test]
    fn what_is_missing_is_named() {
        let refusal = |model: &str| {
            let settings = ModelSettings { model: Some(model.into()), ..ModelSettings::default() };
            settings.chosen().unwrap_err().to_string()
        };
        assert_eq!(refusal("openai"), "openai needs a key in OPENAI_API_KEY");
        assert_eq!(refusal("ollama"), "ollama has no usual model; write ollama:<model>");
        assert!(refusal("gpt-5").starts_with("'gpt-5' is no model; write provider:model"));
        assert!(refusal("compatible:x").contains("CAUDAL_MODEL_URL"));
    }

    /// Goal: the setting's address is used for the setting's provider alone.
    #[test]
    fn no_key_goes_to_another_providers_address() {
        let mut settings = with_key("GEMINI_API_KEY");
        settings.keys.insert("OPENAI_API_KEY", Secret::new("k2".to_owned()));
        settings.model = Some("openai".into());
        settings.url = Some(Url::parse("http://127.0.0.1:9/v1/").unwrap());
        let url = |name: &str| match settings.choose(name).unwrap() {
            Chosen::Served { url, .. } => url,
            Chosen::Rehearsal => String::new(),
        };
        assert_eq!(url("openai:gpt-5"), "http://127.0.0.1:9/v1");
        assert!(url("gemini").starts_with("https://generativelanguage.googleapis.com"));
    }
}
