//! Redis servers that a test starts: on free ports, in a temporary folder, flushed to disk at each write, and gone with
//! the test, however that ends.
//!
//! The stores' own tests take this file in by its path: it needs nothing of this kit but `free_port`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::free_port::free_port;

/// Names another program than `redis-server`: a Valkey.
const PROGRAM: &str = "CAUDAL_TEST_REDIS";
/// A server that is not up by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);

/// One server. Killed when it is dropped, and also when the test's process is.
#[derive(Debug)]
pub struct RedisServer {
    pub port: u16,
    folder: TempDir,
    options: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// A shell that waits for a line, or for the end of its input, which comes with the end of whoever holds it, and kills
    /// the server. In the second case nobody is left to remove the folder, so it does that too.
    keeper: Child,
    pid: u32,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With these options besides, as on the command line: `["--maxmemory", "10mb"]`.
    pub fn with(options: &[&str]) -> Self {
        for _ in 0..20 {
            // Somebody else may take the port first: then another one is tried.
            let mut server = Self {
                port: free_port(),
                folder: tempfile::tempdir().unwrap(),
                options: options.iter().map(|&option| option.to_owned()).collect(),
                running: None,
            };
            if server.run() {
                return server;
            }
        }
        panic!("redis-server cannot be started; is it installed?");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().pid
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Writes down every command from now on.
    pub fn monitor(&self) -> Monitor {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut String::new()).unwrap();
        Monitor { reader, port: self.port }
    }

    /// As a loss of power: nothing is said, nothing is saved.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.keeper.stdin.take().map(|mut input| input.write_all(b"\n")));
            running.keeper.wait().unwrap();
        }
    }

    /// Starts it again, on the same port, with what it has on disk.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server does not start again");
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status().unwrap();
        assert!(status.success());
    }

    /// Sends a command and answers the reply, as plain text. Fails when the server refuses it.
    pub fn ask(&self, words: &[&str]) -> String {
        let answer = self.try_ask(words).unwrap();
        assert!(!answer.starts_with('-'), "{words:?} was answered {answer}");
        answer
    }

    fn try_ask(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(length) = line.strip_prefix('$') {
            let mut text = vec![0; length.trim().parse().unwrap_or(0)];
            reader.read_exact(&mut text)?;
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        Ok(line.trim_end().to_owned())
    }

    fn run(&mut self) -> bool {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| "redis-server".to_owned());
        let script = "alone=; \"$PROGRAM\" \"$@\" >redis.log 2>&1 & echo $!; read -r _ || alone=yes; kill -9 $!; wait
            [ -z \"$alone\" ] || rm -rf \"$PWD\"";
        let port = self.port.to_string();
        let mut keeper = Command::new("sh")
            .args(["-c", script, "sh", "--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir", "."])
            .args(&self.options)
            .env("PROGRAM", program)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        self.running = Some(Running { keeper, pid: pid.trim().parse().unwrap() });
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.lives() {
            // Whatever it answers: a password may be asked for, a replica may have nothing yet.
            match self.try_ask(&["PING"]) {
                Ok(answer) if !answer.is_empty() && !answer.starts_with("-LOADING") => return true,
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        self.kill();
        false
    }

    fn lives(&self) -> bool {
        std::path::Path::new(&format!("/proc/{}", self.pid())).exists()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a server is sent.
#[derive(Debug)]
pub struct Monitor {
    reader: BufReader<TcpStream>,
    port: u16,
}

impl Monitor {
    /// All commands until now.
    pub fn lines(mut self) -> Vec<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"PING last-one\r\n").unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            if line.contains("last-one") {
                return lines;
            }
            lines.push(line);
        }
    }
}

/// A cluster of primaries that share the slots among them.
#[derive(Debug)]
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn start(count: u16) -> Self {
        let nodes: Vec<RedisServer> = (0..count).map(|_| node()).collect();
        for (place, node) in (0..u32::from(count)).zip(&nodes) {
            let from = 16_384 * place / u32::from(count);
            let to = 16_384 * (place + 1) / u32::from(count) - 1;
            node.ask(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
            node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
        }
        let cluster = Self { nodes };
        for node in &cluster.nodes[1..] {
            let bus = node.bus_port();
            cluster.nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), &bus]);
        }
        cluster.come_up();
        cluster
    }

    pub fn url(&self) -> String {
        self.nodes[0].url()
    }

    /// Waits until every node knows all others and serves.
    fn come_up(&self) {
        let until = Instant::now() + PATIENCE;
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        for node in &self.nodes {
            loop {
                let info = node.ask(&["CLUSTER", "INFO"]);
                if info.contains("cluster_state:ok") && info.contains(&known) {
                    break;
                }
                assert!(Instant::now() < until, "the cluster does not come up: {info}");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// The bus has a port of its own: the usual one, ten thousand higher, need not be free, nor be one at all.
fn node() -> RedisServer {
    for _ in 0..20 {
        let bus = free_port().to_string();
        let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"];
        let node = RedisServer::with(&options);
        if node.ask(&["CLUSTER", "INFO"]).contains("cluster_enabled:1") || node.bus_port() == bus {
            return node;
        }
    }
    panic!("no cluster node can be started");
}

impl RedisServer {
    fn bus_port(&self) -> String {
        let place = self.options.iter().position(|option| option == "--cluster-port").unwrap();
        self.options[place + 1].clone()
    }
}
