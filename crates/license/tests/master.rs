//! Master licenses: the customer's signature over the app's id, made by OpenSSL.

use super::support::{claims, license, signed, trusted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oz_license::{Claims, Invalid, Kind, License};

pub(crate) const RSA_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtTxsuAEwL7+Vm1YSi58obGJo8QXrS/n0gVQzC8o92Pax/NYX8L//90UDUFVEmZEYOE8ptN8KCj3RLzpBQX5h0BqFBshUyV4DdpCIyuqnqUjvdgm+rQjE61GhM9fbkbJRt13futALJ2zMP620HJFyFxXU7rS1EZg6hEmGHqifTOVc7K7eOgj62ftRABZYfS081K/VAb7P139f0gyrJ/XtL0T4xxwraA5kcIOLH3USykuRbKvH6OGa1on+fQUie4WyFxIIg8+2C5SxVwNMGUiSbX/8OOfwaRj7JyUZRjyzc0N0duU9SF5rTN8f1Da2gTqs+88SUmg64CgoMZHrvIwvYwIDAQAB";
pub(crate) const RSA_SIGNATURE: &str = "F+zwDw0vVnW9xP3cJdXcssKfX2qHAAREkkCWu+pUw+Q6LuKd8rtopuNPNRZHKcf/i/qpvAo4CYx9HqNrvsZ0XSPVgT+WXhtk01a+ZbyB+Gwc/ZJ8qyLMVX5Q79k81iOs/16LyiqOkDGV1HmlwGkVcziDNSWEjQLFduFDO1jn1p4vEHrnwPS6MHpdjwNnCd/dvINyqchrCpjlXGgVBEIPvueYjqkId2yaIbARKnjEb2KSQ/cBMFe348JOeH6O4ToaMuy6u5KCWp+IrJlDf4k6QT53s/5yLIUC3/iUpySjJGuuTkI4jXyS4CAZXADJAV3uLFl9TfJkFOzCQDGYkk4SRg==";
/// RSA with 1024 bits: too short.
pub(crate) const SHORT_KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDLppT9wWofU3odATh+PN6QFSvY5XmUvn/LIZqm0OG72hFasOpiEEZSDSBcoGpWsFcxuCFfT2ShgT5JHBGbxN1AAW9lJlCTVTc5htC8IXUiRkZorTuHTUR1aFloHmanvefhXeRSeFFe57qtvaXHKApmyo1oDKggYGyGmp4UJ3hlFQIDAQAB";
pub(crate) const SHORT_SIGNATURE: &str = "oRUZLbeT9MbGp5SS7VywHsGp0/pp/VbE+PETdnUpbgX+CIO6wVyROcXWGZnqnPrvhxWbRQWYqlB65KfC0/tjS3rdhZ5AZPLJz8t3SkQgjKujsDpmbA+ExGmC3dMrb1tTehYwThHQcVsN0dsQXe2BRBDftplodF4w7SrD2NfheeQ=";
pub(crate) const ED25519_KEY: &str = "MCowBQYDK2VwAyEAshtXdiHL1jtmfevuk0TV8lp2REaFU1W2gVMKZMniTFo=";
pub(crate) const ED25519_SIGNATURE: &str =
    "1Z17O35+B3REp79ytTuxTeZ2+u1Dq3YIRPrpylRiZ31ocUNCmY+pYYs7/mKQaQAikfyMcDox6b5OD6rFIS7tAg==";

fn master(key: &str) -> Claims {
    Claims { kind: Kind::Master, master_key: Some(key.to_owned()), ..claims() }
}

#[test]
fn an_app_is_proved_by_its_signature() {
    for (key, signature) in [(RSA_KEY, RSA_SIGNATURE), (ED25519_KEY, ED25519_SIGNATURE)] {
        let (license, mut signature) = (license(&master(key)), STANDARD.decode(signature).unwrap());
        assert!(license.proves_app("com.any.app", &signature));
        assert!(!license.proves_app("com.any.apq", &signature));
        assert!(!license.proves_app("com.any.app", &[]));
        signature[10] ^= 1;
        assert!(!license.proves_app("com.any.app", &signature));
    }
    let (rsa, ed25519) = (STANDARD.decode(RSA_SIGNATURE).unwrap(), STANDARD.decode(ED25519_SIGNATURE).unwrap());
    assert!(!license(&master(RSA_KEY)).proves_app("com.any.app", &ed25519));
    assert!(!license(&master(ED25519_KEY)).proves_app("com.any.app", &rsa));
    let short = STANDARD.decode(SHORT_SIGNATURE).unwrap();
    assert!(!license(&master(SHORT_KEY)).proves_app("com.any.app", &short));
    assert!(!license(&claims()).proves_app("com.any.app", &rsa), "no master license");
}

#[test]
fn a_master_license_has_a_key_and_no_other_has() {
    for wrong in [
        Claims { master_key: None, ..master("") },
        Claims { kind: Kind::Sdk, ..master(RSA_KEY) },
        master(""),
        master("AAAA"),
        master(&RSA_KEY[4..]),
    ] {
        assert_eq!(License::verify(signed(&wrong).as_bytes(), &trusted()).unwrap_err(), Invalid::Claims);
    }
}
