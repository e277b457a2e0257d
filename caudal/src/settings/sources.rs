//! The places where a setting may be written: flags, then the environment, then `caudal.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::flags::{CONFIG, SettingFlags};
use super::keys::{Form, KEYS, Key};
use super::values::{Values, Written};

const CONFIG_FILE: &str = "caudal.toml";
const CONFIG_VARIABLE: &str = "CAUDAL_CONFIG";
/// Names with our prefix that are no settings of the server.
const OTHER_VARIABLES: [&str; 3] = [CONFIG_VARIABLE, "CAUDAL_URL", "CAUDAL_API_KEY"];

/// All places, taken in once. Tests make their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) flags: SettingFlags,
    pub(crate) environment: BTreeMap<String, String>,
    /// Where `caudal.toml` is looked for.
    pub(crate) folder: PathBuf,
}

impl Sources {
    pub(crate) fn of_process(flags: SettingFlags) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| (name.starts_with("CAUDAL_") || is_setting(name)) && !value.is_empty())
            .collect();
        Self { flags, environment, folder: PathBuf::from(".") }
    }

    /// What was written where, with remarks about what will not be heard.
    pub(crate) fn values(&self) -> Result<(Values, Vec<String>)> {
        let mut values = Values::default();
        self.add_file(&mut values)?;
        for key in KEYS {
            if let Some(text) = self.environment.get(&key.variable()) {
                values.0.insert(key.name, Written { text: text.clone(), place: key.variable() });
            }
            if let Some(text) = self.flags.0.get(key.name) {
                values.0.insert(key.name, Written { text: text.clone(), place: format!("--{}", key.flag()) });
            }
        }
        Ok((values, self.unknown_variables()))
    }

    fn add_file(&self, values: &mut Values) -> Result<()> {
        let asked = self.flags.0.get(CONFIG).or_else(|| self.environment.get(CONFIG_VARIABLE));
        let path = match asked {
            Some(path) => PathBuf::from(path),
            None => self.folder.join(CONFIG_FILE),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if asked.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| format!("cannot read the settings in {}", path.display())),
        };
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("{} is not TOML; a line looks like: concurrency = 16", path.display()))?;
        let file = path.file_name().map(Path::new).unwrap_or(&path).display().to_string();
        for (name, value) in table {
            let Some(key) = Key::find(&name.replace('-', "_")) else {
                bail!("{file} has the unknown setting '{name}'{}", suggestion(&name, KEYS.iter().map(|key| key.name)));
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(switch) => switch.to_string(),
                toml::Value::Array(items)
                    if matches!(key.form, Form::List(_)) && items.iter().all(toml::Value::is_str) =>
                {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => bail!(
                    "{name} in {file} is {}, but must be {}; for example {name} = \"{}\"",
                    other.type_str(),
                    key.form,
                    key.example
                ),
            };
            values.0.insert(key.name, Written { text, place: format!("{name} in {file}") });
        }
        Ok(())
    }

    /// A misspelt variable is no reason to stop, since others may use the prefix, but to speak.
    fn unknown_variables(&self) -> Vec<String> {
        let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
        self.environment
            .keys()
            .filter(|name| !known.contains(name) && !OTHER_VARIABLES.contains(&name.as_str()))
            .map(|name| {
                format!(
                    "{name} is set, but there is no such setting{}",
                    suggestion(name, known.iter().map(String::as_str))
                )
            })
            .collect()
    }
}

/// Keys of providers go by their usual names.
fn is_setting(variable: &str) -> bool {
    KEYS.iter().any(|key| key.variable() == variable)
}

/// `; did you mean 'x'?` when one is near.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|other| (distance(name, other), other)).min();
    match nearest {
        Some((distance, other)) if distance <= 3 => format!("; did you mean '{other}'?"),
        _ => String::new(),
    }
}

/// How many letters must be changed, added or left out.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(other.bytes()) {
            let best = (diagonal + usize::from(a != b)).min(left + 1).min(*slot + 1);
            diagonal = *slot;
            *slot = best;
            left = best;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a slip of the finger finds its setting, another word none.
    #[test]
    fn near_names_are_suggested() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(suggestion("concurency", ["concurrency", "listen"].into_iter()), "; did you mean 'concurrency'?");
        assert_eq!(suggestion("colour", ["concurrency", "listen"].into_iter()), "");
    }
}
