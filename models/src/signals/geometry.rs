//! Fits of points: how well one set of landmarks is another one seen from elsewhere, as a plane or as a body.
//!
//! Both models have eight numbers, so their residuals compare: a homography (a plane under perspective) and an affine
//! camera on relative 3-D points (a rigid body under weak perspective, Koenderink and van Doorn 1991).

/// A 3-D point: x and y of the picture, and a relative depth in the same unit.
pub(crate) type Point = [f64; 3];

/// What a fit of a rigid body says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rigid {
    /// Root mean square of what is left, in the unit of the targets.
    pub(crate) residual: f64,
    /// How far a point moves in the picture for each unit of its depth: about the sine of the turn between both views.
    pub(crate) parallax: f64,
    /// Smaller over larger singular value of the plane part, 0-1: about the cosine of the turn.
    pub(crate) flatness: f64,
}

/// Solves `a x = b` by elimination with pivots; `None` when there is no single solution.
pub(crate) fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        let pivot = (i..N).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs()))?;
        if a[pivot][i].is_nan() || a[pivot][i].abs() <= 1e-12 {
            return None;
        }
        a.swap(i, pivot);
        b.swap(i, pivot);
        for row in i + 1..N {
            let k = a[row][i] / a[i][i];
            let upper = a[i];
            a[row].iter_mut().zip(upper).for_each(|(v, u)| *v -= k * u);
            b[row] -= k * b[i];
        }
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    Some(b)
}

/// The least-squares solution of `row . x = value` over all rows.
fn least_squares<const N: usize>(rows: impl Iterator<Item = ([f64; N], f64)>) -> Option<[f64; N]> {
    let (mut a, mut b) = ([[0.0; N]; N], [0.0; N]);
    for (row, value) in rows {
        for i in 0..N {
            b[i] += row[i] * value;
            for j in 0..N {
                a[i][j] += row[i] * row[j];
            }
        }
    }
    solve(a, b)
}

/// Points about their own middle, in units of their mean distance from it; `None` when they are all in one place.
pub(crate) fn normalised(points: &[Point]) -> Option<Vec<Point>> {
    let n = super::grey::count(points.len()).max(1.0);
    let middle = [0, 1, 2].map(|c| points.iter().map(|p| p[c]).sum::<f64>() / n);
    let spread = points.iter().map(|p| (p[0] - middle[0]).hypot(p[1] - middle[1])).sum::<f64>() / n;
    let all = || points.iter().map(|p| [0, 1, 2].map(|c| (p[c] - middle[c]) / spread)).collect();
    (spread > 1e-9).then(all)
}

/// Root mean square distance of the targets from the best plane view (homography) of the sources. Both normalised.
pub(crate) fn plane_residual(from: &[Point], to: &[Point]) -> Option<f64> {
    let mut weights = vec![1.0; from.len()];
    let mut residual = None;
    // The linear equations weigh each point with its own denominator; dividing by it gives distances in the picture.
    for _ in 0..3 {
        let rows = from.iter().zip(to).zip(&weights).flat_map(|(([x, y, _], [u, v, _]), w)| {
            let first = [*x, *y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y].map(|k| k * w);
            let second = [0.0, 0.0, 0.0, *x, *y, 1.0, -v * x, -v * y].map(|k| k * w);
            [(first, u * w), (second, v * w)]
        });
        let h: [f64; 8] = least_squares(rows)?;
        let mut sum = 0.0;
        for ((([x, y, _], [u, v, _]), w), _) in from.iter().zip(to).zip(&mut weights).zip(0..) {
            let below = h[6] * x + h[7] * y + 1.0;
            if below.abs() < 0.1 {
                return None;
            }
            sum +=
                ((h[0] * x + h[1] * y + h[2]) / below - u).powi(2) + ((h[3] * x + h[4] * y + h[5]) / below - v).powi(2);
            *w = 1.0 / below;
        }
        residual = Some((sum / super::grey::count(from.len()).max(1.0)).sqrt());
    }
    residual
}

/// The best view of the sources as a rigid body by an affine camera. Both normalised.
pub(crate) fn rigid(from: &[Point], to: &[Point]) -> Option<Rigid> {
    let fit = |c: usize| least_squares(from.iter().zip(to).map(|(p, q)| ([p[0], p[1], p[2], 1.0], q[c])));
    let (a, b): ([f64; 4], [f64; 4]) = (fit(0)?, fit(1)?);
    let off = |k: &[f64; 4], p: &Point, v: f64| k[0] * p[0] + k[1] * p[1] + k[2] * p[2] + k[3] - v;
    let sum: f64 = from.iter().zip(to).map(|(p, q)| off(&a, p, q[0]).powi(2) + off(&b, p, q[1]).powi(2)).sum();
    Some(Rigid {
        residual: (sum / super::grey::count(from.len()).max(1.0)).sqrt(),
        parallax: a[2].hypot(b[2]),
        flatness: flatness([[a[0], a[1]], [b[0], b[1]]]),
    })
}

/// Smaller over larger singular value of a 2x2 matrix, 0-1.
fn flatness([[a, b], [c, d]]: [[f64; 2]; 2]) -> f64 {
    let (sum, det) = (a * a + b * b + c * c + d * d, a * d - b * c);
    let root = (sum * sum - 4.0 * det * det).max(0.0).sqrt();
    let (large, small) = ((sum + root).max(1e-12), (sum - root).max(0.0));
    (small / large).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::{head, turned};

    #[test]
    fn equations_are_solved_and_those_without_a_solution_refused() {
        let x = solve([[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]], [7.0, 3.0, 6.0]).unwrap();
        assert!(x.iter().zip([1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{x:?}");
        assert_eq!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), None);
    }

    #[test]
    fn a_turned_body_is_no_plane_and_a_turned_plane_is_one() {
        let body = normalised(&head(1.0)).unwrap();
        let seen = normalised(&turned(&head(1.0), 20.0, 6.0)).unwrap();
        let (plane, body_fit) = (plane_residual(&body, &seen).unwrap(), rigid(&body, &seen).unwrap());
        assert!(plane > 3.0 * body_fit.residual, "{plane} {body_fit:?}");
        assert!((body_fit.parallax - 20_f64.to_radians().sin()).abs() < 0.1, "{body_fit:?}");

        // A picture of the head: the same places, no depth; the landmark net still believes in depth.
        let mut flat = head(1.0);
        flat.iter_mut().for_each(|p| p[2] = 0.0);
        let seen = normalised(&turned(&flat, 20.0, 3.0)).unwrap();
        let (plane, body_fit) = (plane_residual(&body, &seen).unwrap(), rigid(&body, &seen).unwrap());
        assert!(plane < 1e-6, "{plane}");
        assert!(body_fit.parallax < 0.1 && body_fit.flatness < 0.97, "{body_fit:?}");
    }

    #[test]
    fn points_in_one_place_have_no_fit() {
        assert_eq!(normalised(&[[1.0, 1.0, 0.0]; 8]), None);
        assert_eq!(plane_residual(&[[1.0, 1.0, 0.0]; 8], &[[1.0, 1.0, 0.0]; 8]), None);
    }
}
