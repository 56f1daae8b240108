//! From rows to the wire: names of both generations, links, what a role may see.

use crate::links::Links;
use oz_domain::{FileRole, FolderId, MediaKind, Millis, Role};
use oz_store::analyses::{AnalysisImage, AnalysisWithMedia};
use oz_store::companies::{Company, Left};
use oz_store::folders::Folder;
use oz_store::media::MediaWithFiles;
use oz_store::users::User;
use oz_wire as wire;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How answers are shown to one caller.
#[derive(Clone)]
pub(crate) struct View {
    /// Scheme and host for links, or empty for links without them.
    pub(crate) origin: String,
    /// Names of before 6.0.1 too (decision 6).
    pub(crate) legacy: bool,
    /// Signals and reasons too.
    pub(crate) details: bool,
    /// Signs links to files, at this time.
    pub(crate) links: Option<(Arc<Links>, Millis)>,
}

/// What the analysis job stores for each medium; [`View::analysis`] makes the wire's form of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredResult {
    pub(crate) media_id: oz_domain::MediaId,
    pub(crate) kind: MediaKind,
    pub(crate) confidence_spoofing: f64,
    pub(crate) details: Value,
}

/// Default of `threshold_spoofing` (decision 21).
pub(crate) const THRESHOLD_SPOOFING: f64 = 0.5;

impl View {
    /// For what has no links: users, companies.
    pub(crate) const fn plain(legacy: bool) -> Self {
        Self { origin: String::new(), legacy, details: false, links: None }
    }

    /// The link to a stored file.
    fn link(&self, folder: FolderId, file: &str) -> String {
        let path = format!("/api/static/{folder}/{file}");
        let query = self.links.as_ref().map(|(links, now)| links.sign(&path, *now)).unwrap_or_default();
        format!("{}{path}{query}", self.origin)
    }

    fn old<T>(&self, value: T) -> Option<T> {
        self.legacy.then_some(value)
    }

    pub(crate) fn user(&self, user: &User) -> wire::User {
        wire::User {
            user_id: user.id,
            user_type: user.role,
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            middle_name: user.middle_name.clone(),
            email: user.email.clone(),
            company_id: Some(user.company_id),
            is_active: user.is_active,
            can_start_analysis_quality: user.can_start_analysis_quality,
            can_start_analysis_biometry: user.can_start_analysis_biometry,
            can_start_analysis_collection: user.can_start_analysis_collection,
            can_start_analysis_documents: user.can_start_analysis_documents,
            old: self.old(wire::OldUser {
                is_admin: user.role == Role::ClientAdmin,
                is_service: user.role == Role::ClientService,
                can_start_analyse_quality: user.can_start_analysis_quality,
                can_start_analyse_biometry: user.can_start_analysis_biometry,
                can_start_analyse_collection: user.can_start_analysis_collection,
                can_start_analyse_documents: user.can_start_analysis_documents,
            }),
            meta_data: object(&user.meta_data),
            technical_meta_data: object(&user.technical_meta_data),
        }
    }

    /// `left`: what a company that is being deleted still has.
    pub(crate) fn company(&self, company: &Company, left: Option<Left>) -> wire::Company {
        let mut technical = object(&company.technical_meta_data);
        if let Some(Left { folders, users }) = left {
            technical.insert("deletion".to_owned(), json!({"folders_left": folders, "users_left": users}));
        }
        wire::Company {
            company_id: company.id,
            name: company.name.clone(),
            in_deletion: company.in_deletion,
            meta_data: object(&company.meta_data),
            technical_meta_data: technical,
        }
    }

    pub(crate) fn media(&self, row: &MediaWithFiles) -> wire::Media {
        let m = &row.media;
        let url =
            row.file(FileRole::Original).map(|_| self.link(m.folder_id, &format!("{}.{}", m.id, extension(&m.mime))));
        let (original_url, video_url) = if m.kind == MediaKind::Image { (url, None) } else { (None, url) };
        let typed = |kind| self.old(m.id).filter(|_| m.kind == kind);
        wire::Media {
            media_id: m.id,
            image_id: typed(MediaKind::Image),
            video_id: typed(MediaKind::Video),
            shots_set_id: typed(MediaKind::ShotsSet),
            media_type: m.kind.folder_type(),
            folder_id: m.folder_id,
            company_id: Some(m.company_id),
            original_name: m.original_name.clone().unwrap_or_default(),
            original_url,
            video_url,
            preview_url: None,
            thumb_url: None,
            tags: m.tags.clone(),
            original_info: wire::OriginalInfo {
                md5: m.md5.clone(),
                size: m.size.unsigned_abs(),
                mime_type: m.mime.clone(),
                width: m.width.unwrap_or(0).unsigned_abs(),
                height: m.height.unwrap_or(0).unsigned_abs(),
                duration: m.duration_ms.map(|ms| Millis::new(ms).as_seconds()),
            },
            original_local_path: None,
            meta_data: object(&m.meta_data),
            technical_meta_data: object(&m.technical_meta_data),
            time_created: m.time_created.as_seconds(),
            time_updated: m.time_updated.as_seconds(),
        }
    }

    /// `media`: at least those that the analysis looks at.
    pub(crate) fn analysis(&self, row: &AnalysisWithMedia, media: &[MediaWithFiles]) -> wire::Analysis {
        let a = &row.analysis;
        let find = |id| media.iter().find(|m| m.media.id == id);
        let status = a.status().as_str();
        let results: Vec<StoredResult> = serde_json::from_value(a.results_media.clone()).unwrap_or_default();
        wire::Analysis {
            analysis_id: a.id,
            analyse_id: self.old(a.id),
            group_id: a.group_id,
            folder_id: a.folder_id,
            company_id: Some(a.company_id),
            kind: a.kind.as_str(),
            state: a.state.as_str(),
            resolution: status,
            resolution_status: status,
            system_resolution: a.system_status().as_str(),
            operator_comment: a.operator_comment.clone(),
            error_code: a.error_code.and_then(|c| u16::try_from(c).ok()),
            error_message: a.error_message.clone(),
            source_media: row.source_media.iter().filter_map(|id| find(*id)).map(|m| self.media(m)).collect(),
            results_media: results.into_iter().map(|r| self.result(a.folder_id, r, &row.images)).collect(),
            results_data: None,
            thresholds: wire::Thresholds { threshold_spoofing: threshold(&a.thresholds) },
            params: serde_json::from_value(a.params.clone()).unwrap_or_default(),
            model_pack: a.model_pack.clone(),
            meta_data: object(&a.meta_data),
            technical_meta_data: object(&a.technical_meta_data),
            time_created: a.time_created.as_seconds(),
            time_updated: a.time_updated.as_seconds(),
            time_task_send_to_broker: Some(a.time_task_send_to_broker.as_seconds()),
            time_task_received: a.time_task_received.map(Millis::as_seconds),
            time_task_finished: a.time_task_finished.map(Millis::as_seconds),
        }
    }

    fn result(&self, folder: FolderId, r: StoredResult, images: &[AnalysisImage]) -> wire::MediaResult {
        let typed = |kind| self.old(r.media_id).filter(|_| r.kind == kind);
        let output_images = images
            .iter()
            .filter(|image| image.media_id == r.media_id)
            .map(|image| wire::OutputImage {
                kind: image.kind.as_str().to_owned(),
                original_url: self.link(folder, &format!("{}_{}.jpg", image.id, image.kind)),
            })
            .collect();
        wire::MediaResult {
            media_id: r.media_id,
            source_media_id: r.media_id,
            source_image_id: typed(MediaKind::Image),
            source_video_id: typed(MediaKind::Video),
            source_shots_set_id: typed(MediaKind::ShotsSet),
            results_data: wire::QualityScores { confidence_spoofing: r.confidence_spoofing },
            output_images,
            details: self.details.then_some(r.details),
        }
    }

    pub(crate) fn folder(
        &self,
        row: &Folder,
        media: &[MediaWithFiles],
        analyses: Option<&[AnalysisWithMedia]>,
    ) -> wire::Folder {
        let operator_status = row.operator_status.map(|s| s.as_str().to_owned());
        let of_folder = |id| id == row.id;
        wire::Folder {
            folder_id: row.id,
            company_id: Some(row.company_id),
            user_id: row.user_id,
            resolution_status: row.resolution_status.as_str(),
            system_resolution: row.system_resolution.as_str(),
            resolution_suggest: self.old(operator_status.clone()),
            operator_status,
            operator_comment: row.operator_comment.clone(),
            is_cleaned: row.is_cleaned,
            media: media.iter().filter(|m| of_folder(m.media.folder_id)).map(|m| self.media(m)).collect(),
            analyses: analyses.map(|all| {
                all.iter().filter(|a| of_folder(a.analysis.folder_id)).map(|a| self.analysis(a, media)).collect()
            }),
            user: None,
            company: None,
            meta_data: object(&row.meta_data),
            technical_meta_data: object(&row.technical_meta_data),
            time_created: row.time_created.as_seconds(),
            time_updated: row.time_updated.as_seconds(),
        }
    }
}

/// The threshold that an analysis was started with.
pub(crate) fn threshold(thresholds: &Value) -> f64 {
    thresholds["threshold_spoofing"].as_f64().unwrap_or(THRESHOLD_SPOOFING)
}

/// The usual ending of a file of this type; clients look at it.
pub(crate) fn extension(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "video/webm" => "webm",
        "video/x-matroska" => "mkv",
        "video/x-msvideo" => "avi",
        "video/mpeg" | "video/mp2t" => "mpg",
        "application/zip" => "zip",
        "application/x-tar" => "tar",
        "application/gzip" => "gz",
        _ => "bin",
    }
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
