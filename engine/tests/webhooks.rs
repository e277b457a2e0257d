//! What the outbox keeps of a webhook call until somebody hears it.

extern crate caudal_engine as caudal;

mod desk;

use caudal::notification::{Notify, NotifyOn};
use caudal::prelude::*;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

const LONG: usize = 300 * 1024;

/// Answers with a long text.
#[flow]
async fn long_answer_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    ctx.step("Think", |_| async { Ok(()) }).await?;
    Ok("x".repeat(LONG))
}

/// Goal: a long result is stored once, in the log; what is to be called keeps its beginning and says so, while the view, which
/// the call adds, has all of it.
#[tokio::test]
async fn a_long_result_is_stored_once() {
    let webhook = Some("https://hooks.example.org/caudal".to_owned());
    let notify = Notify { webhook, on: vec![NotifyOn::Success], ..Notify::default() };
    let desk = Desk::with_notify(long_answer_flow, notify).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    let told = desk.store.all_notifications().remove(0);
    assert!(told.body.len() < 20 * 1024, "{}", told.body.len());
    let event = told.webhook().unwrap().event.to_value();
    assert_eq!((&event["kind"], &event["result_is_cut"]), (&json!("task.succeeded"), &json!(true)));
    assert_eq!(event["result"].as_str().unwrap().len(), 16 * 1024);
    assert_eq!(desk.view().await.final_result.unwrap().len(), LONG + 2);
}
