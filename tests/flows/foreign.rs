//! What belongs to another company is refused as what is nowhere: with the same words, and in the same time.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{Options, Server};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::time::Instant;

on_both! { what_is_foreign_takes_as_long_as_what_is_nowhere }

const FOLDERS: usize = 16;
/// How often each question is asked about both at first, where most end; and how far the share of pairs in which the
/// foreign one was slower may then be from one half. By chance alone it strays by 0.016 (one standard deviation).
const LOOK: (u32, f64) = (1000, 0.06);
/// The same for a question that seemed to differ. Chance alone makes 0.008 here; a row that an index finds and a condition
/// drops made up to 0.04. One query more over a connection makes 0.1 on a busy machine, and more on a quiet one.
const JUDGE: (u32, f64) = (4000, 0.08);

/// What a question names: something that is there for others, or something as long that is nowhere.
struct Case {
    folder: String,
    medium: String,
    analysis: String,
    /// Of a picture that the analysis made.
    file: String,
    text: String,
    product: &'static str,
}

type Question = (u16, fn(&Case) -> String);

const QUESTIONS: [Question; 10] = [
    (404, |c| format!("/api/folders/{}", c.folder)),
    (404, |c| format!("/api/folders/{}/media", c.folder)),
    (404, |c| format!("/api/folders/{}/analyses", c.folder)),
    (404, |c| format!("/api/media/{}", c.medium)),
    (404, |c| format!("/api/analyses/{}", c.analysis)),
    (404, |c| format!("/api/static/{}/{}.jpg", c.folder, c.medium)),
    (404, |c| format!("/api/static/{}/{}", c.folder, c.file)),
    (200, |c| format!("/api/folders/?folder_id={}", c.folder)),
    (200, |c| format!("/api/folders/?meta_data=transaction_id=={}", c.text)),
    (200, |c| format!("/api/folders/?meta_data=product=={}&time_updated.min=0", c.product)),
];

/// A folder with an analysed selfie photo.
fn folder(client: &Client, text: &str, product: &'static str) -> Case {
    let data = json!({"transaction_id": text, "product": product});
    let payload = json!({
        "folder:meta_data": data, "media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]
    });
    let payload = payload.to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &live_still())];
    let folder = client.form("/api/folders/", &parts).expect(201);
    let analysis = id(&folder["analyses"][0], "analysis_id");
    let ended = client.finished(&analysis);
    let url = id(&ended["results_media"][0]["output_images"][0], "original_url");
    Case {
        folder: id(&folder, "folder_id"),
        medium: id(&folder["media"][0], "media_id"),
        analysis,
        file: url.rsplit('/').next().expect("a name").split('?').next().expect("a name").to_owned(),
        text: text.to_owned(),
        product,
    }
}

fn id(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_else(|| panic!("no {key}: {object}")).to_owned()
}

/// The next of everything: nobody has it, and it would lie in the same place of every index.
fn nowhere(case: &Case, text: &str, product: &'static str) -> Case {
    Case {
        folder: neighbour(&case.folder),
        medium: neighbour(&case.medium),
        analysis: neighbour(&case.analysis),
        file: neighbour(&case.file),
        text: text.to_owned(),
        product,
    }
}

/// Another last digit of the id that the text begins with.
fn neighbour(text: &str) -> String {
    let (head, last, rest) = (&text[..35], &text[35..36], &text[36..]);
    format!("{head}{}{rest}", if last == "0" { "1" } else { "0" })
}

/// The answer without what it was asked for, and the seconds that it took.
fn ask(client: &Client, (status, path): Question, case: &Case) -> (String, f64) {
    let path = path(case);
    let start = Instant::now();
    let answer = client.get(&path);
    let took = start.elapsed().as_secs_f64();
    assert_eq!(answer.status, status, "{path}");
    let mut body = String::from_utf8(answer.bytes).expect("text");
    for named in [&case.folder, &case.medium, &case.analysis, &case.file] {
        body = body.replace(named, "");
    }
    (body, took)
}

/// In what share of the pairs the foreign one was slower, each pair asked in an order of chance: a hiccup of the machine
/// falls on either, and counts for one pair however long it is. So no limit in seconds is needed.
fn share(client: &Client, question: Question, cases: &[[Case; 2]], pairs: u32) -> f64 {
    let mut slower = 0;
    // Any stream of bits that is not in step with the questions (the constants of Knuth's MMIX).
    let mut chance = 1_u64;
    for _ in 0..pairs {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [foreign, nowhere] = &cases[usize::try_from(chance >> 32).expect("64 bits") % cases.len()];
        let (theirs, none) = if chance >> 63 == 0 {
            let first = ask(client, question, foreign);
            (first, ask(client, question, nowhere))
        } else {
            let first = ask(client, question, nowhere);
            (ask(client, question, foreign), first)
        };
        assert_eq!(theirs.0, none.0, "{}", (question.1)(foreign));
        slower += u32::from(theirs.1 > none.1);
    }
    f64::from(slower) / f64::from(pairs)
}

fn what_is_foreign_takes_as_long_as_what_is_nowhere(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let stranger = server.user("eve@example.com", "CLIENT", Some("Other Bank"));
    let cases: Vec<[Case; 2]> = (0..FOLDERS)
        .map(|n| {
            folder(&client, &format!("ours-{n:04}"), "card");
            let theirs = folder(&stranger, &format!("theirs-{n:02}"), "loan");
            let none = nowhere(&theirs, &format!("nobody-{n:02}"), "tool");
            [theirs, none]
        })
        .collect();
    for question in QUESTIONS {
        let differs = |(pairs, margin)| {
            let share = share(&client, question, &cases, pairs);
            ((share - 0.5).abs() > margin).then_some(share)
        };
        // What only seemed so the first time is judged by the second alone.
        let found = differs(LOOK).and_then(|_| differs(JUDGE));
        let path = (question.1)(&cases[0][0]);
        assert!(found.is_none(), "{path}: what is foreign was slower in a share of {found:?}");
    }
}
