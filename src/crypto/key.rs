//! One of the cluster's keys: what members share, and everything that is derived from it.
//!
//! Derivation (RFC 5869, HKDF-SHA256), pinned by known answers below because two versions must agree on it:
//!
//! ```text
//! prk         = extract(salt = "mcc1" | cluster, ikm = the 32 secret bytes, or PUBLIC_IKM without a secret)
//! session key = expand(prk, "seal" | suite | key id | session id (12) | phase, 44): 32 bytes of AEAD key, 12 of IV
//! check       = expand(prk, "check", 16), which never leaves the process
//! hash key    = expand(prk without a secret, "hash", 16)
//! cluster tag = the first 4 bytes of SHA-256("mcc1" | cluster), little-endian
//! ```
//!
//! The invariant: the tag depends on the cluster's *name* alone. Datagrams of another cluster are so dropped before any
//! crypto, while those of this cluster under another key reach the seal and are counted as seal rejections, which is how
//! an operator tells a wrong key from a foreign neighbour. The hash key depends on the name alone as well: members compare
//! digests, and must be able to while their keys change.

use std::fmt;

use ring::{digest, hkdf};

use super::session::{self, SUITE_AES_256_GCM, SessionKey};
use crate::ids::SessionId;

/// Salt and hash prefix: names this protocol and its first generation, so that no other use of the same secret meets it.
const DOMAIN: &[u8] = b"mcc1";

/// Input key material of a cluster without a secret. Its length differs from a secret's, so no secret equals it.
const PUBLIC_IKM: &[u8] = b"mccache: no secret, guards against accidents only";

/// Info label of session keys; the fields after it have fixed lengths, so no two infos coincide.
const INFO_SEAL: &[u8] = b"seal";

/// Info label of the hash key.
const INFO_HASH: &[u8] = b"hash";

/// Info label of what two keys are compared by.
const INFO_CHECK: &[u8] = b"check";

/// Key id in the header of datagrams sealed without a secret.
pub(super) const KEY_ID_PUBLIC: u8 = 0;

/// The cluster's secret (or its public stand-in), from which session keys are derived.
///
/// Cloning is cheap and gives the same key. `Debug` shows its kind, never its bytes.
#[derive(Clone)]
pub struct ClusterKey {
    prk: hkdf::Prk,
    cluster_tag: u32,
    key_id: u8,
}

impl ClusterKey {
    /// The key of `cluster` made from 32 secret bytes, with its id in the cluster's ring: 1 to 255.
    ///
    /// The cluster's name goes into the key: clusters of different names never open each other's datagrams, even with
    /// the same secret.
    #[must_use]
    pub fn secret(cluster: &str, id: u8, secret: &[u8; 32]) -> ClusterKey {
        ClusterKey::derive(cluster, secret, id)
    }

    /// The key of `cluster` made from its public name.
    ///
    /// It guards against accidents (damage, a neighbour's traffic), not against anybody who knows the name.
    #[must_use]
    pub fn public(cluster: &str) -> ClusterKey {
        ClusterKey::derive(cluster, PUBLIC_IKM, KEY_ID_PUBLIC)
    }

    fn derive(cluster: &str, ikm: &[u8], key_id: u8) -> ClusterKey {
        let name = [DOMAIN, cluster.as_bytes()].concat();
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &name).extract(ikm);
        let hash = digest::digest(&digest::SHA256, &name);
        let mut tag = [0; 4];
        for (to, from) in tag.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        ClusterKey { prk, cluster_tag: u32::from_le_bytes(tag), key_id }
    }

    /// Whether it was made from a secret; if not, nothing sealed with it may leave the host by accident.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.key_id != KEY_ID_PUBLIC
    }

    /// The cluster's public tag, carried in each header so that another cluster's datagrams are dropped unopened.
    ///
    /// It depends on the cluster's name alone (see the file's head); two names share one with probability 2^-32, and
    /// then the seal keeps them apart.
    #[must_use]
    pub fn cluster_tag(&self) -> u32 {
        self.cluster_tag
    }

    /// 16 bytes for keyed hashing (segments, digests), the same on every member of `cluster` whatever its keys.
    #[must_use]
    pub fn hash_key(cluster: &str) -> [u8; 16] {
        ClusterKey::public(cluster).expand(&[INFO_HASH])
    }

    /// Whether both were made from the same secret and name.
    #[must_use]
    pub fn is_same(&self, other: &ClusterKey) -> bool {
        // Both are this process's own, so the time that the comparison takes tells nobody anything.
        self.expand::<16>(&[INFO_CHECK]) == other.expand::<16>(&[INFO_CHECK])
    }

    /// The key's number in the header: 0 without a secret.
    #[must_use]
    pub fn key_id(&self) -> u8 {
        self.key_id
    }

    /// The key that seals and opens what `session` sends in `phase`.
    #[must_use]
    pub fn session_key(&self, session: SessionId, phase: u8) -> SessionKey {
        let material: [u8; session::MATERIAL_LEN] =
            self.expand(&[INFO_SEAL, &[SUITE_AES_256_GCM, self.key_id], &session.0, &[phase]]);
        SessionKey::new(&material)
    }

    fn expand<const N: usize>(&self, info: &[&[u8]]) -> [u8; N] {
        const { assert!(N <= 255 * 32, "RFC 5869: HKDF gives at most 255 blocks") };
        let mut out = [0; N];
        self.prk
            .expand(info, Length(N))
            .and_then(|okm| okm.fill(&mut out))
            .expect("N is within HKDF's limit (asserted above) and `out` has the length asked for");
        out
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// An output length, as `ring` wants to be told it.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_names_the_cluster_whatever_the_key() {
        let public = ClusterKey::public("orders");
        let secret = ClusterKey::secret("orders", 1, &[7; 32]);
        assert_eq!(public.cluster_tag(), secret.cluster_tag());
        assert_ne!(public.cluster_tag(), ClusterKey::public("Orders").cluster_tag());
        assert!(secret.is_secret() && !public.is_secret());
        assert_ne!(public.key_id(), secret.key_id());
    }

    #[test]
    fn the_hash_key_depends_on_the_name_alone() {
        assert_eq!(ClusterKey::hash_key("orders"), ClusterKey::hash_key("orders"));
        assert_ne!(ClusterKey::hash_key("orders"), ClusterKey::hash_key("order"));
    }

    #[test]
    fn keys_are_the_same_if_name_and_secret_are() {
        let key = ClusterKey::secret("orders", 1, &[7; 32]);
        assert!(key.is_same(&ClusterKey::secret("orders", 2, &[7; 32])));
        assert!(!key.is_same(&ClusterKey::secret("orders", 1, &[8; 32])));
        assert!(!key.is_same(&ClusterKey::secret("order", 1, &[7; 32])));
        assert!(!key.is_same(&ClusterKey::public("orders")));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Computed apart from this code, with Python's `hmac` and `cryptography` 48 (HKDFExpand, AESGCM) from the derivation
    /// at the head of this file. A change here is a change of the wire format: it needs a new suite number.
    #[test]
    fn derivation_and_seal_give_the_known_answers() {
        let mut next = 0_u8;
        let secret = [0; 32].map(|_: u8| {
            next += 1;
            next - 1
        });
        let session = SessionId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let cases = [
            (ClusterKey::secret("orders", 1, &secret), "2f02c174915d7b27ddde33c7d0e4026e32c9b356"),
            (ClusterKey::public("orders"), "6de5a3a66979a46cc5a4ae23da7c26f6fe3574f8"),
        ];
        for (key, sealed) in cases {
            let mut buf = b"headbody".to_vec();
            key.session_key(session, 3).seal(2, 0x0102_0304_0506_0708, &mut buf, 4);
            assert_eq!(hex(&buf[4..]), sealed, "{key:?}");
            assert_eq!(key.cluster_tag(), 0xad57_ca46, "{key:?}");
        }
        assert_eq!(hex(&ClusterKey::hash_key("orders")), "f7d51bf044ec833f52b7301623ec188d");
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", ClusterKey::secret("orders", 1, &[7; 32])), "ClusterKey { key_id: 1, .. }");
    }
}
