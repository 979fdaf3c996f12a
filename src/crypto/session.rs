//! One session's key: seals what the session sends, opens what it sent.
//!
//! The suite is AES-256-GCM (NIST SP 800-38D), number [`SUITE_AES_256_GCM`]. A suite is a property of the key, not of a
//! machine: both ends must agree on it, so the number is part of the key's derivation and it is the same for all keys of
//! protocol generation 1. On a CPU without AES instructions `ring` computes it in constant time, only slower.
//!
//! ```text
//! nonce (12) = IV xor (kind | 0 0 0 | number, little-endian 8)
//! sealed     = header (associated data) | ciphertext | tag (16)
//! ```
//!
//! The invariant: distinct (kind, number) give distinct nonces, since xor with one IV is a bijection. That no pair comes
//! twice is the caller's to keep; a session's numbers never go back, and a phase ends long before 2^32 of them (SP
//! 800-38D, 8.3, bounds what one key seals).

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Bytes a seal adds: the AEAD tag.
pub const TAG_LEN: usize = 16;

/// The suite's number in the key derivation. Append-only: a new suite is a new number.
pub(super) const SUITE_AES_256_GCM: u8 = 1;

/// Bytes of an AES-256 key.
const KEY_LEN: usize = 32;

/// Bytes a session key is made of: the AEAD key, then the IV.
pub(super) const MATERIAL_LEN: usize = KEY_LEN + NONCE_LEN;

/// Longest buffer that is sealed, header included: far above any datagram or transfer record and far below the 64 GiB
/// (SP 800-38D, 5.2.1.1) at which GCM itself ends.
const SEAL_MAX: usize = 1 << 30;

/// Seals what one session sends, or opens what one session sent.
///
/// Threads: may be shared; both calls take `&self` and keep no state. `Debug` shows nothing of the key.
pub struct SessionKey {
    aead: LessSafeKey,
    iv: [u8; NONCE_LEN],
}

impl SessionKey {
    pub(super) fn new(material: &[u8; MATERIAL_LEN]) -> SessionKey {
        let (key, rest) = material.split_first_chunk::<KEY_LEN>().expect("MATERIAL_LEN is KEY_LEN and more");
        let iv = *rest.first_chunk::<NONCE_LEN>().expect("MATERIAL_LEN is KEY_LEN + NONCE_LEN");
        let aead = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes the KEY_LEN bytes that `key` is by type");
        SessionKey { aead: LessSafeKey::new(aead), iv }
    }

    /// Encrypts `buf[header_len..]` in place, authenticates `buf[..header_len]` as well, appends the tag.
    ///
    /// `kind` and `number` make the nonce and must never come twice in one session and phase, except to reproduce the
    /// very same datagram. `buf` grows by [`TAG_LEN`].
    ///
    /// # Panics
    /// If `header_len` exceeds `buf.len()`, or `buf` is longer than 1 GiB: both are errors of the calling code.
    pub fn seal(&self, kind: u8, number: u64, buf: &mut Vec<u8>, header_len: usize) {
        assert!(header_len <= buf.len(), "a header of {header_len} bytes in a buffer of {}", buf.len());
        assert!(buf.len() <= SEAL_MAX, "a buffer of {} bytes to seal, limit {SEAL_MAX}", buf.len());
        let (header, body) = buf.split_at_mut(header_len);
        let tag = self
            .aead
            .seal_in_place_separate_tag(self.nonce(kind, number), Aad::from(&*header), body)
            .expect("GCM refuses only bodies above 64 GiB, and SEAL_MAX was checked above");
        buf.extend_from_slice(tag.as_ref());
    }

    /// Opens `buf` in place and returns the plaintext, without header and tag; `None` if the seal does not hold.
    ///
    /// Total on any bytes: a buffer too short for header and tag is one whose seal does not hold. After `None` the bytes
    /// behind the header are unspecified and never plaintext that was not authenticated.
    #[must_use]
    pub fn open<'a>(&self, kind: u8, number: u64, buf: &'a mut [u8], header_len: usize) -> Option<&'a [u8]> {
        let (header, sealed) = buf.split_at_mut_checked(header_len)?;
        let nonce = self.nonce(kind, number);
        self.aead.open_in_place(nonce, Aad::from(&*header), sealed).ok().map(|plain| &*plain)
    }

    fn nonce(&self, kind: u8, number: u64) -> Nonce {
        Nonce::assume_unique_for_key(nonce_bytes(&self.iv, kind, number))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey").finish_non_exhaustive()
    }
}

/// The nonce of (kind, number) under `iv`: a bijection for a fixed IV.
fn nonce_bytes(iv: &[u8; NONCE_LEN], kind: u8, number: u64) -> [u8; NONCE_LEN] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    let mut nonce = [kind, 0, 0, 0, a, b, c, d, e, f, g, h];
    for (byte, iv) in nonce.iter_mut().zip(iv) {
        *byte ^= iv;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::crypto::ClusterKey;
    use crate::ids::SessionId;

    const SESSION: SessionId = SessionId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const HEADER: &[u8] = b"a header of some length";
    const BODY: &[u8] = b"put key value";

    fn key() -> SessionKey {
        ClusterKey::secret("orders", 1, &[7; 32]).session_key(SESSION, 0)
    }

    fn sealed(kind: u8, number: u64) -> Vec<u8> {
        let mut buf = [HEADER, BODY].concat();
        key().seal(kind, number, &mut buf, HEADER.len());
        buf
    }

    #[test]
    fn what_is_sealed_opens_to_the_same_bytes() {
        let mut buf = sealed(1, 42);
        assert_eq!(buf.len(), HEADER.len() + BODY.len() + TAG_LEN);
        assert_eq!(&buf[..HEADER.len()], HEADER, "the header stays readable");
        assert_ne!(&buf[HEADER.len()..HEADER.len() + BODY.len()], BODY, "the body does not");
        assert_eq!(key().open(1, 42, &mut buf, HEADER.len()), Some(BODY));
    }

    #[test]
    fn an_empty_body_and_an_empty_header_are_sealed_too() {
        let mut buf = HEADER.to_vec();
        key().seal(0, 0, &mut buf, HEADER.len());
        assert_eq!(key().open(0, 0, &mut buf, HEADER.len()), Some(&[][..]));
        let mut buf = Vec::new();
        key().seal(0, 1, &mut buf, 0);
        assert_eq!(buf.len(), TAG_LEN);
        assert_eq!(key().open(0, 1, &mut buf, 0), Some(&[][..]));
    }

    #[test]
    fn any_damaged_bit_breaks_the_seal() {
        let good = sealed(1, 42);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(key().open(1, 42, &mut bad, HEADER.len()), None, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_buffer_cut_at_any_length_or_extended_does_not_open() {
        let good = sealed(1, 42);
        for len in 0..good.len() {
            assert_eq!(key().open(1, 42, &mut good.clone()[..len], HEADER.len()), None, "{len}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(key().open(1, 42, &mut longer, HEADER.len()), None);
        assert_eq!(key().open(1, 42, &mut good.clone(), usize::MAX), None);
        assert_eq!(key().open(1, 42, &mut [], 0), None);
    }

    #[test]
    fn another_kind_number_phase_session_secret_name_or_split_does_not_open() {
        let secret = ClusterKey::secret("orders", 1, &[7; 32]);
        let mut other_session = SESSION;
        other_session.0[11] ^= 1;
        let others = [
            (key(), 2, 42, HEADER.len()),
            (key(), 1, 43, HEADER.len()),
            (key(), 1, 42, HEADER.len() - 1),
            (secret.session_key(SESSION, 1), 1, 42, HEADER.len()),
            (secret.session_key(other_session, 0), 1, 42, HEADER.len()),
            (ClusterKey::secret("orders", 1, &[8; 32]).session_key(SESSION, 0), 1, 42, HEADER.len()),
            (ClusterKey::secret("order", 1, &[7; 32]).session_key(SESSION, 0), 1, 42, HEADER.len()),
            (ClusterKey::public("orders").session_key(SESSION, 0), 1, 42, HEADER.len()),
        ];
        for (i, (key, kind, number, header_len)) in others.into_iter().enumerate() {
            assert_eq!(key.open(kind, number, &mut sealed(1, 42), header_len), None, "case {i}");
        }
    }

    #[test]
    fn no_two_pairs_of_kind_and_number_share_a_nonce() {
        let numbers = (0..64).map(|shift| 1_u64 << shift).chain(0..256).chain([u64::MAX, u64::MAX - 1]);
        let numbers: BTreeSet<u64> = numbers.collect();
        let pairs = numbers.iter().flat_map(|number| (0..=255).map(move |kind| (kind, *number)));
        let nonces: BTreeSet<_> = pairs.map(|(kind, number)| nonce_bytes(&[0xa5; NONCE_LEN], kind, number)).collect();
        assert_eq!(nonces.len(), numbers.len() * 256);
    }

    #[test]
    fn sealing_the_same_datagram_again_gives_the_same_bytes() {
        assert_eq!(sealed(1, 42), sealed(1, 42));
        assert_ne!(sealed(1, 42), sealed(1, 43));
    }

    #[test]
    #[should_panic(expected = "a header of 5 bytes in a buffer of 4")]
    fn a_header_longer_than_the_buffer_is_a_programmers_error() {
        key().seal(0, 0, &mut vec![0; 4], 5);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "SessionKey { .. }");
    }
}
