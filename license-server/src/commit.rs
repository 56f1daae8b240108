//! One queue for all that is written: what waits while the disk is busy goes into the next transaction together, and each is
//! answered after its commit.

use oz_domain::{Clock, Millis};
use oz_site::Refused;
use oz_store::{AnyConn, Db, Error};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Most changes of a transaction.
const MOST: usize = 128;
/// Changes that wait at most; further callers wait for room.
const ROOM: usize = 1024;

/// The way into the queue.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::Sender<Arc<dyn Change>>);

/// A change whose result has any type.
trait Change: Send + Sync {
    /// Makes the change and keeps what comes of it.
    ///
    /// A refusal is a result like another: functions of `oz_site` refuse before they write. Only an error of the database
    /// ends the transaction.
    fn make(&self, conn: &mut AnyConn, now: Millis) -> Result<(), Error>;
    /// Answers: with what was kept, or with the error of the transaction.
    fn answer(&self, error: Option<Error>);
}

struct Waiting<T, F> {
    change: F,
    made: Mutex<Option<oz_site::Result<T>>>,
    caller: Mutex<Option<oneshot::Sender<oz_site::Result<T>>>>,
}

fn locked<T>(mutex: &Mutex<Option<T>>) -> std::sync::MutexGuard<'_, Option<T>> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T, F> Change for Waiting<T, F>
where
    T: Send,
    F: Fn(&mut AnyConn, Millis) -> oz_site::Result<T> + Send + Sync,
{
    fn make(&self, conn: &mut AnyConn, now: Millis) -> Result<(), Error> {
        let made = match (self.change)(conn, now) {
            Err(Refused::Store(error)) => return Err(error),
            made => made,
        };
        *locked(&self.made) = Some(made);
        Ok(())
    }

    fn answer(&self, error: Option<Error>) {
        let Some(caller) = locked(&self.caller).take() else { return };
        let made = match error {
            Some(error) => Some(Err(error.into())),
            None => locked(&self.made).take(),
        };
        if let Some(made) = made {
            let _gone = caller.send(made);
        }
    }
}

impl Queue {
    /// Starts the queue of a database. It ends with the last clone of the way in.
    pub(crate) fn start(db: Db, clock: Arc<dyn Clock>) -> Self {
        let (queue, changes) = mpsc::channel(ROOM);
        tokio::spawn(work(db, clock, changes));
        Self(queue)
    }

    /// Makes a change and waits for its commit. It does nothing but queries, and may run several times; the time is that of
    /// the transaction.
    ///
    /// # Errors
    /// What the change says; [`Refused::Store`] when it is not known to be committed.
    pub(crate) async fn write<T, F>(&self, change: F) -> oz_site::Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConn, Millis) -> oz_site::Result<T> + Send + Sync + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let waiting = Waiting { change, made: Mutex::new(None), caller: Mutex::new(Some(caller)) };
        let gone = || Refused::Store(Error::Unavailable("the change broke off".to_owned()));
        self.0.send(Arc::new(waiting)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn work(db: Db, clock: Arc<dyn Clock>, mut changes: mpsc::Receiver<Arc<dyn Change>>) {
    let mut waiting = Vec::with_capacity(MOST);
    while changes.recv_many(&mut waiting, MOST).await > 0 {
        let together: Arc<[Arc<dyn Change>]> = waiting.drain(..).collect();
        match commit(&db, &clock, &together).await {
            Ok(()) => together.iter().for_each(|change| change.answer(None)),
            Err(error) if together.len() == 1 => together[0].answer(Some(error)),
            // One of them may be the cause: the others must not suffer for it.
            Err(error) => {
                tracing::warn!(%error, changes = together.len(), "a transaction failed; each change is tried alone");
                for change in together.iter() {
                    let alone: Arc<[Arc<dyn Change>]> = Arc::new([Arc::clone(change)]);
                    change.answer(commit(&db, &clock, &alone).await.err());
                }
            }
        }
    }
}

async fn commit(db: &Db, clock: &Arc<dyn Clock>, changes: &Arc<[Arc<dyn Change>]>) -> Result<(), Error> {
    let (db, clock, changes) = (db.clone(), Arc::clone(clock), Arc::clone(changes));
    // A task of its own: a change that panics takes its transaction with it, not the queue.
    let done = tokio::spawn(async move {
        db.write(move |conn| {
            let now = clock.now();
            changes.iter().try_for_each(|change| change.make(conn, now))
        })
        .await
    });
    done.await.unwrap_or_else(|_| Err(Error::Database("a change panicked".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oz_domain::SystemClock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What one of a hundred callers does at once.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Good,
        Refused,
        Failing,
        Panicking,
    }

    static TABLES: &[&oz_store::Migrations] = &[&oz_site::TABLES];

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_is_answered_with_its_own_result_whatever_the_others_do() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("db").display());
        let options = oz_store::Options { families: TABLES, ..oz_store::Options::default() };
        let db = Db::open(&url, options).await.unwrap();
        db.migrate().await.unwrap();
        let queue = Queue::start(db.clone(), Arc::new(SystemClock));
        let runs = Arc::new(AtomicUsize::new(0));
        let mut callers = Vec::new();
        for n in 0..100 {
            let kind = match n {
                17 => Kind::Panicking,
                n if n % 10 == 3 => Kind::Failing,
                n if n % 10 == 6 => Kind::Refused,
                _ => Kind::Good,
            };
            let (queue, runs) = (queue.clone(), Arc::clone(&runs));
            callers.push(tokio::spawn(async move {
                let change = move |conn: &mut AnyConn, now| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    match kind {
                        Kind::Refused => return Err(Refused::Over),
                        Kind::Panicking => panic!("planned by the test"),
                        Kind::Good | Kind::Failing => {}
                    }
                    let new = oz_site::note_device(conn, &format!("device-{n}"), now)?;
                    if kind == Kind::Failing { Err(Error::Conflict("planned".to_owned()).into()) } else { Ok(new) }
                };
                (kind, queue.write(change).await)
            }));
        }
        let mut good = 0;
        for caller in callers {
            match caller.await.unwrap() {
                (Kind::Good, answer) => {
                    assert!(answer.unwrap(), "made once, and only in the transaction that was committed");
                    good += 1;
                }
                (Kind::Refused, answer) => assert!(matches!(answer, Err(Refused::Over))),
                (Kind::Failing, answer) => assert!(matches!(answer, Err(Refused::Store(Error::Conflict(_))))),
                (Kind::Panicking, answer) => assert!(matches!(answer, Err(Refused::Store(Error::Database(_))))),
            }
        }
        let devices = |conn: &mut AnyConn| {
            let mut known = 0;
            for n in 0..100 {
                known += usize::from(!oz_site::note_device(conn, &format!("device-{n}"), Millis::new(0))?);
            }
            Ok::<_, Refused>(known)
        };
        assert_eq!(db.write(devices).await.unwrap(), good, "what failed left nothing");
        assert!(runs.load(Ordering::Relaxed) > 100, "they met in one transaction");
    }
}
