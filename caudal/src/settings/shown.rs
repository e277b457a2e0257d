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
    key.form.is_hidden()
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

    /// Goal: whatever is secret in a setting is nowhere in what is shown of it: of a hidden form nothing, of a place
    /// no password, of a key not what proves it.
    #[test]
    fn nothing_secret_is_shown() {
        let of_form = |key: &&Key| key.form.is_hidden();
        let hidden: Vec<&'static str> = KEYS.iter().filter(of_form).map(|key| key.name).collect();
        let mut settings = vec![
            ("redis_url", "redis://somebody:s3cr3t@redis.internal:6379/0"),
            ("database_url", "postgres://somebody:s3cr3t@db.internal/caudal?password=s3cr3t"),
            ("model_url", "https://somebody:s3cr3t@models.internal/v1?key=s3cr3t"),
            ("api_keys", "ci:start:s3cr3t, ann:admin:s3cr3t"),
        ];
        settings.extend(hidden.iter().map(|name| (*name, "smtp://somebody:s3cr3t@mail.internal")));
        let all = shown_with(&settings);
        let text = serde_json::to_string(&all).unwrap();
        assert!(!text.contains("s3cr3t"), "{text}");
        for seen in ["redis.internal", "db.internal", "models.internal", "ci:start, ann:admin"] {
            assert!(text.contains(seen), "{seen} in {text}");
        }
        for setting in &all {
            assert_eq!(setting.is_secret, hidden.contains(&setting.name), "{}", setting.name);
            if setting.is_secret {
                assert!(setting.value.is_none() && setting.set_by.as_deref() == Some("here"), "{}", setting.name);
            }
        }
        for name in ["secret", "smtp_url", "webhook_secret", "model_key", "openai_api_key", "tavily_api_key"] {
            assert!(hidden.contains(&name), "{name} has a form that is shown");
        }
    }

    /// Goal: a setting whose name says that it is secret has a form that hides it.
    #[test]
    fn names_and_forms_agree() {
        for key in KEYS {
            let says_so = ["secret", "password", "api_key"].iter().any(|word| key.name.ends_with(word));
            assert!(!says_so || key.form.is_hidden(), "{}", key.name);
        }
    }

    /// Goal: what nobody set shows what it is then.
    #[test]
    fn defaults_are_shown() {
        let all = shown_with(&[]);
        let listen = all.iter().find(|setting| setting.name == "listen").unwrap();
        assert!(listen.value.is_some() && listen.value.as_deref() == listen.default && listen.set_by.is_none());
    }
}
