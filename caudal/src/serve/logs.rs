//! The process's own logs: lines for people, or JSON for programs, on standard error.

use std::io::{self, IsTerminal};

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

use crate::commands::Usage;
use crate::settings::{LogFormat, Settings};

pub(super) fn start(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|error| {
        Usage(format!(
            "log_filter is '{}', but must be levels with commas between them, for all or by module; for example \
             info,caudal_web=debug ({error})",
            settings.log_filter
        ))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match settings.log_format {
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).with_target(false).compact().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|error| anyhow!("logs cannot be written: {error}"))
}
