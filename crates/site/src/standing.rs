//! What a site may do now, what is used of it and what is left.

use crate::error::{Refused, Result};
use crate::files::{Installed, installed};
use crate::row::{self, Row};
use crate::site::{Site, timestamp};
use crate::warning::Warning;
use crate::{devices, leases, period, usage};
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{Feature, License, Period, Reason, State, Volume};
use oz_store::AnyConn;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Days of a trial, from the first start.
pub const TRIAL_DAYS: i64 = 30;
/// Analyses a day in a trial.
pub const TRIAL_A_DAY: u64 = 100;
/// The license id that a trial's use is counted for.
pub(crate) const TRIAL: &str = "trial";
/// Days that a site works on another machine.
const MOVED_DAYS: i64 = 14;
const DAY: i64 = 24 * 3600 * 1000;
/// How far clocks may differ, milliseconds.
pub(crate) const SKEW: i64 = 300_000;

/// What a site's rights rest on.
#[derive(Debug, Clone)]
pub enum Basis {
    /// A license.
    License(Arc<License>),
    /// The time for trying it out.
    Trial {
        /// When it ends.
        ends: Timestamp,
    },
    /// Nothing.
    Nothing,
}

/// What a site may do now.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What it rests on.
    pub basis: Basis,
    /// The license file, of [`Basis::License`].
    pub text: Option<String>,
    /// What that is worth.
    pub state: State,
    /// What may be done; nothing when the state permits nothing.
    pub features: BTreeSet<Feature>,
    /// How many analyses in which time; no limit if absent.
    pub volume: Option<Volume>,
    /// How far over it work goes on, percent.
    pub overage_percent: u8,
    /// Used in the volume's period, or this month, by feature; `block` is paid in advance.
    pub used: BTreeMap<String, i64>,
    /// Analyses that are left, overage included; none when there is no limit.
    pub left: Option<i64>,
    /// Nodes at once; no limit if absent.
    pub instances: Option<u32>,
    /// Nodes with a lease now.
    pub in_use: usize,
    /// Phones at most, counted only.
    pub devices_limit: Option<u64>,
    /// Phones seen.
    pub devices: i64,
    /// When it ends, grace left out.
    pub end: Option<Timestamp>,
    /// What to tell the administrator.
    pub warnings: Vec<Warning>,
}

impl Standing {
    /// The id that use is counted for.
    pub fn license_id(&self) -> String {
        match &self.basis {
            Basis::License(license) => license.claims().license_id.clone(),
            Basis::Trial { .. } => TRIAL.to_owned(),
            Basis::Nothing => String::new(),
        }
    }

    /// Why nothing may be done, for a person.
    pub fn text(&self) -> String {
        match (self.state, &self.basis) {
            (State::Expired, Basis::Trial { ends }) => format!("the trial ended at {ends}: install a license"),
            (State::Expired, _) => {
                format!("the license expired{}", self.end.map(|end| format!(" at {end}")).unwrap_or_default())
            }
            (State::NotActivated, _) => {
                "the license is not activated: send the activation request to the vendor and install what comes back"
                    .to_owned()
            }
            (State::NotYetValid, _) => "the license is not valid yet".to_owned(),
            (State::Invalid(reason), _) => reason.to_string(),
            (state, _) => format!("the license is {}", state.as_str()),
        }
    }

    /// Fails unless work may begin.
    pub(crate) fn permits(&self) -> Result<()> {
        if self.state.permits() {
            return Ok(());
        }
        Err(Refused::State { state: self.state, text: self.text() })
    }

    /// Days until the end, begun ones counted; none when it never ends.
    pub fn days_left(&self, now: Millis) -> Option<i64> {
        self.end.map(|end| days_until(end, now))
    }
}

/// Days from now to a moment, begun ones counted; fewer than none when it is over.
pub fn days_until(end: Timestamp, now: Millis) -> i64 {
    end.as_millisecond().saturating_sub(now.get()).saturating_add(DAY - 1).div_euclid(DAY)
}

/// What the site may do now. `present` is whether the license file is where it belongs: the license server keeps it in its
/// database and says always.
///
/// # Errors
/// Of the database only.
pub fn standing(conn: &mut AnyConn, site: &Site, now: Millis, present: bool) -> Result<Standing> {
    let row = row::expect(conn)?;
    let mut standing = match installed(conn, site)? {
        Some(file) if present => of_file(site, &row, file, now),
        None if site.trial && !row.licensed => of_trial(&row, now),
        _ => nothing(State::Invalid(Reason::Missing)),
    };
    if !standing.state.permits() {
        standing.features.clear();
    }
    let in_period = standing.volume.map_or(Period::Month, |volume| volume.period);
    standing.used = usage::sums(conn, &standing.license_id(), &period::name(in_period, now))?;
    let used = standing.used.values().fold(0_i64, |sum, n| sum.saturating_add(*n));
    standing.left = standing.volume.map(|volume| most(volume, standing.overage_percent).saturating_sub(used));
    standing.in_use = leases::live(conn, now)?;
    standing.devices = devices::count(conn)?;
    standing.warnings.extend(warnings(&standing, used, now));
    Ok(standing)
}

/// Analyses of a volume, overage included.
fn most(volume: Volume, overage_percent: u8) -> i64 {
    let most = u128::from(volume.count) * (100 + u128::from(overage_percent)) / 100;
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn nothing(state: State) -> Standing {
    Standing {
        basis: Basis::Nothing,
        text: None,
        state,
        features: BTreeSet::new(),
        volume: None,
        overage_percent: 0,
        used: BTreeMap::new(),
        left: None,
        instances: None,
        in_use: 0,
        devices_limit: None,
        devices: 0,
        end: None,
        warnings: Vec::new(),
    }
}

fn of_file(site: &Site, row: &Row, file: Installed, now: Millis) -> Standing {
    let license = match file.license {
        Ok(license) => license,
        Err(invalid) => return nothing(State::Invalid(Reason::File(invalid))),
    };
    let key = site.key.verifying_key();
    let mut state = license.state(&oz_license::Site {
        now: timestamp(now),
        last_seen: row.last_seen.map(|seen| timestamp(Millis::new(seen))),
        factors: &site.factors,
        key: Some(&key),
        version: &site.version,
    });
    let mut warnings = Vec::new();
    // Restored from a backup: the key came along, the machine did not.
    if let (State::Invalid(Reason::Machine), Some(moved)) = (state, row.moved_at)
        && license.site_key() == Some(&key)
        && (moved - SKEW..moved + MOVED_DAYS * DAY).contains(&now.get())
    {
        state = license.time_state(timestamp(now));
        let until = timestamp(Millis::new(moved + MOVED_DAYS * DAY));
        let text = format!("the license is for another machine; it works here until {until}: activate it anew");
        warnings.push(Warning::urgent("restored", text));
    }
    let claims = license.claims();
    Standing {
        state,
        text: Some(file.text),
        features: claims.features.clone(),
        volume: claims.limits.analyses,
        overage_percent: claims.limits.overage_percent,
        instances: claims.limits.instances,
        devices_limit: claims.limits.devices,
        end: license.end(),
        warnings,
        basis: Basis::License(license),
        ..nothing(state)
    }
}

fn of_trial(row: &Row, now: Millis) -> Standing {
    let Some(started) = row.trial_started else { return nothing(State::Invalid(Reason::Missing)) };
    let days = TRIAL_DAYS * DAY;
    let ends = timestamp(Millis::new(started + days));
    let state = if row.clock_was_turned_back(now) {
        State::Invalid(Reason::ClockTurnedBack)
    } else if now.get() >= started + days || row.ran >= days {
        State::Expired
    } else {
        State::Active
    };
    Standing {
        basis: Basis::Trial { ends },
        features: Feature::ALL.into(),
        volume: Some(Volume { count: TRIAL_A_DAY, period: Period::Day }),
        end: Some(ends),
        ..nothing(state)
    }
}

/// What stands at 30, 14, 7 and 1 days, and at 80, 90 and 100 percent.
fn warnings(standing: &Standing, used: i64, now: Millis) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |code: String, text: String, urgent: bool| found.push(Warning { code, text, urgent });
    if !standing.state.permits() {
        warn(standing.state.as_str().to_owned(), standing.text(), true);
        return found;
    }
    if standing.state == State::Grace {
        warn("grace".to_owned(), format!("{}; its grace is running", ended(standing)), true);
    } else if let (Some(days), Some(end)) = (standing.days_left(now), standing.end)
        && let Some(step) = [1, 7, 14, 30].into_iter().find(|step| days <= *step)
    {
        warn(format!("ends_in_{step}_days"), format!("the license ends at {end}: {days} days are left"), step <= 7);
    }
    if let Some(volume) = standing.volume
        && let Some(step) =
            [100, 90, 80].into_iter().find(|step| i128::from(used) * 100 >= i128::from(volume.count) * step)
    {
        warn(format!("volume_{step}"), format!("{used} of {} licensed analyses are used", volume.count), step >= 90);
    }
    if let Some(limit) = standing.devices_limit
        && u64::try_from(standing.devices).unwrap_or(0) > limit
    {
        warn("devices".to_owned(), format!("{} phones were seen; {limit} are licensed", standing.devices), false);
    }
    found
}

fn ended(standing: &Standing) -> String {
    standing.end.map_or_else(|| "the license ended".to_owned(), |end| format!("the license ended at {end}"))
}
