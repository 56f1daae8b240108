//! What was measured on a clip, frame by frame: the time series that the signals read.
//!
//! All places are in pixels of the upright picture: x to the right, y down, pixel (0, 0) has its centre at (0, 0).

use crate::quality::Quality;

/// Which net found a face; scores and boxes of different ones are not comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// YuNet on a picture of at most 320 px.
    Yunet320,
    /// YuNet on a picture of at most 640 px, because nothing was found at 320.
    Yunet640,
    /// The MediaPipe detector, in the dark: boxes are smaller, there are no mouth corners. PAD scores mean nothing.
    MediaPipe,
    /// Not searched for: carried over from the landmarks of the frame before.
    Tracked,
}

/// A found face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left, top, width, height in pixels; may reach outside the picture.
    pub bbox: [f32; 4],
    /// Eye at the left of the picture, other eye, nose tip, mouth corner at the left, other corner; x and y in pixels.
    /// From [`Detector::MediaPipe`] both corners are the middle of the mouth.
    pub points: [[f32; 2]; 5],
    /// Confidence of the detector, 0.6-1; landmark presence for [`Detector::Tracked`].
    pub score: f32,
    /// Who found it.
    pub detector: Detector,
}

impl Face {
    /// Longer side of the box in pixels.
    pub fn size(&self) -> f32 {
        self.bbox[2].max(self.bbox[3])
    }

    /// Width times height in square pixels.
    pub fn area(&self) -> f32 {
        self.bbox[2] * self.bbox[3]
    }

    /// Middle of the box in pixels.
    pub fn centre(&self) -> [f32; 2] {
        [self.bbox[0] + self.bbox[2] / 2.0, self.bbox[1] + self.bbox[3] / 2.0]
    }

    /// Distance between the eyes in pixels.
    pub fn eye_distance(&self) -> f32 {
        let [a, b] = [self.points[0], self.points[1]];
        (b[0] - a[0]).hypot(b[1] - a[1])
    }
}

/// Where a head looks, in degrees; positive yaw is towards the right of the picture as measured by headpose-0001, positive
/// pitch is up, positive roll is a lean towards the right of the picture. Pitch has an offset from picture to picture:
/// use a session's own neutral.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Turn to a side, about -90 to 90.
    pub yaw: f32,
    /// Up or down, about -70 to 70.
    pub pitch: f32,
    /// Lean, about -70 to 70.
    pub roll: f32,
}

/// What the two Silent-Face nets say of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PadScores {
    /// P(live) of MiniFASNetV2 on the crop of factor 2.7, 0-1.
    pub v2: f32,
    /// P(live) of MiniFASNetV1SE on the crop of factor 4.0, 0-1.
    pub v1se: f32,
}

impl PadScores {
    /// P(live): the mean of both nets, 0-1.
    pub fn live(&self) -> f32 {
        f32::midpoint(self.v2, self.v1se)
    }
}

/// Measures of the tracked (accepted) face on one frame.
#[derive(Debug, Clone)]
pub struct FaceMeasures {
    /// Its place.
    pub face: Face,
    /// 478 points: x and y in pixels, z in the same unit, relative.
    pub landmarks: Option<Vec<[f32; 3]>>,
    /// How sure the landmark net is that there is a face, 0-1; low when something covers it.
    pub presence: f32,
    /// 52 values of 0-1 in the order of MediaPipe (9 and 10 blink, 25 jaw open, 44 and 45 smile).
    pub blendshapes: Option<Box<[f32; 52]>>,
    /// Where the head looks.
    pub pose: Option<Pose>,
    /// What the PAD nets say.
    pub pad: Option<PadScores>,
    /// How good the picture of the face is.
    pub quality: Option<Quality>,
    /// Normalised embedding, 256 values.
    pub template: Option<Vec<f32>>,
}

/// What was measured on one sampled frame of a clip.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Place of the frame among all frames of the clip, from 0.
    pub frame: u32,
    /// Seconds since the first frame.
    pub time: f64,
    /// All faces found, largest first.
    pub faces: Vec<Face>,
    /// Measures of the tracked face, when it is there.
    pub main: Option<FaceMeasures>,
}

/// A clip as the signals see it.
#[derive(Debug, Clone, Default)]
pub struct Track {
    /// In order of time.
    pub observations: Vec<Observation>,
    /// Width of the upright picture in pixels.
    pub width: u32,
    /// Height of the upright picture in pixels.
    pub height: u32,
}
