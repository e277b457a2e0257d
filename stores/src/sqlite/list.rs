//! Lists, newest first: each filter walks the index that narrows it most, from the cursor on.
//!
//! A state that clients see is one or two stored ones; each is walked alone and the walks are merged, because one
//! walk over several states could not be in the order of age. A search for text looks at a bounded number of tasks
//! per page: a page may then be short, and its cursor goes on where it stopped.

use caudal_engine::ports::{TaskFilter, TaskPage};
use caudal_engine::task::{TaskId, TaskRecord, TaskState, WireState};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::columns::{Columns, signed};
use super::fault::Fault;
use super::names::Names;
use super::record::{self, Details, record_columns};
use super::row::TaskRow;

/// Tasks that one page's search for text looks at.
const MOST_SEARCHED: usize = 20_000;

/// A stored state, and whether the task must have been claimed before.
type Kind = Option<(TaskState, Option<bool>)>;

pub(super) fn list(connection: &Connection, names: &Names, filter: &TaskFilter) -> Result<TaskPage, Fault> {
    let mut found = Vec::new();
    // Below this id, one of the walks has not looked.
    let mut searched_to: Option<TaskId> = None;
    for kind in kinds_of(&filter.states) {
        let Some(query) = Query::of(filter, kind, names) else { return Ok(TaskPage::default()) };
        let walked = query.walk(connection, names, filter, &mut found)?;
        searched_to = searched_to.max(walked);
    }
    found.sort_by_key(|(row, _)| std::cmp::Reverse(row.id));
    if let Some(searched_to) = searched_to {
        found.retain(|(row, _)| row.id >= searched_to);
    }
    let more = found.len() > filter.limit;
    found.truncate(filter.limit);
    let last = found.last().map(|(row, _)| row.id);
    let next = if more { last } else { searched_to };
    let items = found.into_iter().map(|(row, details)| record::record_of(&row.freshened(connection)?, details, names));
    Ok(TaskPage { items: items.collect::<Result<Vec<TaskRecord>, _>>()?, next, partial: false })
}

fn kinds_of(states: &[WireState]) -> Vec<Kind> {
    if states.is_empty() {
        return vec![None];
    }
    let kinds = states.iter().flat_map(|state| match state {
        WireState::Pending => vec![(TaskState::Queued, Some(false))],
        WireState::Progress => vec![(TaskState::Queued, Some(true)), (TaskState::Running, None)],
        WireState::Waiting => vec![(TaskState::Waiting, None)],
        WireState::Paused => vec![(TaskState::Paused, None)],
        WireState::Success => vec![(TaskState::Succeeded, None)],
        WireState::Failure => vec![(TaskState::Failed, None)],
        WireState::Cancelled => vec![(TaskState::Cancelled, None)],
    });
    let mut once: Vec<Kind> = Vec::new();
    for kind in kinds.map(Some) {
        if !once.contains(&kind) {
            once.push(kind);
        }
    }
    once
}

struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// None when nothing can be found: nobody knows the tenant or the flow.
    fn of(filter: &TaskFilter, kind: Kind, names: &Names) -> Option<Self> {
        let tenant = names.find_tenant(&filter.tenant)?;
        let flow = match &filter.flow {
            Some(flow) => Some(names.find_flow(flow)?),
            None => None,
        };
        let by_state = kind.filter(|(state, _)| *state != TaskState::Succeeded);
        let (from, order) = match (&filter.parent, &filter.tag, by_state, flow) {
            (Some(_), ..) => ("tasks t INDEXED BY tasks_by_parent", "t.id"),
            (None, Some(_), ..) => ("task_tags g CROSS JOIN tasks t ON t.task = g.task", "g.id"),
            (None, None, Some(_), _) => ("tasks t INDEXED BY tasks_by_state", "t.id"),
            (None, None, None, Some(_)) => ("tasks t INDEXED BY tasks_by_flow", "t.id"),
            (None, None, None, None) => ("tasks t INDEXED BY tasks_by_tenant", "t.id"),
        };
        let mut query = Self {
            sql: format!(
                "SELECT {} FROM {from} CROSS JOIN task_details d ON d.task = t.task WHERE t.tenant = ?",
                record_columns!()
            ),
            values: vec![Value::Integer(tenant)],
        };
        if let Some(parent) = filter.parent {
            query.and("t.parent IS NOT NULL AND t.parent = ?", Value::Blob(parent.as_bytes().to_vec()));
        }
        if let Some(tag) = &filter.tag {
            query.and("g.tag = ?", Value::Text(tag.clone()));
            query.and("g.tenant = ?", Value::Integer(tenant));
        }
        query.and_kind(kind);
        query.and_maybe("t.flow = ?", flow);
        query.and_maybe("t.created_at > ?", filter.created_after.map(|after| after.as_millis()));
        query.and_maybe("t.created_at < ?", filter.created_before.map(|before| before.as_millis()));
        if let Some(cursor) = filter.cursor {
            query.and(&format!("{order} < ?"), Value::Blob(cursor.as_bytes().to_vec()));
        }
        query.sql.push_str(&format!(" ORDER BY {order} DESC LIMIT ?"));
        let most = if filter.text.is_some() { MOST_SEARCHED } else { filter.limit.saturating_add(1) };
        query.values.push(Value::Integer(signed(most as u64)));
        Some(query)
    }

    fn and(&mut self, condition: &str, value: Value) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value);
    }

    fn and_maybe(&mut self, condition: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.and(condition, Value::Integer(value));
        }
    }

    fn and_kind(&mut self, kind: Kind) {
        let Some((state, started)) = kind else { return };
        self.and("t.state = ?", Value::Integer(state as i64));
        if state != TaskState::Succeeded {
            // Says to SQLite that the index without succeeded tasks will do.
            self.sql.push_str(" AND t.state <> 4");
        }
        match started {
            Some(true) => self.sql.push_str(" AND t.started_at IS NOT NULL"),
            Some(false) => self.sql.push_str(" AND t.started_at IS NULL"),
            None => {}
        }
    }

    /// Collects up to one more than a page holds. Answers where it stopped looking, if it did before the end.
    fn walk(
        &self,
        connection: &Connection,
        names: &Names,
        filter: &TaskFilter,
        found: &mut Vec<(TaskRow, Details)>,
    ) -> Result<Option<TaskId>, Fault> {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        let mut statement = connection.prepare_cached(&self.sql)?;
        let mut rows = statement.query(params_from_iter(&self.values))?;
        let (mut searched, mut fitting) = (0, 0);
        let mut last = None;
        while let Some(row) = rows.next()? {
            let mut at = Columns::of(row);
            let (mut row, details) = (TaskRow::from_columns(&mut at)?, Details::from_columns(&mut at)?);
            searched += 1;
            last = Some(row.id);
            let fits = match &text {
                Some(text) => {
                    row = row.freshened(connection)?;
                    says(&row, &details, &names.flow(row.flow)?, text)
                }
                None => true,
            };
            if fits {
                found.push((row, details));
                fitting += 1;
                if fitting > filter.limit {
                    return Ok(None);
                }
            }
        }
        Ok(last.filter(|_| text.is_some() && searched >= MOST_SEARCHED))
    }
}

fn says(row: &TaskRow, details: &Details, flow: &str, text: &str) -> bool {
    let (id, input) = (row.id.to_string(), details.options.searchable(&details.input));
    [&id, flow, &*row.summary.status, &*input].into_iter().any(|place| place.to_lowercase().contains(text))
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Tenant;

    use super::super::plans;
    use super::*;

    /// Goal: every list walks an index in its own order, so that a page costs a page.
    #[test]
    fn lists_walk_an_index() {
        let connection = plans::schema();
        let names = Names::default();
        names.add_tenant(&connection, &Tenant::default()).unwrap();
        names.add_flow(&connection, &"poem_flow".into()).unwrap();
        let (flow, tag) = (Some("poem_flow".to_owned()), Some("nightly".to_owned()));
        let cursor = Some(TaskId::from_bytes([7; 16]));
        let filters = [
            TaskFilter { cursor, ..TaskFilter::default() },
            TaskFilter { cursor, flow: flow.clone(), ..TaskFilter::default() },
            TaskFilter { cursor, tag, flow, ..TaskFilter::default() },
            TaskFilter { cursor, parent: cursor, ..TaskFilter::default() },
            TaskFilter { cursor, states: WireState::ALL.to_vec(), ..TaskFilter::default() },
        ];
        for filter in filters {
            for kind in kinds_of(&filter.states) {
                let query = Query::of(&filter, kind, &names).unwrap();
                plans::assert_seeks(&query.sql, &plans::explain(&connection, &query.sql));
            }
        }
    }
}
