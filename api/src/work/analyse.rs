//! The job behind an analysis: fetch, decode in a child, judge, keep the pictures, write the verdict.

use crate::app::{App, location};
use crate::error::media_code;
use crate::license::feature;
use crate::view::{StoredResult, THRESHOLD_SPOOFING};
use oz_domain::{
    AnalysisId, BlobId, CompanyId, FileRole, ImageId, ImageKind, MediaKind, Millis, RequestId, Resolution, Tag,
};
use oz_jobs::{Context, Death, Effect, Failure, Job, NewJob};
use oz_media::{Input, Sampling, encode_jpeg};
use oz_models::best_shot::Shot;
use oz_models::{Liveness, LivenessOptions};
use oz_store::analyses::{self, AnalysisImage, AnalysisWithMedia, Outcome};
use oz_store::blobs::{self, DeadBlob, NewBlob};
use oz_store::media::{self, MediaWithFiles};
use oz_store::{AnyConn, Viewer};
use oz_wire::{Code, QualityParams};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Jobs that need the nets.
pub(crate) const LANE: &str = "inference";
/// How long to wait for models that are still loading, or cannot be loaded.
const MODELS: Duration = Duration::from_millis(500);
/// How long to wait for a decoding process that cannot be started.
const DECODER: Duration = Duration::from_secs(1);
/// Quality of stored pictures: nothing that a face net sees is lost, at a fifth of the bytes of 100.
const JPEG_QUALITY: u8 = 92;

/// Judges the media of one analysis.
pub(crate) struct AnalyseMedia {
    app: App,
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    analysis_id: AnalysisId,
}

/// Why an analysis ends FAILED; another attempt would say the same.
struct Refusal {
    code: Code,
    text: String,
}

/// Why there is no verdict (yet).
enum Stop {
    Refuse(Refusal),
    Fail(Failure),
}

/// A verdict on one medium.
struct Judged {
    result: StoredResult,
    shots: Vec<(ImageKind, Shot)>,
}

/// A picture that lies in place and has no row yet.
struct Kept {
    image: AnalysisImage,
    blob: NewBlob,
}

impl AnalyseMedia {
    pub(crate) fn of(app: &App) -> Self {
        Self { app: app.clone() }
    }

    /// The job for an analysis.
    pub(crate) fn job(
        analysis_id: AnalysisId,
        attempts: i32,
        request: Option<RequestId>,
        now: Millis,
    ) -> oz_jobs::Result<NewJob> {
        let job = NewJob::of::<Self>(&Payload { analysis_id }, now)?;
        Ok(NewJob { max_attempts: attempts, ..job.once(analysis_id).asked_by(request) })
    }

    async fn verdict(&self, context: &Context, id: AnalysisId) -> Result<Option<Effect>, Stop> {
        match self.app.engine.get() {
            Some(Ok(_)) => {}
            Some(Err(_)) => return Err(Stop::Fail(Failure::Later(MODELS * 10))),
            None => return Err(Stop::Fail(Failure::Later(MODELS))),
        }
        let now = self.app.now();
        let found = self.app.db.write(move |conn| {
            if !analyses::begin(conn, id, now)? {
                return Ok(None); // deleted, or ended by another attempt
            }
            let found = analyses::get(conn, Viewer::All, id)?;
            let media = oz_store::media::of_folders(conn, &[found.analysis.folder_id])?;
            Ok::<_, oz_store::Error>(Some((found, media)))
        });
        let Some((found, media)) = found.await.map_err(again)? else { return Ok(None) };
        let sources: Vec<MediaWithFiles> =
            found.source_media.iter().filter_map(|id| media.iter().find(|m| m.media.id == *id)).cloned().collect();
        if sources.is_empty() {
            let text = "there is no medium to analyse".to_owned();
            return Err(Stop::Refuse(Refusal { code: Code::NotEnoughMedia, text }));
        }
        let params: QualityParams = serde_json::from_value(found.analysis.params.clone()).unwrap_or_default();
        let mut judged = Vec::new();
        for medium in sources {
            judged.push(self.judge(context, medium, &params).await?);
        }
        self.effect(&found, judged).await.map(Some)
    }

    async fn judge(&self, context: &Context, medium: MediaWithFiles, params: &QualityParams) -> Result<Judged, Stop> {
        let file = medium.file(FileRole::Original).ok_or_else(|| {
            Stop::Refuse(Refusal { code: Code::NotEnoughMedia, text: "the medium's file was erased".to_owned() })
        })?;
        let blob = file.blob_id;
        let at = self.app.db.read(move |conn| location(conn, blob)).await.map_err(again)?;
        let memory = self.app.blobs.memory_file(&at, u64::MAX).await.map_err(again)?;
        let options = LivenessOptions {
            asked: medium.media.tags.iter().filter_map(|t| t.parse::<Tag>().ok()).collect(),
            mirrored: None,
            best_shot: params.extract_best_shot.unwrap_or(true),
            action_shot: params.extract_action_shot.unwrap_or(false),
            all_signals: false,
        };
        let (app, kind) = (self.app.clone(), medium.media.kind);
        let work =
            move || Input::from_fd(memory).map_err(Undone::Media).and_then(|input| look(&app, &input, kind, &options));
        let liveness = match self.app.lab.run(work).await.map_err(again)? {
            Ok(liveness) => liveness,
            Err(Undone::Model(error)) => return Err(again(error)),
            Err(Undone::Media(error)) => return Err(stopped_by(error, context)),
        };
        if let Some(failure) = liveness.failure {
            return Err(Stop::Refuse(Refusal::of(failure)));
        }
        let shots =
            [(ImageKind::BestShot, liveness.best_shot.clone()), (ImageKind::ActionShot, liveness.action_shot.clone())];
        Ok(Judged {
            result: StoredResult {
                media_id: medium.media.id,
                kind,
                confidence_spoofing: liveness.confidence_spoofing,
                details: serde_json::to_value(liveness.details()).map_err(again)?,
            },
            shots: shots.into_iter().filter_map(|(kind, shot)| Some((kind, shot?))).collect(),
        })
    }

    /// Stores the pictures and gives what is to be written.
    async fn effect(&self, found: &AnalysisWithMedia, judged: Vec<Judged>) -> Result<Effect, Stop> {
        let (id, company) = (found.analysis.id, found.analysis.company_id);
        let threshold = found.analysis.thresholds["threshold_spoofing"].as_f64().unwrap_or(THRESHOLD_SPOOFING);
        let attack = judged.iter().any(|j| j.result.confidence_spoofing >= threshold);
        let results: Vec<&StoredResult> = judged.iter().map(|j| &j.result).collect();
        let mut kept = Vec::new();
        for one in &judged {
            for (kind, shot) in &one.shots {
                kept.push(self.keep(id, company, one.result.media_id, *kind, shot).await?);
            }
        }
        let outcome = Outcome {
            resolution: if attack { Resolution::Declined } else { Resolution::Success },
            results_media: serde_json::to_value(results).map_err(again)?,
            results_data: None,
            model_pack: self.app.engine.get().and_then(|e| e.as_ref().ok()).map(|engine| {
                let version = engine.version();
                format!("{} {} ({})", version.name, version.version, version.calibration)
            }),
            images: vec![],
        };
        let ordered = found.analysis.time_created;
        self.app.metrics.verdict(&found.analysis.kind.to_string(), self.app.now().since(ordered));
        Ok(self.write(id, outcome, kept))
    }

    async fn keep(
        &self,
        analysis_id: AnalysisId,
        company: CompanyId,
        media_id: oz_domain::MediaId,
        kind: ImageKind,
        shot: &Shot,
    ) -> Result<Kept, Stop> {
        let picture = shot.picture.clone();
        let jpeg =
            self.app.lab.run(move || encode_jpeg(&picture, JPEG_QUALITY)).await.map_err(again)?.map_err(again)?;
        let now = self.app.now();
        let staged = self.app.blobs.stage_bytes(company, BlobId::new(now), &jpeg).await.map_err(again)?;
        let at = staged.commit().await.map_err(again)?;
        let size = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        let image = AnalysisImage {
            id: ImageId::new(now),
            analysis_id,
            media_id,
            kind,
            blob_id: at.id,
            mime: "image/jpeg".to_owned(),
            width: size(shot.picture.width()),
            height: size(shot.picture.height()),
            time_ms: Some(crate::ingest::millis(shot.time)),
            time_created: now,
        };
        let blob = NewBlob {
            id: at.id,
            company_id: at.company,
            name: at.name,
            size: i64::try_from(jpeg.len()).unwrap_or(i64::MAX),
        };
        Ok(Kept { image, blob })
    }

    /// The verdict with its pictures, one transaction with the job's end. What turns out to be superfluous is removed after.
    fn write(&self, id: AnalysisId, outcome: Outcome, kept: Vec<Kept>) -> Effect {
        let now = self.app.now();
        let superfluous: Arc<Mutex<Vec<DeadBlob>>> = Arc::default();
        let found = Arc::clone(&superfluous);
        let change = move |conn: &mut AnyConn| {
            let mut outcome = outcome.clone();
            let mut dead = Vec::new();
            let mut used = Vec::new();
            for Kept { image, blob } in &kept {
                let acquired = blobs::acquire(conn, blob, now)?;
                if acquired.existing {
                    dead.push(DeadBlob { id: blob.id, company_id: blob.company_id, name: blob.name.clone() });
                }
                used.push(acquired.id);
                match media::get(conn, Viewer::All, image.media_id) {
                    Ok(medium) if medium.file(FileRole::Original).is_some() => {}
                    // Deleted or erased while it was looked at: of a face that is gone nothing stays.
                    Ok(_) | Err(oz_store::Error::NotFound) => {
                        dead.extend(blobs::release(conn, &[acquired.id])?);
                        used.pop();
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                outcome.images.push(AnalysisImage { blob_id: acquired.id, ..image.clone() });
            }
            if !analyses::finish(conn, id, &outcome, now)? {
                dead.extend(blobs::release(conn, &used)?);
            }
            *found.lock().unwrap_or_else(PoisonError::into_inner) = dead;
            Ok(())
        };
        let app = self.app.clone();
        Effect::new(change).then(move || {
            app.ended.notify_waiters();
            let dead = std::mem::take(&mut *superfluous.lock().unwrap_or_else(PoisonError::into_inner));
            if !dead.is_empty() {
                tokio::spawn(async move { app.remove_files(dead).await });
            }
        })
    }

    fn refuse(&self, id: AnalysisId, refusal: Refusal) -> Effect {
        let (app, now) = (self.app.clone(), self.app.now());
        let Refusal { code, text } = refusal;
        Effect::new(move |conn| analyses::fail(conn, id, i32::from(code.number()), &text, now).map(|_| ()))
            .then(move || app.ended.notify_waiters())
    }
}

impl Job for AnalyseMedia {
    const KIND: &'static str = "analyse_media";
    const LANE: &'static str = LANE;
    type Payload = Payload;

    async fn run(&self, context: Context, payload: Payload) -> Result<Effect, Failure> {
        let id = payload.analysis_id;
        match self.verdict(&context, id).await {
            Ok(effect) => Ok(effect.unwrap_or_else(Effect::none)),
            Err(Stop::Refuse(refusal)) => Ok(self.refuse(id, refusal)),
            Err(Stop::Fail(failure)) => Err(failure),
        }
    }

    fn on_dead(&self, conn: &mut AnyConn, payload: &Payload, _: &Death) -> oz_store::Result<()> {
        // The reason stands in the job's row and the log; it may speak of the machine, which is not the client's business.
        let text = "the analysis could not be completed";
        let (id, now) = (payload.analysis_id, self.app.now());
        let failed = analyses::fail(conn, id, i32::from(Code::Unknown.number()), text, now)?;
        if failed {
            // Our own fault: it costs nothing (decision 47).
            let found = analyses::get(conn, Viewer::All, id)?;
            oz_site::uses::take_back(conn, feature(found.analysis.kind), now)?;
        }
        Ok(())
    }
}

/// Why there is no answer of the nets.
enum Undone {
    Media(oz_media::Error),
    Model(String),
}

/// Decodes and judges, on a thread of the lab.
fn look(app: &App, input: &Input, kind: MediaKind, options: &LivenessOptions) -> Result<Liveness, Undone> {
    let Some(Ok(engine)) = app.engine.get() else { return Err(Undone::Model("models are not loaded".to_owned())) };
    let sampling = Sampling {
        per_second: f64::from(oz_models::FRAMES_PER_SECOND),
        spread: oz_models::SPREAD,
        ..Sampling::default()
    };
    let model = |error: oz_models::Error| Undone::Model(error.to_string());
    let start = Instant::now();
    if kind == MediaKind::Image {
        let picture = app.decoder.picture(input).map_err(Undone::Media)?;
        app.metrics.stage("decode", start.elapsed());
        let liveness = engine.still(&picture, options).map_err(model)?;
        app.metrics.stage("judge", liveness.timings.total);
        return Ok(liveness);
    }
    let clip = app.decoder.clip(input, &sampling).map_err(Undone::Media)?;
    app.metrics.stage("decode", start.elapsed());
    let liveness = engine.clip(&clip, options).map_err(model)?;
    app.metrics.stage("judge", liveness.timings.total);
    Ok(liveness)
}

/// A medium that cannot be decoded is refused; a decoder that broke is tried again, and the medium is to blame in the end.
fn stopped_by(error: oz_media::Error, context: &Context) -> Stop {
    use oz_media::Error as E;
    match &error {
        // The machine's fault, and no attempt at the medium: it waits until the decoder is back.
        E::Unavailable { .. } => return Stop::Fail(Failure::Later(DECODER)),
        E::Timeout | E::Crashed if context.attempt < context.max_attempts => return again(error),
        _ => {}
    }
    Stop::Refuse(Refusal { code: media_code(&error), text: error.to_string() })
}

/// For failures that are not the medium's.
fn again(error: impl std::fmt::Display) -> Stop {
    Stop::Fail(Failure::Retry(error.to_string()))
}

impl Refusal {
    fn of(failure: oz_models::Failure) -> Self {
        use oz_models::Failure as F;
        match failure {
            F::NoFace => Self { code: Code::NoFace, text: "no face was found".to_owned() },
            F::TwoFaces => Self { code: Code::SeveralFaces, text: "more than one person was found".to_owned() },
            F::TooFewFrames { found, needed } => {
                Self { code: Code::TooFewFrames, text: format!("{found} frames came, at least {needed} are needed") }
            }
        }
    }
}
