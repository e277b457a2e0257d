//! The scripts: each a file in `scripts/`, put together from what it shares with others.
//!
//! They are called by their hash and loaded whenever a connection is made or Redis has forgotten them.
//!
//! A Redis that has reached its maxmemory refuses, whole, those that bring something new: starts, children, signals,
//! wishes for notifications. Those that bring what is there to its end run all the same (`allow-oom`): were no task
//! claimed, finished or cancelled any more, nothing would ever be freed. They take memory beyond maxmemory, each running
//! task as much as it tells until it ends (step results of 1 MiB, tens of thousands of events), and each whose children are
//! refused a few events whenever it asks again: `docker-compose.yml` says how much room to leave for that.

use std::fmt::Write;
use std::sync::LazyLock;

use caudal_engine::notification::{Channel, NewNotification};
use caudal_engine::task::crash_loop;
use redis::{Cmd, ToRedisArgs};

/// News longer than this is told without its text.
pub(super) const MOST_PUBLISHED: usize = 64 * 1024;
/// Elements of a log are merged up to here.
const MOST_MERGED: usize = 64 * 1024;

pub(super) struct Script {
    text: String,
    hash: String,
}

impl Script {
    fn new(flags: &str, parts: &[&str]) -> Self {
        let mut text = format!("#!lua{flags}\n");
        let suspect = crash_loop::SUSPECT_TAKEOVERS;
        let _ = write!(text, "local SUSPECT_TAKEOVERS, MOST_PUBLISHED, MOST_MERGED = ");
        let _ = writeln!(text, "{suspect}, {MOST_PUBLISHED}, {MOST_MERGED}");
        parts.iter().for_each(|part| text.push_str(part));
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(&self.text);
        command
    }

    /// A call of the script for the partition whose keys have this prefix.
    pub(super) fn call(&'static self, keys: &str) -> Call {
        let mut command = Cmd::with_capacity(24, 512);
        command.arg("EVALSHA").arg(&self.hash).arg(1).arg(keys);
        Call { command }
    }
}

/// A call of a script that is being put together.
pub(super) struct Call {
    pub(super) command: Cmd,
}

impl Call {
    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    pub(super) fn push(&mut self, argument: impl ToRedisArgs) {
        self.command.arg(argument);
    }

    /// As `outbox.lua` reads them.
    pub(super) fn notifications(self, new: &[NewNotification]) -> Self {
        new.iter().fold(self, |call, new| {
            let call = call.arg(new.id.to_string()).arg(channel_letter(new.channel));
            call.arg(&*new.recipient).arg(new.body.text())
        })
    }

    /// As Lua is told a yes and a no.
    pub(super) fn flag(self, flag: bool) -> Self {
        self.arg(if flag { "1" } else { "" })
    }
}

/// As scripts name a channel.
pub(super) fn channel_letter(channel: Channel) -> &'static str {
    match channel {
        Channel::Mail => "m",
        Channel::Webhook => "w",
    }
}

macro_rules! part {
    ($name:literal) => {
        include_str!(concat!("scripts/", $name, ".lua"))
    };
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $flags:literal $($part:literal)+;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new($flags, &[$(part!($part)),+]));)*

        pub(super) fn all() -> [&'static Script; [$(stringify!($name)),*].len()] {
            [$(LazyLock::force(&$name)),*]
        }
    };
}

scripts! {
    ARCHIVED = " flags=allow-oom" "work" "archived";
    /// Whether something new would be taken now, as a new store would be.
    CHECK = "" "check";
    CLAIM = " flags=allow-oom" "claim";
    CONTROL = " flags=allow-oom" "work" "birth" "ending" "control";
    CREATE = "" "work" "birth" "create";
    CREATE_PLAIN = "" "create_plain";
    /// With this and the next, and what is shared, a process comes up: nobody else would free anything.
    GROW = " flags=allow-oom" "grow";
    LAYOUT = " flags=allow-oom" "layout";
    EVENTS = " flags=no-writes" "events";
    /// The notifications that an end bears belong to it.
    FAIL = " flags=allow-oom" "work" "birth" "ending" "outbox" "fail";
    FORGET = " flags=allow-oom" "work" "forget";
    FORGET_ARCHIVED = " flags=allow-oom" "work" "forget_archived";
    /// It adds a count that lives for an hour. Refused, no mail would be sent any more, and none forgotten.
    OUTBOX_ADMIT = " flags=allow-oom" "outbox_admit";
    OUTBOX_ASIDE = " flags=allow-oom" "work" "outbox" "outbox_aside";
    OUTBOX_RETRY_ASIDE = " flags=allow-oom" "work" "outbox" "outbox_retry_aside";
    OUTBOX_CLAIM = " flags=allow-oom" "work" "outbox" "outbox_claim";
    OUTBOX_FORGET = " flags=allow-oom" "work" "outbox" "outbox_forget";
    OUTBOX_PUT = "" "work" "outbox" "outbox_put";
    OUTBOX_READ = " flags=no-writes" "outbox_read";
    OUTBOX_RENEW = " flags=allow-oom" "outbox_renew";
    OUTBOX_RESEND = "" "work" "outbox" "outbox_resend";
    OUTBOX_RESTORE = "" "work" "outbox" "outbox_restore";
    OUTBOX_SETTLE = " flags=allow-oom" "work" "outbox" "outbox_settle";
    OUTBOX_SUPPRESS = "" "outbox_suppress";
    OUTBOX_UNREADABLE = " flags=allow-oom" "work" "outbox" "outbox_unreadable";
    LIST = " flags=no-writes" "list";
    LIST_OLD = "" "list_old";
    READ = " flags=no-writes" "read";
    READ_WITH_LOG = " flags=no-writes" "read_with_log";
    /// Whether the user may write, be there room or not: where tasks are, a process comes up without.
    REHEARSE = " flags=allow-oom" "check";
    RENEW = " flags=allow-oom" "renew";
    RESCUE = " flags=allow-oom" "work" "birth" "ending" "rescue";
    RETRY_ASIDE = " flags=allow-oom" "work" "retry_aside";
    SHARE = " flags=allow-oom" "share";
    SHORT_WRITES = " flags=allow-oom" "short_writes";
    STATS = " flags=no-writes" "stats";
    RESERVE = "" "reserve";
    SETTLE = "" "settle";
    UNARCHIVED = " flags=no-writes" "unarchived";
    WORKER = " flags=allow-oom" "worker";
    SIGNAL = "" "work" "signal";
    WRITE = " flags=allow-oom" "work" "birth" "ending" "outbox" "write";
    /// Children are new tasks, and refused like these when there is no memory.
    WRITE_WITH_CHILDREN = "" "work" "birth" "ending" "outbox" "write";
}
