//! The MediaPipe short-range detector, for pictures that are too dark for YuNet.

use oz_domain::Picture;

use super::suppress;
use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, resize, shrink, square};
use crate::session_pool::{Loader, Net};
use crate::track::{Detector, Face};

/// Values of one anchor: centre, size, six points.
const VALUES: usize = 16;

pub(super) struct MediaPipe {
    net: Net,
    format: Format,
    crop: Crop,
    side: usize,
    anchors: Vec<[f32; 2]>,
}

impl MediaPipe {
    pub(super) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let net = loader.net("detect-fallback", 0)?;
        let card = net.card();
        let Some(side @ 16..=1024) = card.side else {
            return Err(
                PackError::Shape { file: card.file.clone(), message: "needs a side of 16-1024".to_owned() }.into()
            );
        };
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side: side as usize, anchors: anchors(), net })
    }

    pub(super) fn net(&mut self) -> &mut Net {
        &mut self.net
    }

    /// Lowest landmark presence of a face that counts.
    pub(super) fn presence_min(&self) -> f32 {
        self.net.card().presence_min.unwrap_or(0.5)
    }

    /// Faces, largest first. Boxes are squares from brow to chin; the mouth's middle stands for both corners.
    #[expect(clippy::cast_precision_loss, reason = "sides of pictures are small")]
    pub(super) fn faces(&mut self, picture: &Picture) -> Result<Vec<Face>, Error> {
        let whole = square(picture);
        let scale = if whole.width >= self.side { shrink } else { resize };
        scale(View::of_crop(&whole), self.side, self.side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * self.side * self.side), self.side, self.side);
        let shape = self.format.shape(self.side, self.side);
        let (score_min, nms_iou) = (self.net.card().score_min.unwrap_or(0.6), self.net.card().nms_iou.unwrap_or(0.3));
        let (size, cell) = (whole.width as f32, self.side as f32);
        let (left, top) = ((whole.width - picture.width() as usize) / 2, (whole.width - picture.height() as usize) / 2);
        let place = |v: &[f32], anchor: &[f32; 2]| {
            [(v[0] / cell + anchor[0]) * size - left as f32, (v[1] / cell + anchor[1]) * size - top as f32]
        };
        let outputs = self.net.run(&shape)?;
        let mut faces = Vec::new();
        for ((values, logit), anchor) in outputs[0].chunks_exact(VALUES).zip(&outputs[1]).zip(&self.anchors) {
            let score = 1.0 / (1.0 + (-logit.clamp(-50.0, 50.0)).exp());
            if score >= score_min {
                let ([x, y], w, h) = (place(values, anchor), values[2] / cell * size, values[3] / cell * size);
                let points = [4, 6, 8, 10, 10].map(|k| place(&values[k..], anchor));
                let bbox = [x - w / 2.0, y - h / 2.0, w, h];
                faces.push(Face { bbox, points, score, detector: Detector::MediaPipe });
            }
        }
        Ok(suppress(faces, nms_iou))
    }
}

/// Centres in 0-1: 16x16 cells of 2 anchors, then 8x8 of 6, row by row.
#[expect(clippy::cast_precision_loss, reason = "small grids")]
fn anchors() -> Vec<[f32; 2]> {
    let mut all = Vec::with_capacity(896);
    for (n, each) in [(16_usize, 2), (8, 6)] {
        for cell in 0..n * n {
            let centre = [((cell % n) as f32 + 0.5) / n as f32, ((cell / n) as f32 + 0.5) / n as f32];
            all.extend(std::iter::repeat_n(centre, each));
        }
    }
    all
}
