//! Ports for servers that a test kills and starts again.

use std::net::{Ipv4Addr, TcpListener};

/// A port that nobody has, out of those that the system gives to nobody: it must still be free at a restart.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_240..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
