//! The path of a picture and of a clip, beside bare runs of the same nets and bare decoding.
//!
//! A decoding child has one thread and so has a net here, and they never run at once: the time by the clock is the time of
//! the processor, plus what others on the machine take.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use oz_media::{Input, Limits, Sampling, encode_jpeg};
use oz_models::{FRAMES_PER_SECOND, LivenessOptions, SPREAD};

use super::host::{cpu_of_children, least};
use super::table::{Limit, Row};
use crate::judged::Machine;

const RUNS: usize = 40;
/// As the API stores pictures.
const JPEG_QUALITY: u8 = 92;

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn ratio(measured: Duration, floor: Duration) -> f64 {
    measured.as_secs_f64() / floor.as_secs_f64().max(1e-9)
}

/// Decode, judge, best shot as JPEG: what an instant answer about a 1280x720 JPEG takes.
pub(crate) fn still(machine: &Machine, shared: &Path) -> Result<Row> {
    let bytes = fs_err::read(shared.join("eval/stills/live/c12_landscape_25.jpg"))?;
    let input = Input::from_bytes(&bytes)?;
    let picture = machine.decoder().picture(&input)?;
    ensure!((picture.width(), picture.height()) == (1280, 720), "the picture has another size");
    let options = LivenessOptions { best_shot: true, ..LivenessOptions::default() };
    let path = || {
        let picture = machine.decoder().picture(&input).ok()?;
        let liveness = machine.engine().still(&picture, &options).ok()?;
        encode_jpeg(&liveness.best_shot?.picture, JPEG_QUALITY).ok()
    };
    ensure!(path().is_some(), "the path does not end in a best shot");
    let limits = Limits::default();
    let bare = || oz_media::picture_in_process(&bytes, &limits).is_ok();
    ensure!(bare(), "bare decoding fails");
    // One after the other, again and again: both meet the same machine.
    let (mut measured, mut decode, mut nets) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        measured = measured.min(least(1, || drop(path())));
        decode = decode.min(least(1, || assert!(bare(), "it worked a moment ago")));
        nets = nets.min(machine.engine().floor(&picture, 1)?.iter().map(|n| n.spent).sum());
    }
    Ok(Row {
        what: "path of a 1280x720 JPEG: sandboxed decoding, verdict, best shot".to_owned(),
        measured: millis(measured),
        floor: format!("nets alone {} + libjpeg-turbo alone {}", millis(nets), millis(decode)),
        value: ratio(measured, nets + decode),
        limit: Limit::AtMost(1.25),
    })
}

/// Decode and judge a selfie of 4 s in 1280x720 H.264.
pub(crate) fn clip(machine: &Machine, shared: &Path) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("selfie.mp4");
    four_seconds(&shared.join("eval/live/c12_landscape.mp4"), &path)?;
    let input = Input::from_bytes(&fs_err::read(&path)?)?;
    let sampling = Sampling { per_second: f64::from(FRAMES_PER_SECOND), spread: SPREAD, ..Sampling::default() };
    let options = LivenessOptions { best_shot: true, ..LivenessOptions::default() };
    let clip = machine.decoder().clip(&input, &sampling)?;
    let runs = machine.engine().clip(&clip, &options)?.timings.nets;
    let still = clip.frames.first().map(|f| f.picture.clone());
    let still = still.ok_or_else(|| anyhow::anyhow!("no frame"))?;
    let (mut measured, mut ffmpeg) = (Duration::MAX, Duration::MAX);
    let mut alone = std::collections::BTreeMap::new();
    for _ in 0..RUNS / 4 {
        measured = measured.min(least(1, || {
            let judged = machine.decoder().clip(&input, &sampling).map(|c| machine.engine().clip(&c, &options).is_ok());
            assert!(judged.is_ok_and(|good| good), "it worked a moment ago");
        }));
        ffmpeg = ffmpeg.min(decoded_by_ffmpeg(&path)?);
        for net in machine.engine().floor(&still, 3)? {
            let one = net.spent / net.runs.max(1);
            alone.entry(net.net).and_modify(|least: &mut Duration| *least = one.min(*least)).or_insert(one);
        }
    }
    // A net that a still does not need (the embedder) has no bare figure: its own time inside the runtime stands for it.
    let nets: Duration = runs.iter().map(|n| alone.get(&n.net).map_or(n.spent, |one| *one * n.runs)).sum();
    Ok(Row {
        what: format!("path of a selfie of 4 s, 1280x720 H.264, {} frames judged", clip.frames.len()),
        measured: millis(measured),
        floor: format!("ffmpeg to null {} + nets alone {}", millis(ffmpeg), millis(nets)),
        value: ratio(measured, ffmpeg + nets),
        limit: Limit::AtMost(1.3),
    })
}

/// The clip, repeated until it has 4 s, encoded as a phone does.
fn four_seconds(from: &Path, to: &Path) -> Result<()> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-stream_loop", "3", "-i"]).arg(from);
    ffmpeg.args(["-t", "4", "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "4M", "-r", "30", "-y"]).arg(to);
    ensure!(ffmpeg.status()?.success(), "ffmpeg cannot make the clip");
    Ok(())
}

/// Processor time of ffmpeg, decoding the file and throwing it away.
fn decoded_by_ffmpeg(path: &Path) -> Result<Duration> {
    let before = cpu_of_children();
    let mut ffmpeg = Command::new("ffmpeg");
    let done = ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).status()?;
    ensure!(done.success(), "ffmpeg cannot decode the clip");
    Ok(cpu_of_children() - before)
}
