//! Links to stored files that carry their own permission (`OZ_USE_PERMISSIONS_FOR_STATIC=false`, decision 18): whoever holds
//! one sees the file until it ends. Only somebody who may see the file is given one, and nobody can make one up.

use oz_domain::Millis;
use ring::hmac;
use std::time::Duration;

/// Signs links and knows its own again.
pub(crate) struct Links {
    key: hmac::Key,
    life: Duration,
}

impl Links {
    pub(crate) fn new(key: hmac::Key, life: Duration) -> Self {
        Self { key, life }
    }

    /// What is added to `path` (without scheme and host): when the link ends, and the proof that we made it.
    pub(crate) fn sign(&self, path: &str, now: Millis) -> String {
        let expires = now.plus(self.life).get().div_euclid(1000);
        let tag = hmac::sign(&self.key, signed(path, expires).as_bytes());
        format!("?expires={expires}&signature={}", hex::encode(tag))
    }

    /// Whether these belong to a link of ours to `path` that has not ended. Compares in constant time.
    pub(crate) fn check(&self, path: &str, expires: &str, signature: &str, now: Millis) -> bool {
        let (Ok(expires), Ok(tag)) = (expires.parse::<i64>(), hex::decode(signature)) else { return false };
        hmac::verify(&self.key, signed(path, expires).as_bytes(), &tag).is_ok() && now.get().div_euclid(1000) < expires
    }
}

fn signed(path: &str, expires: i64) -> String {
    format!("oz-link/v1\n{path}\n{expires}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_its_file_for_its_time() {
        let links = Links::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"), Duration::from_secs(60));
        let now = Millis::new(1_700_000_000_500);
        let query = links.sign("/api/static/a/b.jpg", now);
        let (expires, signature) =
            query.strip_prefix("?expires=").and_then(|q| q.split_once("&signature=")).expect("both");
        let check = |path: &str, expires: &str, at: u64| {
            links.check(path, expires, signature, now.plus(Duration::from_secs(at)))
        };
        assert!(check("/api/static/a/b.jpg", expires, 0) && check("/api/static/a/b.jpg", expires, 59));
        assert!(!check("/api/static/a/b.jpg", expires, 60));
        assert!(!check("/api/static/a/c.jpg", expires, 0));
        assert!(!check("/api/static/a/b.jpg", "1999999999", 0));
        assert!(!links.check("/api/static/a/b.jpg", expires, "00", now));
        let other = Links::new(hmac::Key::new(hmac::HMAC_SHA256, b"other"), Duration::from_secs(60));
        assert!(!other.check("/api/static/a/b.jpg", expires, signature, now));
    }
}
