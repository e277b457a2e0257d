//! What can go wrong with Redis, in the port's words; each says what to do where something can be done.

use caudal_engine::ports::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What a server's refusal means, by its first word.
const REFUSALS: &[(&str, &str)] = &[
    ("READONLY", "this Redis is a read-only replica; point the URL at the primary"),
    ("MISCONF", "Redis cannot write to its disk; look into its log and make room there"),
    ("NOREPLICAS", "Redis has fewer replicas than its min-replicas-to-write asks for"),
    ("LOADING", "Redis has just been started and is still loading its data"),
    ("BUSY", "Redis is busy with somebody's slow script"),
    ("MASTERDOWN", "this Redis is a replica that has lost its primary"),
    ("CLUSTERDOWN", "the Redis cluster is down: some of its slots are served by nobody"),
    ("TRYAGAIN", "the Redis cluster is moving slots between its nodes"),
    ("NOAUTH", "Redis asks for a password; put it into the URL, as in redis://:password@host"),
    ("WRONGPASS", "Redis does not know this user and password"),
    ("NOPERM", "the Redis user lacks a permission; grant it the store's keys, channels and commands"),
];

pub(super) fn to_store_error(error: &RedisError) -> StoreError {
    if error.is_io_error() || matches!(error.kind(), ErrorKind::Parse | ErrorKind::AuthenticationFailed) {
        return StoreError::Unavailable(words_of(error));
    }
    let code = if is_denied(error) { "NOPERM" } else { error.code().unwrap_or_default() };
    if code == "OOM" {
        return StoreError::Full("Redis has reached its maxmemory; raise it, or let ended tasks go sooner".to_owned());
    }
    match (REFUSALS.iter().find(|(known, _)| *known == code), error.kind()) {
        (Some((_, meaning)), _) => StoreError::Unavailable((*meaning).to_owned()),
        (None, ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask)) => {
            StoreError::Unavailable("the Redis cluster is moving slots between its nodes".to_owned())
        }
        (None, ErrorKind::Server(ServerErrorKind::NoScript)) => {
            StoreError::Unavailable("Redis forgets the scripts as fast as they are loaded".to_owned())
        }
        _ => StoreError::Corrupt(words_of(error)),
    }
}

/// What a script's refusal says when its user may not do something: of Redis, of Valkey.
const DENIED_IN_SCRIPT: [&str; 2] = ["The user executing the script", "ACL failure in script"];

/// The user may not do this. A script tells it in words of its own.
pub(super) fn is_denied(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
        || error.detail().is_some_and(|detail| DENIED_IN_SCRIPT.iter().any(|words| detail.contains(words)))
}

/// The error as Redis or the system says it, without what the client library puts around.
pub(super) fn words_of(error: &RedisError) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

pub(super) fn unreadable(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

pub(super) fn down(why: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(why.to_string())
}
