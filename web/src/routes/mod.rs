//! The table of all paths. A route is one file here and one line in the table; a test finds the forgotten line.
//!
//! Each path answers with and without the trailing slash: a redirect would drop a POST's body.

mod cancel_task;
mod csrf;
mod delete_task;
mod flow;
mod flows;
mod healthz;
mod index;
mod login;
mod login_page;
mod logout;
mod metrics;
mod notification;
mod notification_eml;
mod notification_html;
mod notifications;
mod pause_task;
mod readyz;
mod resume_task;
mod retry_notification;
mod retry_task;
mod send_notification;
mod session;
mod settings;
mod signal_task;
mod start_task;
mod start_tasks;
mod static_file;
mod stats;
mod stop_worker;
mod stream;
mod suppress;
mod suppressions;
mod task;
mod task_events;
mod task_result;
mod task_status;
mod tasks;
mod tasks_bulk;
mod unsubscribe;
mod unsubscribe_page;
mod unsuppress;
mod webhook_secret;
mod workers;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, PathConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::access::{Role, admit};
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::assets;
use crate::settings::Served;

pub struct Route {
    /// Without the trailing slash.
    pub path: &'static str,
    /// GET answers HEAD too.
    pub method: Method,
    pub role: Role,
    /// The file that answers it.
    pub file: &'static str,
    make: fn(actix_web::Route) -> actix_web::Route,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.role)
    }
}

macro_rules! table {
    ($( $method:ident $path:literal $role:ident $file:ident )*) => {
        /// All routes. Where two paths could match, the first one does.
        pub const ROUTES: &[Route] = &[$( Route {
            path: $path,
            method: Method::$method,
            role: Role::$role,
            file: stringify!($file),
            make: |route| route.to($file::$file),
        }, )*];
    };
}

table! {
    GET "/" Read index
    GET "/login" Anyone login_page
    POST "/login" Anyone login
    POST "/logout" Anyone logout
    GET "/session" Anyone session
    GET "/static/{name:.*}" Anyone static_file
    GET "/csrf" Anyone csrf
    POST "/start-task" Start start_task
    POST "/start-tasks" Start start_tasks
    GET "/task-status/{id}" Watch task_status
    GET "/stream" Watch stream
    GET "/flows" Read flows
    GET "/flows/{name}" Read flow
    GET "/tasks" Read tasks
    POST "/tasks/bulk" Start tasks_bulk
    GET "/tasks/{id}" Watch task
    DELETE "/tasks/{id}" Admin delete_task
    GET "/tasks/{id}/events" Watch task_events
    GET "/tasks/{id}/result" Watch task_result
    POST "/tasks/{id}/cancel" Start cancel_task
    POST "/tasks/{id}/pause" Start pause_task
    POST "/tasks/{id}/resume" Start resume_task
    POST "/tasks/{id}/retry" Start retry_task
    POST "/tasks/{id}/signals/{name}" Start signal_task
    GET "/notifications" Read notifications
    POST "/notifications" Start send_notification
    GET "/notifications/{id}" Read notification
    GET "/notifications/{id}/html" Read notification_html
    GET "/notifications/{id}/eml" Read notification_eml
    POST "/notifications/{id}/retry" Start retry_notification
    GET "/suppressions" Read suppressions
    POST "/suppressions" Admin suppress
    DELETE "/suppressions/{name}" Admin unsuppress
    POST "/webhook-secret" Admin webhook_secret
    GET "/unsubscribe" Anyone unsubscribe_page
    POST "/unsubscribe" Anyone unsubscribe
    GET "/workers" Read workers
    POST "/workers/{id}/stop" Admin stop_worker
    GET "/stats" Read stats
    GET "/settings" Read settings
    GET "/healthz" Anyone healthz
    GET "/readyz" Anyone readyz
    GET "/metrics" Read metrics
}

const NOTHING_HERE: &str = "There is nothing at this path.";
const HEALTH: &[&str] = &["/healthz", "/readyz", "/metrics"];

pub(crate) fn register(app: &mut ServiceConfig, served: Served) {
    let wanted = |route: &&Route| served == Served::Everything || HEALTH.contains(&route.path);
    let mut paths: Vec<&str> = Vec::new();
    for route in ROUTES.iter().filter(wanted) {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    for path in paths {
        register_path(app, path);
    }
    app.default_service(web::to(not_found));
    // What cannot be decoded names nothing.
    app.app_data(PathConfig::default().error_handler(|_, _| ApiError::new(Reason::NotFound, NOTHING_HERE).into()));
}

fn register_path(app: &mut ServiceConfig, path: &'static str) {
    let takes_rest = path.ends_with('/') || path.ends_with('}') && path.contains(":.*");
    let slashed = format!("{path}/");
    let patterns = if takes_rest { vec![path.to_owned()] } else { vec![path.to_owned(), slashed] };
    let mut resource = web::resource(patterns);
    let mut allowed = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        resource = resource.route((route.make)(web::method(route.method.clone())));
        allowed.push(route.method.as_str());
        if route.method == Method::GET {
            resource = resource.route((route.make)(web::head()));
            allowed.push("HEAD");
        }
    }
    let allow = allowed.join(", ");
    let refuse = move |request: HttpRequest| {
        let error = ApiError::method_not_allowed(request.method().as_str(), allow.clone());
        async move { Err::<HttpResponse, _>(error) }
    };
    let resource = resource.default_service(web::to(refuse));
    app.service(resource.wrap(from_fn(move |request, next| admit(path, request, next))));
}

/// What a method of a path asks of its caller; nothing when the path does not know the method.
pub(crate) fn role_of(path: &str, method: &Method) -> Option<Role> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|route| route.path == path && route.method == *method).map(|route| route.role)
}

/// Files that a browser asks for at the root, such as `/favicon.ico`, else nothing.
async fn not_found(request: HttpRequest) -> ApiResult {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let file = request.path().strip_prefix('/').filter(|_| reads).and_then(|name| assets::answer(&request, name));
    file.ok_or_else(|| ApiError::new(Reason::NotFound, NOTHING_HERE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Goal: whoever adds a file here is told of the line in the table that is missing.
    #[test]
    fn each_file_is_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .collect();
        let named: BTreeSet<String> = ROUTES.iter().map(|route| route.file.to_owned()).collect();
        assert_eq!(files, named, "each file in routes/ has a line in the table");
    }

    /// Goal: who calls us finds each route in the reference with the role that it needs, and none that is gone.
    #[test]
    fn each_route_is_in_the_reference() {
        // No other table there begins a row with a method and a path.
        let row = |line: &str| {
            let (route, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let (role, _) = rest.split_once(" | ")?;
            route.contains(" /").then(|| format!("{route} {role}"))
        };
        let told: Vec<String> = include_str!("../../../docs/http.md").lines().filter_map(row).collect();
        let shown = |route: &Route| {
            let path = route.path.replace(":.*", "").replace('{', "<").replace('}', ">");
            format!("{} {path} {}", route.method, route.role)
        };
        let ours: BTreeSet<String> = ROUTES.iter().map(shown).collect();
        let listed: BTreeSet<String> = told.iter().cloned().collect();
        assert_eq!(listed, ours, "docs/http.md lists what the table has");
        assert_eq!(told.len(), ours.len(), "each route is listed once");
    }

    /// Goal: HEAD needs what GET needs, and a method that no route has needs nothing, to be refused as that.
    #[test]
    fn roles_of_other_methods() {
        assert_eq!(role_of("/tasks", &Method::HEAD), Some(Role::Read));
        assert_eq!(role_of("/start-task", &Method::HEAD), None);
        assert_eq!(role_of("/tasks", &Method::PATCH), None);
    }

    /// Goal: what changes something needs more than to be allowed to read.
    #[test]
    fn roles_fit_methods() {
        for route in ROUTES {
            // A session is the caller's own, and so is an address that a signed link names.
            let own = matches!(route.file, "login" | "logout" | "unsubscribe");
            let reads = route.role <= Role::Read && !own;
            assert_eq!(route.method == Method::GET, reads, "{route:?}");
            assert_eq!(role_of(route.path, &route.method), Some(route.role));
        }
    }
}
