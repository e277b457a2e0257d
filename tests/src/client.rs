//! A client that knows only the wire contract.

use std::net::SocketAddr;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::laws::kind;
use crate::patience::Patience;

const JSON: &str = "application/json";

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a request that was understood.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

impl Client {
    /// Without connections that outlive a request: the server is killed at will. And without compression, whose memory
    /// is not what is measured.
    pub fn of(address: SocketAddr) -> Self {
        let http =
            reqwest::Client::builder().no_proxy().no_gzip().no_brotli().pool_max_idle_per_host(0).build().unwrap();
        Self { http, address }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// None when there is no whole answer.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the server answers")
    }

    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send(self.request("GET", path).header(ACCEPT, JSON)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.expect("the server answers")
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    /// Any bytes that claim to be JSON.
    pub async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request("POST", path).header(CONTENT_TYPE, JSON).body(body)).await
    }

    /// Starts a task and returns its id.
    pub async fn start(&self, flow: &str, inputs: Value) -> String {
        let started = self.post("/start-task", &json!({ "flow": flow, "inputs": inputs })).await.ok();
        started["task_id"].as_str().unwrap().to_owned()
    }

    /// Starts the same task so many times.
    pub async fn start_many(&self, flow: &str, inputs: Value, count: usize) -> Vec<String> {
        let tasks: Vec<Value> = (0..count).map(|_| json!({ "flow": flow, "inputs": inputs })).collect();
        let started = self.post("/start-tasks", &json!({ "tasks": tasks })).await.ok();
        let items = started["items"].as_array().unwrap();
        items.iter().map(|item| item["task_id"].as_str().unwrap_or_else(|| panic!("{item}")).to_owned()).collect()
    }

    /// The newest snapshot.
    pub async fn view(&self, task: &str) -> Value {
        self.get(&format!("/task-status/{task}/")).await.ok()
    }

    pub async fn signal(&self, task: &str, name: &str, value: &Value) -> Answer {
        self.post(&format!("/tasks/{task}/signals/{name}"), value).await
    }

    /// All tasks that fit the filter (`state=SUCCESS&flow=…`), newest first.
    pub async fn list(&self, filter: &str) -> Vec<Value> {
        let mut tasks = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/tasks?limit=200&{filter}{cursor}")).await.ok();
            tasks.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return tasks,
            }
        }
    }

    /// The whole log so far; none when the server or its store went away meanwhile.
    pub async fn try_events(&self, task: &str) -> Option<Vec<Value>> {
        let mut events = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let page = self.try_get(&format!("/tasks/{task}/events?limit=1000&after={after}")).await?;
            if page.status == 503 {
                return None;
            }
            let page = page.ok();
            events.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => return Some(events),
            }
        }
    }

    pub async fn events(&self, task: &str) -> Vec<Value> {
        self.try_events(task).await.expect("the server answers")
    }

    /// Waits until the log holds an event of this kind, and returns it.
    pub async fn told(&self, task: &str, wanted: &str) -> Value {
        let patience = Patience::new(format!("{task} tells {wanted}"));
        loop {
            let events = self.events(task).await;
            if let Some(event) = events.into_iter().find(|event| kind(event) == wanted) {
                return event;
            }
            patience.pause().await;
        }
    }

    /// Waits until the view is in this state, and returns it.
    pub async fn reached(&self, task: &str, state: &str) -> Value {
        let patience = Patience::new(format!("{task} is {state}"));
        loop {
            let view = self.view(task).await;
            if view["state"] == state {
                return view;
            }
            let ended = ["SUCCESS", "FAILURE", "CANCELLED"].iter().any(|ended| view["state"] == *ended);
            assert!(!ended, "{task} must become {state} and is {view}");
            patience.pause().await;
        }
    }

    /// Waits for its end, whatever it is, and returns the last view.
    pub async fn ended(&self, task: &str) -> Value {
        let patience = Patience::new(format!("{task} ends"));
        loop {
            let view = self.view(task).await;
            if ["SUCCESS", "FAILURE", "CANCELLED"].iter().any(|ended| view["state"] == *ended) {
                return view;
            }
            patience.pause().await;
        }
    }
}
