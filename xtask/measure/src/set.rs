//! A labelled set: `manifest.csv` and `match/pairs.csv` of a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// One medium of a set.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Path as in the manifest.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// `live`, or the kind of attack.
    pub(crate) label: String,
    /// The person.
    pub(crate) subject: String,
    /// The column `set`, else `kind` (`clip`, `still`), else `all`: reported apart.
    pub(crate) set: String,
}

impl Item {
    /// Whether it shows a person and not a picture of one.
    pub(crate) fn bona_fide(&self) -> bool {
        self.label == "live"
    }

    /// Which half of the subjects: weights are fitted on one and reported on the other.
    pub(crate) fn half(&self) -> Half {
        Half::of(&self.subject)
    }
}

/// Half of all subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// Weights and constants may be chosen on these.
    Fit,
    /// Figures of what was fitted are reported on these.
    HeldOut,
}

impl Half {
    /// By the parity of a hash of the subject's name (FNV-1a, then mixed, for short names leave most of it untouched):
    /// nothing else about a subject matters.
    pub(crate) fn of(subject: &str) -> Self {
        let hash =
            subject.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
        let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        if (mixed >> 33) & 1 == 0 { Self::Fit } else { Self::HeldOut }
    }
}

/// One comparison of two pictures.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Paths as in the manifest.
    pub(crate) paths: [String; 2],
    /// One person.
    pub(crate) same: bool,
}

/// Presentations of a set: everything that is `live` or an attack. `na` and kinds with `variant` in their name or
/// `match` and `shot_set` are for other tests. At most `only` of each set and label.
///
/// # Errors
/// When there is no manifest or it lacks a column.
pub(crate) fn presentations(dir: &Path, only: usize) -> Result<Vec<Item>> {
    let (columns, rows) = table(&dir.join("manifest.csv"))?;
    let place = |name: &str| columns.iter().position(|c| c == name);
    let (Some(path), Some(label)) = (place("path"), place("label")) else {
        bail!("{}: manifest.csv needs the columns path and label", dir.display());
    };
    let (kind, subject, set) = (place("kind"), place("subject"), place("set"));
    let mut items: Vec<Item> = Vec::new();
    for row in rows {
        let cell = |i: Option<usize>| i.and_then(|i| row.get(i)).map(String::as_str).filter(|c| !c.is_empty());
        let kind = cell(kind).unwrap_or("all");
        let (Some(name), Some(label)) = (cell(Some(path)), cell(Some(label))) else { continue };
        if label == "na" || kind.contains("variant") || ["match", "shot_set"].contains(&kind) {
            continue;
        }
        let item = Item {
            name: name.to_owned(),
            path: dir.join(name),
            label: label.to_owned(),
            subject: cell(subject).unwrap_or(name).to_owned(),
            set: cell(set).unwrap_or(kind).to_owned(),
        };
        if items.iter().filter(|i| i.set == item.set && i.label == item.label).count() < only {
            items.push(item);
        }
    }
    Ok(items)
}

/// The pairs of a set; empty when it has none. At most `only` of each kind.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn pairs(dir: &Path, only: usize) -> Result<Vec<Pair>> {
    let path = dir.join("match/pairs.csv");
    if !path.try_exists()? {
        return Ok(vec![]);
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for row in table(&path)?.1 {
        let [a, b, same] = row.as_slice() else { bail!("{}: three columns expected", path.display()) };
        let pair = Pair { paths: [a.clone(), b.clone()], same: same == "1" };
        if only == usize::MAX || pairs.iter().filter(|p| p.same == pair.same).count() < only {
            pairs.push(pair);
        }
    }
    Ok(pairs)
}

/// The header and the rows of a CSV file without quotes.
fn table(path: &Path) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let text = fs_err::read_to_string(path)?;
    let mut rows = text.lines().filter(|l| !l.trim().is_empty()).map(|l| {
        let cells: Vec<String> = l.split(',').map(|c| c.trim().to_owned()).collect();
        cells
    });
    let header = rows.next().context("an empty table")?;
    Ok((header, rows.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_are_about_equal_and_the_same_at_each_call() {
        let fit = (0..200).filter(|i| Half::of(&format!("p{i:02}")) == Half::Fit).count();
        assert!((70..130).contains(&fit), "{fit}");
        assert_eq!(Half::of("p01"), Half::of("p01"));
    }
}
