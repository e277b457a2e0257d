//! Redis behind TLS, with a certificate that an authority of one's own has signed.

use std::path::PathBuf;
use std::process::Command;

use caudal_tests::{RedisServer, Role, Setup, free_port, setup};
use serde_json::json;
use tempfile::TempDir;

const PASSWORD: &str = "not-for-logs";

/// An authority, and what it has signed: a certificate for 127.0.0.1 alone.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        authority.openssl(&format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=authority"));
        authority.openssl(&format!(
            "req -x509 {key} -keyout redis.key -out redis.crt -subj /CN=redis -CA ca.crt -CAkey ca.key \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
        ));
        authority
    }

    fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.0.path()).output();
        let done = done.expect("openssl is installed");
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server that asks for a password, and the port on which it speaks TLS.
    fn redis(&self) -> (RedisServer, u16) {
        let (port, path) = (free_port(), |name| self.path(name).to_str().unwrap().to_owned());
        let redis = RedisServer::with(&[
            "--requirepass",
            PASSWORD,
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &path("redis.crt"),
            "--tls-key-file",
            &path("redis.key"),
            "--tls-ca-cert-file",
            &path("ca.crt"),
            "--tls-auth-clients",
            "no",
        ]);
        (redis, port)
    }

    fn trusted_by(&self, setup: Setup) -> Setup {
        setup.environment("SSL_CERT_FILE", self.path("ca.crt").to_str().unwrap())
    }
}

fn over_tls(host: &str, port: u16) -> Setup {
    setup!().environment("CAUDAL_REDIS_URL", format!("rediss://:{PASSWORD}@{host}:{port}"))
}

/// Goal: processes that trust the authority work over TLS alone.
#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    let authority = Authority::new();
    let (_redis, port) = authority.redis();
    let start = |role| authority.trusted_by(over_tls("127.0.0.1", port)).role(role).start();
    let (web, _worker) = (start(Role::Web).await, start(Role::Worker).await);
    let task = web.client().start("slow_flow", json!({ "steps": 2, "step_ms": 1 })).await;
    web.client().reached(&task, "SUCCESS").await;
}

/// Goal: a certificate that nobody here has signed, or that is another host's, is refused with what to do.
#[tokio::test]
async fn a_wrong_certificate_is_said() {
    let authority = Authority::new();
    let (_redis, port) = authority.redis();
    let strange = over_tls("127.0.0.1", port);
    let of_another = authority.trusted_by(over_tls("localhost", port));
    for setup in [strange, of_another] {
        let refused = setup.role(Role::Worker).refused().await;
        assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
        for word in ["certificate", "SSL_CERT_FILE", &port.to_string()] {
            assert!(refused.said.contains(word), "'{word}' in {}", refused.said);
        }
        assert!(!refused.said.contains(PASSWORD), "{}", refused.said);
    }
}
