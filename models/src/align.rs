//! Plane geometry: which part of a picture a net looks at.

/// A map of the plane: `x' = a x + b y + c`, `y' = d x + e y + f`, in the order a b c d e f.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine(pub [f32; 6]);

impl Affine {
    /// Where a point goes.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [a, b, c, d, e, f] = self.0;
        [a * x + b * y + c, d * x + e * y + f]
    }

    /// The map back; all zero when there is none.
    pub fn inverse(&self) -> Self {
        let [a, b, c, d, e, f] = self.0.map(f64::from);
        let det = a * e - b * d;
        let k = if det.abs() > 1e-12 { 1.0 / det } else { 0.0 };
        Self([e * k, -b * k, (b * f - c * e) * k, -d * k, a * k, (c * d - a * f) * k].map(narrow))
    }

    /// How much longer things become; for similarities.
    pub fn scale(&self) -> f32 {
        self.0[0].hypot(self.0[3])
    }

    /// The least-squares similarity (turn, scale, shift; no reflection) from `source` to `target` (Umeyama 1991; in the
    /// plane it has this closed form). Identity for points that are all the same.
    pub fn similarity(source: &[[f32; 2]], target: &[[f32; 2]]) -> Self {
        let n = source.len().min(target.len());
        let (ms, mt) = (mean(&source[..n]), mean(&target[..n]));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (s, t) in source.iter().zip(target) {
            let s = [f64::from(s[0]) - ms[0], f64::from(s[1]) - ms[1]];
            let t = [f64::from(t[0]) - mt[0], f64::from(t[1]) - mt[1]];
            dot += s[0] * t[0] + s[1] * t[1];
            cross += s[0] * t[1] - s[1] * t[0];
            spread += s[0] * s[0] + s[1] * s[1];
        }
        let (p, q) = if spread > 1e-9 { (dot / spread, cross / spread) } else { (1.0, 0.0) };
        Self([p, -q, mt[0] - p * ms[0] + q * ms[1], q, p, mt[1] - q * ms[0] - p * ms[1]].map(narrow))
    }

    /// The square of `side` px in the picture about `centre`, turned so that the line from `eyes[0]` to `eyes[1]` is level,
    /// onto a crop of `crop` px.
    pub fn levelled(centre: [f32; 2], side: f32, eyes: [[f32; 2]; 2], crop: f32) -> Self {
        let angle = f64::from(eyes[1][1] - eyes[0][1]).atan2(f64::from(eyes[1][0] - eyes[0][0]));
        let k = f64::from(crop) / f64::from(side.max(1e-3));
        let (s, c) = (k * angle.sin(), k * angle.cos());
        let ([x, y], half) = (centre.map(f64::from), f64::from(crop) / 2.0);
        Self([c, s, half - c * x - s * y, -s, c, half + s * x - c * y].map(narrow))
    }
}

fn mean(points: &[[f32; 2]]) -> [f64; 2] {
    let mut sum = [0.0, 0.0];
    for p in points {
        sum = [sum[0] + f64::from(p[0]), sum[1] + f64::from(p[1])];
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let n = points.len().max(1) as f64;
    sum.map(|v| v / n)
}

#[expect(clippy::cast_possible_truncation, reason = "pixels fit in f32")]
const fn narrow(v: f64) -> f32 {
    v as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_is_found_again_and_inverted() {
        let there = Affine([0.6, -0.8, 5.0, 0.8, 0.6, -3.0]);
        let points = [[1.0, 2.0], [30.0, 4.0], [15.0, 20.0]];
        let found = Affine::similarity(&points, &points.map(|p| there.apply(p)));
        for p in points {
            let back = found.inverse().apply(there.apply(p));
            assert!((back[0] - p[0]).abs() < 1e-3 && (back[1] - p[1]).abs() < 1e-3, "{back:?} {p:?}");
        }
        assert!((found.scale() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn equal_points_give_no_infinity() {
        let map = Affine::similarity(&[[3.0, 3.0]; 5], &[[1.0, 1.0]; 5]);
        assert!(map.0.iter().all(|v| v.is_finite()));
        assert!(Affine([0.0; 6]).inverse().0.iter().all(|v| v.is_finite()));
    }
}
