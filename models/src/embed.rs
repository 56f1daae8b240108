//! Stage "embed": a face as 256 numbers.

use oz_domain::Picture;

use crate::align::Affine;
use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, warp};
use crate::session_pool::{Loader, Net};

/// The embedding stage.
pub struct Embed {
    net: Net,
    format: Format,
    crop: Crop,
    side: usize,
    template: Vec<[f32; 2]>,
}

impl Embed {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let net = loader.net("embed", 0)?;
        let card = net.card();
        let (Some(side @ 1..=1024), Some(template)) = (card.side, card.template.clone().filter(|t| t.len() == 5))
        else {
            let message = "needs side and a template of five points".to_owned();
            return Err(PackError::Shape { file: card.file.clone(), message }.into());
        };
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side: side as usize, template, net })
    }

    /// The template of a face from its five points, of length 1; `None` when the net gives nothing.
    ///
    /// # Errors
    /// When the net cannot be run.
    pub fn template(&mut self, picture: &Picture, points: &[[f32; 2]; 5]) -> Result<Option<Vec<f32>>, Error> {
        let into = Affine::similarity(points, &self.template);
        warp(View::of(picture), &into, self.side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * self.side * self.side), self.side, self.side);
        let shape = self.format.shape(self.side, self.side);
        Ok(unit(self.net.run(&shape)?[0].clone()))
    }

    pub(crate) fn net(&mut self) -> &mut Net {
        &mut self.net
    }
}

/// The vector with length 1; `None` for zero or what is not a number.
pub fn unit(mut v: Vec<f32>) -> Option<Vec<f32>> {
    let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_normal() {
        return None;
    }
    v.iter_mut().for_each(|x| *x /= length);
    Some(v)
}

/// How alike two templates of length 1 are: -1 to 1; 0 when their lengths differ.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return 0.0;
    }
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
