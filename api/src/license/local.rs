//! The license of an appliance without a license server: the same core, in its own database.

use crate::app::App;
use crate::license::desk::Known;
use crate::license::file::LicenseFile;
use crate::license::identity;
use anyhow::Context as _;
use oz_domain::Millis;
use oz_license::VendorKeys;
use oz_site::{Ask, Basis, Beat, Lived, Refused, Site, Standing, uses};
use oz_store::{AnyConn, Db};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The site key, among the secrets.
const KEY: &str = "site.key";

/// Life of a node's lease.
const TTL: Duration = Duration::from_secs(600);

/// How often the time lived through is written down.
const TICK: Duration = Duration::from_secs(15);

/// The site in this database.
pub(crate) struct Local {
    site: Site,
    /// Whether the site key was there before this process: then a database without a site lost it, or is another one.
    is_old: bool,
    file: LicenseFile,
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
    counts: bool,
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
        let is_old = secrets.join(KEY).try_exists()?;
        let (site, file) = (site(secrets)?, LicenseFile::new(file));
        Ok(Self { site, is_old, file, started: Instant::now(), turn: Mutex::default() })
    }

    /// What may be done now.
    pub(crate) fn standing(&self, conn: &mut AnyConn, now: Millis) -> oz_site::Result<Standing> {
        oz_site::standing(conn, &self.site, now, self.file.is_present())
    }

    /// Keeps the time that this node has lived through; gives whether the clock was turned back. For a node with a license
    /// server.
    pub(crate) async fn live(self: &Arc<Self>, app: &App, now: Millis, ticks: bool) -> oz_site::Result<bool> {
        let (me, age, instance) = (Arc::clone(self), self.age(ticks), app.license.instance());
        let change = move |conn: &mut AnyConn| {
            me.opened(conn, now)?;
            let lived = age.live(conn, &instance, now)?;
            Ok::<_, Refused>((lived, oz_site::row(conn)?.is_some_and(|row| row.clock_was_turned_back(now))))
        };
        let (lived, turned_back) = app.db.write(change).await?;
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).grow(age, lived);
        Ok(turned_back)
    }

    /// Opens the site in this database. One that was there before and is gone had its trial.
    fn opened(&self, conn: &mut AnyConn, now: Millis) -> oz_site::Result<()> {
        if self.is_old && oz_site::row(conn)?.is_none() {
            oz_site::open_anew(conn, &self.site, now)?;
            return oz_site::licensed(conn, now);
        }
        oz_site::open(conn, &self.site, now, true).map(drop)
    }

    fn age(&self, ticks: bool) -> Age {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.started.elapsed();
        Age {
            lived: turn.lived,
            running,
            ticks: ticks || turn.lived.is_none() || running.saturating_sub(turn.ticked) >= TICK,
        }
    }

    /// Reads the file, moves what was used into the ledger if it `counts`, keeps the lease; gives what may be done now.
    pub(crate) async fn turn(self: &Arc<Self>, app: &App, now: Millis, counts: bool) -> oz_site::Result<Known> {
        let (age, instance) = (self.age(counts), app.license.instance());
        let text = self.file.look(age.running).await;
        let lease = self.turn.lock().unwrap_or_else(PoisonError::into_inner).lease.clone();
        let step = Step { age, text, lease, instance: instance.clone(), now, counts };
        let (me, taken) = (Arc::clone(self), step.clone());
        let stepped = app.db.write(move |conn| me.step(conn, &taken)).await?;
        self.remember(step, &stepped);
        if let Some(Refused::Stale) = stepped.unleased {
            identity::renew(app, &instance).await.map_err(Refused::NotInstalled)?;
        }
        let mut known = known(&stepped, now);
        if let Some(trouble) = self.file.trouble() {
            known.warnings.push(oz_site::Warning::urgent("file", format!("the license file: {trouble}")));
        }
        Ok(known)
    }

    fn step(&self, conn: &mut AnyConn, step: &Step) -> oz_site::Result<Stepped> {
        let Step { now, instance, .. } = step;
        let now = *now;
        self.opened(conn, now)?;
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
        // What was used under a license server's license is its to count, not nobody's.
        let counts = step.counts && !matches!(self.standing(conn, now)?.basis, Basis::Nothing);
        let told = if counts { uses::to_tell(conn, instance, now)? } else { vec![] };
        uses::forget_last_months(conn, now)?;
        for node in told {
            while let Some(batch) = uses::batch(conn, &node)? {
                oz_site::use_up(conn, &self.site, &node, &batch, now, self.file.is_present())?;
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
    ///
    /// # Errors
    /// [`Refused::Stale`], too, when somebody else took one in this node's name.
    fn lease(&self, conn: &mut AnyConn, step: &Step) -> oz_site::Result<(String, u64)> {
        let present = self.file.is_present();
        if let Some((id, counter, at)) = &step.lease {
            let age = step.age.running.saturating_sub(*at);
            if age < TTL / 3 {
                return Ok((id.clone(), *counter));
            }
            let beat = Beat { counter: *counter, attempt: uuid::Uuid::now_v7().to_string(), block: 0 };
            match oz_site::beat(conn, &self.site, id, &beat, step.now, present) {
                Ok(given) => return Ok((given.claims.lease_id, given.claims.counter)),
                Err(Refused::Over) if age >= TTL => {}
                Err(Refused::Over | Refused::Stale) => return Err(Refused::Stale),
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
            self.file.tried(text, stepped.refused.as_deref(), step.age.running);
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
    let key = oz_site::load_or_create(&secrets.join(KEY), true).context("the site key")?;
    let factors = oz_site::factors(Path::new("/"));
    let mut site = Site::new(VendorKeys::compiled()?, key, factors, env!("CARGO_PKG_VERSION"), TTL);
    site.trial = true;
    Ok(site)
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
        until: match &standing.basis {
            Basis::License(license) => license.over_at(),
            Basis::Trial { ends } => Some(*ends),
            Basis::Nothing => None,
        },
        left: standing.left,
        days: standing.days_left(now),
        warnings: standing.warnings.clone(),
    };
    if let Basis::Trial { ends } = &standing.basis
        && known.permits
    {
        known.state = "trial";
        known.text = format!("trial until {ends}, {} analyses a day", oz_site::TRIAL_A_DAY);
    }
    // One node too many is told as such, not as a bad license.
    if let (true, Some(refused)) = (known.permits, &stepped.unleased) {
        known = Known { left: known.left, days: known.days, ..Known::nothing("no_lease", refused.to_string()) };
    }
    known
}
