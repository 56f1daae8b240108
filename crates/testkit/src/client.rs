//! A client that speaks as the documented clients do: JSON, multipart, the access token in its header.
#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

use serde_json::{Value, json};
use std::time::Duration;

/// A form part: name, file name, bytes. Without a file name it is a text part.
pub struct Part<'a>(pub &'a str, pub Option<&'a str>, pub &'a [u8]);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: ureq::http::HeaderMap,
    /// Its body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| {
            panic!("status {}: not JSON ({e}): {}", self.status, String::from_utf8_lossy(&self.bytes))
        })
    }

    /// The body as JSON, after checking the status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks status and `error_code` of an error.
    #[track_caller]
    pub fn refused(&self, status: u16, code: i64) -> Value {
        let body = self.expect(status);
        assert_eq!(body["error_code"], json!(code), "{body}");
        assert!(body["error_message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
        assert!(body.get("details").is_some(), "{body}");
        assert!(self.headers.contains_key("x-request-id"), "no X-Request-Id");
        body
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// A client of one server, logged in or not.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    /// Scheme and address of the server.
    pub base: String,
    /// The access token, once logged in.
    pub token: Option<String>,
    /// The secret that a license server knows it by.
    pub bearer: Option<String>,
}

impl Client {
    /// A client that has not logged in.
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Self { agent: config.into(), base: base.to_owned(), token: None, bearer: None }
    }

    /// The same with a secret of a license server.
    pub fn with_bearer(self, secret: &str) -> Self {
        Self { bearer: Some(secret.to_owned()), ..self }
    }

    /// Logs in and keeps the token.
    pub fn log_in(mut self, email: &str, password: &str) -> Self {
        let body = json!({"credentials": {"email": email, "password": password}});
        let answer = self
            .send("POST", "/api/authorize/auth/", &[], Some(("application/json", body.to_string().into())))
            .expect(200);
        self.token = Some(answer["access_token"].as_str().expect("access_token").to_owned());
        self
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// Any method with a JSON body.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[], Some(("application/json", body.to_string().into())))
    }

    /// `multipart/form-data`.
    pub fn form(&self, path: &str, parts: &[Part<'_>]) -> Answer {
        self.form_with(path, &[], parts)
    }

    /// `multipart/form-data`, with more headers.
    pub fn form_with(&self, path: &str, headers: &[(&str, &str)], parts: &[Part<'_>]) -> Answer {
        self.try_form(path, headers, parts).expect("the server answers")
    }

    /// The same; an error when the server does not answer.
    pub fn try_form(&self, path: &str, headers: &[(&str, &str)], parts: &[Part<'_>]) -> Result<Answer, ureq::Error> {
        let (content_type, body) = multipart(parts);
        self.try_send("POST", path, headers, Some((&content_type, body)))
    }

    /// Any request.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<(&str, Vec<u8>)>) -> Answer {
        self.try_send(method, path, headers, body).expect("the server answers")
    }

    /// The same; an error when the server does not answer.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("X-Forensic-Access-Token", token);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some((kind, bytes)) => {
                self.agent.run(request.header("Content-Type", kind).body(bytes).expect("a request"))?
            }
            None => self.agent.run(request.body(()).expect("a request"))?,
        };
        let (parts, mut body) = response.into_parts();
        let bytes = body.with_config().limit(1 << 30).read_to_vec()?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, bytes })
    }

    /// Polls an analysis as the documented clients do, until it is no longer PROCESSING.
    pub fn finished(&self, analysis_id: &str) -> Value {
        crate::server::until("the analysis ends", Duration::from_secs(60), || {
            let analysis = self.get(&format!("/api/analyses/{analysis_id}")).expect(200);
            (analysis["resolution_status"] != "PROCESSING").then_some(analysis)
        })
    }
}

fn multipart(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let boundary = "oz-test-boundary-7f3a";
    let mut body = Vec::new();
    for Part(name, file, bytes) in parts {
        let file =
            file.map(|f| format!("; filename=\"{f}\"\r\nContent-Type: application/octet-stream")).unwrap_or_default();
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
