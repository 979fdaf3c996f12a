//! The cluster's key: what every member shares, and everything that is derived from it.
//!
//! Derivation (RFC 5869, HKDF-SHA256), pinned by known answers below because two versions must agree on it:
//!
//! ```text
//! prk         = extract(salt = "mcc1" | cluster, ikm = the 32 secret bytes, or PUBLIC_IKM without a secret)
//! session key = expand(prk, "seal" | suite | key id | session id (12) | phase, 44): 32 bytes of AEAD key, 12 of IV
//! hash key    = expand(prk, "hash", 16)
//! cluster tag = the first 4 bytes of SHA-256("mcc1" | cluster), little-endian
//! ```
//!
//! The invariant: the tag depends on the cluster's *name* alone. Datagrams of another cluster are so dropped before any
//! crypto, while those of this cluster under another key reach the seal and are counted as seal rejections, which is how
//! an operator tells a wrong key from a foreign neighbour.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::{digest, hkdf};

use super::session::{self, SUITE_AES_256_GCM, SessionKey};
use crate::error::Result;
use crate::ids::SessionId;

/// Salt and hash prefix: names this protocol and its first generation, so that no other use of the same secret meets it.
const DOMAIN: &[u8] = b"mcc1";

/// Input key material of a cluster without a secret. Its length differs from a secret's, so no secret equals it.
const PUBLIC_IKM: &[u8] = b"mccache: no secret, guards against accidents only";

/// Info label of session keys; the fields after it have fixed lengths, so no two infos coincide.
const INFO_SEAL: &[u8] = b"seal";

/// Info label of the hash key.
const INFO_HASH: &[u8] = b"hash";

/// Key id in the header of datagrams sealed without a secret.
const KEY_ID_PUBLIC: u8 = 0;

/// Key id of a cluster's one secret. A keyring would number further secrets from here.
const KEY_ID_SECRET: u8 = 1;

/// Characters of 32 bytes in padded base64 (RFC 4648).
const SECRET_CHARS: usize = 44;

/// Reads base64 with or without its padding sign; writes it with.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
    /// The key of `cluster` made from 32 secret bytes, best drawn by [`ClusterKey::generate_secret`].
    ///
    /// The cluster's name goes into the key: clusters of different names never open each other's datagrams, even with
    /// the same secret.
    #[must_use]
    pub fn secret(cluster: &str, secret: &[u8; 32]) -> ClusterKey {
        ClusterKey::derive(cluster, secret, KEY_ID_SECRET)
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

    /// 16 bytes for keyed hashing (segments, digests), the same on every member with this key.
    #[must_use]
    pub fn hash_key(&self) -> [u8; 16] {
        self.expand(&[INFO_HASH])
    }

    /// The key's number in the header: 0 without a secret, 1 with the cluster's secret.
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

    /// Reads a secret: base64 of 32 bytes (RFC 4648, standard or URL-safe alphabet, padded or not), white space around
    /// it ignored.
    ///
    /// # Errors
    /// Says what is wrong and what is expected, in words that never contain the text itself.
    pub fn parse_secret(text: &str) -> std::result::Result<[u8; 32], String> {
        const EXPECTED: &str = "expected the base64 of 32 bytes (44 characters), as a key generator prints it";
        let text = text.trim();
        if text.len() != SECRET_CHARS && text.len() != SECRET_CHARS - 1 {
            return Err(format!("{} characters; {EXPECTED}", text.chars().count()));
        }
        let standard = text.replace('-', "+").replace('_', "/");
        let bytes = BASE64.decode(standard).map_err(|error| match error {
            // The library's own text would repeat a character of the secret.
            base64::DecodeError::InvalidByte(at, _) => format!("character {} is not base64; {EXPECTED}", at + 1),
            _ => format!("damaged or cut base64; {EXPECTED}"),
        })?;
        bytes.try_into().map_err(|bytes: Vec<u8>| format!("{} bytes; {EXPECTED}", bytes.len()))
    }

    /// Draws a fresh secret, in the form [`ClusterKey::parse_secret`] reads: 44 characters of padded base64.
    ///
    /// # Errors
    /// As [`random`](super::random).
    pub fn generate_secret() -> Result<String> {
        Ok(BASE64.encode(super::random::<32>()?))
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

    /// The base64 of the bytes 0xe0..=0xff: it uses both characters in which the alphabets differ.
    const STANDARD: &str = "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=";

    fn counting_bytes() -> [u8; 32] {
        let mut next = 0xdf_u8;
        [0; 32].map(|_: u8| {
            next += 1;
            next
        })
    }

    #[test]
    fn a_secret_is_read_in_either_alphabet_padded_or_not_with_space_around() {
        let url_safe = STANDARD.replace('+', "-").replace('/', "_");
        for text in [STANDARD, &url_safe, STANDARD.trim_end_matches('='), &format!(" \t{STANDARD}\r\n")] {
            assert_eq!(ClusterKey::parse_secret(text), Ok(counting_bytes()), "{text}");
        }
    }

    #[test]
    fn a_generated_secret_is_read_back_and_is_new_each_time() {
        let a = ClusterKey::generate_secret().expect("the test machine has randomness");
        let b = ClusterKey::generate_secret().expect("the test machine has randomness");
        assert_eq!(a.len(), SECRET_CHARS);
        assert_ne!(
            ClusterKey::parse_secret(&a).expect("own format"),
            ClusterKey::parse_secret(&b).expect("own format")
        );
    }

    #[test]
    fn a_bad_secret_is_refused_by_what_is_wrong_without_repeating_it() {
        let cases = [
            (String::new(), "0 characters"),
            (STANDARD[..40].to_owned(), "40 characters"),
            (format!("{STANDARD}{STANDARD}"), "88 characters"),
            (STANDARD.replace('T', "%"), "character 7 is not base64"),
            (STANDARD.replace('8', "9"), "damaged or cut"),
            (format!("{}AA", &STANDARD[..42]), "33 bytes"),
            (format!("{}==", "A".repeat(42)), "31 bytes"),
            (format!("{}\u{e9}=", &STANDARD[..41]), "not base64"),
        ];
        for (text, expected) in cases {
            let error = ClusterKey::parse_secret(&text).expect_err(&text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains("44 characters"), "{error}");
            assert!(text.is_empty() || !error.contains(&text), "{error}");
            assert!(!error.contains('%'), "{error}");
        }
    }

    #[test]
    fn the_tag_names_the_cluster_whatever_the_key() {
        let public = ClusterKey::public("orders");
        let secret = ClusterKey::secret("orders", &[7; 32]);
        assert_eq!(public.cluster_tag(), secret.cluster_tag());
        assert_ne!(public.cluster_tag(), ClusterKey::public("Orders").cluster_tag());
        assert!(secret.is_secret() && !public.is_secret());
        assert_ne!(public.key_id(), secret.key_id());
    }

    #[test]
    fn the_hash_key_depends_on_name_and_secret() {
        let keys = [
            ClusterKey::public("orders").hash_key(),
            ClusterKey::public("order").hash_key(),
            ClusterKey::secret("orders", &[7; 32]).hash_key(),
            ClusterKey::secret("orders", &[8; 32]).hash_key(),
            ClusterKey::secret("order", &[7; 32]).hash_key(),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys.iter().skip(i + 1).all(|b| a != b), "{i}");
        }
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
            (
                ClusterKey::secret("orders", &secret),
                "2f02c174915d7b27ddde33c7d0e4026e32c9b356",
                "89fd2159eab7ab949d677e0b1ba3fbd8",
            ),
            (
                ClusterKey::public("orders"),
                "6de5a3a66979a46cc5a4ae23da7c26f6fe3574f8",
                "f7d51bf044ec833f52b7301623ec188d",
            ),
        ];
        for (key, sealed, hash_key) in cases {
            let mut buf = b"headbody".to_vec();
            key.session_key(session, 3).seal(2, 0x0102_0304_0506_0708, &mut buf, 4);
            assert_eq!(hex(&buf[4..]), sealed, "{key:?}");
            assert_eq!(hex(&key.hash_key()), hash_key, "{key:?}");
            assert_eq!(key.cluster_tag(), 0xad57_ca46, "{key:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", ClusterKey::secret("orders", &[7; 32])), "ClusterKey { key_id: 1, .. }");
    }
}
