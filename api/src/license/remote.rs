//! The license server, as a node sees it: a lease that is kept alive, and what was used, told once.

use crate::app::App;
use crate::license::call::{Answer, Caller};
use crate::license::desk::Known;
use crate::license::identity::{self, replace};
use crate::license::local::Local;
use crate::settings::LicenseServer;
use http::Method;
use oz_domain::Millis;
use oz_license::{Invalid, Lease, VendorKeys};
use oz_site::{Batch, Warning, days_until, timestamp, uses};
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
            && let Ok(Kept { lease: text, attempt }) = serde_json::from_str(&text)
            && let Ok(lease) =
                Lease::verify_away(text.as_bytes(), &remote.vendor, &app.license.instance(), timestamp(app.now()))
        {
            remote.held = Some(Held { lease, attempt, beat: Instant::now() });
        }
        Ok(remote)
    }

    /// Keeps the lease, tells what was used, and gives what may be done.
    pub(crate) async fn turn(&mut self, app: &App) -> Found {
        let now = app.now();
        let turned_back = self.local.live(&app.db, app.license.instance(), now).await.map_err(|error| {
            tracing::warn!(%error, "the license could not be looked at");
            None
        })?;
        if turned_back {
            return Ok(Known::nothing("invalid", oz_license::Reason::ClockTurnedBack.to_string()));
        }
        let due = self.held.as_ref().is_none_or(|held| held.beat <= Instant::now());
        let said = if due { self.lease(app, now).await } else { Said::Lease };
        // What was used is told whatever may be done from now on.
        let told = self.tell(app, now).await.err();
        match said {
            Said::No(known) => Ok(known),
            Said::Lease => Ok(self.known(now, told)),
            Said::Away(why) => Ok(self.known(now, Some(why))),
        }
    }

    /// What the lease permits, and until when it does so without the server.
    fn known(&mut self, now: Millis, away: Option<String>) -> Known {
        self.away = away.as_ref().map(|_| self.away.unwrap_or(now));
        let Some(held) = &self.held else {
            let why = away.unwrap_or_else(|| "it has given no lease".to_owned());
            return Known::nothing("no_lease", format!("no lease of the license server: {why}"));
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
            text: format!("lease of the license server, license {}", license.claims().license_id),
            features: held.lease.claims.features.clone(),
            left: self.left,
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
            match status {
                200 | 201 => return self.take(app, &body, now).await,
                // Over by its own time, and nobody's business.
                404 if self.held.as_ref().is_some_and(|held| held.lease.claims.expires_at <= timestamp(now)) => {
                    self.held = None
                }
                // Over before that: another node acquired one in this node's name.
                404 | 409 if self.held.is_some() => {
                    if let Err(error) = self.rename(app, &app.license.instance()).await {
                        return Said::Away(error);
                    }
                }
                403 if body["error_code"] == 1500 || body["error_code"] == 1502 => {
                    let state = body["details"]["state"].as_str().and_then(word).unwrap_or("invalid");
                    return Said::No(Known::nothing(state, message(&body)));
                }
                410 => return Said::No(Known::nothing("no_lease", message(&body))),
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
        if let Err(error) = app.db.write(move |conn| oz_site::licensed(conn, now)).await {
            return Said::Away(error.to_string());
        }
        let life = lease.claims.expires_at.as_millisecond() - lease.claims.issued_at.as_millisecond();
        let life = Duration::from_millis(u64::try_from(life).unwrap_or(0));
        let kept = Kept { lease: text.to_owned(), attempt: uuid::Uuid::now_v7().to_string() };
        let written =
            serde_json::to_string(&kept).map_err(std::io::Error::other).and_then(|kept| replace(&self.file, &kept));
        if let Err(error) = written {
            tracing::warn!(%error, "the lease is not kept over a restart");
        }
        self.held = Some(Held { lease, attempt: kept.attempt, beat: Instant::now() + life / 3 });
        Said::Lease
    }

    /// Tells what was used, batch by batch.
    async fn tell(&mut self, app: &App, now: Millis) -> Result<(), String> {
        let instance = app.license.instance();
        let silent = app.db.read(move |conn| uses::to_tell(conn, &instance, now)).await;
        for node in silent.map_err(|e| e.to_string())? {
            let name = node.clone();
            let next = move |conn: &mut oz_store::AnyConn| uses::batch(conn, &name);
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
        match status {
            200 | 201 => {
                // First what is left, then what is pending: in between both count it, never none.
                self.left = body["left"].as_i64();
                if let Some(left) = self.left {
                    app.license.learn(Known { left: Some(left), ..(*app.license.known()).clone() });
                }
                let (name, seq) = (node.to_owned(), batch.seq);
                app.db.write(move |conn| uses::settled(conn, &name, seq)).await.map_err(|e| e.to_string())
            }
            409 => self.rename(app, node).await,
            _ => Err(format!("status {status}: {}", message(&body))),
        }
    }

    /// Takes another name, because a node with a copied data folder uses this one, and what was noted under it along.
    async fn rename(&mut self, app: &App, from: &str) -> Result<(), String> {
        let own = app.license.instance();
        let to = if from == own {
            tracing::warn!("another node uses this node's identity (a copied data folder?): it takes a new one");
            let to = identity::make(&app.settings.data_dir).map_err(|e| e.to_string())?;
            app.license.rename(to.clone());
            self.held = None;
            to
        } else {
            own
        };
        let from = from.to_owned();
        app.db.write(move |conn| uses::rename(conn, &from, &to)).await.map_err(|e| e.to_string())
    }

    /// Gives the lease back, at the end.
    pub(crate) async fn leave(&mut self) {
        let Some(held) = self.held.take() else { return };
        let path = format!("/api/leases/{}", held.lease.claims.lease_id);
        if let Err(why) = self.caller.send(Method::DELETE, &path, &json!({})).await {
            tracing::warn!(why, "the lease is not given back; it ends by itself");
        }
    }
}

fn message(body: &Value) -> String {
    body["error_message"].as_str().unwrap_or("no text").to_owned()
}

/// The state's word, of those that there are.
fn word(said: &str) -> Option<&'static str> {
    ["not_activated", "grace", "expired", "invalid", "not_yet_valid"].into_iter().find(|word| *word == said)
}

/// The machine's name, for the administrator of the license server.
fn sysname() -> String {
    fs_err::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default()
}
