//! What the web is told of keys, sessions and origins; and the admin key that a first start makes when it is asked to.
//!
//! The key's text is told right behind its being kept: whatever ends this start afterwards (a port that is taken, a kill),
//! nobody could tell it again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use caudal_engine::ports::IdSource;
use caudal_stores::redis::RedisStore;
use caudal_web::{ApiKey, Role as KeyRole, WebSettings};
use serde_json::json;

use super::opened_store::OpenedStore;
use super::{private_file, secret};
use crate::output::Output;
use crate::settings::Settings;

const FILE: &str = "admin_key";
const NAME: &str = "admin";
/// The way back.
const WHEN_LOST: &str =
    "if the admin key is lost: `caudal new-key admin --role admin` makes another, whose line CAUDAL_API_KEYS takes";

/// Fills in who may do what, and tells the text of an admin key that this start makes.
pub(super) async fn add_to(
    web: &mut WebSettings,
    settings: &Settings,
    store: &OpenedStore,
    ids: &dyn IdSource,
    output: Output,
) -> Result<()> {
    let access = &settings.access;
    web.secret = secret::of(settings, store, ids).await?;
    web.earlier_secrets = secret::earlier(settings, store).await?;
    web.api_keys = access.api_keys.clone();
    web.session_lifetime = access.session_lifetime;
    web.watch_lifetime = access.watch_lifetime;
    web.cors_origins = access.cors_origins.clone();
    web.behind_proxy = access.behind_proxy;
    if !access.make_admin_key || !web.api_keys.is_empty() {
        return Ok(());
    }
    let (key, made) = match store.shared() {
        // It may be kept though the answer is lost.
        Some(shared) => shared_admin_key(shared).await.context(WHEN_LOST)?,
        None => admin_key(&settings.data_folder)?,
    };
    match made {
        Some(text) => tell(&text, output),
        None => tracing::info!("the admin key of an earlier start is asked for; {WHEN_LOST}"),
    }
    web.api_keys.push(key);
    Ok(())
}

fn tell(text: &str, output: Output) {
    output.either(&json!({ "admin_key": text, "hint": WHEN_LOST }), |_| {
        format!("The admin key; it is told only now ({WHEN_LOST}):\n\n  {text}\n")
    });
}

/// The one that the first process of the installation made; with its text, if that is this one.
async fn shared_admin_key(shared: &RedisStore) -> Result<(ApiKey, Option<String>)> {
    let (text, key) = ApiKey::generate(NAME, KeyRole::Admin)?;
    let kept = shared.share(FILE, &key.line()).await.context("the admin key cannot be kept")?;
    if kept == key.line() {
        return Ok((key, Some(text)));
    }
    let kept = kept.parse().map_err(|wrong| anyhow!("the admin key that Redis keeps {wrong}"))?;
    Ok((kept, None))
}

/// The kept one, or a new one with its text.
fn admin_key(folder: &Path) -> Result<(ApiKey, Option<String>)> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(line) => {
            line.trim().parse().map(|key| (key, None)).map_err(|wrong| {
                anyhow!("the line in {} {wrong}; remove the file, and a new key is made", path.display())
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (text, key) = ApiKey::generate(NAME, KeyRole::Admin)?;
            let line = format!("{}\n", key.line());
            private_file::write(&path, line.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
            Ok((key, Some(text)))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the key is told once and known from then on; its text is nowhere in the folder.
    #[test]
    fn made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (key, text) = admin_key(folder.path()).unwrap();
        let text = text.unwrap();
        assert_eq!(admin_key(folder.path()).unwrap(), (key, None));
        let kept = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(kept.starts_with("admin:admin:") && !kept.contains(&text));
        fs::write(folder.path().join(FILE), &text).unwrap();
        let refused = admin_key(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("remove the file") && !refused.contains(&text), "{refused}");
    }
}
