//! The engine: a verified pack, loaded, warm, and ready to judge.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oz_domain::{Clip, Picture};

use crate::calibration::Calibration;
use crate::clip;
use crate::detect::Detect;
use crate::embed::Embed;
use crate::landmarks::Landmarks;
use crate::liveness::{Liveness, LivenessOptions, NetTime, Timings};
use crate::manifest::{Pack, PackError};
use crate::pad_net::PadNets;
use crate::pose::HeadPose;
use crate::quality::QualityNet;
use crate::runtime::{PrepackedWeights, Runtime, RuntimeError};
use crate::session_pool::{Loader, Net, Pool};
use crate::still;

/// Why something cannot be judged or the engine cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Where things are and how much of the machine to take.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The pack's folder.
    pub pack_dir: PathBuf,
    /// `libonnxruntime.so`.
    pub runtime_lib: PathBuf,
    /// Analyses at a time, at least 1; each has its own set of sessions.
    pub sessions: usize,
    /// Threads inside one net, at least 1. `sessions` times this should not be above the number of cores.
    pub intra_threads: usize,
}

/// Which numbers judged: stored with every analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackVersion {
    /// Name of the pack.
    pub name: String,
    /// Version of the pack.
    pub version: String,
    /// Version of the calibration.
    pub calibration: String,
    /// Version of the embedding net: templates of different ones are never compared.
    pub embedder: String,
}

/// All stages, each with nets of its own.
pub struct Stages {
    /// Where faces are.
    pub detect: Detect,
    /// Points of a face.
    pub landmarks: Landmarks,
    /// Where a head looks.
    pub pose: HeadPose,
    /// How good a picture is.
    pub quality: QualityNet,
    /// What the PAD nets say.
    pub pad: PadNets,
    /// Who it is.
    pub embed: Embed,
}

impl Stages {
    fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        Ok(Self {
            detect: Detect::load(loader)?,
            landmarks: Landmarks::load(loader)?,
            pose: HeadPose::load(loader)?,
            quality: QualityNet::load(loader)?,
            pad: PadNets::load(loader)?,
            embed: Embed::load(loader)?,
        })
    }

    fn nets(&mut self) -> impl Iterator<Item = &mut Net> {
        let single = [self.pose.net(), self.quality.net(), self.embed.net()];
        self.detect.nets().into_iter().chain(self.landmarks.nets()).chain(self.pad.nets()).chain(single)
    }

    /// Times of all nets that ran since the last call.
    pub fn take_times(&mut self) -> Vec<NetTime> {
        self.nets()
            .filter_map(|net| {
                let (spent, runs) = net.take_spent();
                (runs > 0).then(|| NetTime { net: net.card().name.clone(), runs, spent })
            })
            .collect()
    }
}

/// A template with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// 256 values, length 1.
    pub values: Vec<f32>,
    /// Unified quality of the face, 0-100.
    pub quality: f32,
}

/// What one bare run of a net gave.
#[derive(Debug, Clone)]
pub struct Bare {
    /// Outputs in the order of the graph.
    pub outputs: Vec<Vec<f32>>,
    /// Time inside the runtime.
    pub spent: Duration,
}

/// A loaded pack.
pub struct Engine {
    sets: Pool<Stages>,
    calibration: Calibration,
    version: PackVersion,
}

impl Engine {
    /// Verifies and loads a pack, and runs every net once.
    ///
    /// # Errors
    /// [`Error`]; a missing library or file never panics.
    pub fn load(options: &EngineOptions) -> Result<Self, Error> {
        let pack = Pack::open(&options.pack_dir)?;
        let calibration = Calibration::of(&pack)?;
        let runtime = Runtime::load(&options.runtime_lib)?;
        let weights = PrepackedWeights::new();
        let loader =
            Loader { runtime: &runtime, pack: &pack, threads: options.intra_threads.max(1), weights: &weights };
        let sets = (0..options.sessions.max(1))
            .map(|_| {
                let mut set = Stages::load(&loader)?;
                warm_up(&mut set)?;
                Ok(set)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let version = PackVersion {
            name: pack.name.clone(),
            version: pack.version.clone(),
            calibration: calibration.version.clone(),
            embedder: pack.card("embed", 0).map(|card| format!("{}@{}", card.name, card.version))?,
        };
        Ok(Self { sets: Pool::new(sets), calibration, version })
    }

    /// What was loaded.
    pub fn version(&self) -> &PackVersion {
        &self.version
    }

    /// The fitted numbers in use.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Judges a still picture.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn still(&self, picture: &Picture, options: &LivenessOptions) -> Result<Liveness, Error> {
        self.timed(|set| still::judge(set, picture, options, &self.calibration))
    }

    /// Judges a video or a shot set.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn clip(&self, clip: &Clip, options: &LivenessOptions) -> Result<Liveness, Error> {
        self.timed(|set| clip::judge(set, clip, options, &self.calibration))
    }

    /// The template of the largest face; `None` when there is no face with all points.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn embed(&self, picture: &Picture) -> Result<Option<Template>, Error> {
        still::template(&mut self.sets.checkout(), picture)
    }

    /// Lends a set of stages: for benches and tests of single stages.
    pub fn with_stages<R>(&self, work: impl FnOnce(&mut Stages) -> R) -> R {
        work(&mut self.sets.checkout())
    }

    /// The floor under [`Engine::still`]: what the same nets take when they run `rounds` times, by themselves, on the very
    /// tensors that `picture` gives them (the smallest of the rounds, by net).
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn floor(&self, picture: &Picture, rounds: usize) -> Result<Vec<NetTime>, Error> {
        let mut set = self.sets.checkout();
        set.take_times();
        still::judge(&mut set, picture, &LivenessOptions::default(), &self.calibration)?;
        let used = set.take_times();
        let mut floor = Vec::new();
        for net in set.nets() {
            if let Some(used) = used.iter().find(|u| u.net == net.card().name) {
                let spent = net.again(rounds)? * used.runs;
                floor.push(NetTime { spent, ..used.clone() });
            }
        }
        Ok(floor)
    }

    /// Runs one net by itself on a tensor of the caller's; `None` when no net has that name.
    ///
    /// # Errors
    /// When the net refuses the tensor.
    pub fn bare(&self, net: &str, shape: &[usize], tensor: &[f32]) -> Result<Option<Bare>, Error> {
        let mut set = self.sets.checkout();
        let Some(net) = set.nets().find(|n| n.card().name == net) else { return Ok(None) };
        net.take_spent();
        net.input(tensor.len()).copy_from_slice(tensor);
        let outputs = net.run(shape)?.to_vec();
        Ok(Some(Bare { outputs, spent: net.take_spent().0 }))
    }

    fn timed(&self, work: impl FnOnce(&mut Stages) -> Result<Liveness, Error>) -> Result<Liveness, Error> {
        let mut set = self.sets.checkout();
        let start = Instant::now();
        set.take_times();
        let mut liveness = work(&mut set)?;
        liveness.timings = Timings { total: start.elapsed(), nets: set.take_times() };
        Ok(liveness)
    }
}

/// Runs every net once, so that the first analysis is as fast as the next.
fn warm_up(set: &mut Stages) -> Result<(), Error> {
    const SIDE: u16 = 320;
    let grey = Bytes::from(vec![127; usize::from(SIDE) * usize::from(SIDE) * 3]);
    let Ok(picture) = Picture::new(SIDE.into(), SIDE.into(), grey) else { return Ok(()) };
    let face = crate::track::Face {
        bbox: [80.0, 80.0, 160.0, 160.0],
        points: [[120.0, 130.0], [200.0, 130.0], [160.0, 165.0], [130.0, 205.0], [190.0, 205.0]],
        score: 1.0,
        detector: crate::track::Detector::Yunet320,
    };
    set.detect.faces(&picture, &mut set.landmarks)?;
    let mesh = set.landmarks.find(&picture, &face)?;
    set.landmarks.blendshapes(&mesh)?;
    set.pose.measure(&picture, &face)?;
    set.quality.measure(&picture, &face, crate::quality::Seen::default())?;
    set.pad.measure(&picture, &face)?;
    set.embed.template(&picture, &face.points)?;
    set.take_times();
    Ok(())
}
