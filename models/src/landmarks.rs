//! Stage "landmarks": 478 points of a face, how sure the net is of it, and what the face does (blendshapes).

use oz_domain::Picture;

use crate::align::Affine;
use crate::engine::Error;
use crate::manifest::PackError;
use crate::pixels::{Crop, Format, View, warp};
use crate::session_pool::{Loader, Net};
use crate::track::Face;

/// Points of a face.
pub const POINTS: usize = 478;
/// Blendshape: the person's left eye is closed.
pub const BLINK_LEFT: usize = 9;
/// Blendshape: the person's right eye is closed.
pub const BLINK_RIGHT: usize = 10;
/// Blendshape: the jaw is open.
pub const JAW_OPEN: usize = 25;
/// Blendshapes: the mouth's corners go up.
pub const SMILE: [usize; 2] = [44, 45];
/// Outer corner, two above, inner corner, two below, of the eye at the left of the picture.
pub const EYE_AT_LEFT: [usize; 6] = [33, 160, 158, 133, 153, 144];
/// The same of the other eye; its inner corner comes first.
pub const EYE_AT_RIGHT: [usize; 6] = [362, 385, 387, 263, 373, 380];
/// Mouth corner at the left of the picture, and the other one.
pub const MOUTH: [usize; 2] = [61, 291];

/// The points of one face.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// 478 points: x and y in picture pixels, z in the same unit, relative.
    pub points: Vec<[f32; 3]>,
    /// How sure the net is that there is a face, 0-1.
    pub presence: f32,
}

impl Mesh {
    /// Height of an eye over its width, about 0.3 when open and under 0.15 when closed; 0 for a bad mesh.
    pub fn eye_aspect_ratio(&self, eye: [usize; 6]) -> f32 {
        eye_aspect_ratio(&self.points, eye)
    }
}

/// Height of an eye over its width, about 0.3 when open and under 0.15 when closed; 0 when points are missing.
pub fn eye_aspect_ratio(points: &[[f32; 3]], eye: [usize; 6]) -> f32 {
    let at = |k: usize| points.get(eye[k]).copied().unwrap_or_default();
    let distance = |a: usize, b: usize| (at(a)[0] - at(b)[0]).hypot(at(a)[1] - at(b)[1]);
    let width = distance(0, 3);
    if width > 0.0 { (distance(1, 5) + distance(2, 4)) / (2.0 * width) } else { 0.0 }
}

/// The landmark stage.
pub struct Landmarks {
    net: Net,
    shapes: Net,
    format: Format,
    crop: Crop,
    side: u16,
    scale: f32,
    subset: Vec<usize>,
}

impl Landmarks {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        let (net, shapes) = (loader.net("landmarks", 0)?, loader.net("blendshapes", 0)?);
        let card = net.card();
        let subset = loader.pack.blendshape_points.clone();
        let (Some(side), Some(scale)) = (card.side.and_then(|s| u16::try_from(s).ok()).filter(|s| *s > 0), card.scale)
        else {
            return Err(PackError::Shape { file: card.file.clone(), message: "needs side and scale".to_owned() }.into());
        };
        if subset.iter().any(|i| *i >= POINTS) {
            let message = format!("blendshape_points must be below {POINTS}");
            return Err(PackError::Shape { file: shapes.card().file.clone(), message }.into());
        }
        Ok(Self { format: Format::of(card)?, crop: Crop::default(), side, scale, subset, net, shapes })
    }

    /// The points of a face that was found.
    ///
    /// # Errors
    /// When the net cannot be run.
    pub fn find(&mut self, picture: &Picture, face: &Face) -> Result<Mesh, Error> {
        let eyes = [face.points[0], face.points[1]];
        let into = Affine::levelled(face.centre(), self.scale * face.size(), eyes, f32::from(self.side));
        let side = usize::from(self.side);
        warp(View::of(picture), &into, side, &mut self.crop);
        self.format.fill(&self.crop, self.net.input(3 * side * side), side, side);
        let shape = self.format.shape(side, side);
        let outputs = self.net.run(&shape)?;
        let (back, k) = (into.inverse(), into.scale());
        let place = |p: &[f32]| {
            let [x, y] = back.apply([p[0], p[1]]);
            [x, y, p[2] / k]
        };
        let points: Vec<_> = outputs[0].chunks_exact(3).map(place).collect();
        let presence = 1.0 / (1.0 + (-outputs[1].first().copied().unwrap_or(-50.0)).exp());
        if points.len() != POINTS {
            let message = format!("{} points, {POINTS} expected", points.len());
            return Err(PackError::Shape { file: self.net.card().file.clone(), message }.into());
        }
        Ok(Mesh { points, presence })
    }

    /// What the face does: 52 values of 0-1.
    ///
    /// # Errors
    /// When the net cannot be run.
    pub fn blendshapes(&mut self, mesh: &Mesh) -> Result<Box<[f32; 52]>, Error> {
        let input = self.shapes.input(self.subset.len() * 2);
        for (to, i) in input.chunks_exact_mut(2).zip(&self.subset) {
            to.copy_from_slice(&mesh.points[*i][..2]);
        }
        let shape = [1, self.subset.len(), 2];
        let outputs = self.shapes.run(&shape)?;
        let values = outputs[0].as_slice().try_into().map(Box::new);
        values.map_err(|_| {
            let message = "52 values expected".to_owned();
            PackError::Shape { file: self.shapes.card().file.clone(), message }.into()
        })
    }

    pub(crate) fn nets(&mut self) -> [&mut Net; 2] {
        [&mut self.net, &mut self.shapes]
    }
}
