//! Where work asks whether it may begin.

use crate::error::{Error, Result};
use crate::license::identity;
use crate::license::local::Local;
use crate::settings::Api;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::Feature;
use oz_site::{Warning, uses};
use oz_store::AnyConn;
use oz_wire::Code;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// With more than this left nobody asks the ledger: what was accepted since the keeper looked is known well enough. More than
/// all that can be in flight at once.
const FAR: i64 = 10_000;
/// What nobody has looked at for so long is not known any more: the keeper hangs, or cannot write.
const STALE: Duration = Duration::from_secs(300);

/// What the keeper found last.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The word for the state, as on the wire.
    pub(crate) state: &'static str,
    /// Whether work may begin.
    pub(crate) permits: bool,
    /// Why it may not, or how long it may, for a person.
    pub(crate) text: String,
    pub(crate) features: BTreeSet<Feature>,
    /// Analyses left by the ledger, overage included; none without a limit.
    pub(crate) left: Option<i64>,
    /// When work may no longer begin, whoever looks by then; none when it never ends.
    pub(crate) until: Option<Timestamp>,
    /// Days left; none when it never ends.
    pub(crate) days: Option<i64>,
    pub(crate) warnings: Vec<Warning>,
}

impl Known {
    /// Work may not begin.
    pub(crate) fn nothing(state: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        let warnings = vec![Warning::urgent(state, text.clone())];
        Self { state, permits: false, text, features: BTreeSet::new(), left: None, until: None, days: None, warnings }
    }

    /// State and text when work may not begin: by what is known, and by the time, should nobody have looked since.
    fn refuses(&self, looked: Instant, now: Millis) -> Option<(&'static str, String)> {
        if !self.permits {
            return Some((self.state, self.text.clone()));
        }
        if let Some(until) = self.until.filter(|until| oz_site::timestamp(now) >= *until) {
            return Some(("expired", format!("the license is over since {until}")));
        }
        (looked.elapsed() >= STALE)
            .then(|| ("unknown", "the license could not be looked at for minutes: the log says why".to_owned()))
    }
}

/// Where work asks. Everything it needs is in memory, but near the end of a volume.
pub(crate) struct Desk {
    /// What the keeper found last, and when.
    known: RwLock<(Arc<Known>, Instant)>,
    /// This node's name in leases and batches.
    instance: Mutex<String>,
    /// The site in this database.
    pub(crate) local: Arc<Local>,
    /// Analyses that wait to be counted: many when the license server is away. Those that were accepted since the keeper
    /// looked are among them, and a few that were rolled back.
    waiting: AtomicI64,
    /// Whether a license server counts, and the site here only keeps the time.
    served: bool,
}

/// What accepted analyses use: features and how many.
pub(crate) type Uses = BTreeMap<Feature, i64>;

impl Desk {
    fn new(instance: String, local: Local, served: bool) -> Self {
        let known = Known::nothing("starting", "the license has not been read yet");
        Self {
            known: RwLock::new((Arc::new(known), Instant::now())),
            instance: Mutex::new(instance),
            local: Arc::new(local),
            waiting: AtomicI64::new(0),
            served,
        }
    }

    /// Opens what the license needs on this node.
    pub(crate) fn open(settings: &Api) -> anyhow::Result<Self> {
        let folder = &settings.data_dir;
        let local = Local::open(&folder.join("secrets"), settings.license_file.clone())?;
        Ok(Self::new(identity::load_or_create(folder)?, local, settings.license_server.is_some()))
    }

    fn looked(&self) -> (Arc<Known>, Instant) {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn known(&self) -> Arc<Known> {
        self.looked().0
    }

    /// Says that this process accepts nothing, and so needs no license.
    pub(crate) fn rest(&self) {
        let text = "not needed: this process accepts no analyses".to_owned();
        self.learn(Known { permits: true, text, warnings: vec![], ..Known::nothing("unused", "") });
    }

    pub(crate) fn learn(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(known), Instant::now());
    }

    /// Says how many analyses wait to be counted.
    pub(crate) fn wait(&self, pending: i64) {
        self.waiting.store(pending, Ordering::Relaxed);
    }

    /// Whether so little is left that every analysis is counted exactly.
    pub(crate) fn is_near_the_end(&self) -> bool {
        self.known().left.is_some_and(|left| left.saturating_sub(self.waiting.load(Ordering::Relaxed)) <= FAR)
    }

    pub(crate) fn instance(&self) -> String {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn rename(&self, instance: String) {
        *self.instance.lock().unwrap_or_else(PoisonError::into_inner) = instance;
    }

    /// Accepts analyses: counts them in the caller's transaction.
    ///
    /// # Errors
    /// Codes 1500, 1501, 1502 with `details.state` or `details.feature`.
    pub(crate) fn accept(&self, conn: &mut AnyConn, wanted: &Uses, now: Millis) -> Result<()> {
        let (known, looked) = self.looked();
        if let Some((state, text)) = known.refuses(looked, now) {
            let error = oz_http::ApiError::new(Code::LicenseInvalid, text);
            return Err(error.with_details(json!({"state": state})).into());
        }
        if let Some(feature) = wanted.keys().find(|feature| !known.features.contains(feature)) {
            let text = format!("the license does not cover `{}`", feature.as_str());
            let error = oz_http::ApiError::new(Code::LicenseFeature, text);
            return Err(error.with_details(json!({"feature": feature.as_str()})).into());
        }
        if let Some(left) = self.left(conn, &known, now)?
            && left < wanted.values().sum()
        {
            let text = format!("the licensed volume is used up: {} analyses are left", left.max(0));
            let error = oz_http::ApiError::new(Code::LicenseVolume, text);
            return Err(error.with_details(json!({"left": left.max(0)})).into());
        }
        let instance = self.instance();
        for (feature, n) in wanted {
            uses::note(conn, &instance, *feature, *n, now)?;
            self.waiting.fetch_add(*n, Ordering::Relaxed);
        }
        Ok(())
    }

    /// What is left, exactly when that is little: in the same transaction, so that two who ask at once are not both given
    /// the last one.
    fn left(&self, conn: &mut AnyConn, known: &Known, now: Millis) -> Result<Option<i64>> {
        let Some(left) = known.left else { return Ok(None) };
        let about = left.saturating_sub(self.waiting.load(Ordering::Relaxed));
        if about > FAR {
            return Ok(Some(about));
        }
        let left = if self.served { Some(left) } else { self.local.standing(conn, now).map_err(refused)?.left };
        let pending = uses::pending(conn).map_err(refused)?;
        Ok(left.map(|left| left.saturating_sub(pending)))
    }
}

/// A site's refusal where only the database can fail.
fn refused(error: oz_site::Refused) -> Error {
    match error {
        oz_site::Refused::Store(error) => Error::Store(error),
        other => Error::Api(oz_http::ApiError::internal(Code::Unknown, other)),
    }
}
