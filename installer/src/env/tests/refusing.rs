//! What is refused, and that nothing is written then.

use super::{SECRET, env, installed, text};

const FILE: &str = "/etc/oz/oz.env";
const BEFORE: &str = "# by hand\nOZ_WORKERS=1\n";

#[test]
fn every_refusal_is_one_line_and_leaves_the_file() {
    let mut fake = installed();
    fake.file(FILE, BEFORE);
    let secret = format!("OZ_SMTP_PASSWORD={SECRET}");
    let key = format!("smtp_password={SECRET}");
    let wrong = format!("postgres://u:{SECRET}@h/x?sslmode=require");
    let file = format!("OZ_SMTP_PASSWORD_FILE={SECRET}");
    let away = format!("OZ_SMTP_PASSWORD_FILE=/none/{SECRET}");
    for (arguments, input, code, says) in [
        (&["set", "OZ_LISTN=127.0.0.1:1"][..], "", 1, "did you mean `OZ_LISTEN`"),
        (&["set", "lisen=127.0.0.1:1", "--program", "oz-api"], "", 1, "did you mean `listen`"),
        (&["set", "SOMETHING_ELSE=1"], "", 1, "ozctl env list"),
        (&["set", &wrong], "", 1, "no setting has such a name"),
        (&["set", SECRET], "", 2, "no `=`"),
        (
            &["set", "OZ_WORKERS=many"],
            "",
            1,
            "workers: `many` in the environment variable OZ_WORKERS, expected a whole",
        ),
        (&["set", "OZ_LISTEN=here"], "", 1, "expected an address and port"),
        (&["set", "OZ_PROCESSING=remote"], "", 1, "expected one of local, queue"),
        (&["set", "OZ_SESSION_TTL=1w"], "", 1, "expected a time"),
        (&["set", "OZ_WORKERS=2", "OZ_LISTEN=here"], "", 1, "listen"),
        (&["set", "OZ_LOG=a\nOZ_LISTEN=b"], "", 1, "OZ_LOG: a line break"),
        (&["set", "OZ_LOG=\x1b[2J"], "", 1, "OZ_LOG: a control character"),
        (&["set", "OZ_LOG", "--stdin"], "a\0b\n", 1, "OZ_LOG: a control character"),
        (&["set", &secret], "", 1, "ozctl env set OZ_SMTP_PASSWORD --stdin"),
        (&["set", &key], "", 1, "ozctl env set OZ_SMTP_PASSWORD --stdin"),
        (&["set", &secret, "--stdin"], "", 2, "expected the name only"),
        (&["set", "OZ_SMTP_PASSWORD", SECRET, "--stdin"], "", 2, "more than one name"),
        (&["set", "OZ_SMTP_PASSWORD", "--stdin"], "", 1, "the standard input: nothing"),
        (&["set", "OZ_SMTP_PASSWORD", "--stdin"], "hunter2\x07\n", 1, "OZ_SMTP_PASSWORD: a control character"),
        (&["set", &file], "", 1, "expected the absolute path"),
        (&["set", &away], "", 1, "the file that OZ_SMTP_PASSWORD_FILE names cannot be read"),
        (&["set", "listen=127.0.0.1:1"], "", 2, "expected --program"),
        (&["set", "OZ_WORKERS=2", "OZ_LICENSE_LOG=info"], "", 2, "settings of two programs"),
        (&["set", "OZ_WORKERS=2", "--program", "oz-license-server"], "", 1, "unknown setting"),
        (&["unset", "OZ_NONE"], "", 1, "unknown setting"),
        (&["get", "OZ_LISTENN"], "", 1, "did you mean `OZ_LISTEN`"),
        (&["diff", "3"], "", 1, "oz.env.3 is not there"),
    ] {
        let (found, told) = env(&fake, arguments, input).unwrap_err();
        assert!(found == code && told.contains(says), "{arguments:?}: {found} {told}");
        assert_eq!(text(&fake, FILE), BEFORE, "{arguments:?}");
        assert!(!fake.machine().has("/etc/oz/oz.env.1") && !fake.machine().has("/etc/oz/secrets"), "{arguments:?}");
    }
    let long = "a".repeat(70_000);
    let (code, told) = env(&fake, &["set", "OZ_SMTP_PASSWORD", "--stdin"], &long).unwrap_err();
    assert!(code == 1 && told.contains("more than 65536 bytes"), "{told}");
}

#[test]
fn what_is_broken_already_is_named_and_can_be_mended() {
    let mut fake = installed();
    fake.file(FILE, "OZ_LISTEN=here\nOZ_WORKERS=many\n");
    assert_eq!(env(&fake, &["list"], "").unwrap_err().0, 3);
    let (code, told) = env(&fake, &["set", "OZ_LOG=debug"], "").unwrap_err();
    assert!(code == 1 && told.contains("OZ_LISTEN"), "{told}");
    env(&fake, &["unset", "OZ_LISTEN", "workers"], "").unwrap();
    assert_eq!(text(&fake, FILE), "");

    fake.file(FILE, &format!("OZ_SMTP_PASSWORD='{SECRET}\n"));
    let (code, told) = env(&fake, &["set", "OZ_LOG=debug"], "").unwrap_err();
    assert!(code == 3 && told.contains("oz.env: line 1: a quote"), "{told}");
    fake.file(FILE, "");
    fake.file("/etc/oz/oz.toml", &format!("log = \"info\"\nsmtp_password = \"{SECRET}\n"));
    let (code, told) = env(&fake, &["set", "OZ_LOG=debug"], "").unwrap_err();
    assert!(code == 1 && told.contains("/etc/oz/oz.toml, line 2"), "{told}");
    fake.file("/etc/oz/oz.toml", &format!("smtp_password = [\"{SECRET}\"]\n"));
    let (code, told) = env(&fake, &["set", "OZ_LOG=debug"], "").unwrap_err();
    assert!(code == 1 && told.contains("smtp_password: `***`"), "{told}");
    fake.file("/etc/oz/oz.toml", "lisen = \"127.0.0.1:1\"\n");
    let (code, told) = env(&fake, &["set", "OZ_LOG=debug"], "").unwrap_err();
    assert!(code == 1 && told.contains("did you mean `listen`"), "{told}");
}

#[test]
fn a_program_that_is_not_installed_is_not_set() {
    let fake = crate::machine::fake::Fake::good();
    let (code, told) = env(&fake, &["set", "OZ_WORKERS=1"], "").unwrap_err();
    assert!(code == 1 && told.contains("/etc/oz is not there"), "{told}");
}
