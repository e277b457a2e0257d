//! Where notifications are tried: one process with SQLite, or a web server, a worker and a sender over Redis and Postgres.

use std::process::Output;

use caudal_tests::{Client, Installation, MailSink, Server, Setup, installation, setup, until};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything in one process.
    Alone,
    /// Each role a process of its own.
    Apart,
}

/// How its processes are to be set.
#[derive(Debug)]
pub(crate) struct Plan {
    mode: Mode,
    settings: Vec<(&'static str, String)>,
}

/// Under which address mails say that the page is.
pub(crate) const PAGE: &str = "https://flows.example.org";

impl Plan {
    pub(crate) fn of(mode: Mode) -> Self {
        let plan = Self { mode, settings: Vec::new() };
        plan.set("PUBLIC_URL", PAGE).set("MAIL_FROM", "Caudal Ñandú <caudal@example.org>")
    }

    /// With this mail server, and so impatient that a test can wait for what is tried again.
    pub(crate) fn sending_to(mode: Mode, sink: &MailSink) -> Self {
        let plan = Self::of(mode).set("SMTP_URL", sink.url()).set("MAILS_PER_SECOND", 10_000);
        plan.set("NOTIFICATION_RETRY_SECONDS", 1).set("NOTIFICATION_LONGEST_RETRY_SECONDS", 2)
    }

    /// As in the environment, without `CAUDAL_`.
    pub(crate) fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_string()));
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) async fn start(self) -> Place {
        let settings = || self.settings.iter().map(|(name, value)| (format!("CAUDAL_{name}"), value.clone()));
        match self.mode {
            Mode::Alone => {
                let setup = settings().fold(setup!(), |setup, (name, value)| setup.environment(&name, value));
                Place::Alone(Box::new(setup.start().await))
            }
            Mode::Apart => {
                let plan = installation!().senders(1);
                let plan = settings().fold(plan, |plan, (name, value)| plan.environment(&name, value));
                Place::Apart(Box::new(plan.start().await))
            }
        }
    }

    /// The settings of one process alone, for a start that must be refused.
    pub(crate) fn setup(self) -> Setup {
        let setup = setup!();
        self.settings.iter().fold(setup, |setup, (name, value)| setup.environment(&format!("CAUDAL_{name}"), value))
    }
}

#[derive(Debug)]
pub(crate) enum Place {
    Alone(Box<Server>),
    Apart(Box<Installation>),
}

impl Place {
    pub(crate) fn client(&self) -> Client {
        match self {
            Self::Alone(server) => server.client(),
            Self::Apart(installation) => installation.client(),
        }
    }

    /// The process that sends.
    pub(crate) fn sender(&mut self) -> &mut Server {
        match self {
            Self::Alone(server) => server,
            Self::Apart(installation) => &mut installation.senders[0],
        }
    }

    /// What `caudal notifications <arguments>` says and answers.
    pub(crate) fn command_line(&self, arguments: &[&str]) -> Output {
        let web = match self {
            Self::Alone(server) => server,
            Self::Apart(installation) => &installation.webs[0],
        };
        let mut command = web.setup().command("notifications");
        command.args(arguments).arg(format!("--url=http://{}", web.address())).output().unwrap()
    }

    /// Asks for a plain mail, and returns the notification's id.
    pub(crate) async fn send(&self, to: &str, subject: &str, text: &str) -> String {
        let asked = json!({ "to": to, "template": "plain", "context": { "subject": subject, "text": text } });
        let queued = self.client().post("/notifications", &asked).await.ok();
        queued["notification_ids"][0].as_str().unwrap().to_owned()
    }

    pub(crate) async fn notification(&self, id: &str) -> Value {
        self.client().get(&format!("/notifications/{id}")).await.ok()
    }

    /// Waits until it is in this state.
    pub(crate) async fn becomes(&self, id: &str, state: &str) -> Value {
        let what = format!("{id} is {state}");
        until(&what, || async { Some(self.notification(id).await).filter(|told| told["state"] == state) }).await
    }

    /// All notifications that fit the filter.
    pub(crate) async fn list(&self, filter: &str) -> Vec<Value> {
        list(&self.client(), filter).await
    }
}

/// The same through any client.
pub(crate) async fn list(client: &Client, filter: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/notifications?limit=200&{filter}{cursor}")).await.ok();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Starts a task, with what is beside `flow` and `inputs` in the request.
pub(crate) async fn start_task(client: &Client, flow: &str, inputs: Value, beside: Value) -> String {
    let mut asked = json!({ "flow": flow, "inputs": inputs });
    for (name, value) in beside.as_object().unwrap() {
        asked[name] = value.clone();
    }
    client.post("/start-task", &asked).await.ok()["task_id"].as_str().unwrap().to_owned()
}
