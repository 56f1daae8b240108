//! Time of each stage on one picture of a face: `cargo bench -p oz-models -- PICTURE.jpg`.
//!
//! "outside" is everything but `Session::run`: crops, normalisation, reading outputs. The smallest of many rounds counts:
//! the rest is other programs.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oz_domain::Picture;
use oz_models::quality::Seen;
use oz_models::{Engine, EngineOptions, LivenessOptions, Stages};

const ROUNDS: usize = 60;

type Stage<'a> = (&'a str, Box<dyn FnMut(&mut Stages) + 'a>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shared = std::env::var_os("OZ_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let or = |name: &str, path: PathBuf| std::env::var_os(name).map_or(path, PathBuf::from);
    let engine = Engine::load(&EngineOptions {
        pack_dir: or("OZ_MODELS_DIR", shared.join("models")),
        runtime_lib: or("OZ_RUNTIME_LIB", root.join(".runtime/libonnxruntime.so")),
        sessions: 1,
        intra_threads: 1,
    })?;
    let path = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let picture = decode(&path.map_or_else(|| shared.join("eval/stills/live/c12_landscape_25.jpg"), PathBuf::from))?;
    let Some(face) = engine.with_stages(|s| s.detect.faces(&picture, &mut s.landmarks))?.first().copied() else {
        return Err("no face on that picture".into());
    };
    let mesh = engine.with_stages(|s| s.landmarks.find(&picture, &face))?;
    println!(
        "{}x{}\n{:<12} {:>8} {:>8} {:>8}",
        picture.width(),
        picture.height(),
        "stage",
        "total us",
        "nets us",
        "outside"
    );
    let stages: Vec<Stage<'_>> = vec![
        ("detect", Box::new(|s| drop(s.detect.faces(&picture, &mut s.landmarks)))),
        ("landmarks", Box::new(|s| drop(s.landmarks.find(&picture, &face)))),
        ("blendshapes", Box::new(|s| drop(s.landmarks.blendshapes(&mesh)))),
        ("pose", Box::new(|s| drop(s.pose.measure(&picture, &face)))),
        ("quality", Box::new(|s| drop(s.quality.measure(&picture, &face, Seen::default())))),
        ("pad-net", Box::new(|s| drop(s.pad.measure(&picture, &face)))),
        ("embed", Box::new(|s| drop(s.embed.template(&picture, &face.points)))),
    ];
    for (name, mut stage) in stages {
        let (mut total, mut nets) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            engine.with_stages(|set| {
                set.take_times();
                let start = Instant::now();
                stage(set);
                total = total.min(start.elapsed());
                nets = nets.min(set.take_times().iter().map(|n| n.spent).sum());
            });
        }
        line(name, total, nets);
    }
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(engine.still(&picture, &LivenessOptions::default())?.timings.total);
    }
    let floor = engine.floor(&picture, ROUNDS)?.iter().map(|n| n.spent).sum();
    line("still", best, floor);
    Ok(())
}

fn line(name: &str, total: Duration, nets: Duration) {
    println!(
        "{name:<12} {:>8} {:>8} {:>8}",
        total.as_micros(),
        nets.as_micros(),
        total.saturating_sub(nets).as_micros()
    );
}

fn decode(path: &Path) -> Result<Picture, Box<dyn std::error::Error>> {
    let mut decoder = zune_jpeg::JpegDecoder::new(zune_core::bytestream::ZCursor::new(fs_err::read(path)?));
    let rgb = decoder.decode()?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    Ok(Picture::new(width.try_into()?, height.try_into()?, rgb.into())?)
}
