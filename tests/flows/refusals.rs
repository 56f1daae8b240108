//! What the server does not start on: another database, other keys. Damage done by going on could not be undone.

use crate::support::client::Part;
use crate::support::fixtures::live_still;
use crate::support::server::{Options, Server, until};
use oz_testkit::{TestDatabase, on_both};
use std::path::PathBuf;
use std::time::Duration;

on_both! {
    files_of_another_database_are_left_alone,
    a_folder_without_files_is_not_taken_over,
    a_database_without_its_keys_is_left_alone,
}

/// A data folder with a photo in it, whose server has stopped; the path at which the photo is read.
fn used(options: &Options, folder: &tempfile::TempDir) -> (Options, String) {
    let options = Options { data: Some(folder.path().join("data")), ..options.clone() };
    let mut server = Server::start_new(options.clone());
    let folder = server.client().form("/api/folders/", &[Part("p", Some("p.jpg"), &live_still())]).expect(201);
    let url = folder["media"][0]["original_url"].as_str().expect("a link");
    let path = url[server.base.len()..].to_owned();
    assert!(server.stop().success());
    (options, path)
}

/// Starts and must end by itself, naming all of these in one line; so must the commands that write.
#[track_caller]
fn refused(options: &Options, words: &[&str]) {
    let mut server = Server::start_role(options.clone());
    let status = until("the server gives up", Duration::from_secs(30), || server.ended());
    let told = server.log_text();
    assert_eq!(status.code(), Some(1), "{told}");
    let says = |text: &str| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(says(&told), "{told}");
    let arguments = ["admin", "user", "create", "--email", "new@example.com", "--role", "ADMIN", "--password-stdin"];
    let command = server.command(&arguments, "correct horse battery");
    let told = String::from_utf8_lossy(&command.stderr);
    assert!(!command.status.success() && says(&told), "{told}");
}

/// Everything is as it was: the server starts and gives the photo out.
#[track_caller]
fn unharmed(options: &Options, photo: &str) {
    let server = Server::start_with(options.clone());
    assert_eq!(server.client().get(photo).bytes, live_still());
}

/// An empty database of the same kind.
fn another(options: &Options) -> TestDatabase {
    if options.database_url.is_some() { TestDatabase::postgres() } else { TestDatabase::sqlite() }
}

fn files_of_another_database_are_left_alone(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (options, photo) = used(&options, &folder);
    let other = another(&options);
    let data = data(&options).display().to_string();
    let strange = Options { database_url: Some(other.url().to_owned()), ..options.clone() };
    refused(&strange, &[&data, "belongs to another database", "OZ_DATABASE_URL", "OZ_DATA_DIR"]);
    unharmed(&options, &photo);
}

fn a_folder_without_files_is_not_taken_over(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(folder.path().join("data")), ..options };
    assert!(Server::start_new(options.clone()).stop().success());
    let other = another(&options);
    let strange = Options { database_url: Some(other.url().to_owned()), ..options.clone() };
    refused(&strange, &[&data(&options).display().to_string(), "belongs to another database", "store.id"]);
    assert_eq!(Server::start_with(options).client().get("/api/folders/").status, 200);
}

fn a_database_without_its_keys_is_left_alone(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (options, photo) = used(&options, &folder);
    let keys = data(&options).join("secrets/blobs.key");
    let kept = fs_err::read(&keys).expect("the keys");
    let name = keys.display().to_string();
    fs_err::remove_file(&keys).expect("the keys go");
    refused(&options, &[&name, "missing", "restore it"]);
    assert!(!fs_err::exists(&keys).expect("the folder"), "keys were made anew");
    // Cut off, as a copy onto a full disk leaves it.
    fs_err::write(&keys, &kept[..kept.len() / 3]).expect("some of the keys");
    refused(&options, &[&name]);
    fs_err::write(&keys, &kept).expect("the keys");
    unharmed(&options, &photo);
}

fn data(options: &Options) -> PathBuf {
    options.data.clone().expect("a data folder of its own")
}
