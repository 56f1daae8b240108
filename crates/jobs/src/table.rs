//! All SQL of the jobs table.

use crate::{Error, Job, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oz_domain::{JobId, JobState, LeaseToken, Millis, RequestId};
use oz_store::schema::jobs;
use oz_store::types::Sql;
use oz_store::{AnyConn, Statement, each};
use serde_json::Value;

oz_store::row! {
    /// A job as it lies in the table.
    Row in jobs by (id, kind, state) {
        /// Its id.
        id: JobId as Sql,
        /// Its kind.
        kind: String,
        /// The lane it runs in.
        lane: String,
        /// What it needs to know; `null` once it is done.
        payload: Value as Sql,
        /// Jobs of a kind with the same key are one while they wait or run.
        dedupe_key: Option<String>,
        /// Higher comes first.
        priority: i32,
        /// Where it is.
        state: JobState as Sql,
        /// How often it was begun.
        attempts: i32,
        /// How often it may be begun.
        max_attempts: i32,
        /// Not before this time.
        run_at: Millis as Sql,
        /// Who has it.
        lease_token: Option<LeaseToken> as Sql,
        /// Until when.
        lease_until: Option<Millis> as Sql,
        /// What the last attempt that failed said.
        last_error: Option<String>,
        /// The request that asked for it.
        request_id: Option<RequestId> as Sql,
        /// When it was enqueued, or given new attempts.
        time_created: Millis as Sql,
        /// When it was done or given up.
        time_finished: Option<Millis> as Sql,
    }
}

/// The columns in the order of [`Row`].
const COLUMNS: &str = "id, kind, lane, payload, dedupe_key, priority, state, attempts, max_attempts, run_at, lease_token, \
    lease_until, last_error, request_id, time_created, time_finished";

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its kind.
    pub kind: &'static str,
    /// The lane it runs in.
    pub lane: &'static str,
    /// What it needs to know; no personal data.
    pub payload: Value,
    /// Jobs of a kind with the same key are one while they wait or run.
    pub dedupe_key: Option<String>,
    /// Higher comes first; 0 is usual.
    pub priority: i32,
    /// How often it may be begun.
    pub max_attempts: i32,
    /// Not before this time.
    pub run_at: Millis,
    /// The request that asks for it.
    pub request_id: Option<RequestId>,
}

impl NewJob {
    /// A job of kind `J`, due at `now`.
    ///
    /// # Errors
    /// [`Error::Payload`] when the payload cannot be written as JSON.
    pub fn of<J: Job>(payload: &J::Payload, now: Millis) -> Result<Self> {
        Ok(Self {
            kind: J::KIND,
            lane: J::LANE,
            payload: serde_json::to_value(payload).map_err(|_| Error::Payload)?,
            dedupe_key: None,
            priority: 0,
            max_attempts: J::MAX_ATTEMPTS,
            run_at: now,
            request_id: None,
        })
    }

    /// With this key: nothing is enqueued while another job of the kind has it.
    #[must_use]
    pub fn once(mut self, dedupe_key: impl ToString) -> Self {
        self.dedupe_key = Some(dedupe_key.to_string());
        self
    }

    /// Asked for by this request; none for what the machine itself does.
    #[must_use]
    pub const fn asked_by(mut self, request: Option<RequestId>) -> Self {
        self.request_id = request;
        self
    }
}

/// What came of enqueueing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// A new job.
    New(JobId),
    /// One with the same key waits or runs already.
    Already,
}

/// Enqueues a job in the caller's write transaction: it exists if and only if that commits. Wake the runner afterwards
/// ([`crate::Handle::wake`]).
///
/// # Errors
/// Of the database only.
pub fn enqueue(conn: &mut AnyConn, new: &NewJob, now: Millis) -> oz_store::Result<Enqueued> {
    let row = Row {
        id: JobId::new(now),
        kind: new.kind.to_owned(),
        lane: new.lane.to_owned(),
        payload: new.payload.clone(),
        dedupe_key: new.dedupe_key.clone(),
        priority: new.priority,
        state: JobState::Ready,
        attempts: 0,
        max_attempts: new.max_attempts.max(1),
        run_at: new.run_at,
        lease_token: None,
        lease_until: None,
        last_error: None,
        request_id: new.request_id,
        time_created: now,
        time_finished: None,
    };
    let id = row.id;
    let added = each!(conn, c => diesel::insert_into(jobs::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(if added == 1 { Enqueued::New(id) } else { Enqueued::Already })
}

/// Takes the next due job of the lane: one statement, a transaction of its own, on both databases.
pub(crate) fn claim(
    conn: &mut AnyConn,
    lane: &str,
    kinds: &[&'static str],
    token: LeaseToken,
    until: Millis,
    now: Millis,
) -> oz_store::Result<Option<Row>> {
    let mut s: Statement<diesel::dsl::SqlTypeOf<<jobs::table as Table>::AllColumns>> =
        Statement::new("UPDATE jobs SET state = 'leased', attempts = attempts + 1, lease_token = ");
    s.text(token).sql(", lease_until = ").int(until.get());
    s.sql(" WHERE id = (SELECT id FROM jobs WHERE state = 'ready' AND lane = ").text(lane);
    s.sql(" AND run_at <= ").int(now.get()).any_of(" AND ", "kind", kinds);
    s.sql(" ORDER BY priority DESC, run_at, id LIMIT 1");
    if matches!(conn, AnyConn::Pg(_)) {
        // On SQLite the statement's own write lock does the same work.
        s.sql(" FOR UPDATE SKIP LOCKED");
    }
    s.sql(") RETURNING ").sql(COLUMNS);
    Ok(s.load(conn)?.pop())
}

type Held = diesel::dsl::Filter<
    diesel::dsl::Filter<jobs::table, diesel::dsl::Eq<jobs::id, Sql<JobId>>>,
    diesel::dsl::Eq<jobs::lease_token, Sql<Option<LeaseToken>>>,
>;

/// The job, as long as the lease is ours.
fn held(id: JobId, token: LeaseToken) -> Held {
    jobs::table.filter(jobs::id.eq(Sql(id))).filter(jobs::lease_token.eq(Sql(Some(token))))
}

fn one(changed: usize) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(Error::LeaseLost) }
}

pub(crate) fn extend(conn: &mut AnyConn, id: JobId, token: LeaseToken, until: Millis) -> Result<()> {
    one(diesel::update(held(id, token)).set(jobs::lease_until.eq(Sql(Some(until)))).execute(conn)?)
}

/// Marks the job done, and forgets what it was about.
pub(crate) fn complete(conn: &mut AnyConn, id: JobId, token: LeaseToken, now: Millis) -> Result<()> {
    one(diesel::update(held(id, token))
        .set((
            jobs::state.eq(Sql(JobState::Done)),
            jobs::payload.eq(Sql(Value::Null)),
            jobs::lease_token.eq(None::<String>),
            jobs::lease_until.eq(None::<i64>),
            jobs::last_error.eq(None::<String>),
            jobs::time_finished.eq(Sql(Some(now))),
        ))
        .execute(conn)?)
}

/// Puts the job back; `uncount` when the attempt does not count.
pub(crate) fn put_back(
    conn: &mut AnyConn,
    id: JobId,
    token: LeaseToken,
    run_at: Millis,
    error: Option<&str>,
    uncount: bool,
) -> Result<()> {
    one(diesel::update(held(id, token))
        .set((
            jobs::state.eq(Sql(JobState::Ready)),
            jobs::attempts.eq(jobs::attempts - i32::from(uncount)),
            jobs::run_at.eq(Sql(run_at)),
            jobs::lease_token.eq(None::<String>),
            jobs::lease_until.eq(None::<i64>),
        ))
        .execute(conn)?)?;
    if let Some(error) = error {
        diesel::update(jobs::table.filter(jobs::id.eq(Sql(id)))).set(jobs::last_error.eq(Some(error))).execute(conn)?;
    }
    Ok(())
}

pub(crate) fn bury(conn: &mut AnyConn, id: JobId, token: LeaseToken, error: &str, now: Millis) -> Result<()> {
    one(diesel::update(held(id, token))
        .set((
            jobs::state.eq(Sql(JobState::Dead)),
            jobs::lease_token.eq(None::<String>),
            jobs::lease_until.eq(None::<i64>),
            jobs::last_error.eq(Some(error)),
            jobs::time_finished.eq(Sql(Some(now))),
        ))
        .execute(conn)?)
}

/// Jobs whose lease has run out.
pub(crate) fn expired(conn: &mut AnyConn, now: Millis, limit: i64) -> oz_store::Result<Vec<Row>> {
    Ok(jobs::table
        .filter(jobs::state.eq(Sql(JobState::Leased)))
        .filter(jobs::lease_until.lt(Sql(Some(now))))
        .order(jobs::lease_until.asc())
        .limit(limit)
        .select(Row::as_select())
        .load(conn)?)
}

/// One job.
///
/// # Errors
/// [`oz_store::Error::NotFound`].
pub fn get(conn: &mut AnyConn, id: JobId) -> oz_store::Result<Row> {
    Ok(jobs::table.filter(jobs::id.eq(Sql(id))).select(Row::as_select()).first(conn)?)
}

/// Jobs in a state, the latest first, at most `limit`, older than the job `after`.
///
/// # Errors
/// Of the database only.
pub fn list(conn: &mut AnyConn, state: JobState, after: Option<JobId>, limit: u32) -> oz_store::Result<Vec<Row>> {
    let mut query = jobs::table.filter(jobs::state.eq(Sql(state))).into_boxed();
    if let Some(after) = after {
        query = query.filter(jobs::id.lt(Sql(after)));
    }
    Ok(query.order(jobs::id.desc()).limit(i64::from(limit)).select(Row::as_select()).load(conn)?)
}

/// Gives a dead job another set of attempts, as if it were asked for now. `false` when it is not dead.
///
/// # Errors
/// [`oz_store::Error::Conflict`] when another job with its key waits or runs.
pub fn requeue(conn: &mut AnyConn, id: JobId, now: Millis) -> oz_store::Result<bool> {
    let changed = diesel::update(jobs::table.filter(jobs::id.eq(Sql(id))).filter(jobs::state.eq(Sql(JobState::Dead))))
        .set((
            jobs::state.eq(Sql(JobState::Ready)),
            jobs::attempts.eq(0),
            jobs::run_at.eq(Sql(now)),
            jobs::time_created.eq(Sql(now)),
            jobs::time_finished.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes jobs that were done, or given up, before these times; gives their number.
///
/// # Errors
/// Of the database only.
pub fn sweep(conn: &mut AnyConn, done_before: Millis, dead_before: Millis) -> oz_store::Result<usize> {
    let mut removed = 0;
    for (state, before) in [(JobState::Done, done_before), (JobState::Dead, dead_before)] {
        removed += diesel::delete(
            jobs::table.filter(jobs::state.eq(Sql(state))).filter(jobs::time_finished.lt(Sql(Some(before)))),
        )
        .execute(conn)?;
    }
    Ok(removed)
}

/// How full a lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStats {
    /// The lane.
    pub lane: String,
    /// In which state.
    pub state: JobState,
    /// How many jobs (not told for `done`).
    pub jobs: i64,
    /// When the oldest of them was asked for. Not when it was due: a job that cannot be done yet is put off again and
    /// again, and would never look late.
    pub oldest: Millis,
}

/// How full the lanes are, by state; `done` is left out.
///
/// # Errors
/// Of the database only.
pub fn stats(conn: &mut AnyConn) -> oz_store::Result<Vec<LaneStats>> {
    type Line = (Text, Text, BigInt, BigInt);
    let query: Statement<Line> = Statement::new(
        "SELECT lane, state, count(*), min(time_created) FROM jobs WHERE state IN ('ready', 'leased', 'dead') \
         GROUP BY lane, state ORDER BY lane, state",
    );
    let rows: Vec<(String, Sql<JobState>, i64, Sql<Millis>)> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(lane, state, jobs, oldest)| LaneStats { lane, state: state.0, jobs, oldest: oldest.0 })
        .collect())
}
