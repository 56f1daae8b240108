//! Detection error trade-off curves as SVG, both axes logarithmic.

use std::fmt::Write as _;

use crate::stats::Point;

/// Lowest rate that is drawn.
const LEAST: f64 = 1e-4;
const SIDE: f64 = 420.0;
const MARGIN: f64 = 64.0;
const COLOURS: [&str; 5] = ["#1f4e79", "#b5462f", "#3a7d44", "#7a5195", "#7f7f7f"];

/// A drawing of curves with their names.
pub(crate) fn svg(title: &str, axes: [&str; 2], curves: &[(String, Vec<Point>)]) -> String {
    let whole = SIDE + 2.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        escaped(title)
    );
    let text = |out: &mut String, x: f64, y: f64, extra: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {extra}>{}</text>", escaped(text));
    };
    for power in -4..=0_i32 {
        let rate = 10_f64.powi(power);
        let (x, y) = (across(rate), down(rate));
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {MARGIN}V{:.1}M{MARGIN} {y:.1}H{:.1}\" stroke=\"#ddd\" fill=\"none\"/>",
            SIDE + MARGIN,
            SIDE + MARGIN
        );
        let label = format!("{}", rate * 100.0) + " %";
        text(&mut out, x, SIDE + MARGIN + 18.0, "text-anchor=\"middle\"", &label);
        text(&mut out, MARGIN - 8.0, y + 4.0, "text-anchor=\"end\"", &label);
    }
    text(&mut out, whole / 2.0, 28.0, "text-anchor=\"middle\" font-weight=\"bold\"", title);
    text(&mut out, whole / 2.0, whole - 18.0, "text-anchor=\"middle\"", axes[0]);
    let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1})\"", whole / 2.0);
    text(&mut out, 14.0, whole / 2.0, &turned, axes[1]);
    for (i, ((name, points), colour)) in curves.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let mut path: Vec<String> =
            points.iter().map(|p| format!("{:.1} {:.1}", across(p.accepted), down(p.refused))).collect();
        // Thousands of scores fall on the same tenth of a pixel.
        path.dedup();
        let _ =
            writeln!(out, "<path d=\"M{}\" stroke=\"{colour}\" fill=\"none\" stroke-width=\"1.6\"/>", path.join("L"));
        let y = MARGIN + 18.0 + 16.0 * crate::stats::float(i);
        text(&mut out, SIDE + MARGIN - 8.0, y, &format!("text-anchor=\"end\" fill=\"{colour}\""), name);
    }
    out.push_str("</svg>\n");
    out
}

fn part(rate: f64) -> f64 {
    1.0 - rate.clamp(LEAST, 1.0).log10() / LEAST.log10()
}

fn across(rate: f64) -> f64 {
    MARGIN + SIDE * part(rate)
}

fn down(rate: f64) -> f64 {
    MARGIN + SIDE * (1.0 - part(rate))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_lie_where_the_axes_say() {
        assert!((across(1e-4) - MARGIN).abs() < 1e-9 && (across(0.0) - MARGIN).abs() < 1e-9);
        assert!((across(1.0) - MARGIN - SIDE).abs() < 1e-9 && (down(1.0) - MARGIN).abs() < 1e-9);
        assert!((across(1e-2) - MARGIN - SIDE / 2.0).abs() < 1e-9);
        let point = Point { threshold: 0.3, accepted: 1e-2, refused: 1.0 };
        let drawn = svg("a < b", ["x", "y"], &[("one".to_owned(), vec![point])]);
        assert!(drawn.contains("M274.0 64.0\"") && drawn.contains("a &lt; b"), "{drawn}");
    }
}
