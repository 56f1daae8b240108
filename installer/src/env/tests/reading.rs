//! What is written is what systemd reads: by the reader here, by the words of systemd.exec(5), and by a shell.

use crate::env::file::{EnvFile, of_bytes, quoted, writable};
use std::process::Command;

const HARD: &[&str] = &[
    "",
    "plain",
    " spaces around ",
    "a b",
    "it's",
    "say \"hi\"",
    "it's \"both\"",
    "$HOME ${X} `id` $(id)",
    "it's $HOME `id`",
    "# no comment",
    "; neither",
    "a#b;c",
    "back\\slash",
    "it's \\ and \\\\ and \\n and \\\"",
    "ends with \\",
    "it's ending with \\",
    "'",
    "\"",
    "''\"\"",
    "tab\there",
    "a=b=c",
    "{\"min_length\":10}",
    "äöü € 人",
    "!history !! %s %%",
];

/// The documented rules for files in which no value goes over several lines; panics where they leave something open.
fn documented(text: &str, name: &str) -> Option<String> {
    let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t', '\r']));
    let pairs = lines.filter(|line| !line.starts_with(['#', ';'])).filter_map(|line| line.split_once('='));
    let (_, value) = pairs.rev().find(|(found, _)| *found == name)?;
    let value = value.trim_start_matches([' ', '\t', '\r']);
    if let Some(rest) = value.strip_prefix('\'') {
        let (inside, after) = rest.split_once('\'').expect("a quote that ends");
        assert_eq!(after, "");
        return Some(inside.to_owned());
    }
    let double = value.strip_prefix('"');
    let (mut read, mut rest) = (String::new(), double.unwrap_or(value).chars());
    while let Some(c) = rest.next() {
        match c {
            '"' if double.is_some() => {
                assert_eq!(rest.as_str(), "");
                return Some(read);
            }
            '\\' => match rest.next().expect("a backslash before something") {
                next if double.is_none() || "\"\\`$".contains(next) => read.push(next),
                next => read.extend(['\\', next]),
            },
            c => read.push(c),
        }
    }
    assert!(double.is_none(), "a quote that does not end");
    Some(read)
}

fn same(value: &str) {
    let file = EnvFile::parse("# first\nA=1\nB='2'\n".to_owned()).unwrap().set("A", value).unwrap();
    assert_eq!(file.get("A").map(|a| a.value.as_str()), Some(value), "{}", file.text());
    assert_eq!(documented(file.text(), "A").as_deref(), Some(value), "{}", file.text());
    assert_eq!(documented(file.text(), "B").as_deref(), Some("2"), "{}", file.text());
    assert_eq!(file.text().lines().count(), 3);
}

#[test]
fn values_come_back_as_they_were() {
    for value in HARD {
        same(value);
    }
    let letters: Vec<char> = "ab '\"\\$`#;=\t!nä".chars().collect();
    let mut state = 1_u64;
    for _ in 0..5_000 {
        let mut value = String::new();
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            value.push(letters[usize::try_from(state >> 33).unwrap() % letters.len()]);
        }
        same(&value);
    }
}

#[test]
fn a_shell_reads_them_too() {
    let folder = tempfile::tempdir().unwrap();
    for value in HARD {
        fs_err::write(folder.path().join("x.env"), format!("X={}\n", quoted(value))).unwrap();
        let run = Command::new("sh").args(["-c", ". ./x.env; printf %s \"$X\""]).current_dir(folder.path()).output();
        assert_eq!(String::from_utf8(run.unwrap().stdout).unwrap(), *value);
    }
}

#[test]
fn files_of_people_are_read_as_systemd_does() {
    let text = "\u{20} A = one two  \nB=a\\ b\\\n c\\#\n\n#C=no\n;D=no\nno assignment\nE='x'\"y\"z  \nF=\"a\\nb\\\"c\\\n\
                d\"\r\nG='two\nlines'\nH=\nA=three\nI=a\"b'c\n";
    let file = EnvFile::parse(text.to_owned()).unwrap();
    let value = |name: &str| file.get(name).map(|a| (a.value.as_str(), a.line));
    assert_eq!(value("A"), Some(("three", 14)), "the last one wins");
    assert_eq!(value("B"), Some(("a b c#", 2)));
    assert_eq!((value("C"), value("D")), (None, None));
    assert_eq!(value("E"), Some(("xyz", 8)));
    assert_eq!(value("F"), Some(("a\\nb\"cd", 9)));
    assert_eq!(value("G"), Some(("two\nlines", 11)));
    assert_eq!(value("H"), Some(("", 13)));
    assert_eq!(value("I"), Some(("a\"b'c", 15)));
    assert_eq!(file.values().len(), 7);
}

#[test]
fn all_else_stays_as_it_is() {
    let text = "# head\n  A=1 \nnothing\n; B=\nB='x\ny'\r\n\nA=2\n# tail";
    let file = |text: &str| EnvFile::parse(text.to_owned()).unwrap();
    assert_eq!(file(text).set("A", "3").unwrap().text(), text.replace("A=2", "A=3"));
    let without = file(text).without("A").unwrap();
    assert_eq!(without.text(), "# head\n  nothing\n; B=\nB='x\ny'\r\n\n# tail");
    assert_eq!(file(text).without("B").unwrap().text(), "# head\n  A=1 \nnothing\n; B=\n\nA=2\n# tail");
    assert_eq!(file(text).set("C", "c d").unwrap().text(), format!("{text}\nC='c d'\n"));
    assert_eq!(file("").set("C", "c").unwrap().text(), "C=c\n");
    assert_eq!(file("A=1").set("A", "2").unwrap().text(), "A=2\n");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (text, line) in [
        ("A=1\nB='x\nC=2\n", "line 2: a quote"),
        ("A=\"x\\\"\n", "line 1: a quote"),
        ("A=1\n# c:\\\nB=2\n", "line 2: a comment"),
        ("# c:\\", "line 1: a comment"),
        ("A=x\\", "line 1: ends with a backslash"),
        ("A=1\nB=\0\n", "line 2: a NUL"),
    ] {
        let error = EnvFile::parse(text.to_owned()).unwrap_err().to_string();
        assert!(error.starts_with(line), "{text:?}: {error}");
    }
    assert!(of_bytes(b"A=\xff\n".to_vec()).is_err());
    for bad in ["a\nb", "a\rb", "a\0b", "a\x1b[31m", "\u{feff}a", "\u{fffe}", "\u{fdd0}"] {
        assert!(writable(bad).is_err(), "{bad:?}");
        assert!(EnvFile::default().set("A", bad).is_err(), "{bad:?}");
    }
}
