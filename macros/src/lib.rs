//! `#[flow]` and `flows_in!`: what makes "adding a flow means adding one file" true. `#[tool]`: what a model may call.
//!
//! Read `flow.rs` first: it is the pipeline (`tool.rs` is its little sister). The leaves below it parse ([`options`], [`signature`], [`duration`])
//! and word ([`docs`]). The code that is written refers to the engine by `::caudal::private` alone, so that a
//! flow's crate needs no dependency but `caudal` (in `flows/` the engine itself goes by that name).

use proc_macro::TokenStream;

mod docs;
mod duration;
mod flow;
mod flows_in;
mod options;
mod signature;
mod tool;

/// Makes a flow of an async function: a unit struct of the function's name that implements `Flow`, registered
/// with the platform when its crate is linked.
///
/// ```text
/// /// Writes a short poem.                                   ← the summary; all of it is the description
/// #[flow(title = "Poem", version = 2, timeout = "5m", deadline = "1h", retries = 1, concurrency = 4,
///        formerly = "verse_flow", notify_on_failure, diagnostics,
///        needs = LanguageModel, max_cost = 0.50, max_tokens = 50_000)]   ← all optional
/// async fn poem_flow(ctx: &mut FlowContext, input: PoemInput) -> FlowResult<String> { … }
/// ```
///
/// `input` may be left out. `formerly` takes one earlier name or a list of them (`["a", "b"]`); durations are
/// written as `"500ms"`, `"90s"`, `"5m"`, `"1h30m"`, `"2d"`. `needs` names the resources without which the flow is not
/// ready (`T: Needed`); `max_cost` and `max_tokens` are the budget of a task, unless its start names another.
/// `notify_on_failure` sends a mail of every failure: to the addresses of the settings, or to those that it names.
#[proc_macro_attribute]
pub fn flow(options: TokenStream, item: TokenStream) -> TokenStream {
    flow::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a tool of an async function: a unit struct of the function's name that implements `Tool`, for a model to call.
///
/// ```text
/// /// Says how warm it is in a place.                        ← what the model reads
/// #[tool(title = "Measure the weather", approval, timeout = "20s", retries = 2)]   ← all optional
/// async fn weather(step: StepContext, input: Place) -> FlowResult<Weather> { … }
/// ```
///
/// It runs in a step of its own. `step` may be left out, and so may `input` (`Deserialize + JsonSchema`). A tool that waits
/// for a person or starts a child takes `ctx: &mut FlowContext` in place of the step. With `approval` a person is asked
/// before each call and sees the arguments; `effect = what_it_does` names an `async fn(StepContext, Input) ->
/// FlowResult<String>` that tells that person what the arguments do not say. With `from_person` the output is the word of
/// the person for whom a model works, and not a stranger's.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares a module for each file in a folder, which is named from the crate's root: `flows_in!("src/flows");`.
///
/// It stands in that folder's own `mod.rs` (or `lib.rs`). A build script with
/// `cargo::rerun-if-changed=src/flows` makes cargo see a file that is added.
#[proc_macro]
pub fn flows_in(folder: TokenStream) -> TokenStream {
    let caller = proc_macro::Span::call_site().local_file();
    flows_in::expand(folder.into(), caller).unwrap_or_else(syn::Error::into_compile_error).into()
}
