//! Kinds of media and the tags that say what they show (`oz-api.md` 7.2, 11).

use crate::words;

words! {
    /// What a medium is; decided by its bytes, never by its tags.
    MediaKind {
        /// A still picture.
        Image = "IMAGE",
        /// A video.
        Video = "VIDEO",
        /// An archive of still frames, in order.
        ShotsSet = "SHOTS_SET",
    }
}

impl MediaKind {
    /// `media_type` of a folder's medium on the wire.
    pub const fn folder_type(self) -> &'static str {
        match self {
            Self::Image => "IMAGE_FOLDER",
            Self::Video => "VIDEO_FOLDER",
            Self::ShotsSet => "SHOTS_SET_FOLDER",
        }
    }
}

words! {
    /// The tags this product acts on. Others are stored as they come (decision 7).
    Tag {
        /// A video of a person.
        VideoSelfie = "video_selfie",
        /// Upright.
        OrientationPortrait = "orientation_portrait",
        /// Sideways.
        OrientationLandscape = "orientation_landscape",
        /// Turn the head left.
        Left = "video_selfie_left",
        /// Turn the head right.
        Right = "video_selfie_right",
        /// Lower the head.
        Down = "video_selfie_down",
        /// Raise the head.
        High = "video_selfie_high",
        /// Smile.
        Smile = "video_selfie_smile",
        /// Blink.
        Eyes = "video_selfie_eyes",
        /// Move the phone along the face.
        Scan = "video_selfie_scan",
        /// No action.
        Blank = "video_selfie_blank",
        /// One frame.
        Oneshot = "video_selfie_oneshot",
        /// Older action: come closer.
        ZoomIn = "video_selfie_zoom_in",
        /// Older action: go away.
        ZoomOut = "video_selfie_zoom_out",
        /// A selfie photo.
        PhotoSelfie = "photo_selfie",
        /// A document photo.
        PhotoId = "photo_id",
        /// The front of a document.
        PhotoIdFront = "photo_id_front",
        /// The back of a document.
        PhotoIdBack = "photo_id_back",
    }
}

words! {
    /// What a stored file of a medium is for.
    FileRole {
        /// The bytes as they came.
        Original = "original",
        /// A form that plays in a browser, when the original does not.
        Video = "video",
        /// The MP4 made from a shot set.
        Preview = "preview",
        /// The small picture.
        Thumb = "thumb",
        /// A still of a video that somebody asked for (decision 25).
        Snapshot = "snapshot",
    }
}

words! {
    /// A picture that an analysis makes (decision 22).
    ImageKind {
        /// The best picture of the face.
        BestShot = "best_shot",
        /// The picture that shows the action.
        ActionShot = "action_shot",
    }
}

/// Whether the tags say that the medium shows a document; QUALITY leaves such media out (`oz-api.md` 13.1).
pub fn is_document(tags: &[String]) -> bool {
    tags.iter().any(|t| matches!(t.parse(), Ok(Tag::PhotoId | Tag::PhotoIdFront | Tag::PhotoIdBack)))
}
