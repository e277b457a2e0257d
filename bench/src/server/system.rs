//! What can be measured, and which processes it consists of.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::part::Plan;
use super::redis::Fsync;
use crate::client::View;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum System {
    /// Caudal as one process with a data folder
    Embedded,
    /// Caudal as a web process and workers over Redis and Postgres
    Machines,
    /// BullMQ and fastify over Redis
    Bullmq,
    /// Django and Celery over Redis
    DjangoCelery,
    /// apalis-redis and actix-web over Redis
    ApalisRedis,
}

impl System {
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Embedded | Self::Machines)
    }

    /// Web and worker are one process.
    pub(crate) fn is_one_process(self) -> bool {
        self == Self::Embedded
    }

    /// How its streams are read: of ours each event, of a peer what it tells.
    pub(crate) fn view(self) -> View {
        if self.is_ours() { View::Events } else { View::Snapshots }
    }

    /// The name of its folder in `bench/peers/`.
    pub(crate) fn peer(self) -> Option<&'static str> {
        match self {
            Self::Embedded | Self::Machines => None,
            Self::Bullmq => Some("bullmq"),
            Self::DjangoCelery => Some("django-celery"),
            Self::ApalisRedis => Some("apalis-redis"),
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Embedded => "Caudal, embedded",
            Self::Machines => "Caudal, Redis + Postgres",
            Self::Bullmq => "BullMQ + fastify",
            Self::DjangoCelery => "Django + Celery",
            Self::ApalisRedis => "apalis-redis + actix-web",
        }
    }
}

/// What its processes must be told.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// The binary of ours, or the folder where the peer is installed.
    pub(super) programs: &'a Path,
    /// Of this measurement.
    pub(super) folder: &'a Path,
    pub(super) listen: SocketAddr,
    pub(super) redis: Option<(SocketAddr, Fsync)>,
    pub(super) postgres: Option<&'a str>,
    pub(super) durability: &'a str,
    /// Tasks that a worker runs at once, where the scenario wants another number than is usual.
    pub(super) slots: Option<usize>,
    pub(super) environment: &'a [(&'static str, String)],
}

impl Places<'_> {
    pub(super) fn web(&self, system: System) -> Plan {
        let plan = match system {
            System::Embedded => self.caudal("web", "serve"),
            System::Machines => self.caudal("web", "web"),
            System::Bullmq => self.plan("web", "node").arguments([self.installed("web.js")]),
            System::DjangoCelery => {
                let (host, port) = (self.listen.ip().to_string(), self.listen.port().to_string());
                self.plan("web", self.programs.join("venv/bin/uvicorn"))
                    .arguments(["web:application", "--host", &host, "--port", &port, "--backlog", "4096"])
                    .arguments(["--no-access-log", "--log-level", "warning", "--lifespan", "off", "--app-dir"])
                    .arguments([self.programs.display().to_string()])
            }
            System::ApalisRedis => self.plan("web", self.installed("release/apalis-redis-peer")).arguments(["web"]),
        };
        plan.environment("LISTEN", self.listen.to_string())
    }

    pub(super) fn worker(&self, system: System, number: usize) -> Plan {
        let name = format!("worker-{number}");
        match system {
            System::Embedded | System::Machines => self.caudal(&name, "worker"),
            System::Bullmq => {
                let slots = self.slots.unwrap_or(64).to_string();
                self.plan(&name, "node").arguments([self.installed("worker.js")]).environment("CONCURRENCY", slots)
            }
            System::DjangoCelery => self.celery(&name),
            System::ApalisRedis => self.plan(&name, self.installed("release/apalis-redis-peer")).arguments(["worker"]),
        }
    }

    /// The role that sends mails.
    pub(super) fn sender(&self) -> Plan {
        self.caudal("notifications", "notifications")
    }

    /// Two processes for work; threads for tasks that mostly sleep, as its guide says for them.
    fn celery(&self, name: &str) -> Plan {
        let (pool, slots) = self.slots.map_or(("prefork", 2), |slots| ("threads", slots));
        let host = format!("{name}@here");
        self.plan(name, self.programs.join("venv/bin/celery"))
            .arguments(["--workdir", &self.programs.display().to_string(), "-A", "tasks", "worker", "-n", &host])
            .arguments(["-P", pool, "-c", &slots.to_string(), "--loglevel", "warning"])
            .arguments(["--without-gossip", "--without-mingle", "--without-heartbeat"])
    }

    fn caudal(&self, name: &str, role: &str) -> Plan {
        let mut plan = self
            .plan(name, self.programs)
            .arguments([role])
            .environment("CAUDAL_LISTEN", self.listen.to_string())
            .environment("CAUDAL_DATA_FOLDER", self.folder.join("data").display().to_string())
            .environment("CAUDAL_DURABILITY", self.durability)
            .environment("CAUDAL_DIAGNOSTICS", "1");
        if let Some((redis, fsync)) = self.redis {
            let may_lose = if fsync == Fsync::Always { "0" } else { "2" };
            plan = plan
                .environment("CAUDAL_REDIS_URL", format!("redis://{redis}"))
                .environment("CAUDAL_REDIS_MAY_LOSE_SECONDS", may_lose);
        }
        if let Some(postgres) = self.postgres {
            plan = plan.environment("CAUDAL_DATABASE_URL", postgres);
        }
        if let Some(slots) = self.slots {
            plan = plan.environment("CAUDAL_CONCURRENCY", slots.to_string());
        }
        plan
    }

    fn plan(&self, name: &str, program: impl Into<PathBuf>) -> Plan {
        let mut plan = Plan::new(name, program, self.folder)
            .environment("STEP_LOG", self.folder.join("steps.log").display().to_string());
        if let Some((redis, _)) = self.redis {
            plan = plan.environment("REDIS_ADDRESS", redis.to_string());
        }
        self.environment.iter().fold(plan, |plan, (name, value)| plan.environment(name, value.as_str()))
    }

    fn installed(&self, file: &str) -> String {
        self.programs.join(file).display().to_string()
    }
}
