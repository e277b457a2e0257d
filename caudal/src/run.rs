//! The way in: reads the command line, does what it says, ends the process with the right code.

use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::commands;
use crate::output::Output;
use crate::settings::Settings;
use caudal_engine::flow::Resources;

/// What the binary wires in for its flows to use, found by `ctx.resource::<T>()`.
pub(crate) type WireResources = fn(&Settings, &mut Resources);

/// The whole of a program that runs flows: `fn main() { caudal::run() }`.
///
/// The flows are those of all crates that are linked. A crate of flows that nothing else is taken from must be
/// named once, or the linker leaves it out: `use my_flows as _;`.
pub fn run() {
    run_with(|_, _| {});
}

/// The same, with things of the binary's own that its flows use: a client, a connection.
///
/// ```no_run
/// struct Greeting(String);
///
/// caudal::run_with(|_settings, resources| resources.insert(Greeting("Hello".to_owned())));
/// ```
pub fn run_with(wire: fn(&Settings, &mut Resources)) {
    let code = run_command(wire);
    if code != 0 {
        std::process::exit(i32::from(code));
    }
}

fn run_command(wire: WireResources) -> u8 {
    let output = Output { json: false };
    let parsed = Cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; they go where they belong.
            let _gone = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(commands::USAGE);
        }
    };
    match commands::run(cli, wire) {
        Ok(code) => code,
        Err(error) => {
            match error.downcast_ref::<clap::Error>() {
                // It says by itself that it is one, and in colour.
                Some(usage) => drop(usage.print()),
                None => output.remark(format!("error: {error:#}")),
            }
            commands::exit_code(&error)
        }
    }
}
