//! Races against signals and time.

extern crate caudal_engine as caudal;

mod desk;

use std::time::Duration;

use caudal::prelude::*;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use futures_util::future::BoxFuture;
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

/// Lets a signal run against a minute; whoever wins, the signal is used.
#[flow]
async fn hurried_flow(ctx: &mut FlowContext) -> FlowResult<(usize, u32)> {
    let (mut hears, mut sleeps) = (ctx.branch("hears"), ctx.branch("sleeps"));
    let runners: Vec<BoxFuture<'static, FlowResult<u32>>> = vec![
        Box::pin(async move { hears.wait_for_signal("number").await }),
        Box::pin(async move { sleeps.sleep(MINUTE).await.map(|()| 0) }),
    ];
    let (winner, value) = ctx.race("Signal or time", runners).await?;
    let number = if winner == 0 { value } else { ctx.wait_for_signal("number").await? };
    Ok((winner, number))
}

/// Goal: a signal that comes when the time of the race is just over is used, not swallowed.
#[tokio::test]
async fn a_race_swallows_no_signal() {
    let desk = Desk::with(hurried_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.signal("number", json!(7)).await;
    desk.clock.advance(MINUTE);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "[0,7]");
}

/// Takes a signal and works long with it, against a minute.
#[flow]
async fn slow_winner_flow(ctx: &mut FlowContext) -> FlowResult<usize> {
    let (mut hears, mut sleeps) = (ctx.branch("hears"), ctx.branch("sleeps"));
    let runners: Vec<BoxFuture<'static, FlowResult<u32>>> = vec![
        Box::pin(async move {
            let number = hears.wait_for_signal::<u32>("number").await?;
            hears.step("Hang", |_| std::future::pending::<FlowResult<()>>()).await?;
            Ok(number)
        }),
        Box::pin(async move { sleeps.sleep(MINUTE).await.map(|()| 0) }),
    ];
    Ok(ctx.race("Work or time", runners).await?.0)
}

/// Goal: a runner that took a signal holds the others only until that is durable.
#[tokio::test]
async fn a_signal_holds_a_race_for_a_moment_only() {
    let desk = Desk::with(slow_winner_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.signal("number", json!(7)).await;
    desk.clock.advance(MINUTE);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "1");
}
