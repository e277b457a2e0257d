//! The kit: a server on a free port over the memory store, and a client that sees every byte.

#![allow(dead_code, unused_imports, unreachable_pub, clippy::allow_attributes, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end with a crash: that is how it fails")]

pub mod http;
pub mod no_store;
pub mod platform;

use std::net::SocketAddr;
use std::ops::Deref;

use caudal_web::{RunningServer, WebSettings, serve};
use serde_json::Value;

pub use http::{Answer, EventStream, Message, Request};
pub use platform::{Hand, Platform, log, progress, step_started, step_succeeded};

pub struct Server {
    pub platform: Platform,
    pub running: RunningServer,
}

impl Deref for Server {
    type Target = Platform;
    fn deref(&self) -> &Platform {
        &self.platform
    }
}

impl Server {
    pub fn start() -> Self {
        Self::on(Platform::default())
    }

    pub fn on(platform: Platform) -> Self {
        Self::with(platform, WebSettings::default())
    }

    pub fn with(platform: Platform, settings: WebSettings) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = WebSettings { listen, secret: [7; 32], threads: 1, ..settings };
        let running = serve(platform.engine.clone(), settings).unwrap();
        Self { platform, running }
    }

    pub async fn send(&self, request: Request<'_>) -> Answer {
        request.send(self.running.address()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::new("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Request::new("POST", path).json(body)).await
    }

    pub async fn stream(&self, path: &str) -> EventStream {
        Request::new("GET", path).stream(self.running.address()).await
    }

    pub async fn stream_after(&self, path: &str, last: impl ToString) -> EventStream {
        Request::new("GET", path).header("last-event-id", last.to_string()).stream(self.running.address()).await
    }
}
