//! Seal and open datagrams: the cluster's keys, the session keys derived from them, and the system's randomness.
//!
//! Everything that leaves a node is sealed by one code path, with a secret or without one. The invariant is that a
//! (key, nonce) pair seals one plaintext: a key belongs to one session and phase, and the caller never gives the same
//! (kind, number) twice. No secret byte reaches `Debug`, `Display` or an error text.
//!
//! What does not live here: the header's layout (it is opaque associated data), replay windows, which session is
//! believed, when a phase ends. Those are `wire`'s and `protocol`'s.
//!
//! `ring` keeps key schedules in ordinary memory and offers no wiping, so dropped keys are not overwritten.

mod key;
mod keyring;
mod session;

pub use key::ClusterKey;
pub use keyring::{KeyRole, Keyring, generate_key};
pub use session::{SessionKey, TAG_LEN};

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// Draws `N` random bytes from the system, fit for keys and session ids.
///
/// # Errors
/// [`Error::Internal`] when the system has no source of randomness; nothing weaker is used in its place.
///
/// Threads: any. The first call after boot may block until the system has gathered entropy.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::Internal("the system gives no random bytes (getrandom or /dev/urandom failed)".to_owned())
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ_between_draws() {
        let a: [u8; 32] = random().expect("the test machine has randomness");
        let b: [u8; 32] = random().expect("the test machine has randomness");
        assert_ne!(a, b);
    }
}
