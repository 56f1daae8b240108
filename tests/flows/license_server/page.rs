//! The administrator's page in a real Chromium.

use crate::support::browser::Browser;
use crate::support::license::{claims, signed};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, until};
use serde_json::{Value, json};
use std::time::Duration;

const NASTY: &str = "<img src=x onerror=\"document.title='owned'\">";

/// Drops a file where the page wants it.
const DROP: &str = "const data = new DataTransfer(); data.items.add(new File([arguments[0]], 'new.license')); \
    document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));";

#[test]
fn an_administrator_installs_a_license_and_ends_a_lease() {
    let server = LicenseServer::start(Options::default());
    let browser = Browser::at(&server.base);
    let text = |id: &str| browser.script("return document.getElementById(arguments[0]).textContent", &json!([id]));
    let shows = |what: &str, id: &str, wanted: &str| {
        until(what, Duration::from_secs(20), || (text(id) == wanted).then_some(()));
    };
    let hidden = |id: &str| browser.script("return document.getElementById(arguments[0]).hidden", &json!([id]));

    // Without the token nothing is shown; with a wrong one, why.
    until("the page asks who is there", Duration::from_secs(20), || (hidden("enter") == false).then_some(()));
    assert_eq!(hidden("main"), true);
    browser.write("#token", "wrong\u{e007}");
    until("the wrong token is told", Duration::from_secs(20), || (hidden("trouble") == false).then_some(()));
    browser.write("#token", &format!("{}\u{e007}", server.admin().bearer.expect("a token")));
    shows("the state is shown", "state", "invalid");
    assert_eq!(hidden("development"), false, "the banner of a development build");

    // By a dropped file, and the next by choosing one.
    let first = claims(&server);
    browser.script(DROP, &json!([signed(&first)]));
    shows("the license is installed", "installed", "Installed. The license is active.");
    let node = server.node();
    for (id, host) in [("nasty", NASTY), ("plain", "bio-2.bank.local")] {
        node.json("POST", "/api/leases", &json!({"instance_id": id, "hostname": host, "version": "0.1.0"})).expect(201);
    }
    let used = json!({"instance_id": "plain", "seq": 1, "counts": {"quality": 640, "biometry": 200}});
    node.json("POST", "/api/usage", &used).expect(200);
    let file = server.data.join("second.license");
    fs_err::write(&file, signed(&oz_license::Claims { revision: 2, ..first })).expect("a file");
    browser.write("#file", file.to_str().expect("UTF-8"));
    shows("both leases are shown", "in-use", "2 in use of 3");
    shows("the volume is shown", "volume", "840 of 1,000 a month, 160 left");
    assert!(text("facts").as_str().is_some_and(|facts| facts.contains("L-1, revision 2")), "{}", text("facts"));
    assert!(text("bars").as_str().is_some_and(|bars| bars.ends_with("840")), "{}", text("bars"));
    assert!(text("warnings").as_str().is_some_and(|told| told.contains("840 of 1000")), "{}", text("warnings"));

    // What a node calls itself is text.
    let hosts = browser
        .script("return [...document.querySelectorAll('#leases td:first-child')].map(c => c.textContent)", &json!([]));
    assert_eq!(hosts, json!([NASTY, "bio-2.bank.local"]));
    let made = browser.script("return [document.querySelectorAll('#leases img').length, document.title]", &json!([]));
    assert_eq!(made, json!([0, "Oz license server"]));

    browser.script("document.getElementById('code').click()", &json!([]));
    let width = until("the QR code is drawn", Duration::from_secs(20), || {
        browser.script("return document.getElementById('qr').naturalWidth", &json!([])).as_u64().filter(|w| *w > 0)
    });
    assert!(width >= 100, "{width}");
    picture(&browser, &server);

    browser.script("document.querySelector('#leases button').click()", &json!([]));
    shows("the lease is gone", "in-use", "1 in use of 3");
    let license = server.admin().get("/api/license").expect(200);
    assert_eq!(license["leases"].as_array().map(Vec::len), Some(1));
    assert_eq!(license["leases"][0]["instance_id"], "plain");
    assert_eq!(hidden("trouble"), true, "{}", text("trouble"));
}

/// For a person to look at: beside the server's data, or where `OZ_PAGE_PICTURE` says.
fn picture(browser: &Browser, server: &LicenseServer) {
    let picture = browser.screenshot();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
    let path = std::env::var_os("OZ_PAGE_PICTURE").map_or_else(|| server.data.join("page.png"), Into::into);
    fs_err::write(path, picture).expect("a file");
}

#[test]
fn the_page_brings_everything_along() {
    let server = LicenseServer::start(Options::default());
    let stranger = server.stranger();
    for (path, kind) in [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let answer = stranger.get(path);
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").is_some_and(|k| k.starts_with(kind)));
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(answer.bytes).expect("text");
        assert!(!text.contains("://"), "{path} asks another place");
        assert!(!text.contains("innerHTML"), "{path}");
    }
    let request: Value = server.admin().get("/api/license/activation-request").expect(200);
    assert_eq!(request["product"], "oz-appliance");
    let code = server.admin().get("/api/license/activation-request?format=svg");
    assert_eq!(code.header("content-type"), Some("image/svg+xml"));
    assert!(String::from_utf8_lossy(&code.bytes).contains("<svg"));
    server.admin().get("/api/license/activation-request?format=png").refused(400, 4);
}
