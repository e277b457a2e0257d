//! `caudal tasks`: the list, newest first, a page at a time.

use anyhow::Result;
use serde_json::Value;

use super::table::table;
use super::{SUCCESS, Session};
use crate::cli::TasksArgs;
use crate::output::text_of;

pub(super) async fn run(session: &Session, args: &TasksArgs) -> Result<u8> {
    let answer = session.client.get(&["tasks"], &filter(args)).await?;
    session.output.either(&answer, words);
    Ok(SUCCESS)
}

fn filter(args: &TasksArgs) -> Vec<(&'static str, String)> {
    let mut filter = vec![("limit", args.limit.to_string())];
    let optional = [("flow", &args.flow), ("tag", &args.tag), ("q", &args.query), ("cursor", &args.cursor)];
    filter.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if !args.states.is_empty() {
        filter.push(("state", args.states.join(",").to_uppercase()));
    }
    filter
}

fn words(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let more = answer.get("next").and_then(Value::as_str);
    let more = more.map(|cursor| format!("more: the same with --cursor {cursor}"));
    if items.is_empty() {
        // A search looks at so many tasks at once: there may be some behind them.
        return more.map_or("no tasks".to_owned(), |more| format!("no tasks among those that were looked at\n{more}"));
    }
    let rows = items.iter().map(|task| {
        let progress = task.get("progress").and_then(Value::as_u64).unwrap_or(0);
        let texts = ["task_id", "flow", "state"].map(|name| text_of(task, name).to_owned());
        let rest =
            [format!("{progress} %"), text_of(task, "status").to_owned(), text_of(task, "created_at").to_owned()];
        texts.into_iter().chain(rest).collect()
    });
    let mut text = table(["task", "flow", "state", "progress", "status", "created"], rows);
    if let Some(more) = more {
        text.push_str(&format!("\n{more}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: nobody is told that there is nothing while only the first thousands were looked at.
    #[test]
    fn an_empty_page_is_no_end() {
        assert_eq!(words(&json!({ "items": [], "next": null })), "no tasks");
        let searched = words(&json!({ "items": [], "next": "c7" }));
        assert!(searched.contains("looked at") && searched.contains("--cursor c7"), "{searched}");
    }
}
