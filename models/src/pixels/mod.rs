//! From a picture to the numbers that a net reads: crops, resampling, colour order, normalisation.
//!
//! All sampling rounds to whole 8-bit values as OpenCV does: the nets were trained on such crops, and the PAD nets notice.

mod area;
mod bilinear;
mod warp;

use multiversion::multiversion;
use oz_domain::Picture;

use crate::manifest::{ModelCard, PackError};

pub(crate) use area::{shrink, square};
pub(crate) use bilinear::resize;
pub(crate) use warp::warp;

/// A small picture of our own making: packed RGB like [`Picture`], in memory that is used again and again.
#[derive(Debug, Default, Clone)]
pub(crate) struct Crop {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Crop {
    /// Makes room; the old pixels stay in it.
    pub(crate) fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.rgb.resize(width * height * 3, 0);
    }
}

/// Pixels to read from: a whole picture or a rectangle of it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// From the first pixel of the rectangle to the last one.
    rgb: &'a [u8],
    stride: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl<'a> View<'a> {
    pub(crate) fn of(picture: &'a Picture) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Self { rgb: picture.rgb(), stride: width * 3, width, height }
    }

    pub(crate) fn of_crop(crop: &'a Crop) -> Self {
        Self { rgb: &crop.rgb, stride: crop.width * 3, width: crop.width, height: crop.height }
    }

    /// The rectangle from (left, top) up to but without (right, bottom), cut to the picture; `None` when nothing is left.
    pub(crate) fn part(self, left: usize, top: usize, right: usize, bottom: usize) -> Option<Self> {
        let (right, bottom) = (right.min(self.width), bottom.min(self.height));
        if left >= right || top >= bottom {
            return None;
        }
        let from = top * self.stride + left * 3;
        let to = (bottom - 1) * self.stride + right * 3;
        Some(Self { rgb: &self.rgb[from..to], stride: self.stride, width: right - left, height: bottom - top })
    }

    /// Two pixels of row `y` from `x` on, and the two below them. Panics when they are not all there.
    #[inline]
    fn square(self, x: usize, y: usize) -> (&'a [u8], &'a [u8]) {
        let from = y * self.stride + x * 3;
        (&self.rgb[from..][..6], &self.rgb[from + self.stride..][..6])
    }

    pub(crate) fn row(self, y: usize) -> &'a [u8] {
        &self.rgb[y * self.stride..][..self.width * 3]
    }
}

/// How a net wants its pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    planar: bool,
    bgr: bool,
    factor: [f32; 3],
    offset: [f32; 3],
}

impl Format {
    /// From the manifest: bytes are mapped to `range`, then `(v - mean) / std`, in the order of `color`.
    pub(crate) fn of(card: &ModelCard) -> Result<Self, PackError> {
        let wrong = |message: &str| PackError::Shape { file: card.file.clone(), message: message.to_owned() };
        let (&[m0, m1, m2], &[s0, s1, s2]) = (card.mean.as_slice(), card.std.as_slice()) else {
            return Err(wrong("mean and std need three values"));
        };
        let planar = match card.layout.as_str() {
            "NCHW" => true,
            "NHWC" => false,
            _ => return Err(wrong("layout must be NCHW or NHWC")),
        };
        let bgr = match card.color.as_str() {
            "BGR" => true,
            "RGB" => false,
            _ => return Err(wrong("color must be RGB or BGR")),
        };
        let (low, step) = (card.range[0], (card.range[1] - card.range[0]) / 255.0);
        let (mean, std) = ([m0, m1, m2], [s0, s1, s2]);
        Ok(Self { planar, bgr, factor: std.map(|s| step / s), offset: [0, 1, 2].map(|c| (low - mean[c]) / std[c]) })
    }

    /// The shape of one picture of that size as a tensor.
    pub(crate) const fn shape(&self, width: usize, height: usize) -> [usize; 4] {
        if self.planar { [1, 3, height, width] } else { [1, height, width, 3] }
    }

    /// Writes a crop into the top left of a tensor of `width` x `height`; the rest becomes black.
    pub(crate) fn fill(&self, crop: &Crop, tensor: &mut [f32], width: usize, height: usize) {
        if crop.width < width || crop.height < height {
            self.fill_black(tensor);
        }
        let rows = crop.rgb.chunks_exact(crop.width * 3);
        if self.planar {
            self.fill_planes(rows, tensor, width, height);
            return;
        }
        let alike = !self.bgr && self.factor == [self.factor[0]; 3] && self.offset == [self.offset[0]; 3];
        for (to, row) in tensor.chunks_exact_mut(width * 3).zip(rows) {
            if alike {
                scale(row, self.factor[0], self.offset[0], to);
            } else {
                let order = if self.bgr { [2, 1, 0] } else { [0, 1, 2] };
                for (to, pixel) in to.as_chunks_mut::<3>().0.iter_mut().zip(row.as_chunks::<3>().0) {
                    for c in 0..3 {
                        to[c] = f32::from(pixel[order[c]]) * self.factor[c] + self.offset[c];
                    }
                }
            }
        }
    }

    /// All three planes in one pass over the pixels.
    fn fill_planes<'a>(&self, rows: impl Iterator<Item = &'a [u8]>, tensor: &mut [f32], width: usize, height: usize) {
        let (first, rest) = tensor.split_at_mut(width * height);
        let (second, third) = rest.split_at_mut(width * height);
        let (mut factor, mut offset) = (self.factor, self.offset);
        let (red, blue) = if self.bgr { (third, first) } else { (first, third) };
        if self.bgr {
            factor.reverse();
            offset.reverse();
        }
        let [red, green, blue] = [red, second, blue].map(|plane| plane.chunks_exact_mut(width));
        for (((r, g), b), row) in red.zip(green).zip(blue).zip(rows) {
            part(row, factor, offset, [r, g, b]);
        }
    }

    fn fill_black(&self, tensor: &mut [f32]) {
        if self.planar {
            let plane = tensor.len() / 3;
            for (plane, offset) in tensor.chunks_exact_mut(plane.max(1)).zip(self.offset) {
                plane.fill(offset);
            }
        } else {
            for pixel in tensor.chunks_exact_mut(3) {
                pixel.copy_from_slice(&self.offset);
            }
        }
    }
}

/// A row without regard to channels, only numbers: whole registers of them.
#[multiversion(targets("x86_64+avx2"))]
fn scale(row: &[u8], factor: f32, offset: f32, to: &mut [f32]) {
    for (to, v) in to.iter_mut().zip(row) {
        *to = f32::from(*v) * factor + offset;
    }
}

/// A row parted into its channels.
#[multiversion(targets("x86_64+avx2"))]
fn part(row: &[u8], factor: [f32; 3], offset: [f32; 3], [r, g, b]: [&mut [f32]; 3]) {
    for (((r, g), b), pixel) in r.iter_mut().zip(g).zip(b).zip(row.as_chunks::<3>().0) {
        *r = f32::from(pixel[0]) * factor[0] + offset[0];
        *g = f32::from(pixel[1]) * factor[1] + offset[1];
        *b = f32::from(pixel[2]) * factor[2] + offset[2];
    }
}
