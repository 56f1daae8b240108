//! A real directory server (OpenLDAP's slapd) on loopback, with people of a bank in it.
#![expect(clippy::expect_used, reason = "a test cannot go on without")]

use crate::server::{free_port, until};
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What the service account binds with.
pub const SERVICE: (&str, &str) = ("cn=oz,dc=bank,dc=example", "service secret");

/// A directory server. It takes passwords through TLS only.
#[derive(Debug)]
pub struct Directory {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Directory {
    /// Starts a server that holds `entries` (LDIF) below `dc=bank,dc=example`.
    ///
    /// # Panics
    /// When slapd is not installed or does not start.
    pub fn start(entries: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut directory = Self { folder, port: free_port(), child: None };
        directory.set_up(entries);
        directory.up();
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set_up(&self, entries: &str) {
        let ca_key = rcgen::KeyPair::generate().expect("a key");
        let mut ca = rcgen::CertificateParams::new(vec![]).expect("a certificate");
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = rcgen::CertificateParams::new(names).expect("a certificate");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        for (name, text) in
            [("ca.pem", ca_certificate.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
        {
            fs_err::write(self.path(name), text).expect("a file");
        }
        fs_err::create_dir(self.path("db")).expect("a folder");
        let at = self.folder.path().display();
        let schema =
            ["core", "cosine", "inetorgperson"].map(|s| format!("include /etc/ldap/schema/{s}.schema\n")).concat();
        let settings = format!(
            "{schema}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {at}/pid\n\
             TLSCACertificateFile {at}/ca.pem\nTLSCertificateFile {at}/cert.pem\nTLSCertificateKeyFile {at}/key.pem\n\
             security simple_bind=128\ndatabase mdb\nsuffix \"dc=bank,dc=example\"\ndirectory {at}/db\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{}\" read by * none\n",
            SERVICE.0
        );
        fs_err::write(self.path("slapd.conf"), settings).expect("a file");
        let root = format!(
            "dn: dc=bank,dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: bank\no: Bank\n\n\
             dn: {}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: oz\nuserPassword: {}\n\n",
            SERVICE.0, SERVICE.1
        );
        self.offline("slapadd", &format!("{root}{entries}"));
    }

    /// Changes entries (LDIF with `changetype`). The server must be down.
    pub fn modify(&self, changes: &str) {
        self.offline("slapmodify", changes);
    }

    fn offline(&self, tool: &str, ldif: &str) {
        let mut command = Command::new(format!("/usr/sbin/{tool}"));
        command.arg("-f").arg(self.path("slapd.conf")).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("slapd is installed: run `cargo xtask packages`");
        child.stdin.take().expect("standard input").write_all(ldif.as_bytes()).expect("it reads");
        let done = child.wait_with_output().expect("it ends");
        assert!(done.status.success(), "{tool}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Starts it again after [`Directory::down`].
    pub fn up(&mut self) {
        // With its parent gone it ends too.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "/usr/sbin/slapd", "-d", "0", "-f"]).arg(self.path("slapd.conf"));
        command.arg("-h").arg(self.url()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("setpriv"));
        let port = self.port;
        until("the directory answers", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
    }

    /// Kills it.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// The certificate that signed its own.
    pub fn ca_file(&self) -> PathBuf {
        self.path("ca.pem")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.down();
    }
}
