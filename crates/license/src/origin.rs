//! Web origins.

/// Whether `pattern` covers `origin` (RFC 6454: scheme, host, port if it is not the scheme's own). A pattern is an origin,
/// or one whose first label is `*`, which stands for exactly one label, as in certificates (RFC 6125, section 6.4.3).
pub fn covers_origin(pattern: &str, origin: &str) -> bool {
    let (pattern, origin) = (pattern.to_ascii_lowercase(), origin.to_ascii_lowercase());
    match pattern.strip_prefix("https://*.") {
        Some(domain) => origin
            .strip_prefix("https://")
            .and_then(|host| host.split_once('.'))
            .is_some_and(|(label, rest)| is_label(label) && rest == domain),
        None => pattern == origin,
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
