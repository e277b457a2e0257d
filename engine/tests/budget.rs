//! What a task may spend: recorded, summed, held, and a question when it is used up.

extern crate caudal_engine as caudal;

use caudal_engine::flow::{BUDGET_SIGNAL, ModelUsage};
use caudal_engine::prelude::*;
use caudal_engine::task::{Budget, Fact, WireState};
use caudal_engine::testing::FlowTest;
use serde_json::{Value, json};

/// Calls a "model" so often, 100 tokens each.
#[flow]
async fn spending_flow(ctx: &mut FlowContext, calls: u32) -> FlowResult<u32> {
    for _ in 0..calls {
        ctx.step("Call", spend).await?;
    }
    Ok(calls)
}

/// The same, all calls at once.
#[flow]
async fn spending_at_once_flow(ctx: &mut FlowContext, calls: u32) -> FlowResult<usize> {
    let done = ctx.map("Calls", 0..calls, 10, |mut ctx, _| async move { ctx.step("Call", spend).await }).await?;
    Ok(done.len())
}

/// Has a budget of its own.
#[flow(max_tokens = 150, max_cost = 2.5)]
async fn thrifty_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    for _ in 0..2 {
        ctx.step("Call", spend).await?;
    }
    ctx.step("Call", spend).await?;
    Ok(3)
}

/// Spends before and in a child.
#[flow]
async fn passing_on_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.step("Call", spend).await?;
    ctx.run_child(spending_flow, &2).await
}

/// Spends in one child after the other.
#[flow]
async fn delegating_flow(ctx: &mut FlowContext, children: u32) -> FlowResult<u32> {
    for _ in 0..children {
        ctx.run_child(spending_flow, &2).await?;
    }
    Ok(children)
}

async fn spend(step: StepContext) -> FlowResult<()> {
    step.check_budget()?;
    step.usage(&ModelUsage {
        model: "m".into(),
        prompt_tokens: 60,
        completion_tokens: 40,
        cost: Some(0.01),
        ..ModelUsage::default()
    });
    Ok(())
}

fn tokens(most: u64) -> Budget {
    Budget { max_tokens: Some(most), max_cost: None }
}

fn raise(to: Value) -> Value {
    json!({ "approved": true, "max_tokens": to })
}

/// Goal: usage is in the log with its step and summed in the view.
#[tokio::test]
async fn usage_is_recorded_and_summed() {
    let task = FlowTest::new(spending_flow, 3).run().await;
    let usage = &task.view.usage;
    assert_eq!((usage.calls, usage.prompt_tokens, usage.completion_tokens), (3, 180, 120));
    assert!((usage.cost.unwrap() - 0.03).abs() < 1e-9);
    let view = serde_json::to_value(&task.view).unwrap();
    assert_eq!(view["details"]["usage"]["models"], json!(["m"]));
    let steps =
        task.events.iter().filter(|event| matches!(&event.fact, Fact::Usage(usage) if usage.teller.step.is_some()));
    assert_eq!(steps.count(), 3);
}

/// Goal: a used-up budget is a question; a raise goes on with the very step, and no attempt is lost.
#[tokio::test]
async fn a_raise_goes_on() {
    let test = FlowTest::new(spending_flow, 5).budget(tokens(200)).signal(BUDGET_SIGNAL, raise(json!(450)));
    let task = test.run().await;
    let asked = task.events.iter().find_map(|event| match &event.fact {
        Fact::SignalAwaited(awaited) => awaited.question.clone(),
        _ => None,
    });
    assert_eq!(&*asked.unwrap(), "The budget is used up: 200 of at most 200 tokens used. Raise it?");
    assert_eq!((task.result::<u32>(), task.view.usage.calls), (5, 5));
    assert!(task.events.iter().any(|event| matches!(event.fact, Fact::TaskWaiting(_))), "it parks meanwhile");
    assert!(!task.events.iter().any(|event| matches!(&event.fact, Fact::StepStarted(step) if step.attempt > 1)));
    test.crash_after_every_step().await;
}

/// Goal: a raise without a figure doubles what was reached.
#[tokio::test]
async fn a_plain_yes_doubles() {
    let yes = json!({ "approved": true });
    let budget = Budget { max_cost: Some(0.02), max_tokens: None };
    let task = FlowTest::new(spending_flow, 4).budget(budget).signal(BUDGET_SIGNAL, yes).run().await;
    assert_eq!(task.result::<u32>(), 4);
}

/// Goal: a no ends the step, the task says why, and nothing more is spent.
#[tokio::test]
async fn a_no_is_the_end() {
    let no = json!({ "approved": false });
    let test = FlowTest::new(spending_flow, 5).budget(tokens(100)).signal(BUDGET_SIGNAL, no);
    let task = test.run().await;
    assert_eq!((task.state(), task.view.usage.calls), (WireState::Failure, 1));
    assert_eq!(&*task.error().unwrap().kind, "over_budget");
    test.crash_after_every_step().await;
}

/// Goal: a flow's own budget holds unless the start says otherwise.
#[tokio::test]
async fn a_flow_has_its_own_budget() {
    let no = json!({ "approved": false });
    let own = FlowTest::new(thrifty_flow, json!({})).signal(BUDGET_SIGNAL, no).run().await;
    assert_eq!((own.state(), own.view.usage.calls), (WireState::Failure, 2));
    let more = FlowTest::new(thrifty_flow, json!({})).budget(tokens(1_000)).run().await;
    assert_eq!(more.result::<u32>(), 3);
}

/// Goal: steps that want more at the same time ask once.
#[tokio::test]
async fn many_steps_ask_once() {
    let test = FlowTest::new(spending_at_once_flow, 6).budget(tokens(0)).signal(BUDGET_SIGNAL, raise(json!(10_000)));
    let task = test.run().await;
    assert_eq!(task.result::<usize>(), 6);
    let questions = task.events.iter().filter(|event| matches!(event.fact, Fact::SignalAwaited(_))).count();
    assert_eq!(questions, 1);
    test.crash_after_every_step().await;
}

/// Goal: a child may spend what is left, no more.
#[tokio::test]
async fn a_child_gets_what_is_left() {
    let task = FlowTest::new(passing_on_flow, json!({})).budget(tokens(300)).run().await;
    assert_eq!(task.result::<u32>(), 2);
    let no = json!({ "approved": false });
    let task = FlowTest::new(passing_on_flow, json!({})).budget(tokens(200)).signal(BUDGET_SIGNAL, no).run().await;
    assert_eq!(task.state(), WireState::Failure);
}

/// Goal: what children spend is their parent's spending, so that many of them cannot spend its budget many times.
#[tokio::test]
async fn children_spend_their_parents_budget() {
    let test = FlowTest::new(delegating_flow, 2).budget(tokens(450));
    let task = test.run().await;
    assert_eq!((task.result::<u32>(), task.view.usage.calls, task.view.usage.prompt_tokens), (2, 4, 240));
    test.crash_after_every_step().await;
    let no = json!({ "approved": false });
    let task = FlowTest::new(delegating_flow, 3).budget(tokens(450)).signal(BUDGET_SIGNAL, no).run().await;
    assert_eq!(task.state(), WireState::Failure, "450 - 200 - 200 is not enough for a third");
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Answer {
    colour: String,
}

/// Asks.
#[flow]
async fn asking_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    Ok(ctx.ask::<Answer>("Which colour?").await?.colour)
}

/// Goal: a question carries its form, and its answer arrives as its type, wherever it crashes.
#[tokio::test]
async fn a_question_with_a_form() {
    let test = FlowTest::new(asking_flow, json!({})).answering(Answer { colour: "blue".into() });
    let task = test.run().await;
    assert_eq!(task.result::<String>(), "blue");
    let wait = task.events.iter().find_map(|event| match &event.fact {
        Fact::TaskWaiting(waiting) => waiting.waits.first().cloned(),
        _ => None,
    });
    let wait = wait.unwrap();
    assert_eq!(wait.question.as_deref(), Some("Which colour?"));
    assert_eq!(wait.schema.unwrap().to_value()["properties"]["colour"]["type"], "string");
    test.crash_after_every_step().await;
}
