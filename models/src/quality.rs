//! How good a picture of a face is, in measures named after ISO/IEC 29794-5.

/// Measures of one face on one picture. `unified` sums them up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// Distance between the eyes in pixels.
    pub inter_eye_distance: f32,
    /// Variance of the Laplacian of the luma of the aligned face (96x96); below about 20 is blurred.
    pub sharpness: f32,
    /// Part of the face's pixels that are nearly black, 0-1.
    pub under_exposure: f32,
    /// Part of the face's pixels that are nearly white, 0-1.
    pub over_exposure: f32,
    /// Mean luma of the face, 0-255.
    pub brightness: f32,
    /// How frontal the face is, 0-1.
    pub pose: f32,
    /// How open the eyes are, 0-1.
    pub eyes_open: f32,
    /// How closed the mouth is, 0-1.
    pub mouth_closed: f32,
    /// How free the face is of anything that covers it: landmark presence, 0-1.
    pub unoccluded: f32,
    /// What LightQNet says; about 0.61 is a good picture, 0.40 strong blur.
    pub net: f32,
    /// All of it, 0-100.
    pub unified: f32,
}
