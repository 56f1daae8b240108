//! Passwords that are guessed first: made of well-known words, runs of keys or letters, dates, repetitions, the user's own
//! name. What is left of a password without all these must be enough to count.
//!
//! The words are ours, and few: endings, spellings with digits, and combinations are found by rule, not listed.

use super::Owner;

/// Characters that must be left.
const ENOUGH: usize = 4;
/// The shortest run, repetition or own name that is taken away.
const SHORTEST: usize = 3;

/// What people type when they are asked for a password, in the languages of those we serve.
const WORDS: &[&str] = &[
    "password",
    "passwort",
    "passwd",
    "pass",
    "secret",
    "admin",
    "administrator",
    "root",
    "user",
    "guest",
    "login",
    "welcome",
    "hello",
    "letmein",
    "changeme",
    "default",
    "test",
    "demo",
    "temp",
    "master",
    "super",
    "access",
    "private",
    "iloveyou",
    "love",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "soccer",
    "hockey",
    "princess",
    "sunshine",
    "shadow",
    "flower",
    "superman",
    "batman",
    "starwars",
    "pokemon",
    "whatever",
    "freedom",
    "money",
    "lucky",
    "summer",
    "winter",
    "spring",
    "autumn",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "friday",
    "sunday",
    "company",
    "bank",
    "parol",
    "privet",
    "lyubov",
    "zvezda",
    "qazaqstan",
    "kazakhstan",
    "astana",
    "almaty",
    "moskva",
    "russia",
    "пароль",
    "привет",
    "любовь",
    "админ",
    "звезда",
    "солнышко",
    "казахстан",
    "қазақстан",
    "құпиясөз",
    "сәлем",
];

/// Rows of keyboards; neighbours in a row, either way, are a run. The last ones are the slanted columns of QWERTY.
const ROWS: &[&str] = &[
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзиклмнопрстуфхцчшщ",
    "1qaz2wsx3edc4rfv5tgb",
];

/// Whether too little is left of the password.
pub(super) fn is_common(password: &str, owner: Owner<'_>) -> bool {
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let plain: Vec<char> = lower.iter().map(|c| unspelt(*c)).collect();
    let own = own_words(owner);
    let mut left = 0;
    let mut at = 0;
    while at < lower.len() {
        let word = |text: &[char]| {
            let words = own.iter().map(String::as_str).chain(WORDS.iter().copied());
            words.filter(|word| starts(text, word)).map(|word| word.chars().count()).max()
        };
        let runs = [run(&lower[at..]), repeated(&lower, at), date(&lower[at..])].into_iter().flatten();
        let taken = runs.chain(word(&lower[at..])).chain(word(&plain[at..])).max();
        // Blanks and signs between words are no secret either, but each character of a real one counts.
        left += usize::from(taken.is_none() && lower[at].is_alphanumeric());
        at += taken.unwrap_or(1);
    }
    left < ENOUGH
}

/// The letter that a digit or sign is written for.
fn unspelt(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

/// The address and its parts, and the names.
fn own_words(owner: Owner<'_>) -> Vec<String> {
    let address = owner.email.split(['@', '.', '-', '_', '+']);
    let words = address.chain(owner.names).map(|word| word.trim().to_lowercase());
    words.filter(|word| word.chars().count() >= SHORTEST).collect()
}

fn starts(text: &[char], word: &str) -> bool {
    let mut rest = text.iter();
    word.chars().all(|c| rest.next() == Some(&c))
}

/// The length of a run along a row of keys or the alphabet, forwards or backwards.
fn run(text: &[char]) -> Option<usize> {
    let along = |row: &[char]| {
        let start = row.iter().position(|key| Some(key) == text.first())?;
        let forwards = row[start..].iter().zip(text).take_while(|(key, c)| key == c).count();
        let backwards = row[..=start].iter().rev().zip(text).take_while(|(key, c)| key == c).count();
        Some(forwards.max(backwards))
    };
    let rows = ROWS.iter().filter_map(|row| along(&row.chars().collect::<Vec<_>>()));
    rows.max().filter(|length| *length >= SHORTEST)
}

/// How many characters from `at` say again what stands before them: `aaaa`, `abcabc`.
fn repeated(text: &[char], at: usize) -> Option<usize> {
    let again = |period: usize| {
        let before = text.get(at.checked_sub(period)?..)?;
        Some(text[at..].iter().zip(before).take_while(|(now, then)| now == then).count())
            .filter(|length| *length >= period.min(SHORTEST))
    };
    (1..=4).filter_map(again).max()
}

/// A year, or a day of a month as it stands in dates: `1985`, `12.03.`.
fn date(text: &[char]) -> Option<usize> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let year = digits >= 4 && (starts(text, "19") || starts(text, "20"));
    let day = digits == 2 && text.get(2).is_some_and(|c| ['.', '-', '/'].contains(c));
    if year { Some(4) } else { day.then_some(3) }
}
