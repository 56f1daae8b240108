//! Words for people.

/// A text without control characters: what others wrote must not move the cursor of whoever reads it.
pub(crate) fn plain(text: &str) -> String {
    let one_line = text.split(['\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty());
    one_line.collect::<Vec<_>>().join("; ").chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A text in lines of at most `width` characters, broken between words; a longer word has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Bytes in GB of 10⁹ with one digit.
pub(crate) fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_made_harmless() {
        assert_eq!(plain("a\n b\x1b[31m\t\r\n"), "a; b?[31m");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three-and-more x", 8), ["one two", "three-and-more", "x"]);
        assert_eq!(wrapped("", 8), [""]);
    }

    #[test]
    fn sizes_are_cut_not_rounded_up() {
        assert_eq!((gigabytes(3_999_999_999), gigabytes(33_393_370_726)), ("3.9 GB".into(), "33.3 GB".into()));
    }
}
