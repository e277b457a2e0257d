//! What a provider's error means: whose fault it is, and when to try again.

use std::time::{Duration, SystemTime};

use caudal_engine::flow::Secret;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::reading::{error_in, number, text_of};
use crate::error::ModelError;
use crate::provider::Provider;

/// Who asks for more patience than this gets it by repeated asking.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// Who answers, and the key that none of its words may repeat.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) provider: &'static Provider,
    pub(crate) key: Option<Secret<String>>,
}

impl Who {
    /// An answer with a status that is no success.
    pub(crate) fn refused(&self, status: u16, headers: &HeaderMap, body: &str) -> ModelError {
        let parsed: Value = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.trim().to_owned()));
        let parsed = if parsed.is_array() { &parsed[0] } else { &parsed };
        let error = error_in(parsed).unwrap_or(parsed);
        match self.meaning(status, error, patience(headers).or_else(|| patience_in(error))) {
            ModelError::Refused { provider, status, said } if is_too_long(status, error, &said) => {
                ModelError::TooLong { provider, status, said }
            }
            meaning => meaning,
        }
    }

    /// An error in the middle of an answer that began well. Without a status it is a cut and no refusal.
    pub(crate) fn broke_off(&self, error: &Value) -> ModelError {
        let status = ["code", "status"].into_iter().find_map(|name| error.get(name).and_then(number));
        match status.and_then(|status| u16::try_from(status).ok()).filter(|status| (400..600).contains(status)) {
            Some(status) => self.meaning(status, error, patience_in(error)),
            None => ModelError::CutOff(self.said(error)),
        }
    }

    fn meaning(&self, status: u16, error: &Value, after: Option<Duration>) -> ModelError {
        let provider = self.provider.name;
        let said = self.said(error);
        match (status, self.provider.key_variable) {
            // Of a refused key the provider likes to repeat a part; the variable says enough.
            (401, Some(variable)) => ModelError::KeyRefused { provider, variable, status },
            (400, Some(variable)) if is_about_the_key(error, &said) => {
                ModelError::KeyRefused { provider, variable, status }
            }
            // The key may be good and what is asked for not: its words are needed.
            (403, Some(variable)) => ModelError::Forbidden { provider, variable, status, said },
            // Waiting does not bring money.
            (429, _) if error.get("code").and_then(Value::as_str) == Some("insufficient_quota") => {
                ModelError::Refused { provider, status, said }
            }
            (408 | 409 | 425 | 429 | 500.., _) => ModelError::Busy { provider, status, said, after },
            _ => ModelError::Refused { provider, status, said },
        }
    }

    /// What an error object says, in at most a few lines.
    fn said(&self, error: &Value) -> String {
        const MOST: usize = 500;
        let said = match error {
            Value::String(text) => text.clone(),
            error => text_of(error.get("message")).unwrap_or_else(|| error.to_string()),
        };
        crate::web_page::shorten(&self.without_key(said), MOST)
    }

    pub(crate) fn without_key(&self, text: String) -> String {
        match &self.key {
            Some(key) if !key.expose().is_empty() => text.replace(key.expose().as_str(), "***"),
            _ => text,
        }
    }
}

/// OpenAI has a code for it, and so have those who copied it well. The others have their own words.
fn is_too_long(status: u16, error: &Value, said: &str) -> bool {
    let code = ["code", "type"].into_iter().filter_map(|name| error.get(name)?.as_str());
    let mut codes = code.map(str::to_ascii_lowercase);
    if codes.any(|code| matches!(&*code, "context_length_exceeded" | "exceed_context_size_error")) {
        return true;
    }
    let said = said.to_ascii_lowercase();
    matches!(status, 400 | 413 | 422) && TOO_LONG.iter().any(|words| said.contains(words))
}

/// vLLM, OpenRouter, DeepSeek; LM Studio; llama.cpp; Gemini; Anthropic; Groq; xAI; Mistral.
const TOO_LONG: &[&str] = &[
    "context length",
    "context window",
    "context size",
    "exceeds the maximum number of tokens",
    "prompt is too long",
    "reduce the length of the messages",
    "maximum prompt length",
    "too large for model with",
];

/// Gemini answers 400 to a key that it does not know.
fn is_about_the_key(error: &Value, said: &str) -> bool {
    let reasons = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let mut reasons = reasons.filter_map(|detail| detail.get("reason")?.as_str());
    reasons.any(|reason| reason == "API_KEY_INVALID") || said.to_ascii_lowercase().contains("api key not")
}

/// `Retry-After` as a number of seconds, with or without a fraction, in milliseconds as some send it, or as a date.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1_000.0).or_else(|| number(RETRY_AFTER.as_str()));
    match seconds {
        Some(seconds) => within_reason(Duration::try_from_secs_f64(seconds).ok()?),
        None => {
            let until = httpdate::parse_http_date(text(RETRY_AFTER.as_str())?).ok()?;
            within_reason(until.duration_since(SystemTime::now()).ok()?)
        }
    }
}

/// Gemini has no such header; it says `"retryDelay": "27s"` in the error.
fn patience_in(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let seconds = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'))?;
    within_reason(Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?)
}

/// None at all is no wish: then we wait as long as we think right.
fn within_reason(patience: Duration) -> Option<Duration> {
    Some(patience.min(MOST_PATIENCE)).filter(|patience| !patience.is_zero())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "sk-very-secret";

    fn gemini() -> Who {
        let provider = Provider::find("gemini").unwrap();
        Who { provider, key: Some(Secret::new(KEY.to_owned())) }
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        [(reqwest::header::HeaderName::from_static(name), value.parse().unwrap())].into_iter().collect()
    }

    /// Goal: a wish to wait is read in each shape, and a date too.
    #[test]
    fn patience_in_many_shapes() {
        let seconds = |name, value| patience(&headers(name, value)).map(|patience| patience.as_secs_f64());
        assert_eq!(seconds("retry-after", "7"), Some(7.0));
        assert_eq!(seconds("retry-after", " 1.5 "), Some(1.5));
        assert_eq!(seconds("retry-after-ms", "2500"), Some(2.5));
        assert_eq!(seconds("retry-after", "1000000"), Some(3600.0));
        for none in ["0", "-1", "soon", "NaN", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(seconds("retry-after", none), None, "{none}");
        }
        let in_a_minute = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(seconds("retry-after", &in_a_minute).is_some_and(|seconds| seconds > 30.0));
        let delay = json!({ "details": [{ "reason": "x" }, { "retryDelay": "27.5s" }] });
        assert_eq!(patience_in(&delay), Some(Duration::from_millis(27_500)));
    }

    /// Goal: in the middle of an answer an error means what its status means, and never repeats the key.
    #[test]
    fn errors_in_the_middle() {
        let broke_off = |error| gemini().broke_off(&error);
        assert!(matches!(broke_off(json!({ "code": 429, "message": "slow" })), ModelError::Busy { status: 429, .. }));
        assert!(matches!(broke_off(json!({ "code": "502", "message": "up" })), ModelError::Busy { status: 502, .. }));
        assert!(matches!(broke_off(json!({ "code": 402, "message": "no" })), ModelError::Refused { status: 402, .. }));
        assert!(matches!(broke_off(json!({ "code": 401, "message": KEY })), ModelError::KeyRefused { .. }));
        let long = format!("{} {KEY}", "x".repeat(490));
        for error in [json!(KEY), json!({ "message": long }), json!({ "code": "rate_limit", "message": [KEY] })] {
            let meant = broke_off(error);
            assert!(matches!(meant, ModelError::CutOff(_)) && !meant.to_string().contains("sk-v"), "{meant}");
        }
    }

    /// Goal: a key that Gemini does not know is told by its variable, though the status is 400.
    #[test]
    fn a_key_that_gemini_does_not_know() {
        let body = json!([{ "error": { "code": 400, "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT", "details": [{ "reason": "API_KEY_INVALID" }] } }]);
        let refused = gemini().refused(400, &HeaderMap::new(), &body.to_string());
        assert_eq!(refused.to_string(), "gemini refuses the key in GEMINI_API_KEY (400)");
        let other = gemini().refused(400, &HeaderMap::new(), r#"{"error":{"message":"no such model"}}"#);
        assert_eq!(other.to_string(), "gemini answers 400: no such model");
    }

    /// Goal: each provider's way of saying that a conversation is too long is understood, and other refusals are not taken
    /// for it.
    #[test]
    fn too_long_in_many_words() {
        let refused = |status, body: Value| gemini().refused(status, &HeaderMap::new(), &body.to_string());
        let said = |message: &str| json!({ "error": { "message": message } });
        for body in [
            json!({ "error": { "message": "x", "code": "context_length_exceeded" } }),
            json!({ "error": { "message": "x", "type": "exceed_context_size_error" } }),
            json!({ "object": "error", "message": "This model's maximum context length is 4096 tokens. However, …" }),
            said("The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."),
            said("prompt is too long: 208310 tokens > 200000 maximum"),
            said("Please reduce the length of the messages or completion."),
            said("Trying to keep the first 5000 tokens when context the overflows. … the context length of only 4096"),
            said("the request exceeds the available context size. try increasing the context size"),
            said("This model's maximum prompt length is 131072 but the request contains 200000 tokens."),
            said("Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
        ] {
            assert!(matches!(refused(400, body.clone()), ModelError::TooLong { status: 400, .. }), "{body}");
        }
        assert!(matches!(refused(400, said("no such model")), ModelError::Refused { .. }));
        assert!(matches!(refused(429, said("context length")), ModelError::Busy { .. }));
    }
}
