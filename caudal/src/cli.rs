//! The command line: what can be written, and which command hears it.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::{HiddenSettingFlags, SettingFlags};

/// Runs durable flows.
///
/// Without a command it serves: one process with the page, the API and a worker. The other commands talk to a
/// running server.
#[derive(Debug, Parser)]
#[command(name = "caudal", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) settings: HiddenSettingFlags,
}

/// What all commands that talk to a server share.
#[derive(Clone, Args)]
pub(crate) struct Server {
    /// The server to talk to
    #[arg(
        long,
        global = true,
        env = "CAUDAL_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8000",
        value_name = "url"
    )]
    pub(crate) url: String,
    /// The key to show to the server, where it asks for one
    #[arg(long, global = true, env = "CAUDAL_API_KEY", hide_env_values = true, value_name = "key")]
    pub(crate) key: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Without the key.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url).field("json", &self.json).finish_non_exhaustive()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the page and the API, run tasks and send notifications (the default)
    Serve(ServeArgs),
    /// Only serve the page and the API, beside workers elsewhere
    Web(ServeArgs),
    /// Only run tasks
    Worker(ServeArgs),
    /// Only send notifications; or, with a word behind it, see to those of a server
    Notifications(NotificationsArgs),
    /// List the flows of the server, or tell about one
    Flows(FlowsArgs),
    /// Start a task
    Start(StartArgs),
    /// Watch a task until it ends
    Watch(WatchArgs),
    /// List tasks, newest first
    Tasks(TasksArgs),
    /// Tell about one task
    Show(ShowArgs),
    /// Cancel tasks
    Cancel(TaskIds),
    /// Let running steps finish, then hold tasks
    Pause(TaskIds),
    /// Go on with paused tasks
    Resume(TaskIds),
    /// Start ended tasks again as new ones that keep the finished steps
    Retry(TaskIds),
    /// Forget ended tasks, with their logs
    Delete(TaskIds),
    /// Send a value to a waiting task, or answer its question
    Signal(SignalArgs),
    /// Ask whether a server, or any role's --health-listen, is ready; exit code 0 says yes
    Ready,
    /// Copy the store into a file, also while a server runs
    ///
    /// The copy holds tasks and notifications. What else is in the data folder is not in it: `secret` and
    /// `webhook_secret` (without them people log in again, old watch links end, and webhooks are signed anew),
    /// `admin_key`, and mails in `outbox`.
    Backup(BackupArgs),
    /// Make an API key
    NewKey(NewKeyArgs),
    /// Make a project of your own
    New(NewArgs),
    /// Add a flow to the project in this folder
    NewFlow(NewFlowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct NotificationsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<NotificationsCommand>,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List notifications, newest first
    List(NotificationsListArgs),
    /// Tell about one notification, with the mail as it is sent
    Show(NotificationArgs),
    /// Send again what has failed or was suppressed
    Retry(RetryNotificationsArgs),
    /// Send a mail to this address and wait for what becomes of it
    TestMail(TestMailArgs),
    /// Show the secret with which whoever is called at this URL checks webhook calls
    WebhookSecret(WebhookSecretArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NotificationsListArgs {
    /// Only about this task
    #[arg(long, value_name = "task")]
    pub(crate) task: Option<String>,
    /// Only in this state: queued, sending, deferred, sent, failed, suppressed
    #[arg(long = "state", value_name = "state")]
    pub(crate) states: Vec<String>,
    /// Only to this address or URL
    #[arg(long, value_name = "address")]
    pub(crate) to: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 20, value_name = "number")]
    pub(crate) limit: usize,
    /// Go on where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NotificationArgs {
    /// The notification's id
    pub(crate) notification: String,
}

#[derive(Debug, Args)]
pub(crate) struct RetryNotificationsArgs {
    /// The notifications' ids
    #[arg(required_unless_present = "states", value_name = "notification")]
    pub(crate) notifications: Vec<String>,
    /// All that are in this state: failed, suppressed
    #[arg(long = "state", value_name = "state", conflicts_with = "notifications")]
    pub(crate) states: Vec<String>,
    /// Of these, only those about this task
    #[arg(long, value_name = "task", requires = "states")]
    pub(crate) task: Option<String>,
    /// Of these, only those to this address or URL
    #[arg(long, value_name = "address", requires = "states")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TestMailArgs {
    /// Who gets it
    pub(crate) address: String,
    /// Its language
    #[arg(long, value_name = "locale")]
    pub(crate) locale: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WebhookSecretArgs {
    /// Where the calls go
    #[arg(value_name = "url")]
    pub(crate) receiver: String,
}

#[derive(Debug, Args)]
pub(crate) struct FlowsArgs {
    /// The flow to tell about
    pub(crate) flow: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The flow's name
    pub(crate) flow: String,
    /// One input; its text is read as the flow's schema says
    #[arg(short = 'i', long = "input", value_name = "key=value")]
    pub(crate) input: Vec<String>,
    /// All inputs: JSON, @file, or - for standard input
    #[arg(long, value_name = "JSON|@file|-", allow_hyphen_values = true)]
    pub(crate) inputs: Option<String>,
    /// Show progress, logs and streamed text until the task ends
    #[arg(long, conflicts_with = "wait")]
    pub(crate) follow: bool,
    /// Wait silently until the task ends, then print its result
    #[arg(long)]
    pub(crate) wait: bool,
    /// Start it this many seconds from now
    #[arg(long, value_name = "seconds", allow_negative_numbers = true)]
    pub(crate) delay_seconds: Option<f64>,
    /// How urgent it is
    #[arg(long, value_parser = ["high", "normal", "low"])]
    pub(crate) priority: Option<String>,
    /// A word to find it by
    #[arg(long = "tag", value_name = "tag")]
    pub(crate) tags: Vec<String>,
    /// While a task with this key is not ended, answer with that one
    #[arg(long, value_name = "key")]
    pub(crate) unique_key: Option<String>,
    /// Start nothing twice under this key
    #[arg(long, value_name = "key")]
    pub(crate) idempotency_key: Option<String>,
    /// Who gets a mail about it
    #[arg(long, value_name = "address")]
    pub(crate) notify: Vec<String>,
    /// Where a webhook about it is called
    #[arg(long, value_name = "url")]
    pub(crate) notify_webhook: Option<String>,
    /// Only of these: success, failure, waiting [default: all]
    #[arg(long, value_name = "word", value_delimiter = ',')]
    pub(crate) notify_on: Vec<String>,
    /// The language of its mails
    #[arg(long, value_name = "locale")]
    pub(crate) locale: Option<String>,
    /// What it may spend on models, in the currency of the prices that are set
    #[arg(long, value_name = "amount")]
    pub(crate) max_cost: Option<f64>,
    /// How many tokens it may use
    #[arg(long, value_name = "number")]
    pub(crate) max_tokens: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The task's id
    pub(crate) task: String,
}

#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Only of this flow
    #[arg(long)]
    pub(crate) flow: Option<String>,
    /// Only in this state: pending, progress, waiting, paused, success, failure, cancelled
    #[arg(long = "state", value_name = "state")]
    pub(crate) states: Vec<String>,
    /// Only with this tag
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// Only with this text in the id, the flow, the status or the input
    #[arg(short, long, value_name = "text")]
    pub(crate) query: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 20, value_name = "number")]
    pub(crate) limit: usize,
    /// Go on where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The task's id
    pub(crate) task: String,
    /// Print its log too
    #[arg(long)]
    pub(crate) events: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TaskIds {
    /// The tasks' ids
    #[arg(required = true, value_name = "task")]
    pub(crate) tasks: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SignalArgs {
    /// The task's id
    pub(crate) task: String,
    /// The signal's name, or the id of the question
    pub(crate) name: String,
    /// The value: JSON; a text that is none is sent as text
    #[arg(default_value = "null", conflicts_with_all = ["approve", "reject"], allow_hyphen_values = true)]
    pub(crate) value: String,
    /// Answer a question with yes
    #[arg(long, conflicts_with = "reject")]
    pub(crate) approve: bool,
    /// Answer a question with no
    #[arg(long)]
    pub(crate) reject: bool,
    /// A word to go with the answer
    #[arg(long)]
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not be there yet
    pub(crate) file: PathBuf,
    /// Where the server keeps everything [default: as for serve]
    #[arg(long, value_name = "path")]
    pub(crate) data_folder: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// Whose key it is: a word for logs, for instance ci or ann
    pub(crate) name: String,
    /// What it may do: read sees everything, start also starts and steers tasks, admin also forgets them
    #[arg(long, default_value = "start", value_parser = ["admin", "start", "read"])]
    pub(crate) role: String,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to make; its last part is the project's name
    pub(crate) project: PathBuf,
    /// Where a checkout of Caudal is, if not above the new folder
    #[arg(long, value_name = "path")]
    pub(crate) caudal_path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NewFlowArgs {
    /// The flow's name, for instance poem or poem_flow
    pub(crate) name: String,
}
