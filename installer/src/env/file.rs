//! A file of systemd's `EnvironmentFile=`: read as systemd.exec(5) says, and changed so that all else stays as it is.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::ops::Range;

/// Between words; a carriage return also ends a line.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
/// What a backslash protects between double quotes.
const PROTECTED: [char; 4] = ['"', '\\', '`', '$'];

/// One assignment.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The variable.
    pub(super) name: String,
    /// Its value, quotes taken off.
    pub(super) value: String,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Where it stands, with the end of its line.
    range: Range<usize>,
}

/// Such a file.
#[derive(Debug, Default)]
pub(crate) struct EnvFile {
    text: String,
    assignments: Vec<Assignment>,
}

/// Where the reader is.
#[derive(Clone, Copy, Default)]
enum At {
    #[default]
    Start,
    Name,
    Before,
    Value,
    Escape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

impl EnvFile {
    /// Reads a text.
    ///
    /// # Errors
    /// What versions of systemd read differently, or what would swallow a line that is added; with the line.
    pub(crate) fn parse(text: String) -> anyhow::Result<Self> {
        let mut reader = Reader::default();
        for (index, c) in text.char_indices() {
            reader.take(index, c)?;
        }
        reader.end(text.len())?;
        Ok(Self { assignments: reader.found, text })
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The assignment that is in force: the last one.
    pub(super) fn get(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rfind(|a| a.name == name)
    }

    /// Every variable with the value in force.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        self.assignments.iter().map(|a| (a.name.clone(), a.value.clone())).collect()
    }

    /// Sets a variable where it stands, else at the end.
    ///
    /// # Errors
    /// The value cannot be written, or would not be read again as it is.
    pub(super) fn set(self, name: &str, value: &str) -> anyhow::Result<Self> {
        writable(value).map_err(anyhow::Error::msg)?;
        let line = format!("{name}={}\n", quoted(value));
        let text = match self.get(name) {
            Some(old) => replaced(&self.text, &old.range, &line),
            None if self.text.is_empty() || self.text.ends_with('\n') => self.text + &line,
            None => format!("{}\n{line}", self.text),
        };
        let file = Self::parse(text)?;
        // Never a line that the service would read otherwise.
        let same = file.get(name).is_some_and(|new| new.value == value);
        anyhow::ensure!(same, "{name}: the value would not be read again as it is");
        Ok(file)
    }

    /// Takes every assignment of a variable away.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn without(self, name: &str) -> anyhow::Result<Self> {
        let gone = self.assignments.iter().rev().filter(|a| a.name == name);
        let text = gone.fold(self.text.clone(), |text, a| replaced(&text, &a.range, ""));
        Self::parse(text)
    }
}

/// A text with something else in a place.
fn replaced(text: &str, range: &Range<usize>, with: &str) -> String {
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    part(text.get(..range.start)) + with + &part(text.get(range.end..))
}

/// Reads character by character.
#[derive(Default)]
struct Reader {
    at: At,
    line: usize,
    name: String,
    value: String,
    /// Length of the value without the blanks at its end, while it ends with unquoted ones.
    kept: Option<usize>,
    /// Where the assignment began: place and line.
    from: (usize, usize),
    found: Vec<Assignment>,
    /// Whether the last character was a carriage return.
    half: bool,
}

impl Reader {
    fn take(&mut self, index: usize, c: char) -> anyhow::Result<()> {
        let ends = matches!(c, '\n' | '\r');
        anyhow::ensure!(c != '\0', "line {}: a NUL character", self.line + 1);
        match self.at {
            At::Start => match c {
                '#' | ';' => self.at = At::Comment,
                _ if BLANKS.contains(&c) => {
                    // The second half of CR LF belongs to the line that it ends.
                    if let Some(last) =
                        self.found.last_mut().filter(|last| self.half && c == '\n' && last.range.end == index)
                    {
                        last.range.end += 1;
                    }
                }
                _ => {
                    self.at = At::Name;
                    self.from = (index, self.line + 1);
                    self.name = c.to_string();
                }
            },
            At::Name if ends => self.at = At::Start,
            At::Name if c == '=' => {
                self.at = At::Before;
                self.value.clear();
                self.kept = None;
            }
            At::Name => self.name.push(c),
            At::Before | At::Value if ends => self.push(index + 1),
            At::Before => match c {
                '\'' => self.at = At::Single,
                '"' => self.at = At::Double,
                '\\' => self.at = At::Escape,
                _ if BLANKS.contains(&c) => {}
                _ => self.plain(c),
            },
            At::Value if c == '\\' => {
                self.at = At::Escape;
                self.kept = None;
            }
            At::Value => self.plain(c),
            At::Escape => {
                self.at = At::Value;
                if !ends {
                    self.value.push(c);
                }
            }
            At::Single if c == '\'' => self.at = At::Before,
            At::Double if c == '"' => self.at = At::Before,
            At::Double if c == '\\' => self.at = At::DoubleEscape,
            At::Single | At::Double => self.value.push(c),
            At::DoubleEscape => {
                self.at = At::Double;
                if PROTECTED.contains(&c) {
                    self.value.push(c);
                } else if c != '\n' {
                    self.value.extend(['\\', c]);
                }
            }
            At::Comment if ends => self.at = At::Start,
            At::Comment if c == '\\' => self.at = At::CommentEscape,
            At::Comment => {}
            At::CommentEscape if ends => return Err(self.continued()),
            At::CommentEscape => self.at = At::Comment,
        }
        self.half = c == '\r';
        if c == '\n' {
            self.line += 1;
        }
        Ok(())
    }

    /// A character outside of quotes.
    fn plain(&mut self, c: char) {
        self.at = At::Value;
        self.kept = BLANKS.contains(&c).then(|| self.kept.unwrap_or(self.value.len()));
        self.value.push(c);
    }

    fn push(&mut self, end: usize) {
        self.at = At::Start;
        let value = self.value.get(..self.kept.unwrap_or(self.value.len())).unwrap_or_default().to_owned();
        let (start, line) = self.from;
        self.found.push(Assignment { name: self.name.trim_end().to_owned(), value, line, range: start..end });
    }

    fn end(&mut self, length: usize) -> anyhow::Result<()> {
        match self.at {
            At::Before | At::Value => self.push(length),
            At::Start | At::Name | At::Comment => {}
            At::Escape => anyhow::bail!("line {}: ends with a backslash, and nothing follows", self.line + 1),
            At::CommentEscape => return Err(self.continued()),
            At::Single | At::Double | At::DoubleEscape => {
                anyhow::bail!("line {}: a quote that does not end", self.from.1)
            }
        }
        Ok(())
    }

    /// Up to version 253 the next line belongs to the comment, later it does not.
    fn continued(&self) -> anyhow::Error {
        let line = self.line + 1;
        anyhow::anyhow!("line {line}: a comment that ends with a backslash, which versions of systemd read differently")
    }
}

/// Whether a value can stand in such a file; else why not.
///
/// # Errors
/// What must not be in it. systemd refuses the whole file for some of these.
pub(super) fn writable(value: &str) -> Result<(), &'static str> {
    let strange = |c: char| {
        let code = u32::from(c);
        c == '\u{feff}' || (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
    };
    if value.contains(['\n', '\r']) {
        Err("a line break, expected one line")
    } else if value.chars().any(|c| c != '\t' && c.is_control()) {
        Err("a control character, expected text")
    } else if value.chars().any(strange) {
        Err("a character that systemd refuses, expected text")
    } else {
        Ok(())
    }
}

/// A value as it is written: bare, else in single quotes, where all is meant as it is, else in double ones.
pub(super) fn quoted(value: &str) -> String {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@,+%=".contains(c)) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = value.chars().flat_map(|c| PROTECTED.contains(&c).then_some('\\').into_iter().chain([c]));
    format!("\"{}\"", escaped.collect::<String>())
}

/// Reads the bytes of a file.
///
/// # Errors
/// It is no text, or as [`EnvFile::parse`].
pub(super) fn of_bytes(bytes: Vec<u8>) -> anyhow::Result<EnvFile> {
    let text = String::from_utf8(bytes).ok().context("expected text in UTF-8")?;
    EnvFile::parse(text)
}
