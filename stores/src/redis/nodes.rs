//! The servers: one, or the nodes of a cluster, and which of them holds which partition.
//!
//! A cluster's client of ours is little: all keys of an operation live in one partition, so a partition's slot says
//! which node to ask. A node that says otherwise (`MOVED`) has done nothing, so the map is read again and the command
//! sent to where it belongs; nothing else is ever sent twice, but reads that were sent together with it. While a partition is on its way from one node to another
//! (`ASK`), neither has all of its keys: it is as good as away until it has arrived.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use caudal_engine::ports::StoreError;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::sync::{Mutex, mpsc, watch};

use super::fault::{down, to_store_error};
use super::keys::slot_of;
use super::link::{self, Link, Published, Purpose, error_of};
use super::reply;
use super::scripts::Call;

const MOST_REDIRECTS: usize = 5;
/// Between two looks at a map that has not changed yet although it must.
const MAP_PAUSE: Duration = Duration::from_millis(50);

const NOBODY_SERVES: &str = "no node of the Redis cluster serves this partition now";
const NO_AGREEMENT: &str = "the nodes of the Redis cluster do not agree who serves this partition";

/// A server and the two connections to it that all threads share.
pub(super) struct Node {
    pub(super) address: String,
    pub(super) commands: Link,
    pub(super) ears: Link,
}

#[derive(Default)]
pub(super) struct Map {
    nodes: HashMap<String, Arc<Node>>,
    /// Slots from, to, and their node; empty on a single server.
    slots: Vec<(u16, u16, String)>,
    single: Option<Arc<Node>>,
}

pub(super) struct Nodes {
    server: ConnectionInfo,
    clustered: bool,
    map: RwLock<Arc<Map>>,
    /// Held by whoever reads the map; the others wait for what it finds.
    reading: Mutex<()>,
    /// Counts the maps.
    pub(super) changed: watch::Sender<u64>,
    published: mpsc::UnboundedSender<Published>,
    runtime: tokio::runtime::Handle,
}

impl Nodes {
    /// To be called in the runtime that keeps the connections.
    pub(super) fn new(
        server: ConnectionInfo,
        clustered: bool,
        published: mpsc::UnboundedSender<Published>,
    ) -> Arc<Self> {
        let runtime = tokio::runtime::Handle::current();
        let map = RwLock::default();
        let nodes = Self {
            server,
            clustered,
            map,
            reading: Mutex::default(),
            changed: watch::Sender::new(0),
            published,
            runtime,
        };
        let first = nodes.node(nodes.server.addr().clone());
        nodes.put(Map {
            nodes: [(first.address.clone(), first.clone())].into(),
            slots: Vec::new(),
            single: Some(first),
        });
        Arc::new(nodes)
    }

    fn map(&self) -> Arc<Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, map: Map) {
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
        self.changed.send_modify(|number| *number += 1);
    }

    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        let map = self.map();
        match &map.single {
            Some(node) if map.slots.is_empty() => vec![node.clone()],
            _ => map.nodes.values().cloned().collect(),
        }
    }

    pub(super) fn of(&self, partition: u16) -> Option<Arc<Node>> {
        let map = self.map();
        if map.slots.is_empty() {
            return map.single.clone();
        }
        let slot = slot_of(partition);
        let (.., address) = map.slots.iter().find(|(from, to, _)| (*from..=*to).contains(&slot))?;
        map.nodes.get(address).cloned()
    }

    pub(super) async fn call(&self, partition: u16, call: &Call) -> Result<Value, StoreError> {
        self.send(partition, &call.command).await
    }

    pub(super) async fn send(&self, partition: u16, command: &Cmd) -> Result<Value, StoreError> {
        let mut loaded = false;
        for _ in 0..MOST_REDIRECTS {
            let number = *self.changed.borrow();
            let Some(node) = self.of(partition) else {
                self.read_map().await;
                return Err(down(NOBODY_SERVES));
            };
            let error = match node.commands.send(command).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match error.kind() {
                // It was not run: the server has forgotten its scripts, or never had them.
                ErrorKind::Server(ServerErrorKind::NoScript) if !loaded => {
                    loaded = true;
                    node.commands.load_scripts().await.map_err(|error| to_store_error(&error))?;
                }
                _ if is_moved(&error) => self.follow_the_move(number).await,
                _ => return Err(to_store_error(&error)),
            }
        }
        Err(down(NO_AGREEMENT))
    }

    /// Commands that only read, with the answer to each, which may be an error. Where the partition has moved they are all
    /// sent again.
    pub(super) async fn read_all(&self, partition: u16, reads: &Pipeline) -> Result<Vec<Value>, StoreError> {
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 0..MOST_REDIRECTS {
            let number = *self.changed.borrow();
            let Some(node) = self.of(partition) else {
                self.read_map().await;
                return Err(down(NOBODY_SERVES));
            };
            let answers = node.commands.send_all(reads).await.map_err(|error| to_store_error(&error))?;
            if !answers.iter().filter_map(error_of).any(|error| is_moved(&error)) {
                return Ok(answers);
            }
            self.follow_the_move(number).await;
        }
        Err(down(NO_AGREEMENT))
    }

    /// Asks the cluster's nodes, one after the other, which slots are whose.
    pub(super) async fn read_map(&self) {
        if !self.clustered {
            return;
        }
        let number = *self.changed.borrow();
        let _reading = self.reading.lock().await;
        if *self.changed.borrow() != number {
            return;
        }
        let map = self.map();
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let mut slots = Vec::new();
        for node in map.nodes.values() {
            if let Ok(answer) = node.commands.send(&command).await {
                slots = slots_of(answer, &node.address).unwrap_or_default();
            }
            if !slots.is_empty() {
                break;
            }
        }
        // None of those that were known is there any more: the address that the store was opened with may lead on.
        if slots.is_empty()
            && let Ok(mut connection) = link::try_out(&self.server).await
            && let Ok(answer) = connection.send_packed_command(&command).await
        {
            slots = slots_of(answer, &self.server.addr().to_string()).unwrap_or_default();
        }
        if !slots.is_empty() {
            self.take_over(&map, slots);
        }
    }

    /// A node says that the map of this number is wrong. The others may not know yet who is right.
    async fn follow_the_move(&self, number: u64) {
        if *self.changed.borrow() == number {
            self.read_map().await;
        }
        if *self.changed.borrow() == number {
            tokio::time::sleep(MAP_PAUSE).await;
        }
    }

    /// This thread's own connection to that partition's node is made anew, if there is one.
    pub(super) fn let_go_of_own(&self, partition: u16) {
        if let Some(node) = self.of(partition) {
            node.commands.let_go_of_own();
        }
    }

    /// To be called when nobody keeps the connections any more.
    pub(super) fn close(&self) {
        for node in self.all() {
            node.commands.give_up();
            node.ears.give_up();
        }
    }

    /// Waits until the nodes can be asked, and learns who they are.
    pub(super) async fn come_up(&self, patience: Duration) {
        for node in self.all() {
            node.commands.comes_up(patience).await;
        }
        self.read_map().await;
        for node in self.all() {
            node.commands.comes_up(patience).await;
            node.ears.comes_up(patience).await;
        }
    }

    /// Whether a node cannot be reached, so that another may have taken its place.
    pub(super) fn misses_one(&self) -> bool {
        self.clustered && self.all().iter().any(|node| !node.commands.is_up())
    }

    fn take_over(&self, old: &Map, slots: Vec<(u16, u16, String)>) {
        if slots == old.slots {
            return;
        }
        let mut nodes = HashMap::new();
        for (.., address) in &slots {
            if !nodes.contains_key(address)
                && let Some(node) = old.nodes.get(address).cloned().or_else(|| self.node_at(address))
            {
                nodes.insert(address.clone(), node);
            }
        }
        self.put(Map { nodes, slots, single: None });
    }

    fn node_at(&self, address: &str) -> Option<Arc<Node>> {
        let (host, port) = address.rsplit_once(':')?;
        let (host, port) = (host.to_owned(), port.parse().ok()?);
        Some(self.node(match self.server.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        }))
    }

    fn node(&self, address: ConnectionAddr) -> Arc<Node> {
        let _inside = self.runtime.enter();
        let name: Arc<str> = match &address {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                format!("{host}:{port}").into()
            }
            other => other.to_string().into(),
        };
        let server = self.server.clone().set_addr(address);
        Arc::new(Node {
            address: name.to_string(),
            commands: Link::keep(server.clone(), Purpose::Commands),
            ears: Link::keep(server, Purpose::Ears(name, self.published.clone())),
        })
    }
}

fn is_moved(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::Moved)
}

/// From `CLUSTER SLOTS`: from, to, and the primary's address.
fn slots_of(answer: Value, asked: &str) -> Result<Vec<(u16, u16, String)>, StoreError> {
    let asked_host = asked.rsplit_once(':').map_or(asked, |(host, _)| host);
    let mut slots = Vec::new();
    for range in reply::list(answer)? {
        let mut parts = reply::list(range)?.into_iter();
        let (Some(from), Some(to), Some(primary)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let mut primary = reply::list(primary)?.into_iter();
        let (Some(host), Some(port)) = (primary.next(), primary.next()) else { continue };
        // A node that does not know its own name is where it was asked.
        let host = reply::text(host).ok().filter(|host| !host.is_empty()).unwrap_or_else(|| asked_host.to_owned());
        let narrow = |value: Value| reply::count(&value).map(|number| u16::try_from(number).unwrap_or(u16::MAX));
        slots.push((narrow(from)?, narrow(to)?, format!("{host}:{}", reply::int(&port)?)));
    }
    slots.sort_unstable();
    Ok(slots)
}
