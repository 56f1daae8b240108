//! Stage "pad-net": what the two Silent-Face nets say of one frame.

use oz_domain::Picture;

use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, resize};
use crate::session_pool::{Loader, Net};
use crate::track::{Face, PadScores};

/// Index of "live" in the output.
const LIVE: usize = 1;

/// The stage: both nets.
pub struct PadNets {
    v2: PadNet,
    v1se: PadNet,
}

struct PadNet {
    net: Net,
    format: Format,
    crop: Crop,
    side: usize,
    scale: f32,
}

impl PadNets {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        Ok(Self { v2: PadNet::load(loader, 0)?, v1se: PadNet::load(loader, 1)? })
    }

    /// P(live) of both nets.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn measure(&mut self, picture: &Picture, face: &Face) -> Result<PadScores, Error> {
        Ok(PadScores { v2: self.v2.live(picture, face)?, v1se: self.v1se.live(picture, face)? })
    }

    pub(crate) fn nets(&mut self) -> [&mut Net; 2] {
        [&mut self.v2.net, &mut self.v1se.net]
    }
}

impl PadNet {
    fn load(loader: &Loader<'_>, nth: usize) -> Result<Self, Error> {
        let net = loader.net("pad", nth)?;
        let card = net.card();
        let (Some(side @ 1..=1024), Some(scale)) = (card.side, card.scale) else {
            return Err(PackError::Shape { file: card.file.clone(), message: "needs side and scale".to_owned() }.into());
        };
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side: side as usize, scale, net })
    }

    fn live(&mut self, picture: &Picture, face: &Face) -> Result<f32, Error> {
        let part = around(View::of(picture), &face.bbox, self.scale);
        resize(part, self.side, self.side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * self.side * self.side), self.side, self.side);
        let shape = self.format.shape(self.side, self.side);
        Ok(self.net.run(&shape)?[0].get(LIVE).copied().unwrap_or(0.0))
    }
}

/// The box enlarged by `scale`, as far as the picture allows, pushed back inside, corners cut to whole pixels (both belong
/// to the crop): the rule that the nets were trained with.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "casts of floats saturate, and the view is cut to the picture"
)]
fn around<'a>(picture: View<'a>, bbox: &[f32; 4], scale: f32) -> View<'a> {
    let (width, height) = (picture.width as f64, picture.height as f64);
    let [x, y, w, h] = bbox.map(f64::from);
    let scale = f64::from(scale).min((height - 1.0) / h).min((width - 1.0) / w);
    let (w2, h2) = (w * scale / 2.0, h * scale / 2.0);
    let (cx, cy) = (x + w / 2.0, y + h / 2.0);
    let (left, right) = inside(cx - w2, cx + w2, width - 1.0);
    let (top, bottom) = inside(cy - h2, cy + h2, height - 1.0);
    let whole = picture.part(left as usize, top as usize, right as usize + 1, bottom as usize + 1);
    whole.unwrap_or(picture)
}

fn inside(low: f64, high: f64, last: f64) -> (f64, f64) {
    let (low, high) = if low < 0.0 { (0.0, high - low) } else { (low, high) };
    let (low, high) = if high > last { (low - (high - last), last) } else { (low, high) };
    (low.max(0.0), high)
}
