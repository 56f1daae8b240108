//! The license server, as a node sees it: a lease that is kept alive, and what was used, told once.

use crate::app::App;
use crate::license::call::{Answer, Caller};
use crate::license::desk::Known;
use crate::license::identity;
use crate::license::local::Local;
use crate::settings::LicenseServer;
use http::Method;
use oz_domain::Millis;
use oz_license::{Invalid, Lease, VendorKeys};
use oz_settings::replace_file;
use oz_site::{Batch, Warning, days_until, timestamp, uses};
use oz_store::AnyConn;
use oz_wire::Code;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a turn finds; none when nothing is known that was not known before.
type Found = Result<Known, Option<Known>>;

/// The license server.
pub(crate) struct Remote {
    caller: Caller,
    vendor: VendorKeys,
    /// Keeps the time that this node has lived through, in its own database.
    local: Arc<Local>,
    /// Where the lease is kept over a restart.
    file: PathBuf,
    held: Option<Held>,
    left: Option<i64>,
    /// Since when the server does not answer.
    away: Option<Millis>,
}

/// A lease.
struct Held {
    text: String,
    lease: Lease,
    /// When it is to be extended: a third of its life.
    beat: Instant,
    /// The heartbeat under way: repeated with the same name until it is answered.
    attempt: String,
}

/// A lease as it is kept over a restart: with the heartbeat under way, whose answer may have been lost.
#[derive(Serialize, Deserialize)]
struct Kept {
    lease: String,
    attempt: String,
    /// Analyses that were left.
    #[serde(default)]
    left: Option<i64>,
}

/// What the server said.
enum Said {
    Lease,
    /// Work may not go on.
    No(Known),
    /// Nothing that counts: work goes on with what there is.
    Away(String),
}

impl Remote {
    /// Reads the lease that an earlier life of this node had.
    pub(crate) fn open(app: &App, server: &LicenseServer) -> anyhow::Result<Self> {
        let file = app.settings.data_dir.join("lease.json");
        let mut remote = Self {
            caller: Caller::new(&server.url, server.authority.as_deref(), server.join_secret.clone())?,
            vendor: VendorKeys::compiled()?,
            local: Arc::clone(&app.license.local),
            held: None,
            left: None,
            away: None,
            file,
        };
        if let Ok(text) = fs_err::read_to_string(&remote.file)
            && let Ok(Kept { lease: text, attempt, left }) = serde_json::from_str(&text)
            && let Ok(lease) =
                Lease::verify_away(text.as_bytes(), &remote.vendor, &app.license.instance(), timestamp(app.now()))
        {
            remote.held = Some(Held { text, lease, attempt, beat: Instant::now() });
            remote.left = left;
        }
        Ok(remote)
    }

    /// Keeps the lease, tells what was used if it `counts`, and gives what may be done.
    pub(crate) async fn turn(&mut self, app: &App, counts: bool) -> Found {
        let now = app.now();
        let turned_back = self.local.live(app, now, counts).await.map_err(|error| {
            tracing::warn!(%error, "the license could not be looked at");
            None
        })?;
        if turned_back {
            return Ok(Known::nothing("invalid", oz_license::Reason::ClockTurnedBack.to_string()));
        }
        let due = self.held.as_ref().is_none_or(|held| held.beat <= Instant::now());
        let said = if due { self.lease(app, now).await } else { Said::Lease };
        // What was used is told whatever may be done from now on; and what was not taken is tried until it is.
        let told = if counts || self.away.is_some() { self.tell(app, now).await.err() } else { None };
        match said {
            Said::No(known) => {
                // A refusal holds when the server is away, too.
                self.drop_lease();
                Ok(known)
            }
            Said::Lease => Ok(self.known(now, told)),
            Said::Away(why) => Ok(self.known(now, Some(why))),
        }
    }

    /// What the lease permits, and until when it does so without the server.
    fn known(&mut self, now: Millis, away: Option<String>) -> Known {
        self.away = away.as_ref().map(|_| self.away.unwrap_or(now));
        let Some(held) = &self.held else {
            // Who asks for analyses is not told why.
            let mut known = Known::nothing("no_lease", "there is no lease of the license server");
            known.warnings.extend(away.map(|why| Warning::urgent("server_away", format!("no lease: {why}"))));
            return known;
        };
        let (at, until) = (timestamp(now), held.lease.usable_until());
        if at >= until {
            let text = format!("the lease is over since {until}, and the license server gives no other");
            return Known::nothing("no_lease", text);
        }
        let license = &held.lease.license;
        let state = license.time_state(at);
        let mut warnings = Vec::new();
        if let (Some(why), Some(since)) = (&away, self.away) {
            let text = format!("no answer since {}: {why}; work goes on until {until}", timestamp(since));
            warnings.push(Warning::urgent("server_away", text));
        }
        Known {
            state: state.as_str(),
            permits: state.permits(),
            text: "lease of the license server".to_owned(),
            features: held.lease.claims.features.clone(),
            // A volume of which nothing is known is no volume.
            left: self.left.or(license.claims().limits.analyses.map(|_| 0)),
            until: Some(until),
            days: license.end().map(|end| days_until(end, now)),
            warnings,
        }
    }

    async fn lease(&mut self, app: &App, now: Millis) -> Said {
        // At most: extend, find it over, name oneself anew, acquire.
        for _ in 0..3 {
            let answer = match &self.held {
                Some(held) => {
                    let claims = &held.lease.claims;
                    let body = json!({"counter": claims.counter, "attempt": held.attempt});
                    self.caller.send(Method::PUT, &format!("/api/leases/{}", claims.lease_id), &body).await
                }
                None => {
                    let body = json!({
                        "instance_id": app.license.instance(),
                        "hostname": sysname(),
                        "version": env!("CARGO_PKG_VERSION"),
                        "wanted": [],
                    });
                    self.caller.send(Method::POST, "/api/leases", &body).await
                }
            };
            let Answer { status, body } = match answer {
                Ok(answer) => answer,
                Err(why) => return Said::Away(why),
            };
            // By the words of a license server: whatever else answers in its place takes no lease away.
            match (status, code(&body)) {
                (200 | 201, _) => return self.take(app, &body, now).await,
                // Over by its own time, and nobody's business.
                (404, Some(Code::NotExist))
                    if self.held.as_ref().is_some_and(|held| held.lease.claims.expires_at <= timestamp(now)) =>
                {
                    self.held = None
                }
                // Over before that: another node acquired one in this node's name.
                (404, Some(Code::NotExist)) | (409, Some(Code::Conflict)) if self.held.is_some() => {
                    if let Err(error) = self.renew(app, &app.license.instance()).await {
                        return Said::Away(error);
                    }
                }
                (403, Some(Code::LicenseInvalid | Code::LicenseFeature | Code::LicenseVolume)) => {
                    let state = body["details"]["state"].as_str().and_then(word).unwrap_or("invalid");
                    return Said::No(Known::nothing(state, message(&body)));
                }
                (410, Some(Code::LicenseNoneFree)) => return Said::No(Known::nothing("no_lease", message(&body))),
                _ => return Said::Away(format!("status {status}: {}", message(&body))),
            }
        }
        Said::Away("it gives no lease".to_owned())
    }

    /// Takes a lease that came, if it is one.
    async fn take(&mut self, app: &App, body: &Value, now: Millis) -> Said {
        let text = body["lease"].as_str().unwrap_or_default();
        let lease = match Lease::verify(text.as_bytes(), &self.vendor, &app.license.instance(), timestamp(now)) {
            Ok(lease) => lease,
            Err(Invalid::Time) => return Said::Away("the clocks differ by more than the life of a lease".to_owned()),
            Err(invalid) => return Said::Away(format!("what it gave is no lease for this node: {invalid}")),
        };
        self.left = body["left"].as_i64();
        let of = |lease: &Lease| lease.license.claims().license_id.clone();
        let is_another = self.held.as_ref().is_some_and(|held| of(&held.lease) != of(&lease));
        let licensed = move |conn: &mut AnyConn| {
            if is_another {
                uses::forget_taken_back(conn)?;
            }
            oz_site::licensed(conn, now)
        };
        if let Err(error) = app.db.write(licensed).await {
            return Said::Away(error.to_string());
        }
        let life = lease.claims.expires_at.as_millisecond() - lease.claims.issued_at.as_millisecond();
        let life = Duration::from_millis(u64::try_from(life).unwrap_or(0));
        let attempt = uuid::Uuid::now_v7().to_string();
        self.held = Some(Held { text: text.to_owned(), lease, attempt, beat: Instant::now() + life / 3 });
        self.keep_lease();
        Said::Lease
    }

    /// Keeps the lease over a restart.
    fn keep_lease(&self) {
        let Some(Held { text, attempt, .. }) = &self.held else { return };
        let kept = Kept { lease: text.clone(), attempt: attempt.clone(), left: self.left };
        let written = serde_json::to_string(&kept)
            .map_err(std::io::Error::other)
            .and_then(|kept| replace_file(&self.file, &kept, 0o600));
        if let Err(error) = written {
            tracing::warn!(%error, "the lease is not kept over a restart");
        }
    }

    /// Works with the lease no more.
    fn drop_lease(&mut self) {
        self.held = None;
        if let Err(error) = fs_err::remove_file(&self.file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a lease that is over is kept");
        }
    }

    /// Tells what was used, batch by batch.
    async fn tell(&mut self, app: &App, now: Millis) -> Result<(), String> {
        let instance = app.license.instance();
        let silent = move |conn: &mut AnyConn| {
            uses::forget_last_months(conn, now)?;
            uses::to_tell(conn, &instance, now)
        };
        let silent = app.db.write(silent).await;
        for node in silent.map_err(|e| e.to_string())? {
            let name = node.clone();
            let next = move |conn: &mut AnyConn| uses::batch(conn, &name);
            while let Some(batch) = app.db.write(next.clone()).await.map_err(|e| e.to_string())? {
                self.tell_batch(app, &node, &batch).await?;
            }
        }
        Ok(())
    }

    async fn tell_batch(&mut self, app: &App, node: &str, batch: &Batch) -> Result<(), String> {
        let counts: serde_json::Map<String, Value> =
            batch.counts.iter().map(|(feature, n)| (feature.as_str().to_owned(), json!(n))).collect();
        let body = json!({"instance_id": node, "seq": batch.seq, "batch": batch.id, "counts": counts});
        let Answer { status, body } = self.caller.send(Method::POST, "/api/usage", &body).await?;
        match (status, code(&body)) {
            (200 | 201, _) => {
                // First what is left, then what is pending: in between both count it, never none.
                self.left = body["left"].as_i64();
                if let Some(left) = self.left {
                    app.license.learn(Known { left: Some(left), ..(*app.license.known()).clone() });
                }
                self.keep_lease();
                let (name, seq) = (node.to_owned(), batch.seq);
                app.db.write(move |conn| uses::settled(conn, &name, seq)).await.map_err(|e| e.to_string())
            }
            (409, Some(Code::Conflict)) => self.renew(app, node).await,
            _ => Err(format!("status {status}: {}", message(&body))),
        }
    }

    /// Takes another name, because a node with a copied data folder uses this one, and what was noted under it along.
    async fn renew(&mut self, app: &App, from: &str) -> Result<(), String> {
        if from == app.license.instance() {
            self.drop_lease();
        }
        identity::renew(app, from).await
    }

    /// Gives the lease back, at the end.
    pub(crate) async fn leave(&mut self) {
        let Some(held) = self.held.take() else { return };
        // First here: a lease that was given back is not worked with again.
        self.drop_lease();
        let path = format!("/api/leases/{}", held.lease.claims.lease_id);
        if let Err(why) = self.caller.send(Method::DELETE, &path, &json!({})).await {
            tracing::warn!(why, "the lease is not given back; it ends by itself");
        }
    }
}

/// The error code, in an answer of a license server.
fn code(body: &Value) -> Option<Code> {
    let number = body["error_code"].as_u64()?;
    Code::ALL.iter().copied().find(|code| u64::from(code.number()) == number)
}

/// What the server says: short, and nothing that a terminal or a page would act upon.
fn message(body: &Value) -> String {
    let plain = |c: &char| !c.is_control() && !matches!(c, '<' | '>' | '&');
    body["error_message"].as_str().unwrap_or("no text").chars().filter(plain).take(200).collect()
}

/// The state's word, of those that there are.
fn word(said: &str) -> Option<&'static str> {
    ["not_activated", "grace", "expired", "invalid", "not_yet_valid"].into_iter().find(|word| *word == said)
}

/// The machine's name, for the administrator of the license server.
fn sysname() -> String {
    fs_err::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default()
}
