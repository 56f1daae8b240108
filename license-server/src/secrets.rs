//! The two secrets that callers show: made at the first start, kept in files of the data folder.

use anyhow::Context as _;
use oz_settings::{Secret, replace_file};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use subtle::ConstantTimeEq as _;

/// Fewest characters of a secret that somebody else made.
const LEAST: usize = 32;

/// Who a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// A node of the customer's, or its web adapter.
    Node,
    /// An administrator.
    Admin,
}

/// What callers show.
pub(crate) struct Secrets {
    admin: Secret,
    join: Secret,
}

impl Secrets {
    /// Reads both from the data folder, and makes what is not there.
    pub(crate) fn load_or_create(folder: &Path) -> anyhow::Result<Self> {
        let secrets = Self { admin: secret(&folder.join("admin.token"))?, join: secret(&folder.join("join.secret"))? };
        anyhow::ensure!(secrets.admin.expose() != secrets.join.expose(), "admin.token and join.secret are the same");
        Ok(secrets)
    }

    /// Whose secret this is. Takes the same time for all that are none.
    pub(crate) fn right_of(&self, shown: &str) -> Option<Right> {
        let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(shown.as_bytes()));
        let (admin, join) = (is(&self.admin), is(&self.join));
        if admin { Some(Right::Admin) } else { join.then_some(Right::Node) }
    }
}

fn secret(path: &Path) -> anyhow::Result<Secret> {
    let text = match fs_err::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return create(path),
        text => Secret::new(text?.trim().to_owned()),
    };
    let others = fs_err::metadata(path)?.permissions().mode() & 0o007;
    anyhow::ensure!(others == 0, "{}: everybody may read it; chmod 640 it", path.display());
    anyhow::ensure!(text.expose().len() >= LEAST, "{}: expected at least {LEAST} characters", path.display());
    Ok(text)
}

fn create(path: &Path) -> anyhow::Result<Secret> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gave no random bytes")?;
    let text = Secret::new(hex::encode(bytes));
    replace_file(path, text.expose(), 0o640)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        Secrets::load_or_create(folder.path()).unwrap();
        let secrets = Secrets::load_or_create(folder.path()).unwrap();
        let read = |name: &str| fs_err::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(secrets.right_of(&read("admin.token")), Some(Right::Admin));
        assert_eq!(secrets.right_of(&read("join.secret")), Some(Right::Node));
        for none in ["", "0", &read("join.secret")[1..]] {
            assert_eq!(secrets.right_of(none), None);
        }
        let mode = fs_err::metadata(folder.path().join("admin.token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("join.secret"), "\n").unwrap();
        assert!(Secrets::load_or_create(folder.path()).is_err());
    }
}
