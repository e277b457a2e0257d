//! Mail that arrives, and calls that are heard: the real binary, alone with SQLite and in parts over Redis and Postgres,
//! against mail servers that are real, slow, away or rude.
//!
//! Each test is a function of a [`Mode`](place::Mode) and is run in both by [`in_both_modes!`].

/// Makes a test for each mode of each of these functions.
macro_rules! in_both_modes {
    ($($test:ident),+ $(,)?) => {
        mod alone {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::place::Mode::Alone).await;
            })+
        }
        mod apart {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::place::Mode::Apart).await;
            })+
        }
    };
}

mod bad_input;
mod births;
mod bounds;
mod command_line;
mod figures;
mod kills;
mod pace;
mod place;
mod real_server;
mod rude_servers;
mod shown;
mod unsubscribe;
mod webhooks;
