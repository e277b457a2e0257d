//! All that a store has in a Redis, to be compared and put back.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Value};

/// The library's own is shorter than a busy machine may need.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Keyspace {
    connection: MultiplexedConnection,
    prefix: String,
}

/// Keys, without the prefix, and their serialized values.
pub type Picture = BTreeMap<String, Vec<u8>>;

pub fn command(words: &[&str]) -> Cmd {
    words.iter().fold(Cmd::new(), |mut command, word| {
        command.arg(word);
        command
    })
}

impl Keyspace {
    pub async fn of(url: &str, prefix: &str) -> Self {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let client = Client::open(url).unwrap();
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        Self { connection, prefix: prefix.to_owned() }
    }

    pub async fn ask(&mut self, words: &[&str]) -> Value {
        self.send(&command(words)).await.unwrap()
    }

    pub async fn send(&mut self, command: &Cmd) -> redis::RedisResult<Value> {
        self.connection.send_packed_command(command).await.and_then(Value::extract_error)
    }

    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn keys(&mut self) -> Vec<String> {
        let pattern = format!("{}*", self.prefix);
        let keys: Vec<String> = command(&["KEYS", &pattern]).query_async(&mut self.connection).await.unwrap();
        keys.into_iter().map(|key| key.strip_prefix(&*self.prefix).unwrap().to_owned()).collect()
    }

    pub async fn picture(&mut self) -> Picture {
        let mut picture = Picture::new();
        for name in self.keys().await {
            let key = self.key(&name);
            let value: Option<Vec<u8>> = command(&["DUMP", &key]).query_async(&mut self.connection).await.unwrap();
            picture.extend(value.map(|value| (name, value)));
        }
        picture
    }

    /// What logs take is the allocator's affair, and with some not twice the same: what is left of the counts is what
    /// no task accounts for.
    pub async fn picture_without_sizes(&mut self) -> Picture {
        for name in self.keys().await {
            let Some((partition, _)) = name.split_once("t:").filter(|(partition, _)| partition.ends_with("}:")) else {
                continue;
            };
            let (task, counts) = (self.key(&name), self.key(&format!("{partition}counts")));
            let bytes: Option<i64> =
                command(&["HGET", &task, "bytes"]).query_async(&mut self.connection).await.unwrap();
            if let Some(bytes) = bytes {
                self.ask(&["HSET", &task, "bytes", "some"]).await;
                self.ask(&["HINCRBY", &counts, "unarchived", &(-bytes).to_string()]).await;
            }
        }
        self.picture().await
    }

    pub async fn put_back(&mut self, picture: &Picture) {
        for name in self.keys().await {
            let key = self.key(&name);
            self.ask(&["DEL", &key]).await;
        }
        for (name, value) in picture {
            let mut restore = command(&["RESTORE", &self.key(name), "0"]);
            restore.arg(value);
            self.send(&restore).await.unwrap();
        }
    }

    pub async fn kinds(&mut self) -> BTreeMap<String, String> {
        let mut kinds = BTreeMap::new();
        for name in self.keys().await {
            let key = self.key(&name);
            let kind = command(&["TYPE", &key]).query_async(&mut self.connection).await.unwrap();
            kinds.insert(name, kind);
        }
        kinds
    }

    /// Gives the key a value of another type than this.
    pub async fn break_key(&mut self, name: &str, kind: &str) {
        let key = self.key(name);
        self.ask(&["DEL", &key]).await;
        if kind == "string" {
            self.ask(&["RPUSH", &key, "broken"]).await;
        } else {
            self.ask(&["SET", &key, "broken"]).await;
        }
    }
}
