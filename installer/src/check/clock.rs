//! The clock.

use super::{Asked, Found};

pub(super) fn synchronised(asked: &Asked<'_>) -> Found {
    let show = ["show", "--property=NTPSynchronized", "--value"];
    let said = asked.machine.world().run("timedatectl", &show).ok().filter(|said| said.ok);
    match said.as_ref().map(|said| said.text.trim()) {
        Some("yes") => Found::pass("yes"),
        Some("no") => Found::warn("no"),
        // Without a bus, as in a container, there is still the mark of systemd-timesyncd.
        _ if asked.machine.has("/run/systemd/timesync/synchronized") => Found::pass("yes, by systemd-timesyncd"),
        _ => Found::unknown("timedatectl does not tell it")
            .advise("In a container the host keeps the clock: check it there. Elsewhere see `timedatectl`."),
    }
}

pub(super) fn zone(asked: &Asked<'_>) -> Found {
    let link = fs_err::read_link(asked.machine.path("/etc/localtime")).ok();
    let linked = link.as_ref().and_then(|link| link.to_str()?.split_once("zoneinfo/").map(|(_, zone)| zone.to_owned()));
    match linked.or_else(|| asked.machine.text("/etc/timezone")) {
        Some(zone) => Found::pass(zone),
        // localtime(5): without the file it is UTC.
        None if !asked.machine.has("/etc/localtime") => Found::pass("UTC, by default"),
        None => Found::pass("set, without a name"),
    }
}
