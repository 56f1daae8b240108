//! The names from before 6.0.1, beside the new ones (decision 6, `oz-api.md` 22). Without a call to these
//! (`OZ_LEGACY_NAMES=false`) the keys are not written at all.

use crate::{Analysis, AuthAnswer, Folder, Media, OldUser, User};
use oz_domain::{MediaId, MediaKind, Millis, Role};

/// An id under the old name that fits the kind of medium: image, video, shot set.
fn by_kind(media_type: &str, id: MediaId) -> [Option<MediaId>; 3] {
    [MediaKind::Image, MediaKind::Video, MediaKind::ShotsSet].map(|k| (k.folder_type() == media_type).then_some(id))
}

impl AuthAnswer {
    /// Fills `session_id`, `expire_date` and the user's old names.
    #[must_use]
    pub fn with_old_names(mut self, expires: Millis) -> Self {
        self.session_id = Some(self.token_id);
        self.expire_date = Some(expires.as_seconds());
        self.user = self.user.with_old_names();
        self
    }
}

impl User {
    /// Fills [`User::old`].
    #[must_use]
    pub fn with_old_names(mut self) -> Self {
        self.old = Some(OldUser {
            is_admin: self.user_type == Role::ClientAdmin,
            is_service: self.user_type == Role::ClientService,
            can_start_analyse_quality: self.can_start_analysis_quality,
            can_start_analyse_biometry: self.can_start_analysis_biometry,
            can_start_analyse_collection: self.can_start_analysis_collection,
            can_start_analyse_documents: self.can_start_analysis_documents,
        });
        self
    }
}

impl Media {
    /// Fills `image_id`, `video_id` or `shots_set_id`.
    #[must_use]
    pub fn with_old_names(mut self) -> Self {
        [self.image_id, self.video_id, self.shots_set_id] = by_kind(self.media_type, self.media_id);
        self
    }
}

impl Analysis {
    /// Fills `analyse_id`, the old ids of the source media and, by their kinds, those of the results.
    #[must_use]
    pub fn with_old_names(mut self) -> Self {
        self.analyse_id = Some(self.analysis_id);
        self.source_media = self.source_media.into_iter().map(Media::with_old_names).collect();
        for result in &mut self.results_media {
            // A result whose medium was deleted since has no kind any more.
            let kind = self.source_media.iter().find(|m| m.media_id == result.media_id).map_or("", |m| m.media_type);
            [result.source_image_id, result.source_video_id, result.source_shots_set_id] =
                by_kind(kind, result.media_id);
        }
        self
    }
}

impl Folder {
    /// Fills `resolution_suggest` and the old names of everything inside.
    #[must_use]
    pub fn with_old_names(mut self) -> Self {
        self.resolution_suggest = Some(self.operator_status.clone());
        self.media = self.media.into_iter().map(Media::with_old_names).collect();
        self.analyses = self.analyses.map(|list| list.into_iter().map(Analysis::with_old_names).collect());
        self.user = self.user.map(User::with_old_names);
        self
    }
}
