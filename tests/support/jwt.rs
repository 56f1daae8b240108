//! Tokens that a server did not issue, signed with its own key or with none.

use crate::support::server::Server;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use p384::ecdsa::signature::Signer as _;
use p384::ecdsa::{Signature, SigningKey};
use p384::pkcs8::DecodePrivateKey as _;
use serde_json::Value;

/// The header of every token.
pub(crate) const HEADER: &str = r#"{"alg":"ES384","typ":"JWT"}"#;

/// What a token says.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&B64.decode(payload).expect("base64url")).expect("JSON")
}

/// A token with these parts, signed with the server's own key.
pub(crate) fn signed(server: &Server, header: &str, claims: &Value) -> String {
    let pem = fs_err::read_to_string(server.data.join("secrets/jwt.pem")).expect("the key");
    let key = SigningKey::from(p384::SecretKey::from_pkcs8_pem(&pem).expect("a key"));
    let body = format!("{}.{}", B64.encode(header), B64.encode(claims.to_string()));
    let signature: Signature = key.sign(body.as_bytes());
    format!("{body}.{}", B64.encode(signature.to_bytes()))
}
