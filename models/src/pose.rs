//! Stage "pose": where a head looks.

use oz_domain::Picture;

use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, resize};
use crate::session_pool::{Loader, Net};
use crate::track::{Face, Pose};

/// The pose stage.
pub struct HeadPose {
    net: Net,
    format: Format,
    crop: Crop,
    side: usize,
}

impl HeadPose {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let net = loader.net("pose", 0)?;
        let card = net.card();
        let Some(side @ 1..=1024) = card.side else {
            return Err(
                PackError::Shape { file: card.file.clone(), message: "needs a side of 1-1024".to_owned() }.into()
            );
        };
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side: side as usize, net })
    }

    /// Where the head looks; `None` when the box lies outside the picture.
    ///
    /// # Errors
    /// When the net cannot be run.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, and the view is cut to the picture"
    )]
    pub fn measure(&mut self, picture: &Picture, face: &Face) -> Result<Option<Pose>, Error> {
        let [x, y, w, h] = face.bbox;
        let Some(part) = View::of(picture).part(x as usize, y as usize, (x + w) as usize, (y + h) as usize) else {
            return Ok(None);
        };
        resize(part, self.side, self.side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * self.side * self.side), self.side, self.side);
        let shape = self.format.shape(self.side, self.side);
        let outputs = self.net.run(&shape)?;
        let [roll, pitch, yaw] = [0, 1, 2].map(|k| outputs.get(k).and_then(|o| o.first()).copied().unwrap_or(0.0));
        Ok(Some(Pose { yaw, pitch, roll }))
    }

    pub(crate) fn net(&mut self) -> &mut Net {
        &mut self.net
    }
}
