//! The settings as flags of `caudal serve`, made from the table.

use std::collections::BTreeMap;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::keys::{Form, KEYS, Key};

/// What stands on the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingFlags(pub(crate) BTreeMap<&'static str, String>);

/// The same flags on `caudal` itself, where `serve` is the default. Not shown there: `caudal serve --help` does.
#[derive(Debug, Clone, Default)]
pub(crate) struct HiddenSettingFlags(pub(crate) SettingFlags);

/// The flag for the file that the rest may stand in.
pub(crate) const CONFIG: &str = "config";

fn flag(key: &Key) -> Arg {
    let mut about = key.about.to_owned();
    let mut arg = Arg::new(key.name).long(key.flag()).help_heading(key.group);
    arg = match key.form {
        Form::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("true|false"),
        Form::Word(words) => arg.value_name(words.join("|")),
        Form::Address => arg.value_name("address:port"),
        Form::Path => arg.value_name("path"),
        Form::Url | Form::Service(_) => arg.value_name("url"),
        Form::Number(..) => arg.value_name("number"),
        Form::Bytes(..) => arg.value_name("bytes"),
        Form::List(_) => arg.value_name("list"),
        Form::Text | Form::Secret | Form::Password | Form::ProviderKey => arg.value_name("text"),
    };
    if !key.default.is_empty() && key.form != Form::Switch {
        about.push_str(&format!(" [default: {}]", key.default));
    }
    arg.help(about).action(ArgAction::Set)
}

fn augment(command: Command, hide: bool) -> Command {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("path")
        .help("Where the settings file is [default: caudal.toml, if it is there]")
        .action(ArgAction::Set);
    let flags = KEYS.iter().filter(|key| !key.form.is_hidden()).map(flag);
    flags.chain([config]).fold(command, |command, arg| command.arg(arg.hide(hide)))
}

fn collect(matches: &ArgMatches) -> SettingFlags {
    let names = KEYS.iter().map(|key| key.name).chain([CONFIG]);
    SettingFlags(
        names.filter_map(|name| Some((name, matches.try_get_one::<String>(name).ok().flatten()?.clone()))).collect(),
    )
}

impl SettingFlags {
    /// Those of `caudal serve` win over those before the word.
    pub(crate) fn or(mut self, weaker: Self) -> Self {
        for (name, text) in weaker.0 {
            self.0.entry(name).or_insert(text);
        }
        self
    }

    /// Settings mean nothing to a command that talks to a running server.
    pub(crate) fn refuse(&self, command: &str) -> Result<(), Error> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::raw(
                ErrorKind::ArgumentConflict,
                format!("--{} belongs to `serve`, not to `{command}`\n", name.replace('_', "-")),
            )),
        }
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(collect(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(collect(matches).0);
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        augment(command, false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        augment(command, false)
    }
}

impl FromArgMatches for HiddenSettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(collect(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.0.extend(collect(matches).0);
        Ok(())
    }
}

impl Args for HiddenSettingFlags {
    fn augment_args(command: Command) -> Command {
        augment(command, true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        augment(command, true)
    }
}
