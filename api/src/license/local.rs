//! The license of an appliance without a license server: the same core, in its own database.

use crate::license::desk::Known;
use anyhow::Context as _;
use oz_domain::Millis;
use oz_license::VendorKeys;
use oz_site::{Ask, Beat, Lived, Refused, Site, Standing, uses};
use oz_store::{AnyConn, Db};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Life of a node's lease.
const TTL: Duration = Duration::from_secs(600);

/// How often the time lived through is written down.
const TICK: Duration = Duration::from_secs(60);

/// The site in this database.
pub(crate) struct Local {
    site: Site,
    file: PathBuf,
    /// Whether the file is where it belongs.
    present: AtomicBool,
    started: Instant,
    turn: Mutex<Turn>,
}

/// What one turn leaves for the next.
#[derive(Default)]
struct Turn {
    lived: Option<Lived>,
    ticked: Duration,
    /// The lease, its counter and when it was extended.
    lease: Option<(String, u64, Duration)>,
    /// The file's text that was tried last: a bad one is told once.
    tried: Option<String>,
}

/// How long the program has run, and whether that is written down now.
#[derive(Clone, Copy)]
struct Age {
    lived: Option<Lived>,
    running: Duration,
    ticks: bool,
}

/// What a turn of the keeper takes into its transaction, which may run several times.
#[derive(Clone)]
struct Step {
    age: Age,
    text: Option<String>,
    lease: Option<(String, u64, Duration)>,
    instance: String,
    now: Millis,
}

/// What comes out of it.
struct Stepped {
    lived: Lived,
    refused: Option<String>,
    lease: Option<(String, u64)>,
    unleased: Option<Refused>,
    standing: Standing,
}

impl Local {
    /// The site of a database whose keys lie in `secrets`.
    pub(crate) fn open(secrets: &Path, file: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { site: site(secrets)?, file, present: AtomicBool::new(false), started: Instant::now(), turn: Mutex::default() })
    }

    /// What may be done now.
    pub(crate) fn standing(&self, conn: &mut AnyConn, now: Millis) -> oz_site::Result<Standing> {
        oz_site::standing(conn, &self.site, now, self.present.load(Ordering::Relaxed))
    }

    /// Keeps the time that this node has lived through; gives whether the clock was turned back. For a node with a license
    /// server.
    pub(crate) async fn live(self: &Arc<Self>, db: &Db, instance: String, now: Millis) -> oz_site::Result<bool> {
        let (me, age) = (Arc::clone(self), self.age());
        let change = move |conn: &mut AnyConn| {
            oz_site::open(conn, &me.site, now, true)?;
            let lived = age.live(conn, &instance, now)?;
            Ok::<_, Refused>((lived, oz_site::row(conn)?.is_some_and(|row| row.clock_was_turned_back(now))))
        };
        let (lived, turned_back) = db.write(change).await?;
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).grow(age, lived);
        Ok(turned_back)
    }

    fn age(&self) -> Age {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.started.elapsed();
        Age { lived: turn.lived, running, ticks: turn.lived.is_none() || running.saturating_sub(turn.ticked) >= TICK }
    }

    /// Reads the file, moves what was used into the ledger, keeps the lease; gives what may be done now.
    pub(crate) async fn turn(self: &Arc<Self>, db: &Db, instance: String, now: Millis) -> oz_site::Result<Known> {
        let me = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || read(&me.file)).await;
        let text = match read {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                tracing::error!(%error, "the license file cannot be read");
                None
            }
            Err(_) => None,
        };
        self.present.store(text.is_some(), Ordering::Relaxed);
        let age = self.age();
        let step = {
            let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            Step {
                age,
                text: text.filter(|text| turn.tried.as_ref() != Some(text)),
                lease: turn.lease.clone(),
                instance,
                now,
            }
        };
        let (me, taken) = (Arc::clone(self), step.clone());
        let stepped = db.write(move |conn| me.step(conn, &taken)).await?;
        self.remember(step, &stepped);
        Ok(known(&stepped, now))
    }

    fn step(&self, conn: &mut AnyConn, step: &Step) -> oz_site::Result<Stepped> {
        let Step { now, instance, .. } = step;
        let now = *now;
        oz_site::open(conn, &self.site, now, true)?;
        let refused = match &step.text {
            Some(text) => match oz_site::install(conn, &self.site, text, now) {
                Err(Refused::Store(error)) => return Err(error.into()),
                Err(refused) => Some(refused.to_string()),
                Ok(_) => None,
            },
            None => None,
        };
        oz_site::begin_trial(conn, now)?;
        let lived = step.age.live(conn, instance, now)?;
        for node in uses::to_tell(conn, instance, now)? {
            while let Some(batch) = uses::batch(conn, &node)? {
                oz_site::use_up(conn, &self.site, &node, &batch, now, self.present.load(Ordering::Relaxed))?;
                uses::settled(conn, &node, batch.seq)?;
            }
        }
        let (lease, unleased) = match self.lease(conn, step) {
            Ok(lease) => (Some(lease), None),
            Err(Refused::Store(error)) => return Err(error.into()),
            Err(refused) => (None, Some(refused)),
        };
        Ok(Stepped { lived, refused, lease, unleased, standing: self.standing(conn, now)? })
    }

    /// The node's lease: extended when a third of its life is over, taken where there is none.
    fn lease(&self, conn: &mut AnyConn, step: &Step) -> oz_site::Result<(String, u64)> {
        let present = self.present.load(Ordering::Relaxed);
        if let Some((id, counter, at)) = &step.lease {
            if step.age.running.saturating_sub(*at) < TTL / 3 {
                return Ok((id.clone(), *counter));
            }
            let beat = Beat { counter: *counter, attempt: uuid::Uuid::now_v7().to_string(), block: 0 };
            match oz_site::beat(conn, &self.site, id, &beat, step.now, present) {
                Ok(given) => return Ok((given.claims.lease_id, given.claims.counter)),
                Err(Refused::Over | Refused::Stale) => {}
                Err(other) => return Err(other),
            }
        }
        let ask = Ask {
            instance_id: step.instance.clone(),
            hostname: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wanted: BTreeSet::new(),
            block: 0,
        };
        let given = oz_site::acquire(conn, &self.site, &ask, step.now, present)?;
        Ok((given.claims.lease_id, given.claims.counter))
    }

    fn remember(&self, step: Step, stepped: &Stepped) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.grow(step.age, stepped.lived);
        turn.lease = stepped.lease.clone().map(|(id, counter)| {
            let same = step.lease.as_ref().filter(|(known, at, _)| *known == id && *at == counter);
            (id, counter, same.map_or(step.age.running, |(_, _, at)| *at))
        });
        if let Some(text) = step.text {
            match &stepped.refused {
                Some(why) => {
                    tracing::error!(path = %self.file.display(), why, "the license file was not installed")
                }
                None => tracing::info!(path = %self.file.display(), "the license file is installed"),
            }
            turn.tried = Some(text);
        }
    }

    /// Gives the lease back, at the end.
    pub(crate) async fn leave(&self, db: &Db, now: Millis) {
        let lease = self.turn.lock().unwrap_or_else(PoisonError::into_inner).lease.take();
        let Some((id, _, _)) = lease else { return };
        if let Err(error) = db.write(move |conn| oz_site::release(conn, &id, 0, now)).await {
            tracing::warn!(%error, "the lease is not given back; it ends by itself");
        }
    }
}

/// The site of an appliance without a license server.
pub(crate) fn site(secrets: &Path) -> anyhow::Result<Site> {
    let key = oz_site::load_or_create(&secrets.join("site.key"), true).context("the site key")?;
    let factors = oz_site::factors(Path::new("/"));
    let mut site = Site::new(VendorKeys::compiled()?, key, factors, env!("CARGO_PKG_VERSION"), TTL);
    site.trial = true;
    Ok(site)
}

/// What the license file says; none when there is none.
pub(crate) fn read(path: &Path) -> std::io::Result<Option<String>> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    // One byte more than is allowed: the verifier says so.
    file.take(oz_license::MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(Some(text))
}

impl Age {
    /// Begins the life, or writes down how long it has been, with a sign of it.
    fn live(self, conn: &mut AnyConn, instance: &str, now: Millis) -> oz_site::Result<Lived> {
        if self.ticks {
            uses::alive(conn, instance, now)?;
        }
        match self.lived {
            None => Lived::begin(conn, now),
            Some(lived) if self.ticks => lived.tick(conn, self.running),
            Some(lived) => Ok(lived),
        }
    }
}

impl Turn {
    fn grow(&mut self, age: Age, lived: Lived) {
        self.lived = Some(lived);
        if age.ticks {
            self.ticked = age.running;
        }
    }
}

fn known(stepped: &Stepped, now: Millis) -> Known {
    let standing = &stepped.standing;
    let mut known = Known {
        state: standing.state.as_str(),
        permits: standing.state.permits(),
        text: standing.text(),
        features: standing.features.clone(),
        left: standing.left,
        days: standing.days_left(now),
        warnings: standing.warnings.clone(),
    };
    if let oz_site::Basis::Trial { ends } = &standing.basis
        && known.permits
    {
        known.state = "trial";
        known.text = format!("trial until {ends}, {} analyses a day", oz_site::TRIAL_A_DAY);
    }
    // One node too many is told as such, not as a bad license.
    if let (true, Some(refused)) = (known.permits, &stepped.unleased) {
        known = Known { left: known.left, days: known.days, ..Known::nothing("no_lease", refused.to_string()) };
    }
    if let Some(why) = &stepped.refused {
        known.warnings.push(oz_site::Warning::urgent("file", format!("the license file: {why}")));
    }
    known
}
