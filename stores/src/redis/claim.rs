//! Claiming: who is next in line for this worker, over all partitions; and renewing what was claimed.
//!
//! A claim begins where the bell rang last, else where the last one did not, and asks the other partitions only when
//! that one could not fill it: then all of them at once, first only for what they have. An idle worker's question costs
//! one small script per partition.

use std::collections::HashMap;

use caudal_engine::ports::{ClaimKind, ClaimRequest, Claimed, ClaimedTask, KnownFlow, Renewed, StoreError};
use caudal_engine::task::event::TaskClaimed;
use caudal_engine::task::{Claim, Fact, Priority, Summary, TaskId, Timestamp};
use futures_util::future::join_all;
use redis::Value;

use super::facts::summary_text;
use super::fault::{down, unreadable};
use super::packed::unpacked;
use super::record::{Fields, claim_text};
use super::reply;
use super::scripts::{CLAIM, RENEW};
use super::store::{RedisStore, millis};

/// Tasks that one script claims; the rest is left for the next question.
const MOST_PER_SCRIPT: usize = 100;
/// Claims that one script renews.
const MOST_RENEWED: usize = 500;

/// What one partition answered.
#[derive(Default)]
struct Answer {
    tasks: Vec<ClaimedTask>,
    /// From the question on.
    next_due: Option<i64>,
    suspect_due: bool,
}

impl Answer {
    fn has_more(&self) -> bool {
        self.next_due.is_some_and(|due| due <= 0)
    }
}

/// A claim over several partitions, as far as it has come.
struct Round {
    request: ClaimRequest,
    most: usize,
    flows: Vec<KnownFlow>,
    tasks: Vec<ClaimedTask>,
    /// The last answer of each partition.
    answers: HashMap<u16, Answer>,
}

impl Round {
    fn take(&mut self, partition: u16, mut answer: Answer) {
        for claimed in &answer.tasks {
            if let Some(flow) = self.flows.iter_mut().find(|flow| flow.name == claimed.task.flow) {
                flow.free = flow.free.map(|free| free.saturating_sub(1));
            }
        }
        self.tasks.append(&mut answer.tasks);
        self.answers.insert(partition, answer);
    }

    fn left(&self) -> usize {
        self.most.saturating_sub(self.tasks.len())
    }
}

impl RedisStore {
    pub(super) async fn claim_round(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        let order = self.rounds.order(self.layout.partitions());
        let most = match request.kind {
            ClaimKind::Ordinary => request.most,
            ClaimKind::Suspect => request.most.min(1),
        };
        let flows = request.flows.to_vec();
        let mut round = Round { request, most, flows, tasks: Vec::new(), answers: HashMap::new() };
        let Some((first, others)) = order.split_first() else { return Ok(Claimed::default()) };
        let is_enough = match self.claim_in(*first, &round, round.left()).await {
            Ok(answer) => {
                let is_enough = answer.tasks.len() >= round.left() && answer.has_more();
                round.take(*first, answer);
                is_enough
            }
            // Its node may be away alone.
            Err(_) if !others.is_empty() => false,
            Err(error) => return Err(error),
        };
        if !is_enough && let Err(error) = self.claim_in_others(others, &mut round).await {
            // What was claimed must not be lost with the answer of another node.
            if round.tasks.is_empty() {
                return Err(error);
            }
        }
        let now = self.clock.now();
        let next_due = round.answers.values().filter_map(|answer| answer.next_due).min();
        Ok(Claimed {
            suspect_due: round.answers.values().any(|answer| answer.suspect_due),
            next_due: next_due.map(|offset| Timestamp::from_millis(now.as_millis().saturating_add(offset))),
            tasks: round.tasks,
        })
    }

    async fn claim_in_others(&self, others: &[u16], round: &mut Round) -> Result<(), StoreError> {
        let looks = join_all(others.iter().map(|partition| self.claim_in(*partition, round, 0))).await;
        let mut failed = None;
        for (partition, look) in others.iter().zip(looks) {
            match look {
                Ok(answer) => round.take(*partition, answer),
                Err(error) => failed = Some(error),
            }
        }
        for partition in others {
            let has_more = round.answers.get(partition).is_some_and(Answer::has_more);
            if round.left() > 0 && has_more {
                match self.claim_in(*partition, round, round.left()).await {
                    Ok(answer) => round.take(*partition, answer),
                    Err(error) => failed = Some(error),
                }
            }
        }
        // One node that is away does not keep the others' tasks from being claimed.
        match failed {
            Some(error) if round.answers.values().all(|answer| !answer.has_more()) => Err(error),
            _ => Ok(()),
        }
    }

    async fn claim_in(&self, partition: u16, round: &Round, most: usize) -> Result<Answer, StoreError> {
        let request = &round.request;
        let most = most.min(MOST_PER_SCRIPT);
        let turn = request.turn.wrapping_add(round.tasks.len() as u64) % 20;
        let waiting = Summary::default();
        let fact = Fact::from(TaskClaimed { worker: request.worker.clone() });
        let mut starting = waiting.clone();
        starting.apply(&fact);
        let mut call = CLAIM
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(millis(self.lease))
            .arg(serde_json::to_string(&request.worker).map_err(unreadable)?)
            .arg(if request.kind == ClaimKind::Suspect { "s" } else { "o" })
            .arg(most)
            .arg(turn)
            .arg(fact.encode(self.clock.now()))
            .arg(summary_text(&waiting))
            .arg(summary_text(&starting))
            .arg(orders())
            .arg(round.flows.len());
        for flow in &round.flows {
            let free = flow.free.map_or(-1, |free| i64::try_from(free).unwrap_or(i64::MAX));
            call = call.arg(&*flow.name).arg(flow.version).arg(free);
        }
        call.push(format!("{:016x}", self.ids.random()));
        self.rounds.quiet(partition);
        let asked = self.rounds.moment();
        let answer = match self.nodes.call(partition, &call).await {
            Ok(answer) => answer,
            Err(error) => {
                // What rang may still be there.
                self.rounds.ring(partition);
                return Err(error);
            }
        };
        let [next_due, suspect_due, lease, outbox, tasks] = reply::tuple(answer)?;
        self.rounds.saw_leases(partition, asked, reply::maybe_int(&lease)?);
        self.saw_outbox(partition, asked, &reply::list(outbox)?, None)?;
        Ok(Answer {
            tasks: claimed_tasks(tasks)?,
            next_due: reply::maybe_int(&next_due)?,
            suspect_due: reply::int(&suspect_due)? == 1,
        })
    }

    /// One call per partition, or several small ones. Those of a partition that cannot be reached, or hangs, are left out: the others' claims
    /// must not die with it.
    pub(super) async fn renew_all(&self, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        let mut by_partition: HashMap<u16, Vec<usize>> = HashMap::new();
        for (place, (task, _)) in claims.iter().enumerate() {
            by_partition.entry(task.partition()).or_default().push(place);
        }
        let pieces = by_partition.into_iter().flat_map(|(partition, places)| {
            let pieces: Vec<Vec<usize>> = places.chunks(MOST_RENEWED).map(<[usize]>::to_vec).collect();
            pieces.into_iter().map(move |places| (partition, places))
        });
        let calls = pieces.map(|(partition, places)| async move {
            let mut call = RENEW.call(&self.keys.of(partition)).arg(self.turned()).arg(millis(self.lease));
            for (task, claim) in places.iter().filter_map(|place| claims.get(*place)) {
                call = call.arg(task.to_string()).arg(claim_text(*claim));
            }
            let Ok(answer) = tokio::time::timeout(self.lease * 2 / 5, self.nodes.call(partition, &call)).await else {
                // The next one does not wait on the same connection.
                self.nodes.let_go_of_own(partition);
                return Err(down("no answer in time"));
            };
            let answers = reply::list(answer?)?;
            Ok::<_, StoreError>((places, answers))
        });
        let mut renewed: Vec<Option<Renewed>> = vec![None; claims.len()];
        let mut failed = None;
        for answered in join_all(calls).await {
            let (places, answers) = match answered {
                Ok(answered) => answered,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            for (place, pair) in places.into_iter().zip(answers.chunks_exact(2)) {
                if let ([held, head], Some((task, _))) = (pair, claims.get(place)) {
                    let (held, head) = (reply::int(held)? == 1, reply::count(head)?);
                    renewed[place] = Some(Renewed { task: *task, held, head });
                }
            }
        }
        let renewed: Vec<Renewed> = renewed.into_iter().flatten().collect();
        match failed {
            Some(error) if renewed.is_empty() => Err(error),
            _ => Ok(renewed),
        }
    }
}

/// The priorities in the order of each turn, as digits.
fn orders() -> String {
    (0..20).flat_map(Priority::order_at).map(|priority| char::from(b'0' + priority as u8)).collect()
}

/// Those that can be read: all were claimed in one go, and one that cannot be read must not take the others along. Its own
/// claim runs out, and it is taken over as if its worker had died: later each time, until the verdict on a crash loop.
fn claimed_tasks(tasks: Value) -> Result<Vec<ClaimedTask>, StoreError> {
    let mut claimed = Vec::new();
    // Packed, if there are any.
    let tasks = if tasks == Value::BulkString(Vec::new()) { Vec::new() } else { reply::list(unpacked(tasks)?)? };
    let mut tasks = tasks.into_iter();
    while let (Some(id), Some(stored)) = (tasks.next(), tasks.next()) {
        let id = String::from_utf8_lossy(&reply::bytes(id)?).into_owned();
        match claimed_task(&id, stored) {
            Ok(task) => claimed.push(task),
            Err(error) => tracing::error!(task.id = %id, %error, "a task in line cannot be read; others go past it"),
        }
    }
    Ok(claimed)
}

fn claimed_task(id: &str, stored: Value) -> Result<ClaimedTask, StoreError> {
    let id: TaskId = id.parse().map_err(unreadable)?;
    let [details, values] = reply::tuple(stored)?;
    let task = Fields::read_claimed(values)?.into_record(id, &reply::bytes(details)?, &[])?;
    let (claim, _) = task.claim.clone().ok_or_else(|| unreadable("a claimed task has no claim"))?;
    Ok(ClaimedTask { task, claim })
}
