//! Grants for apps and web pages: whom a license covers, who has shown that it is the one, and that it asks anew.

mod nonces;
mod refusal;

use crate::app::App;
use crate::error::{Error, reason_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use nonces::Nonces;
use oz_http::ApiError;
use oz_license::{Audience, GrantClaims, Kind, LONGEST, License, State};
use oz_site::Installed;
use refusal::Refusal;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long license files are remembered; a new one is read at once.
const FRESH: Duration = Duration::from_secs(2);
/// Phones that are known to be counted.
const REMEMBERED: usize = 500_000;

/// Which kind of program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Platform {
    /// An Android app.
    Android,
    /// An iOS app.
    Ios,
    /// A page, through the web adapter.
    Web,
}

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    platform: Platform,
    app_id: Option<String>,
    origin: Option<String>,
    sdk_version: String,
    nonce: String,
    device_hash: Option<String>,
    app_signature: Option<String>,
}

/// License files that were read a moment ago, nonces that were used, phones that were counted.
#[derive(Default)]
pub(crate) struct Grants {
    files: tokio::sync::Mutex<Option<(Instant, Arc<Files>)>>,
    nonces: Mutex<Nonces>,
    phones: Mutex<HashSet<u128>>,
}

/// What grants stand on.
pub(crate) struct Files {
    pub(crate) files: Vec<Installed>,
    last_seen: Option<Timestamp>,
}

impl Ask {
    /// Checks the form, and says for whom it asks.
    fn audience(&self) -> Result<Audience, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let (nonce, version) = (&self.nonce, &self.sdk_version);
        if !(16..=128).contains(&nonce.len()) || !nonce.chars().all(|c| plain(c) || matches!(c, '+' | '/' | '=')) {
            return Err(Error::value("nonce", "16 to 128 letters, digits, `.`, `_`, `-`, `+`, `/`, `=`"));
        }
        if !(1..=64).contains(&version.len()) || !version.chars().all(|c| plain(c) || c == '+') {
            return Err(Error::value("sdk_version", "1 to 64 letters, digits, `.`, `_`, `-`, `+`"));
        }
        if let Some(hash) = &self.device_hash {
            oz_site::valid("device_hash", hash)?;
        }
        let audience = match (self.platform, &self.app_id, &self.origin) {
            (Platform::Web, None, Some(origin)) => return page(origin),
            (Platform::Web, ..) => return Err(Error::value("origin", "the page's origin, and no app_id")),
            (Platform::Android, Some(id), None) => Audience::Android { app_id: id.clone() },
            (Platform::Ios, Some(id), None) => Audience::Ios { app_id: id.clone() },
            _ => return Err(Error::value("app_id", "the app's id, and no origin")),
        };
        let id = self.app_id.as_deref().unwrap_or_default();
        if !(1..=255).contains(&id.len()) || !id.chars().all(plain) {
            return Err(Error::value("app_id", "1 to 255 letters, digits, `.`, `_`, `-`"));
        }
        Ok(audience)
    }

    /// What is spent by a grant: a nonce of an app or page, whatever else is asked with it.
    fn spent(&self) -> String {
        let asker = self.app_id.as_deref().or(self.origin.as_deref()).unwrap_or_default();
        format!("{}\n{}", asker.to_ascii_lowercase(), self.nonce)
    }

    /// What the app signs: never what it signs for a master license offline, its id alone, whatever nonce it is given.
    fn signed(&self) -> String {
        format!("oz-sdk-grant/v1\n{}\n{}", self.app_id.as_deref().unwrap_or_default(), self.nonce)
    }

    /// Whether a license gives this a grant.
    fn admitted(&self, app: &App, license: &License, seen: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
        match license.site_key() {
            None => return Err(Refusal::NotActivated),
            Some(key) if *key != app.site.key.verifying_key() => return Err(Refusal::OtherSiteKey),
            Some(key) => {
                let site = oz_license::Site {
                    now,
                    last_seen: seen,
                    factors: &app.site.factors,
                    key: Some(key),
                    version: &app.site.version,
                };
                match license.state(&site) {
                    State::Active | State::RenewalDue | State::Grace => {}
                    State::NotYetValid => return Err(Refusal::NotYetValid),
                    State::Expired => return Err(Refusal::Expired),
                    State::NotActivated => return Err(Refusal::NotActivated),
                    state @ State::Invalid(_) => return Err(Refusal::Invalid(reason_of(state).unwrap_or("invalid"))),
                }
            }
        }
        if self.platform == Platform::Web {
            return Ok(());
        }
        if license.claims().kind != Kind::Master {
            return Err(Refusal::NoAppKey);
        }
        let signature = self.app_signature.as_deref().ok_or(Refusal::Unsigned)?;
        let signature = STANDARD.decode(signature).map_err(|_| Refusal::WrongSignature)?;
        if license.proves_app(&self.signed(), &signature) { Ok(()) } else { Err(Refusal::WrongSignature) }
    }
}

/// A page, by its origin.
pub(crate) fn page(origin: &str) -> Result<Audience, Error> {
    if !(8..=255).contains(&origin.len()) || !origin.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::value("origin", "an origin such as https://bank.example"));
    }
    Ok(Audience::Web { origin: origin.to_owned() })
}

/// Answers: the grant and its claims.
pub(crate) async fn grant(app: &App, ask: &Ask, is_node: bool) -> Result<(String, GrantClaims), Error> {
    let audience = ask.audience()?;
    let given = match give(app, ask, audience, is_node).await? {
        Ok(claims) => claims,
        Err(no) => {
            app.metrics.grant(no.as_str());
            return Err(ApiError::from(no).into());
        }
    };
    if let Some(hash) = &ask.device_hash {
        count_phone(app, hash).await?;
    }
    let text = app.site.sign_grant(&given)?;
    app.metrics.grant("granted");
    Ok((text, given))
}

async fn give(app: &App, ask: &Ask, audience: Audience, is_node: bool) -> Result<Result<GrantClaims, Refusal>, Error> {
    if ask.platform == Platform::Web && !is_node {
        return Ok(Err(Refusal::NoJoinSecret));
    }
    let files = files(app).await?;
    let now = oz_site::timestamp(app.clock.now());
    let (mut nearest, mut found) = (Refusal::NotCovered, None);
    for (file, license) in covering(&files.files, &audience) {
        match ask.admitted(app, license, files.last_seen, now) {
            Ok(()) => {
                found = Some((file, license));
                break;
            }
            Err(no) => nearest = nearest.max(no),
        }
    }
    let Some((file, license)) = found else { return Ok(Err(nearest)) };
    let name = Sha256::digest(ask.spent());
    if !locked(&app.grants.nonces).take(short(&name), Instant::now()) {
        return Ok(Err(Refusal::NonceUsed));
    }
    let end = now.checked_add(SignedDuration::from_secs(LONGEST)).unwrap_or(Timestamp::MAX);
    Ok(Ok(GrantClaims {
        license: file.text.clone(),
        audience,
        nonce: ask.nonce.clone(),
        features: license.claims().features.clone(),
        issued_at: now,
        expires_at: license.over_at().map_or(end, |over| end.min(over)),
    }))
}

/// The readable licenses that cover an app or a page.
pub(crate) fn covering<'a>(
    files: &'a [Installed],
    audience: &Audience,
) -> impl Iterator<Item = (&'a Installed, &'a License)> {
    let readable = files.iter().filter_map(|file| Some((file, &**file.license.as_ref().ok()?)));
    readable.filter(|(_, license)| license.covers(audience))
}

/// The license files, at most [`FRESH`] old. One reads, the others wait for it.
pub(crate) async fn files(app: &App) -> oz_site::Result<Arc<Files>> {
    let mut known = app.grants.files.lock().await;
    if let Some((at, files)) = &*known
        && at.elapsed() < FRESH
    {
        return Ok(Arc::clone(files));
    }
    let site = app.site.clone();
    let read = app
        .db
        .read(move |conn| {
            let seen = oz_site::row(conn)?.and_then(|row| row.last_seen);
            Ok::<_, oz_site::Refused>(Files {
                files: oz_site::sdk_files(conn, &site)?,
                last_seen: seen.map(crate::view::time),
            })
        })
        .await?;
    let files = Arc::new(read);
    *known = Some((Instant::now(), Arc::clone(&files)));
    Ok(files)
}

/// Forgets the license files: another one was installed.
pub(crate) async fn forget(app: &App) {
    *app.grants.files.lock().await = None;
}

/// Counts a phone, once. That it cannot be counted keeps no grant back.
async fn count_phone(app: &App, hash: &str) -> Result<(), Error> {
    let name = short(&Sha256::digest(hash));
    if locked(&app.grants.phones).contains(&name) {
        return Ok(());
    }
    let noted = hash.to_owned();
    match app.queue.write(move |conn, now| oz_site::note_device(conn, &noted, now)).await {
        Err(oz_site::Refused::Store(error)) => tracing::warn!(%error, "a phone was not counted"),
        done => {
            done?;
            let mut phones = locked(&app.grants.phones);
            if phones.len() >= REMEMBERED {
                phones.clear();
            }
            phones.insert(name);
        }
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first half of a hash.
fn short(hash: &[u8]) -> u128 {
    hash.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}
