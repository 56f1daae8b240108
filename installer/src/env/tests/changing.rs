//! Setting and unsetting.

use super::{SECRET, env, installed, text};
use serde_json::Value;

const FILE: &str = "/etc/oz/oz.env";

#[test]
fn set_keeps_comments_and_order() {
    let mut fake = installed();
    fake.file(FILE, "# ours\nOZ_LOG=info\n\n; two workers\nOZ_WORKERS=1\nOTHER=kept\n");
    let said = env(&fake, &["set", "workers=2", "OZ_LDAP_USER_FILTER=(cn=it's $5 \"x\" #1\\)"], "").unwrap();
    assert_eq!(
        text(&fake, FILE),
        "# ours\nOZ_LOG=info\n\n; two workers\nOZ_WORKERS=2\nOTHER=kept\n\
         OZ_LDAP_USER_FILTER=\"(cn=it's \\$5 \\\"x\\\" #1\\\\)\"\n"
    );
    assert!(said.contains("OZ_WORKERS: 2 (/etc/oz/oz.env:5)"), "{said}");
    assert!(said.contains("systemctl restart oz-api 'oz-worker@*'") && said.contains("oz.env.1"), "{said}");
    assert_eq!(env(&fake, &["get", "ldap_user_filter"], "").unwrap(), "(cn=it's $5 \"x\" #1\\)\n");
    let said = env(&fake, &["unset", "OZ_LOG", "OZ_WORKERS"], "").unwrap();
    assert!(said.contains("OZ_WORKERS: 0 (default)"), "{said}");
    assert!(text(&fake, FILE).starts_with("# ours\n\n; two workers\nOTHER=kept\n"), "{}", text(&fake, FILE));
    assert!(env(&fake, &["unset", "OZ_LOG"], "").unwrap().contains("nothing changed"));
}

#[test]
fn the_license_server_has_its_own_file() {
    let fake = installed();
    let said = env(&fake, &["set", "lease_ttl=5m"], "").unwrap();
    assert_eq!(text(&fake, "/etc/oz-license/oz-license.env"), "OZ_LICENSE_LEASE_TTL=5m\n");
    assert!(said.ends_with("to take effect: systemctl restart oz-license-server\n"), "{said}");
    env(&fake, &["set", "listen", "--stdin", "--program", "oz-license-server"], "127.0.0.1:9\n").unwrap();
    assert!(text(&fake, "/etc/oz-license/oz-license.env").ends_with("OZ_LICENSE_LISTEN=127.0.0.1:9\n"));
    assert_eq!(text(&fake, FILE), "");
}

#[test]
fn a_secret_goes_into_a_file_of_its_own() {
    let mut fake = installed();
    fake.file(FILE, "OZ_SMTP_PASSWORD=before\nOZ_WORKERS=1\n");
    let line = format!("{SECRET} with 'all' $ # \\ \n");
    let said = env(&fake, &["set", "smtp_password", "--stdin"], &line).unwrap();
    assert!(said.contains("OZ_SMTP_PASSWORD: *** (/etc/oz/secrets/OZ_SMTP_PASSWORD)"), "{said}");
    assert!(said.contains("/etc/oz/oz.env.1 still has OZ_SMTP_PASSWORD in clear"), "{said}");
    assert_eq!(text(&fake, "/etc/oz/secrets/OZ_SMTP_PASSWORD"), line.trim_end_matches('\n'));
    assert_eq!(text(&fake, FILE), "OZ_WORKERS=1\nOZ_SMTP_PASSWORD_FILE=/etc/oz/secrets/OZ_SMTP_PASSWORD\n");

    // Another one: the env file stays, the service must restart all the same, and the old one is gone.
    let said = env(&fake, &["set", "OZ_SMTP_PASSWORD", "--stdin", "--json"], "other\r\nmore\n").unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["changed"], &said["previous"]), (&Value::from(true), &Value::Null));
    assert_eq!(said["restart"][0], "oz-api");
    assert_eq!(text(&fake, "/etc/oz/secrets/OZ_SMTP_PASSWORD"), "other");
    assert_eq!(fake.machine().names("/etc/oz/secrets"), ["OZ_SMTP_PASSWORD"]);

    let (code, told) = env(&fake, &["get", "OZ_SMTP_PASSWORD"], "").unwrap_err();
    assert!(code == 1 && told.contains("set in /etc/oz/secrets/OZ_SMTP_PASSWORD"), "{told}");
    let said = env(&fake, &["unset", "OZ_SMTP_PASSWORD"], "").unwrap();
    assert!(said.contains("(unset)") && said.contains("/etc/oz/secrets/OZ_SMTP_PASSWORD is left"), "{said}");
    assert_eq!(text(&fake, FILE), "OZ_WORKERS=1\n");
    let (_, told) = env(&fake, &["get", "OZ_SMTP_PASSWORD"], "").unwrap_err();
    assert!(told.contains("not set"), "{told}");

    // A file that is there already.
    fake.file("/run/given", SECRET);
    env(&fake, &["set", "OZ_SMTP_PASSWORD_FILE=/run/given"], "").unwrap();
    assert_eq!(text(&fake, FILE), "OZ_WORKERS=1\nOZ_SMTP_PASSWORD_FILE=/run/given\n");
}
