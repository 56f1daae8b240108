//! What a license server asks the vendor for, carried by hand.

use serde::{Deserialize, Serialize};

use crate::claims::{Binding, Claims, PRODUCT};
use crate::envelope::Invalid;
use crate::fingerprint::Print;
use crate::license::key;

/// Fewest parts of a machine that a license is bound to. With fewer the site key alone stands for the machine.
pub const LEAST_PRINTS: usize = 3;

/// A license server's site key and what its machine is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationRequest {
    /// Always `oz-appliance`.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The Ed25519 public key of the license server, hex.
    pub site_key: String,
    /// The machine's parts, as [`Print`] writes them.
    pub fingerprints: Vec<String>,
}

impl Claims {
    /// Binds the claims to the site that asks. A threshold that the claims have already is kept.
    ///
    /// # Errors
    /// [`Invalid::Product`] for a request of another product, [`Invalid::Claims`] for a key or prints that are none.
    pub fn activate(&mut self, request: &ActivationRequest) -> Result<(), Invalid> {
        if request.product != PRODUCT {
            return Err(Invalid::Product);
        }
        key(&request.site_key)?;
        if request.fingerprints.iter().any(|print| print.parse::<Print>().is_err()) {
            return Err(Invalid::Claims);
        }
        self.site_key = Some(request.site_key.clone());
        let threshold = self.binding.as_ref().map_or(2, |binding| binding.threshold);
        let fingerprints = request.fingerprints.clone();
        self.binding = (fingerprints.len() >= LEAST_PRINTS).then_some(Binding { fingerprints, threshold });
        Ok(())
    }
}
