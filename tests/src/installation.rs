//! Caudal on several machines, in small: a Redis, a Postgres, web servers and workers, each a process of its own that
//! can be killed, stopped and started again. The links of single processes to Redis can lead through a [`Proxy`].

use std::path::PathBuf;

use tempfile::TempDir;

use crate::client::Client;
use crate::laws::{kind, process_of};
use crate::postgres_server::PostgresServer;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::redis_server::RedisServer;
use crate::server::Server;
use crate::setup::{Role, Setup};
use crate::step_log::StepLog;

/// What an installation is to consist of.
#[derive(Debug)]
pub struct InstallationPlan {
    program: PathBuf,
    webs: usize,
    workers: usize,
    senders: usize,
    keeps: bool,
    flags: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    redis_options: Vec<String>,
}

impl InstallationPlan {
    /// One web server, one worker, Redis and Postgres.
    pub fn of(program: impl Into<PathBuf>) -> Self {
        let (flags, environment, redis_options) = Default::default();
        let program = program.into();
        Self { program, webs: 1, workers: 1, senders: 0, keeps: true, flags, environment, redis_options }
    }

    #[must_use]
    pub fn webs(mut self, count: usize) -> Self {
        self.webs = count;
        self
    }

    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// Processes that send notifications; none unless asked for.
    #[must_use]
    pub fn senders(mut self, count: usize) -> Self {
        self.senders = count;
        self
    }

    #[must_use]
    pub fn without_postgres(mut self) -> Self {
        self.keeps = false;
        self
    }

    /// For all of its processes.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.flags.push((name.to_owned(), value.to_string()));
        self
    }

    /// For all of its processes.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// For Redis.
    #[must_use]
    pub fn redis_option(mut self, name: &str, value: &str) -> Self {
        self.redis_options.extend([format!("--{name}"), value.to_owned()]);
        self
    }

    /// Starts everything and waits until it is ready.
    pub async fn start(self) -> Installation {
        let options: Vec<&str> = self.redis_options.iter().map(String::as_str).collect();
        let mut installation = Installation {
            webs: Vec::new(),
            workers: Vec::new(),
            senders: Vec::new(),
            redis: RedisServer::with(&options),
            postgres: self.keeps.then(PostgresServer::start),
            folder: tempfile::tempdir().unwrap(),
            program: self.program,
            flags: self.flags,
            environment: self.environment,
        };
        for _ in 0..self.webs {
            installation.webs.push(installation.setup(Role::Web).start().await);
        }
        for _ in 0..self.workers {
            installation.workers.push(installation.setup(Role::Worker).start().await);
        }
        for _ in 0..self.senders {
            installation.senders.push(installation.setup(Role::Notifications).start().await);
        }
        installation
    }
}

/// Its processes end before the servers that they meet in.
#[derive(Debug)]
pub struct Installation {
    pub webs: Vec<Server>,
    pub workers: Vec<Server>,
    pub senders: Vec<Server>,
    pub redis: RedisServer,
    postgres: Option<PostgresServer>,
    folder: TempDir,
    program: PathBuf,
    flags: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Installation {
    /// Of the first web server.
    pub fn client(&self) -> Client {
        self.webs[0].client()
    }

    pub fn postgres(&self) -> &PostgresServer {
        self.postgres.as_ref().expect("it was planned with Postgres")
    }

    pub fn postgres_mut(&mut self) -> &mut PostgresServer {
        self.postgres.as_mut().expect("it was planned with Postgres")
    }

    /// All executions of steps, whichever worker ran them.
    pub fn step_log(&self) -> StepLog {
        StepLog::of(self.folder.path().join("steps.log"))
    }

    /// Whoever claimed a task last.
    pub async fn holder_of(&self, task: &str) -> Process {
        let events = self.client().events(task).await;
        process_of(events.iter().rfind(|event| kind(event) == "task.claimed").expect("it was claimed"))
    }

    /// One more process of this installation, to be started or changed first.
    pub fn setup(&self, role: Role) -> Setup {
        self.setup_of(self.program.clone(), role)
    }

    /// The same, of another binary.
    pub fn setup_of(&self, program: impl Into<PathBuf>, role: Role) -> Setup {
        let step_log = self.folder.path().join("steps.log");
        let mut setup = Setup::of(program)
            .role(role)
            .flag("redis-url", self.redis.url())
            .environment("STEP_LOG", step_log.to_str().unwrap());
        if let Some(postgres) = &self.postgres {
            // As in practice: a secret is not for the command line.
            setup = setup.environment("CAUDAL_DATABASE_URL", postgres.url("postgres"));
        }
        let setup = self.environment.iter().fold(setup, |setup, (name, value)| setup.environment(name, value));
        self.flags.iter().fold(setup, |setup, (name, value)| setup.flag(name, value))
    }

    /// One more process, whose link to Redis can hang, lose answers or be cut.
    pub async fn behind_proxy(&self, role: Role) -> (Server, Proxy) {
        let proxy = Proxy::to(self.redis.port).await;
        let setup = self.setup(role).flag("redis-url", format!("redis://{}", proxy.address()));
        (setup.start().await, proxy)
    }
}
