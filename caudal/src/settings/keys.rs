//! The table of all settings: one row each, from which flags, environment names, `caudal.toml` keys, messages and
//! `.env.sample` are made.

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Path,
    /// `address:port`
    Address,
    Url,
    /// The address of a service, by one of these schemes; it may hold a password.
    Service(&'static [&'static str]),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A flag: present, `1`, `true`, `yes`, `on`, or their opposites.
    Switch,
    /// A whole number within these bounds.
    Number(u64, u64),
    /// As a number, or with `KiB`, `MiB`, `GiB`.
    Bytes(u64, u64),
    /// Several of these, with commas between them; in `caudal.toml` also an array.
    List(&'static str),
    /// A text that is never shown and has no flag: command lines can be seen by all users of a machine.
    Secret,
    /// The same for a key that somebody else gave, of whatever length.
    Password,
    /// A password in the variable by which everybody knows it, without our prefix.
    ProviderKey,
}

impl Form {
    /// Never shown, and without a flag.
    pub(crate) fn is_hidden(self) -> bool {
        matches!(self, Self::Secret | Self::Password | Self::ProviderKey)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// As in `caudal.toml`. The flag has dashes, the environment capitals and, but for a provider's key, `CAUDAL_`.
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Empty: not set.
    pub(crate) default: &'static str,
    pub(crate) example: &'static str,
    pub(crate) about: &'static str,
    pub(crate) group: &'static str,
}

impl Key {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        match self.form {
            Form::ProviderKey => self.name.to_ascii_uppercase(),
            _ => format!("CAUDAL_{}", self.name.to_ascii_uppercase()),
        }
    }
}

/// Schemes of services.
const REDIS: &[&str] = &["redis", "rediss"];
const POSTGRES: &[&str] = &["postgres", "postgresql"];

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

const SERVER: &str = "Server";
const ACCESS: &str = "Access";
const STORE: &str = "Store";
const MACHINES: &str = "Several processes";
const WORKER: &str = "Worker";
const NOTIFICATIONS: &str = "Notifications";
const LOGS: &str = "Logs";
const FLOWS: &str = "Flows";
const MODELS: &str = "Models";
const TOOLS: &str = "Tools";
const LIMITS: &str = "Limits";

const fn key(
    group: &'static str,
    name: &'static str,
    form: Form,
    [default, example]: [&'static str; 2],
    about: &'static str,
) -> Key {
    Key { name, form, default, example, about, group }
}

#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key(SERVER, "listen", Form::Address, ["127.0.0.1:8000", "127.0.0.1:9000"],
        "Where the page and the API are served"),
    key(SERVER, "public_url", Form::Url, ["", "https://flows.example.org"],
        "The address under which people reach the server; its host is served besides loopback and the listen address"),
    key(SERVER, "allowed_hosts", Form::List("a host name"), ["", "web,caudal.internal"],
        "Further names by which other machines and containers ask the server; any other name is refused"),
    key(SERVER, "allow_unauthenticated", Form::Switch, ["false", "true"],
        "Serve beyond loopback although anyone who reaches the server may start and read everything"),
    key(SERVER, "health_listen", Form::Address, ["", "127.0.0.1:9100"],
        "A second address that serves only /healthz, /readyz and /metrics"),
    key(SERVER, "web_threads", Form::Number(1, 256), ["2", "4"],
        "Threads that serve HTTP"),

    key(ACCESS, "api_keys", Form::List("name:role:hash"),
        ["", "ci:start:ab9c9e3a18c856be1617f5a228a467ac928a9bda2af94b527a8b4a8628110ee6"],
        "Who may do what: `caudal new-key` makes a key and its line; roles are admin, start and read"),
    key(ACCESS, "make_admin_key", Form::Switch, ["false", "true"],
        "When api_keys is empty: make an admin key at the first start, print it once, and keep its line in the data folder or Redis"),
    key(ACCESS, "secret", Form::Secret, ["", "what this prints: openssl rand -base64 32"],
        "Signs sessions, watch links and the links in mails; the same for all processes [default: kept in the data folder, or in \
         Redis for all]"),
    key(ACCESS, "secret_before", Form::Secret, ["", "the secret that was set until now"],
        "What signed before the secret was changed: links in mails that were sent until then go on to unsubscribe"),
    key(ACCESS, "session_hours", Form::Number(1, 8_760), ["12", "168"],
        "How long a login in a browser lasts"),
    key(ACCESS, "watch_link_minutes", Form::Number(1, 525_600), ["60", "1440"],
        "How long a watch link can be opened; what is open stays open"),
    key(ACCESS, "cors_origins", Form::List("an origin"), ["", "https://app.example.org"],
        "Pages of these origins may ask, with a key or a watch link; * stands for all"),
    key(ACCESS, "behind_proxy", Form::Switch, ["false", "true"],
        "A proxy in front tells the client's address in X-Forwarded-For"),

    key(STORE, "data_folder", Form::Path, ["caudal-data", "/var/lib/caudal"],
        "Where everything is kept; one process owns it"),
    key(STORE, "durability", Form::Word(&["full", "normal"]), ["full", "normal"],
        "full: accepted tasks survive a loss of power; normal: they survive a crash of any process"),
    key(STORE, "keep_ended_days", Form::Number(1, 36_500), ["30", "90"],
        "Ended tasks are forgotten after this many days"),
    key(STORE, "keep_bytes", Form::Bytes(MIB, 1 << 50), ["8GiB", "500MiB"],
        "... or earlier, oldest first, when the store holds more than this"),

    key(MACHINES, "redis_url", Form::Service(REDIS), ["", "redis://127.0.0.1:6379"],
        "The Redis that processes share (over TLS: rediss://, and an authority of one's own in the variable SSL_CERT_FILE); without \
         it one process keeps everything in the data folder"),
    key(MACHINES, "redis_prefix", Form::Text, ["caudal:", "flows:"],
        "What all keys in Redis begin with, so that a server can be shared"),
    key(MACHINES, "redis_partitions", Form::Number(0, 1_024), ["0", "16"],
        "How many partitions tasks are spread over, for a cluster; it can grow but not shrink, and 0 leaves it as it is"),
    key(MACHINES, "redis_may_lose_seconds", Form::Number(0, 3_600), ["0", "1"],
        "How much of the newest may be lost when Redis dies: more than 0 allows appendfsync everysec"),
    key(MACHINES, "database_url", Form::Service(POSTGRES), ["", "postgres://caudal:secret@127.0.0.1:5432/caudal"],
        "The Postgres that keeps ended tasks; without it they stay in Redis until they are forgotten"),
    key(MACHINES, "database_schema", Form::Text, ["caudal", "flows"],
        "The schema in Postgres that our tables are in"),
    key(MACHINES, "unarchived_bytes", Form::Bytes(MIB, 1 << 50), ["1GiB", "200MiB"],
        "How much of ended tasks may wait in Redis for Postgres before starts are refused with archive_behind"),
    key(MACHINES, "archived_grace_seconds", Form::Number(0, 604_800), ["3600", "600"],
        "How long ended tasks stay in Redis when Postgres has them"),
    key(MACHINES, "archived_bytes", Form::Bytes(0, 1 << 50), ["256MiB", "1GiB"],
        "About how much of such tasks' logs stays in Redis; those that ended first go first"),

    key(WORKER, "concurrency", Form::Number(1, 100_000), ["64", "16"],
        "Tasks that run at once"),
    key(WORKER, "grace_seconds", Form::Number(0, 86_400), ["30", "5"],
        "How long a step in flight may go on after SIGTERM or Ctrl-C"),
    key(WORKER, "crash_loop_backoff_seconds", Form::Number(0, 3_600), ["60", "5"],
        "The longest that a task which keeps taking the process down waits before it is tried again"),

    key(NOTIFICATIONS, "smtp_url", Form::Password, ["", "smtp://user:password@mail.example.org"],
        "The mail server: smtps://, or smtp:// with STARTTLS (with a password always, else where the server has it; ?tls=required or ?tls=none); without it mails become files in the data folder's outbox"),
    key(NOTIFICATIONS, "mail_from", Form::Text, ["", "Caudal <caudal@example.org>"],
        "Whom mails come from"),
    key(NOTIFICATIONS, "smtp_connections", Form::Number(1, 1_000), ["10", "2"],
        "Connections to the mail server at once"),
    key(NOTIFICATIONS, "smtp_seconds", Form::Number(1, 3_600), ["60", "300"],
        "How long each answer of the mail server may take"),
    key(NOTIFICATIONS, "smtp_ca_file", Form::Path, ["", "/etc/caudal/mail-ca.pem"],
        "Certificates (PEM) that the mail server's may be signed by, besides those that everybody believes"),
    key(NOTIFICATIONS, "mails_per_second", Form::Number(1, 1_000_000), ["100", "14"],
        "Mails that one process hands to the mail server in a second, at most"),
    key(NOTIFICATIONS, "mails_per_hour_per_address", Form::Number(1, 1_000_000_000), ["60", "10"],
        "Mails that one address gets of those asked for in an hour (a million or more: all); further ones are suppressed"),
    key(NOTIFICATIONS, "mail_templates", Form::Path, ["", "/etc/caudal/mails"],
        "A folder with mail templates that replace ours or come beside them"),
    key(NOTIFICATIONS, "default_locale", Form::Text, ["en", "es"],
        "The language of mails for which none was asked"),
    key(NOTIFICATIONS, "notify_on_failure", Form::List("address or flow=address"),
        ["", "ops@example.org,report_flow=boss@example.org"],
        "Who gets a mail of every failure: of flows that ask for it by their code, of one flow, or of all (*=address)"),
    key(NOTIFICATIONS, "notification_retry_seconds", Form::Number(1, 86_400), ["60", "300"],
        "When a notification that could not be sent is tried again; it doubles with each time"),
    key(NOTIFICATIONS, "notification_longest_retry_seconds", Form::Number(1, 604_800), ["21600", "3600"],
        "... up to this"),
    key(NOTIFICATIONS, "notification_give_up_seconds", Form::Number(1, 2_592_000), ["86400", "259200"],
        "After this long it has failed"),
    key(NOTIFICATIONS, "webhook_secret", Form::Password, ["", "whsec_ and what this prints: openssl rand -base64 32"],
        "Of this each receiver's secret is made, which `caudal notifications webhook-secret` shows; the same for all processes \
         [default: kept in the data folder, or in Redis for all]"),
    key(NOTIFICATIONS, "webhook_secret_before", Form::Password, ["", "the webhook_secret that was set until now"],
        "What webhook_secret was before it was changed: as long as it is set calls carry the signatures of both"),
    key(NOTIFICATIONS, "webhook_seconds", Form::Number(1, 600), ["15", "30"],
        "How long a webhook call may take"),
    key(NOTIFICATIONS, "webhook_concurrency", Form::Number(1, 1_000), ["16", "4"],
        "Webhook calls at once"),
    key(NOTIFICATIONS, "webhook_allow_private", Form::Switch, ["false", "true"],
        "Let webhooks reach private and loopback addresses"),
    key(NOTIFICATIONS, "keep_notifications_days", Form::Number(1, 36_500), ["30", "90"],
        "Sent, failed and suppressed notifications are forgotten after this many days"),

    key(LOGS, "log_format", Form::Word(&["human", "json"]), ["human", "json"],
        "For people or for programs"),
    key(LOGS, "log_filter", Form::Text, ["info,actix_server=warn,actix_http=off", "info,caudal_web=debug"],
        "Which logs are written: levels, for all or by module"),

    key(FLOWS, "diagnostics", Form::Switch, ["false", "true"],
        "Also offer the flows that exist to test and measure the platform"),
    key(FLOWS, "fetch_allow_private", Form::Switch, ["false", "true"],
        "Let fetch_page_flow and the tool fetch_page reach private and loopback addresses"),
    key(FLOWS, "fetch_bytes", Form::Bytes(KIB, GIB), ["5MiB", "1MiB"],
        "The largest page that fetch_page_flow reads"),
    key(FLOWS, "fetch_seconds", Form::Number(1, 3_600), ["20", "60"],
        "How long fetch_page_flow may take for one page, redirects included"),

    key(MODELS, "model", Form::Text, ["", "gemini:gemini-2.5-flash"],
        "The language model as provider:model (openai, gemini, openrouter, ollama, lmstudio, vllm, compatible), or rehearsal: \
         a pretend model that marks all it says [default: the usual model of the first provider whose key is set]"),
    key(MODELS, "model_url", Form::Url, ["", "http://127.0.0.1:8080/v1"],
        "Where that provider's API is, if not at its usual place"),
    key(MODELS, "model_key", Form::Password, ["", "token-abc123"],
        "The key for a compatible: model"),
    key(MODELS, "openai_api_key", Form::ProviderKey, ["", "sk-..."], "OpenAI's key"),
    key(MODELS, "gemini_api_key", Form::ProviderKey, ["", "AI..."], "Gemini's key; it alone is enough to have a model"),
    key(MODELS, "openrouter_api_key", Form::ProviderKey, ["", "sk-or-..."], "OpenRouter's key"),
    key(MODELS, "vllm_api_key", Form::ProviderKey, ["", "token-..."], "The key of a vLLM server, if it asks for one"),
    key(MODELS, "flow_models", Form::List("flow=provider:model"), ["", "research_flow=openai:gpt-5"],
        "Other models for some flows"),
    key(MODELS, "embedding_model", Form::Text, ["", "openai:text-embedding-3-small"],
        "The model for embeddings [default: the usual one of the model's provider]"),
    key(MODELS, "model_prices", Form::List("provider:model=read/written"), ["", "openai:gpt-5-mini=0.25/2.00"],
        "What a million tokens cost, read and written, in any one currency; without it only tokens are counted"),
    key(MODELS, "model_timeout_seconds", Form::Number(1, 86_400), ["600", "120"],
        "How long a whole answer may take"),
    key(MODELS, "model_silence_seconds", Form::Number(1, 3_600), ["90", "30"],
        "How long a provider may send nothing once it has begun to answer, before the attempt ends"),
    key(MODELS, "model_most_characters", Form::Number(1_000, 100_000_000), ["240000", "20000"],
        "How long an agent's conversation may be; above, what its tools brought first is left out. For models that read little"),

    key(TOOLS, "tavily_api_key", Form::ProviderKey, ["", "tvly-..."],
        "Tavily's key for searches [default: DuckDuckGo's page, which needs none]"),
    key(TOOLS, "tavily_url", Form::Url, ["", "http://127.0.0.1:9001"],
        "Where Tavily is, if not at its usual place"),
    key(TOOLS, "duckduckgo_url", Form::Url, ["", "http://127.0.0.1:9002/html/"],
        "Where DuckDuckGo's page is, if not at its usual place"),
    key(TOOLS, "sandbox_folder", Form::Path, ["caudal-files", "/var/lib/caudal-files"],
        "The one folder in which agents can list, read and write files; made when it is first used"),

    key(LIMITS, "payload_bytes", Form::Bytes(KIB, GIB), ["1MiB", "256KiB"],
        "An input, a step's result, a signal's value, a request body"),
    key(LIMITS, "log_line_bytes", Form::Bytes(64, 16 * MIB), ["16KiB", "4KiB"],
        "One log line of a flow"),
    key(LIMITS, "step_text_bytes", Form::Bytes(KIB, GIB), ["4MiB", "1MiB"],
        "The text that one step streams"),
    key(LIMITS, "events_per_task", Form::Number(100, 100_000_000), ["50000", "200000"],
        "Entries in the log of one task"),
    key(LIMITS, "children_per_task", Form::Number(0, 10_000_000), ["10000", "500"],
        "Children of one task"),
    key(LIMITS, "child_depth", Form::Number(0, 1_000), ["32", "8"],
        "Children of children of children"),
    key(LIMITS, "tags_per_task", Form::Number(0, 1_000), ["10", "20"],
        "Tags of one task"),
    key(LIMITS, "tag_bytes", Form::Bytes(1, 64 * KIB), ["64", "128"],
        "One tag"),
    key(LIMITS, "idempotency_key_bytes", Form::Bytes(16, 64 * KIB), ["255", "128"],
        "An idempotency key or a unique key"),
    key(LIMITS, "idempotency_hours", Form::Number(1, 8_760), ["24", "72"],
        "How long an idempotency key is remembered"),
    key(LIMITS, "notify_addresses", Form::Number(0, 10_000), ["20", "5"],
        "Addresses that one task may notify"),
    key(LIMITS, "notification_bytes", Form::Bytes(KIB, 16 * MIB), ["64KiB", "16KiB"],
        "What a mail that a flow or another program asks for is filled with"),
    key(LIMITS, "notifications_per_task", Form::Number(0, 1_000_000), ["1000", "50"],
        "How often the code of one task may ask for a mail (ctx.notify)"),
    key(LIMITS, "outbox_per_tenant", Form::Number(1, 1_000_000_000), ["1000000", "50000"],
        "Notifications of one tenant that are to be sent; one more that somebody asks for is refused with line_full"),
    key(LIMITS, "line_per_tenant", Form::Number(1, 1_000_000_000), ["1000000", "50000"],
        "Tasks of one tenant that are in line or running; one more is refused with line_full"),
    key(LIMITS, "pending_signals_per_name", Form::Number(1, 1_000_000), ["100", "1000"],
        "Signals of one name that wait to be consumed by one task"),
];
