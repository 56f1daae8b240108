//! Stage "quality": how good a picture of a face is, in measures named after ISO/IEC 29794-5.

use oz_domain::Picture;

use crate::align::Affine;
use crate::engine::Error;
use crate::landmarks::{EYE_AT_LEFT, EYE_AT_RIGHT, JAW_OPEN, Mesh};
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, warp};
use crate::session_pool::{Loader, Net};
use crate::track::{Face, Pose};

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
    /// How frontal the face is, 0-1; 1 when it was not measured.
    pub pose: f32,
    /// How open the eyes are, 0-1; 1 when it was not measured.
    pub eyes_open: f32,
    /// How closed the mouth is, 0-1; 1 when it was not measured.
    pub mouth_closed: f32,
    /// How free the face is of anything that covers it: landmark presence, 0-1.
    pub unoccluded: f32,
    /// How coloured the face is: mean distance of its pixels from grey, 0-255; below about 2 is a grey picture.
    pub colour: f32,
    /// What LightQNet says; about 0.61 is a good picture, 0.40 strong blur.
    pub net: f32,
    /// All of it, 0-100.
    pub unified: f32,
}

/// What is wrong with a picture of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The face has too few pixels.
    Small,
    /// Not sharp.
    Blurred,
    /// Too little light.
    Dark,
    /// Too much light.
    Overexposed,
    /// Looks to a side, up or down.
    NotFrontal,
    /// Eyes closed.
    EyesClosed,
    /// Mouth open.
    MouthOpen,
    /// Something covers the face.
    Occluded,
    /// No colour.
    Grey,
}

impl Defect {
    /// A stable word for logs and stored details.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "face_small",
            Self::Blurred => "blurred",
            Self::Dark => "dark",
            Self::Overexposed => "overexposed",
            Self::NotFrontal => "not_frontal",
            Self::EyesClosed => "eyes_closed",
            Self::MouthOpen => "mouth_open",
            Self::Occluded => "occluded",
            Self::Grey => "grey",
        }
    }
}

impl Quality {
    /// Everything that is wrong, most serious first; empty for a good picture.
    pub fn defects(&self) -> Vec<Defect> {
        let all = [
            (self.unoccluded < 0.5, Defect::Occluded),
            (self.brightness < 40.0 || self.under_exposure > 0.5, Defect::Dark),
            (self.over_exposure > 0.25, Defect::Overexposed),
            (self.inter_eye_distance < 30.0, Defect::Small),
            (self.net < 0.45 || self.sharpness < 20.0, Defect::Blurred),
            (self.pose < 0.4, Defect::NotFrontal),
            (self.eyes_open < 0.3, Defect::EyesClosed),
            (self.mouth_closed < 0.4, Defect::MouthOpen),
            (self.colour < 2.0, Defect::Grey),
        ];
        all.into_iter().filter_map(|(wrong, defect)| wrong.then_some(defect)).collect()
    }

    /// A weighted geometric mean of all parts: one that is bad cannot be made up for by the others.
    fn unify(&self) -> f32 {
        let ramp = |v: f32, low: f32, high: f32| ((v - low) / (high - low)).clamp(0.01, 1.0);
        let parts = [
            (ramp(self.net, 0.35, 0.60), 0.30),
            (ramp(self.sharpness, 0.0, 150.0), 0.10),
            (ramp(self.inter_eye_distance, 10.0, 90.0), 0.10),
            (ramp(1.0 - self.over_exposure.max(self.under_exposure), 0.3, 0.95), 0.10),
            (ramp(self.pose, 0.0, 0.9), 0.15),
            (ramp(self.eyes_open, 0.0, 0.8), 0.10),
            (ramp(self.mouth_closed, 0.0, 0.8), 0.05),
            (ramp(self.unoccluded, 0.3, 0.95), 0.10),
        ];
        100.0 * parts.iter().map(|(value, weight)| value.powf(*weight)).product::<f32>()
    }
}

/// What other stages know of the face, if they were asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// Points.
    pub mesh: Option<&'a Mesh>,
    /// 52 blendshapes.
    pub blendshapes: Option<&'a [f32; 52]>,
    /// Where the head looks.
    pub pose: Option<Pose>,
}

/// The quality stage.
pub struct QualityNet {
    net: Net,
    format: Format,
    crop: Crop,
    side: usize,
    template: Vec<[f32; 2]>,
}

impl QualityNet {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let net = loader.net("quality", 0)?;
        let card = net.card();
        let (Some(side @ 16..=1024), Some(template)) = (card.side, card.template.clone().filter(|t| t.len() == 3))
        else {
            let message = "needs side and a template of three points".to_owned();
            return Err(PackError::Shape { file: card.file.clone(), message }.into());
        };
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side: side as usize, template, net })
    }

    /// Measures a face.
    ///
    /// # Errors
    /// When the net cannot be run.
    pub fn measure(&mut self, picture: &Picture, face: &Face, seen: Seen<'_>) -> Result<Quality, Error> {
        let [left, right, _, a, b] = face.points;
        let mouth = [f32::midpoint(a[0], b[0]), f32::midpoint(a[1], b[1])];
        let into = Affine::similarity(&[left, right, mouth], &self.template);
        warp(View::of(picture), &into, self.side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * self.side * self.side), self.side, self.side);
        let shape = self.format.shape(self.side, self.side);
        let net = self.net.run(&shape)?[0].first().copied().unwrap_or(0.0);
        let light = Light::of(&self.crop);
        let mut quality = Quality {
            inter_eye_distance: face.eye_distance(),
            sharpness: light.sharpness,
            under_exposure: light.dark,
            over_exposure: light.bright,
            brightness: light.mean,
            pose: seen.pose.map_or(1.0, |p| frontal(p.yaw, 45.0) * frontal(p.pitch, 60.0) * frontal(p.roll, 60.0)),
            eyes_open: seen.mesh.map_or(1.0, |mesh| eyes_open(mesh, seen.blendshapes)),
            mouth_closed: seen.blendshapes.map_or(1.0, |b| 1.0 - b[JAW_OPEN].clamp(0.0, 1.0)),
            unoccluded: seen.mesh.map_or(1.0, |mesh| mesh.presence),
            colour: light.colour,
            net,
            unified: 0.0,
        };
        quality.unified = quality.unify();
        Ok(quality)
    }

    pub(crate) fn net(&mut self) -> &mut Net {
        &mut self.net
    }
}

/// 1 when level, 0 at `most` degrees.
fn frontal(angle: f32, most: f32) -> f32 {
    (angle.abs().min(most) / most * std::f32::consts::FRAC_PI_2).cos()
}

/// From the more closed eye: its aspect ratio (0.10 closed, 0.22 open), or the blink blendshape where that is known.
fn eyes_open(mesh: &Mesh, blendshapes: Option<&[f32; 52]>) -> f32 {
    let ratio = mesh.eye_aspect_ratio(EYE_AT_LEFT).min(mesh.eye_aspect_ratio(EYE_AT_RIGHT));
    let by_ratio = ((ratio - 0.10) / 0.12).clamp(0.0, 1.0);
    blendshapes.map_or(by_ratio, |b| {
        let blink = b[crate::landmarks::BLINK_LEFT].max(b[crate::landmarks::BLINK_RIGHT]);
        // Measured: 0.13 open, 0.63 closed.
        f32::midpoint(by_ratio, ((0.63 - blink) / 0.40).clamp(0.0, 1.0))
    })
}

/// What the pixels of the aligned face say.
struct Light {
    mean: f32,
    dark: f32,
    bright: f32,
    sharpness: f32,
    colour: f32,
}

impl Light {
    #[expect(clippy::cast_precision_loss, reason = "sums over a crop of some thousand pixels")]
    fn of(crop: &Crop) -> Self {
        let luma: Vec<i32> = crop.rgb.chunks_exact(3).map(luma).collect();
        let n = luma.len().max(1) as f32;
        let part = |count: usize| count as f32 / n;
        let colour: i32 = crop
            .rgb
            .chunks_exact(3)
            .map(|p| i32::from(p.iter().max().unwrap_or(&0) - p.iter().min().unwrap_or(&0)))
            .sum();
        let (mut sum, mut squares, mut inner) = (0_i64, 0_i64, 0_i64);
        for rows in luma.chunks_exact(crop.width.max(1)).collect::<Vec<_>>().windows(3) {
            for x in 1..crop.width - 1 {
                let v = i64::from(4 * rows[1][x] - rows[0][x] - rows[2][x] - rows[1][x - 1] - rows[1][x + 1]);
                (sum, squares, inner) = (sum + v, squares + v * v, inner + 1);
            }
        }
        let inner = inner.max(1) as f32;
        Self {
            mean: luma.iter().sum::<i32>() as f32 / n,
            dark: part(luma.iter().filter(|v| **v < 25).count()),
            bright: part(luma.iter().filter(|v| **v > 245).count()),
            sharpness: squares as f32 / inner - (sum as f32 / inner).powi(2),
            colour: colour as f32 / n,
        }
    }
}

/// BT.601 luma, 0-255.
fn luma(p: &[u8]) -> i32 {
    (i32::from(p[0]) * 77 + i32::from(p[1]) * 150 + i32::from(p[2]) * 29) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Quality = Quality {
        inter_eye_distance: 120.0,
        sharpness: 300.0,
        under_exposure: 0.0,
        over_exposure: 0.0,
        brightness: 120.0,
        pose: 1.0,
        eyes_open: 1.0,
        mouth_closed: 1.0,
        unoccluded: 1.0,
        colour: 30.0,
        net: 0.62,
        unified: 0.0,
    };

    #[test]
    fn a_good_picture_has_a_hundred_and_no_defect() {
        assert!((GOOD.unify() - 100.0).abs() < 1e-3);
        assert_eq!(GOOD.defects(), vec![]);
    }

    #[test]
    fn closed_eyes_cost_and_are_named() {
        let closed = Quality { eyes_open: 0.0, ..GOOD };
        assert!(closed.unify() < 70.0, "{}", closed.unify());
        assert_eq!(closed.defects(), vec![Defect::EyesClosed]);
    }

    #[test]
    fn a_flat_crop_is_not_sharp_and_has_no_colour() {
        let light = Light::of(&Crop { width: 8, height: 8, rgb: vec![10; 8 * 8 * 3] });
        assert_eq!((light.sharpness, light.colour, light.dark, light.bright), (0.0, 0.0, 1.0, 0.0));
        let mut rgb = vec![0; 8 * 8 * 3];
        rgb.chunks_exact_mut(6).for_each(|p| p[..3].copy_from_slice(&[255, 255, 255]));
        assert!(Light::of(&Crop { width: 8, height: 8, rgb }).sharpness > 1000.0);
    }
}
