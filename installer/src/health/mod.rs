//! `ozctl health`: what a running service says of itself, fit for cron, monitoring and scripts that wait for it.

mod ask;
mod show;
mod url;

pub(crate) use url::Url;

use crate::cli::{self, HealthArguments};
use crate::progress::Progress;
use crate::verdict::Verdict;
use ask::Caller;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

/// Between two questions of one that waits.
const EVERY: Duration = Duration::from_secs(1);

/// How a part, or the whole, is: the words of `oz_wire::CheckStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Degraded,
    Fail,
}

/// One part.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    status: Status,
    message: String,
    time_ms: u64,
}

/// The answer of `GET /api/healthcheck`.
#[derive(Debug, Serialize, Deserialize)]
struct Health {
    status: Status,
    checks: BTreeMap<String, Part>,
}

/// What came of asking.
#[derive(Debug)]
enum Heard {
    /// An answer.
    Health(Health),
    /// Nobody answered.
    Nobody(String),
    /// Somebody answered, but not how it is.
    Strange(String),
}

impl Status {
    const fn verdict(self) -> Verdict {
        match self {
            Self::Ok => Verdict::Pass,
            Self::Degraded => Verdict::Warn,
            Self::Fail => Verdict::Fail,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Fail => "fail",
        }
    }
}

impl Heard {
    const fn verdict(&self) -> Verdict {
        match self {
            Self::Health(health) => health.status.verdict(),
            Self::Nobody(_) | Self::Strange(_) => Verdict::Unknown,
        }
    }

    /// For monitoring a service that does not answer is down, not unknown: somebody must be woken.
    const fn alarm(&self) -> Verdict {
        match self {
            Self::Nobody(_) => Verdict::Fail,
            other => other.verdict(),
        }
    }
}

/// Asks and prints; gives the exit code.
///
/// # Errors
/// The file of `--ca`, and of the output.
pub(crate) fn command(arguments: &HealthArguments, out: &mut (impl Write + std::os::fd::AsFd)) -> anyhow::Result<u8> {
    if arguments.ca.is_some() && !arguments.url.https {
        return Err(cli::usage("--ca: expected an https address in --url: http has no certificate"));
    }
    let caller = Caller::new(&arguments.url, arguments.ca.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let heard = runtime.block_on(listen(&caller, Duration::from_secs(arguments.wait)));
    let form = &arguments.form;
    if form.json {
        writeln!(out, "{}", show::json(&arguments.url, &heard)?)?;
    } else if form.nagios {
        writeln!(out, "{}", show::nagios(&arguments.url, &heard))?;
        return Ok(heard.alarm().plugin().0);
    } else {
        let coloured = out.as_fd().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        out.write_all(show::text(&arguments.url, &heard, coloured).as_bytes())?;
    }
    Ok(heard.verdict().exit(form.strict))
}

/// Asks once, or again and again until all is well or the time is over: then the last answer counts.
async fn listen(caller: &Caller, wait: Duration) -> Heard {
    let (begin, progress) = (Instant::now(), Progress::on_terminal());
    let mut next = tokio::time::interval(EVERY);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        next.tick().await;
        let heard = caller.ask().await;
        if heard.verdict() == Verdict::Pass || begin.elapsed() >= wait {
            return heard;
        }
        progress.say(&format!("waiting for {} s", begin.elapsed().as_secs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oz_wire::{Check, CheckStatus};

    #[test]
    fn what_the_services_write_is_read() {
        let check = |status| Check { status, message: "m".to_owned(), time_ms: 7 };
        let written = oz_wire::Health {
            status: CheckStatus::Degraded,
            checks: BTreeMap::from([("disk", check(CheckStatus::Degraded)), ("queue", check(CheckStatus::Ok))]),
        };
        let health: Health = serde_json::from_value(serde_json::to_value(&written).unwrap()).unwrap();
        assert_eq!((health.status, health.checks["disk"].status), (Status::Degraded, Status::Degraded));
        assert_eq!((health.checks["queue"].status, health.checks["queue"].time_ms), (Status::Ok, 7));
        assert_eq!(serde_json::to_value(CheckStatus::Fail).unwrap(), Status::Fail.as_str());
    }

    #[test]
    fn nobody_is_down_for_monitoring_and_not_found_out_for_scripts() {
        let nobody = Heard::Nobody(String::new());
        assert_eq!((nobody.verdict(), nobody.alarm()), (Verdict::Unknown, Verdict::Fail));
        assert_eq!(Heard::Strange(String::new()).alarm(), Verdict::Unknown);
    }
}
