//! A Postgres server of a test's own: on a free port and in a temporary folder, gone when the test is.
//!
//! Postgres refuses to run as root; then it runs as another user. The cluster's files are made once and copied for
//! each server. `fsync` is switched off: what is committed survives a kill, and no test takes the power away.
//!
//! A shell stands between the test and the server. It ends the server and removes the folder when the test lets go
//! of it or is gone, however that came.
//!
//! The stores' own tests take this file in by its path, as they do with `redis_server`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::free_port::free_port;

/// Who owns everything in the server.
pub const USER: &str = "caudal";
pub const PASSWORD: &str = "only for tests";

/// Where Debian, macOS and others put the server's programs, when they are not on the path.
const FOLDERS: &[&str] = &["/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/pgsql-*/bin"];

/// Shown of its log when its test fails.
const LOG_LINES: usize = 12;

/// Its input ends when the test lets go of it or is gone.
const WATCH: &str = "folder=$1; shift; \"$@\" & server=$!; read -r then; kill -QUIT $server 2>/dev/null; \
    wait $server; [ \"$then\" = keep ] || rm -rf \"$folder\"";

#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    watch: Option<Child>,
}

impl PostgresServer {
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("caudal-postgres-").tempdir().unwrap().keep();
        open_to(&folder, 0o755);
        copy_folder(&template(&programs), &folder.join("data"));
        let mut server = Self { folder, programs, port: free_port(), watch: None };
        server.run();
        server
    }

    /// The address of a database, for its owner.
    pub fn url(&self, database: &str) -> String {
        self.url_of(USER, &PASSWORD.replace(' ', "%20"), database)
    }

    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Statements that others than this kit have sent since the server was started for the first time.
    pub fn queries(&self) -> usize {
        self.said().lines().filter(|line| line.contains("[caudal] LOG:") && !line.contains("disconnection")).count()
    }

    /// What it has written into its log.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// As a crash of the machine would: every process of it at once, without a word.
    pub fn kill(&mut self) {
        self.to_all("-KILL");
        if let Some(mut watch) = self.watch.take() {
            watch.stdin.take().unwrap().write_all(b"keep\n").unwrap();
            watch.wait().unwrap();
        }
    }

    /// Stops it for a while: connections stay, nothing answers.
    pub fn freeze(&self) {
        self.to_all("-STOP");
    }

    pub fn thaw(&self) {
        self.to_all("-CONT");
    }

    /// Starts it again, with what was stored.
    pub fn run(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        open_to(&self.log(), 0o644);
        let mut server = self.as_server_user("sh");
        server.args(["-c", WATCH, "watch"]).arg(&self.folder);
        server.arg(self.programs.join("postgres")).arg("-D").arg(self.data());
        for setting in [
            &format!("port={}", self.port),
            "listen_addresses=127.0.0.1",
            &format!("unix_socket_directories={}", self.data().display()),
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=16MB",
            "max_connections=50",
            "restart_after_crash=off",
            "log_statement=all",
            "log_parameter_max_length=0",
            "log_line_prefix=%m %p [%a] ",
        ] {
            server.arg("-c").arg(setting);
        }
        server.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        self.watch = Some(server.spawn().unwrap());
        self.until_ready();
    }

    /// Runs SQL as the owner, in a database.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database)]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = psql.wait_with_output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn until_ready(&mut self) {
        let began = Instant::now();
        while !self.answers() {
            let gone = self.watch.as_mut().is_none_or(|watch| watch.try_wait().unwrap().is_some());
            assert!(!gone && began.elapsed() < Duration::from_secs(60), "Postgres does not start:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(self.programs.join("pg_isready"));
        let ready = ready.args(["-q", "-h", "127.0.0.1", "-t", "1", "-p", &self.port.to_string()]);
        ready.status().unwrap().success()
    }

    /// The first of its processes.
    fn process(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("postmaster.pid")).ok()?.lines().next()?.parse().ok()
    }

    fn to_all(&self, kind: &str) {
        let first = self.process().unwrap();
        let all = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        signal(kind, first);
        for line in String::from_utf8_lossy(&all.stdout).lines() {
            let mut numbers = line.split_whitespace().map(|number| number.parse::<u32>().unwrap());
            if let (Some(process), Some(parent)) = (numbers.next(), numbers.next())
                && parent == first
            {
                signal(kind, process);
            }
        }
    }

    fn as_server_user(&self, program: &str) -> Command {
        as_server_user(program, &self.folder)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(LOG_LINES).collect();
            eprintln!("Postgres said last:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        if let Some(mut watch) = self.watch.take() {
            drop(watch.stdin.take());
            let _ = watch.wait();
        }
    }
}

fn signal(kind: &str, process: u32) {
    // One that is gone already is fine.
    let _ = Command::new("kill").args([kind, &process.to_string()]).stderr(Stdio::null()).status();
}

/// The folder of `initdb` and `postgres`, the newest version there is.
fn programs() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    for pattern in FOLDERS {
        let (before, after) = pattern.split_once('*').unwrap();
        let (parent, prefix) = before.rsplit_once('/').unwrap();
        let Ok(entries) = fs::read_dir(parent) else { continue };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut fitting: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
        fitting.sort_by_key(|name| std::cmp::Reverse(name[prefix.len()..].parse::<u32>().unwrap_or(0)));
        folders.extend(fitting.iter().map(|name| PathBuf::from(format!("{parent}/{name}{after}"))));
    }
    let needed = ["initdb", "postgres", "psql", "pg_isready"];
    let found = folders.into_iter().find(|folder| needed.iter().all(|program| folder.join(program).exists()));
    found.expect("Postgres is not installed (on Debian: apt-get install postgresql)")
}

/// A fresh cluster that each server copies: made by the first test that needs it.
fn template(programs: &Path) -> PathBuf {
    let version = Command::new(programs.join("postgres")).arg("--version").output().unwrap();
    let version: String =
        String::from_utf8_lossy(&version.stdout).chars().filter(char::is_ascii_alphanumeric).collect();
    let home = home();
    let (lock, made) = (home.join("postgres-cluster.lock"), home.join(format!("cluster-{version}")));
    let lock = fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    if !made.exists() {
        let folder = tempfile::tempdir().unwrap();
        open_to(folder.path(), 0o755);
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        open_to(&password, 0o644);
        let data = folder.path().join("data");
        let mut initdb = as_server_user(programs.join("initdb"), folder.path());
        initdb.args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]);
        initdb.args(["--wal-segsize=1", "--username", USER, "--pwfile"]).arg(&password).arg("-D").arg(&data);
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        // Whole or not at all, whatever happens to this test.
        let copy = home.join(format!("cluster-{version}.{}", std::process::id()));
        copy_folder(&data, &copy);
        fs::rename(copy, &made).unwrap();
    }
    made
}

/// The folder for tests' files beside what cargo built: tests stand in `target/<profile>/deps/`.
fn home() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let home = test.ancestors().nth(3).unwrap().join("tmp");
    fs::create_dir_all(&home).unwrap();
    home
}

/// Root hands over to somebody who may run a server, and to nobody else.
fn as_server_user(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}

/// None when we are not root: then it is ourselves.
fn server_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let ours = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or(1);
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = |name: &str| {
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))?;
        Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
    };
    (ours == 0).then(|| account("postgres").or_else(|| account("nobody")).unwrap_or((65534, 65534)))
}

fn open_to(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if let Some((user, group)) = server_user() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
            open_to(&to, 0o600);
        }
    }
    open_to(to, 0o700);
}
