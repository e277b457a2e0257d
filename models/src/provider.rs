//! The providers that are known by name: where they are, which key they want, what they call things.
//!
//! All of them speak OpenAI's chat completions; what differs stands in this table. Any other server that speaks it is
//! `compatible:<model>` with `CAUDAL_MODEL_URL`.

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Provider {
    pub name: &'static str,
    /// Where its API begins; none when a setting must say.
    pub url: Option<&'static str>,
    /// The variable in which its key is usually kept.
    pub key_variable: Option<&'static str>,
    /// It does not serve anybody without a key.
    pub needs_key: bool,
    /// Used when only the provider is named.
    pub default_model: Option<&'static str>,
    pub default_embedding_model: Option<&'static str>,
    /// What it calls the longest answer.
    pub most_tokens_field: &'static str,
    /// It runs on our own machines: a token costs nothing.
    pub is_local: bool,
}

const REMOTE: Provider = Provider {
    name: "",
    url: None,
    key_variable: None,
    needs_key: true,
    default_model: None,
    default_embedding_model: None,
    most_tokens_field: "max_tokens",
    is_local: false,
};
const LOCAL: Provider = Provider { needs_key: false, is_local: true, ..REMOTE };

/// In the order in which a key alone chooses one.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        url: Some("https://api.openai.com/v1"),
        key_variable: Some("OPENAI_API_KEY"),
        default_model: Some("gpt-5-mini"),
        default_embedding_model: Some("text-embedding-3-small"),
        most_tokens_field: "max_completion_tokens",
        ..REMOTE
    },
    Provider {
        name: "gemini",
        url: Some("https://generativelanguage.googleapis.com/v1beta/openai"),
        key_variable: Some("GEMINI_API_KEY"),
        default_model: Some("gemini-2.5-flash"),
        default_embedding_model: Some("gemini-embedding-001"),
        ..REMOTE
    },
    Provider {
        name: "openrouter",
        url: Some("https://openrouter.ai/api/v1"),
        key_variable: Some("OPENROUTER_API_KEY"),
        ..REMOTE
    },
    Provider { name: "ollama", url: Some("http://127.0.0.1:11434/v1"), ..LOCAL },
    Provider { name: "lmstudio", url: Some("http://127.0.0.1:1234/v1"), ..LOCAL },
    Provider { name: "vllm", url: None, key_variable: Some("VLLM_API_KEY"), ..LOCAL },
    Provider { name: "compatible", url: None, key_variable: Some("CAUDAL_MODEL_KEY"), needs_key: false, ..REMOTE },
];

/// The pretend model's name where a provider's would stand.
pub const REHEARSAL: &str = "rehearsal";

impl Provider {
    pub fn find(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// All names, for messages.
    pub fn names() -> String {
        PROVIDERS.iter().map(|provider| provider.name).chain([REHEARSAL]).collect::<Vec<_>>().join(", ")
    }

    /// All variables in which keys are kept.
    pub fn key_variables() -> impl Iterator<Item = &'static str> {
        PROVIDERS.iter().filter_map(|provider| provider.key_variable)
    }
}
