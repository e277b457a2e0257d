//! The settings as people may see them: what each is, where it was set, and never what is secret.

use caudal_web::ShownSetting;
use reqwest::Url;

use super::keys::{Form, KEYS, Key};
use super::values::Values;

/// Keys stand as `name:role:hash`: what identifies one is shown, what proves it is not.
const PARTS_OF_A_KEY_SHOWN: usize = 2;

pub(super) fn shown(values: &Values) -> Vec<ShownSetting> {
    KEYS.iter().map(|key| shown_setting(key, values)).collect()
}

fn shown_setting(key: &'static Key, values: &Values) -> ShownSetting {
    let written = values.0.get(key.name);
    let default = (!key.default.is_empty()).then_some(key.default);
    ShownSetting {
        name: key.name,
        group: key.group,
        about: key.about,
        value: written.map(|written| written.text.as_str()).or(default).and_then(|text| shown_text(key, text)),
        default,
        set_by: written.map(|written| written.place.clone()),
        is_secret: is_secret(key),
    }
}

fn is_secret(key: &Key) -> bool {
    // A setting that only its name gives away is hidden too: better than one forgotten form.
    key.form == Form::Secret || ["secret", "password", "token"].iter().any(|word| key.name.contains(word))
}

/// Nothing of a secret.
fn shown_text(key: &Key, text: &str) -> Option<String> {
    if is_secret(key) {
        return None;
    }
    Some(match key.form {
        Form::Service(_) | Form::Url => without_password(text),
        Form::List(_) if key.name == "api_keys" => {
            let named = |key: &str| key.trim().split(':').take(PARTS_OF_A_KEY_SHOWN).collect::<Vec<_>>().join(":");
            text.split(',').map(named).collect::<Vec<_>>().join(", ")
        }
        _ => text.to_owned(),
    })
}

fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return "***".to_owned() };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".to_owned();
    }
    // Some services take their key as a parameter.
    if url.query().is_some() {
        url.set_query(Some("***"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::values::Written;
    use super::*;

    fn shown_with(settings: &[(&'static str, &str)]) -> Vec<ShownSetting> {
        let written = |text: &str| Written { text: text.to_owned(), place: "here".to_owned() };
        shown(&Values(settings.iter().map(|(name, text)| (*name, written(text))).collect()))
    }

    /// Goal: whatever is secret in a setting is nowhere in what is shown of it.
    #[test]
    fn nothing_secret_is_shown() {
        let secret = "s3cr3t-and-more-than-32-bytes-of-it";
        let all = shown_with(&[
            ("secret", secret),
            ("redis_url", "redis://somebody:s3cr3t@redis.internal:6379/0"),
            ("database_url", "postgres://somebody:s3cr3t@db.internal/caudal?password=s3cr3t"),
            ("api_keys", "ci:start:s3cr3t, ann:admin:s3cr3t"),
        ]);
        let text = serde_json::to_string(&all).unwrap();
        assert!(!text.contains("s3cr3t"), "{text}");
        for seen in ["redis.internal", "db.internal", "ci:start, ann:admin"] {
            assert!(text.contains(seen), "{seen} in {text}");
        }
        let secret = all.iter().find(|setting| setting.name == "secret").unwrap();
        assert!(secret.is_secret && secret.value.is_none() && secret.set_by.as_deref() == Some("here"));
    }

    /// Goal: what nobody set shows what it is then.
    #[test]
    fn defaults_are_shown() {
        let all = shown_with(&[]);
        let listen = all.iter().find(|setting| setting.name == "listen").unwrap();
        assert!(listen.value.is_some() && listen.value.as_deref() == listen.default && listen.set_by.is_none());
    }
}
