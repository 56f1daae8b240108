//! `oz-license`: the seller's tool. Makes the vendor key, signs licenses, reads them. No network, no server.

mod claims;
mod keys;
mod log;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use oz_domain::{Clock as _, SystemClock};
use oz_license::{ActivationRequest, Claims, Kind, LEAST_PRINTS, License, Purpose, State, VendorKeys, sign};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes and reads licenses of Oz Appliance.
#[derive(Debug, Parser)]
#[command(name = "oz-license", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// A file with the vendor's private key, and how to open it.
#[derive(Debug, clap::Args)]
struct KeyFile {
    /// The vendor's private key.
    #[arg(long)]
    key: PathBuf,
    /// A file whose first line is the key's passphrase; asked for at the terminal if it is absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a vendor key: FILE, which never leaves the seller, and FILE.pub, which is compiled into the product.
    Keygen {
        /// Where to; nothing is overwritten.
        #[arg(long)]
        out: PathBuf,
        /// Leaves the key unencrypted.
        #[arg(long, conflicts_with = "passphrase_file")]
        no_passphrase: bool,
        /// A file whose first line is the passphrase.
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Signs a license.
    Issue {
        /// The claims, in TOML.
        #[arg(long)]
        claims: PathBuf,
        #[command(flatten)]
        key: KeyFile,
        /// What the customer's license server asks for, in JSON.
        #[arg(long)]
        activation_request: Option<PathBuf>,
        /// Where to; nothing is overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Signs a master license: for any app that the customer has signed.
    Master {
        /// The claims, in TOML.
        #[arg(long)]
        claims: PathBuf,
        /// The customer's public key, RSA of 2048 bits or more or Ed25519, in PEM.
        #[arg(long)]
        customer_key: PathBuf,
        #[command(flatten)]
        key: KeyFile,
        /// Where to; nothing is overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Signs the next revision of a license, with other ends.
    Renew {
        /// The license so far.
        license: PathBuf,
        /// The public key that signed it, where that is an older one of the seller's own.
        #[arg(long)]
        signed_by: Option<PathBuf>,
        #[command(flatten)]
        key: KeyFile,
        /// When it ends (RFC 3339, UTC).
        #[arg(long)]
        expires_at: Option<Timestamp>,
        /// When its file ends.
        #[arg(long)]
        file_expires_at: Option<Timestamp>,
        /// What the customer's license server asks for, in JSON.
        #[arg(long)]
        activation_request: Option<PathBuf>,
        /// Where to; nothing is overwritten.
        #[arg(long)]
        out: PathBuf,
    },
    /// Prints what a license says, whoever signed it.
    Inspect {
        /// The license.
        license: PathBuf,
    },
    /// Ends with 0 if a license is signed by a key and not over.
    Verify {
        /// The license.
        license: PathBuf,
        /// The vendor's public key.
        #[arg(long)]
        public_key: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "oz-license: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does it and gives what is to be printed.
fn run(command: Command) -> Result<String> {
    match command {
        Command::Keygen { out, no_passphrase, passphrase_file } => {
            let public = keys::generate(&out, (!no_passphrase).then(|| keys::Passphrase::new(passphrase_file)))?;
            let keys::Public { path, id, hex } = public;
            let written = format!("{} (secret) and {} written; key id {id}", out.display(), path.display());
            Ok(format!("{written}\nbuild the product with OZ_VENDOR_KEYS={hex}"))
        }
        Command::Issue { claims, key, activation_request, out } => {
            issue(activated(claims::read(&claims, now()?)?, activation_request.as_deref())?, &key, &out)
        }
        Command::Master { claims, customer_key, key, out } => {
            let mut claims = claims::read(&claims, now()?)?;
            claims.kind = Kind::Master;
            claims.master_key = Some(keys::spki(&customer_key)?);
            issue(claims, &key, &out)
        }
        Command::Renew { license, signed_by, key, expires_at, file_expires_at, activation_request, out } => {
            let signer = keys::open(&key.key, key.passphrase_file.clone())?;
            let by = signed_by.as_deref().map_or_else(|| Ok(signer.verifying_key()), keys::public)?;
            let old = read(&license, &VendorKeys::new([by]))?;
            let mut claims = old.claims().clone();
            claims.revision = claims.revision.checked_add(1).context("revision: no number is left")?;
            claims.issued_at = now()?;
            claims.expires_at = expires_at.or(claims.expires_at);
            claims.file_expires_at = file_expires_at.or(claims.file_expires_at);
            write(&activated(claims, activation_request.as_deref())?, &signer, &key.key, &out)
        }
        Command::Inspect { license } => claims::unproven(&fs_err::read(license)?),
        Command::Verify { license, public_key } => {
            let license = read(&license, &VendorKeys::new([keys::public(&public_key)?]))?;
            let (claims, state) = (license.claims(), license.time_state(now()?));
            if state == State::Expired {
                bail!("license {}, revision {}, is over", claims.license_id, claims.revision);
            }
            let end = license.end().map_or_else(|| "without an end".to_owned(), |end| format!("until {end}"));
            Ok(format!("good: license {}, revision {}: {}, {end}", claims.license_id, claims.revision, state.as_str()))
        }
    }
}

fn now() -> Result<Timestamp> {
    // Whole seconds: that is how people write and compare them.
    Ok(Timestamp::from_second(SystemClock.now().get() / 1000)?)
}

fn read(path: &Path, keys: &VendorKeys) -> Result<License> {
    License::verify(&fs_err::read(path)?, keys).with_context(|| format!("{} is no good license", path.display()))
}

/// The claims, bound to the site that asks.
fn activated(mut claims: Claims, request: Option<&Path>) -> Result<Claims> {
    let Some(path) = request else { return Ok(claims) };
    let bytes = fs_err::read(path)?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let request: ActivationRequest =
        serde_path_to_error::deserialize(&mut json).with_context(|| format!("{}", path.display()))?;
    claims.activate(&request).with_context(|| format!("{} asks for what cannot be signed", path.display()))?;
    if claims.binding.is_none() {
        writeln!(
            std::io::stderr(),
            "oz-license: {} parts of the machine are known, {LEAST_PRINTS} are needed: bound to the site key alone",
            request.fingerprints.len()
        )?;
    }
    Ok(claims)
}

fn issue(claims: Claims, key: &KeyFile, out: &Path) -> Result<String> {
    write(&claims, &keys::open(&key.key, key.passphrase_file.clone())?, &key.key, out)
}

/// Signs, writes, logs; what could not be logged is not given out.
fn write(claims: &Claims, signer: &ed25519_dalek::SigningKey, key: &Path, out: &Path) -> Result<String> {
    let text = sign(Purpose::License, claims, signer)?;
    // As a customer's verifier will read it: a license that nobody accepts must not leave the house.
    License::verify(text.as_bytes(), &VendorKeys::new([signer.verifying_key()])).context("claims")?;
    keys::write(out, 0o644, text.as_bytes())?;
    if let Err(error) = log::append(key, claims, &text, now()?) {
        fs_err::remove_file(out)?;
        return Err(error);
    }
    Ok(format!("{}: license {}, revision {}", out.display(), claims.license_id, claims.revision))
}
