//! One file per command. The same word stands on the command line, here, in the URL and in the use case.

mod backup;
mod coerce;
mod control;
mod event_stream;
mod flows;
mod follow;
mod new;
mod new_flow;
mod new_key;
mod notifications;
mod ready;
mod screen;
mod show;
mod signal;
mod start;
mod table;
mod tasks;
mod template;
mod watch;

use std::future::Future;

use anyhow::{Context, Result};
use thiserror::Error;

use crate::cli::{Cli, Command, NotificationsArgs, ServeArgs, Server};
use crate::client::{Client, ClientError};
use crate::output::Output;
use crate::run::WireResources;
use crate::serve::{self, Role};

pub(crate) const SUCCESS: u8 = 0;
pub(crate) const FAILURE: u8 = 1;
pub(crate) const USAGE: u8 = 2;
/// What shells say of a process that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// What was written on the command line cannot be done.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// What a command that talks to a server works with.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) output: Output,
}

/// Does what was asked for; returns the process's exit code.
pub(crate) fn run(cli: Cli, wire: WireResources) -> Result<u8> {
    let flags = cli.settings.0;
    let output = Output { json: cli.server.json };
    let server = &cli.server;
    let command = cli.command.unwrap_or_else(|| Command::Serve(ServeArgs { settings: Default::default() }));
    if !command.serves() {
        flags.refuse(command.word())?;
    }
    match command {
        Command::Serve(args) => serve::run(Role::All, args.settings.or(flags), wire, output),
        Command::Web(args) => serve::run(Role::Web, args.settings.or(flags), wire, output),
        Command::Worker(args) => serve::run(Role::Worker, args.settings.or(flags), wire, output),
        Command::Notifications(NotificationsArgs { command: None, settings }) => {
            serve::run(Role::Notifications, settings.or(flags), wire, output)
        }
        Command::Notifications(NotificationsArgs { command: Some(command), .. }) => {
            with_server(server, output, async move |session| notifications::run(&session, &command).await)
        }
        Command::New(args) => new::run(&args, output),
        Command::NewKey(args) => new_key::run(&args, output),
        Command::NewFlow(args) => new_flow::run(&args, output),
        Command::Backup(args) => backup::run(args, output),
        Command::Flows(args) => with_server(server, output, async move |session| flows::run(&session, &args).await),
        Command::Start(args) => with_server(server, output, async move |session| start::run(&session, &args).await),
        Command::Watch(args) => with_server(server, output, async move |session| watch::run(&session, &args).await),
        Command::Tasks(args) => with_server(server, output, async move |session| tasks::run(&session, &args).await),
        Command::Show(args) => with_server(server, output, async move |session| show::run(&session, &args).await),
        Command::Signal(args) => with_server(server, output, async move |session| signal::run(&session, &args).await),
        Command::Ready => with_server(server, output, async move |session| ready::run(&session).await),
        Command::Cancel(args) => control(server, output, "cancel", args.tasks),
        Command::Pause(args) => control(server, output, "pause", args.tasks),
        Command::Resume(args) => control(server, output, "resume", args.tasks),
        Command::Retry(args) => control(server, output, "retry", args.tasks),
        Command::Delete(args) => control(server, output, "delete", args.tasks),
    }
}

fn control(server: &Server, output: Output, verb: &'static str, tasks: Vec<String>) -> Result<u8> {
    with_server(server, output, async move |session| control::run(&session, verb, &tasks).await)
}

fn with_server<F, Fut>(server: &Server, output: Output, command: F) -> Result<u8>
where
    F: FnOnce(Session) -> Fut,
    Fut: Future<Output = Result<u8>>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop can be made")?;
    runtime.block_on(async {
        let session = Session { client: Client::new(&server.url, server.key.as_deref())?, output };
        let interrupted = async {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Ok(INTERRUPTED),
                // Nobody can interrupt; the command goes on.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = command(session) => answer,
            code = interrupted => code,
        }
    })
}

/// The code for an error that ends the process.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let is_usage = error.is::<Usage>()
        || error.is::<clap::Error>()
        || error.downcast_ref::<ClientError>().is_some_and(ClientError::is_usage);
    if is_usage { USAGE } else { FAILURE }
}

impl Command {
    /// It wires a process, which all settings are for.
    fn serves(&self) -> bool {
        let sends = matches!(self, Self::Notifications(NotificationsArgs { command: None, .. }));
        sends || matches!(self, Self::Serve(_) | Self::Web(_) | Self::Worker(_))
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Web(_) => "web",
            Self::Worker(_) => "worker",
            Self::Notifications(_) => "notifications",
            Self::Flows(_) => "flows",
            Self::Start(_) => "start",
            Self::Watch(_) => "watch",
            Self::Tasks(_) => "tasks",
            Self::Show(_) => "show",
            Self::Cancel(_) => "cancel",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Retry(_) => "retry",
            Self::Delete(_) => "delete",
            Self::Signal(_) => "signal",
            Self::Ready => "ready",
            Self::Backup(_) => "backup",
            Self::NewKey(_) => "new-key",
            Self::New(_) => "new",
            Self::NewFlow(_) => "new-flow",
        }
    }
}
