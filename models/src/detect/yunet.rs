//! YuNet: boxes and five points on three grids.

use oz_domain::Picture;

use super::suppress;
use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, shrink};
use crate::session_pool::{Loader, Net};
use crate::track::{Detector, Face};

/// Pixels between the cells of each grid; the input's sides are multiples of the largest.
const STRIDES: [usize; 3] = [8, 16, 32];

pub(super) struct Yunet {
    net: Net,
    format: Format,
    crop: Crop,
    sides: [u32; 2],
    score_min: f32,
    nms_iou: f32,
}

impl Yunet {
    pub(super) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let net = loader.net("detect", 0)?;
        let card = net.card();
        let wrong = |message: &str| PackError::Shape { file: card.file.clone(), message: message.to_owned() };
        let Some(&[first, second]) = card.sides.as_deref() else {
            return Err(wrong("sides must be two numbers").into());
        };
        if card.outputs.len() != 4 * STRIDES.len() || !(32..=2048).contains(&first) || !(32..=2048).contains(&second) {
            return Err(wrong("YuNet has twelve outputs and sides of 32-2048").into());
        }
        Ok(Self {
            format: Format::of(card)?,
            crop: Crop::default(),
            sides: [first, second],
            score_min: card.score_min.unwrap_or(0.6),
            nms_iou: card.nms_iou.unwrap_or(0.45),
            net,
        })
    }

    pub(super) fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// Faces with the picture's long side at most `sides[nth]` pixels, largest first.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "sides of pictures are small and positive"
    )]
    pub(super) fn faces(&mut self, picture: &Picture, nth: usize, detector: Detector) -> Result<Vec<Face>, Error> {
        let view = View::of(picture);
        let ratio = (f64::from(self.sides[nth]) / view.width.max(view.height) as f64).min(1.0);
        let shrunk = |side: usize| ((side as f64 * ratio).round_ties_even() as usize).max(1);
        shrink(view, shrunk(view.width), shrunk(view.height), &mut self.crop);
        let [width, height] = [self.crop.width, self.crop.height].map(|side| side.next_multiple_of(STRIDES[2]));
        self.format.fill(&self.crop, self.net.input(3 * width * height), width, height);
        let shape = self.format.shape(width, height);
        let outputs = self.net.run(&shape)?;
        let mut faces = Vec::new();
        for (level, stride) in STRIDES.into_iter().enumerate() {
            let [cls, obj, boxes, points] = [0, 3, 6, 9].map(|k| outputs[k + level].as_slice());
            let grid = Grid { columns: width / stride, stride: stride as f32, back: (1.0 / ratio) as f32, detector };
            for (i, (cls, obj)) in cls.iter().zip(obj).enumerate() {
                let score = (cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0)).sqrt();
                if score > self.score_min
                    && let (Some(b), Some(p)) = (boxes.get(i * 4..i * 4 + 4), points.get(i * 10..i * 10 + 10))
                {
                    faces.push(grid.face(i, score, b, p));
                }
            }
        }
        Ok(suppress(faces, self.nms_iou))
    }
}

struct Grid {
    columns: usize,
    stride: f32,
    back: f32,
    detector: Detector,
}

impl Grid {
    #[expect(clippy::cast_precision_loss, reason = "cells of a small grid")]
    fn face(&self, cell: usize, score: f32, b: &[f32], p: &[f32]) -> Face {
        let (column, row) = ((cell % self.columns) as f32, (cell / self.columns) as f32);
        let k = self.stride * self.back;
        let (w, h) = (b[2].exp() * k, b[3].exp() * k);
        let mut points = [[0.0; 2]; 5];
        for (to, from) in points.iter_mut().zip(p.chunks_exact(2)) {
            *to = [(from[0] + column) * k, (from[1] + row) * k];
        }
        let bbox = [(column + b[0]) * k - w / 2.0, (row + b[1]) * k - h / 2.0, w, h];
        Face { bbox, points, score, detector: self.detector }
    }
}
