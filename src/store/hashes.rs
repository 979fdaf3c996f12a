//! The hashes of a store: a fast one that places keys in the tables, and keyed SipHash for what all members must agree
//! on.
//!
//! Keys come from the network, so the fast one is seeded from the system's entropy, once a process: without the seed
//! nobody can choose keys that collide. What it gives never leaves the process; what SipHash gives is part of the
//! protocol.

#![expect(
    clippy::disallowed_types,
    reason = "keys are placed by a seed of the process, so that nobody can choose them to collide"
)]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use siphasher::sip::SipHasher24;

use super::SEGMENTS;
use crate::hlc::Version;
use crate::update::Codec;

/// What the table of one key's shard is searched by, and where that shard is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The upper half of the hash; its low bits choose the shard.
    pub(super) shard: usize,
    /// The lower half; stored in the slot.
    pub(super) hash: u32,
}

/// A key's keyed hash; the same on every member, if members compare what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyHash(pub(super) u64);

impl KeyHash {
    /// The segment the key belongs to.
    pub(super) fn segment(self) -> u16 {
        const { assert!(SEGMENTS == 1 << 12) };
        let [low, high, ..] = self.0.to_le_bytes();
        u16::from_le_bytes([low, high]) & 0xfff
    }
}

/// Both hashers, keyed.
///
/// The quality variant of foldhash: the fast one left shards 40 % off the mean under some seeds (one of the first seven).
#[derive(Clone)]
pub(super) struct Hashes {
    table: SeedableRandomState,
    cluster: SipHasher24,
    /// Whether other members compare what is held by its keys' hashes.
    compared: bool,
}

impl Hashes {
    /// Places keys by a seed drawn once a process from the system's entropy.
    pub(super) fn random(cluster_hash_key: &[u8; 16], compared: bool) -> Hashes {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        // `RandomState` is the standard library's door to the system's entropy: SipHash of nothing under random keys.
        let entropy = || RandomState::new().build_hasher().finish();
        let shared = SHARED.get_or_init(|| SharedSeed::from_u64(entropy()));
        Hashes {
            table: SeedableRandomState::with_seed(entropy(), shared),
            cluster: SipHasher24::new_with_key(cluster_hash_key),
            compared,
        }
    }

    /// Places keys the same way in every run: for a simulation.
    pub(super) fn seeded(cluster_hash_key: &[u8; 16], compared: bool, seed: u64) -> Hashes {
        Hashes {
            table: SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            cluster: SipHasher24::new_with_key(cluster_hash_key),
            compared,
        }
    }

    /// Where `key` is, if it is.
    #[inline]
    pub(super) fn place(&self, key: &[u8], shard_mask: usize) -> Place {
        let [a, b, c, d, e, f, g, h] = self.local(key).to_le_bytes();
        Place {
            shard: usize::from(u16::from_le_bytes([e, f]) ^ u16::from_le_bytes([g, h])) & shard_mask,
            hash: u32::from_le_bytes([a, b, c, d]),
        }
    }

    /// The key's hash in the cluster: SipHash-2-4 of its bytes. Where members compare nothing, the fast one: a fifth of it.
    pub(super) fn key(&self, key: &[u8]) -> KeyHash {
        KeyHash(if self.compared { self.cluster.hash(key) } else { self.local(key) })
    }

    /// The hash of a tag, the same on every member: SipHash-2-4 of a mark and its bytes.
    pub(super) fn tag(&self, tag: &[u8]) -> u64 {
        let mut hasher = self.cluster;
        hasher.write(b"tag\0");
        hasher.write(tag);
        hasher.finish()
    }

    #[inline]
    fn local(&self, key: &[u8]) -> u64 {
        let mut hasher = self.table.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// What a key in this state adds to its segment's digest: its hash, folded with hlc, origin and is-tombstone.
    ///
    /// The key's hash is keyed already, and versions are drawn by members, so speed may decide here: a fold is a product
    /// of 64 by 64 bits, its halves combined, as in wyhash. SipHash of the same took a fifth of a put's instructions.
    pub(super) fn fingerprint(key: KeyHash, version: Version, tombstone: bool) -> u64 {
        // The first three words of wyhash's secret: odd, with 32 bits set each.
        const SECRET: [u64; 3] = [0x2d35_8dcc_aa6c_78a5, 0x8bb8_4b93_962e_acc9, 0x4b33_a62e_d433_d4a3];
        let stamp = fold(version.hlc.0 ^ SECRET[0], version.origin.0 ^ SECRET[1]);
        fold(stamp ^ key.0, key.0 ^ SECRET[2] ^ u64::from(tombstone))
    }

    /// What an entry adds to the checksum: SipHash-2-4 of (key length, key, codec, value).
    pub(super) fn content(&self, key: &[u8], codec: Codec, value: &[u8]) -> u64 {
        let mut hasher = self.cluster;
        hasher.write(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.write(key);
        hasher.write(&[codec.0]);
        hasher.write(value);
        hasher.finish()
    }
}

/// Both halves of the product, combined.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product ^ (product >> 64)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hlc::HlcTimestamp;
    use crate::ids::Origin;

    #[test]
    fn cluster_hashes_depend_on_the_cluster_key_alone() {
        let (one, two) = (Hashes::random(&[1; 16], true), Hashes::seeded(&[1; 16], true, 5));
        let other = Hashes::seeded(&[2; 16], true, 5);
        assert_eq!(one.key(b"k").0, two.key(b"k").0);
        assert_ne!(one.key(b"k").0, other.key(b"k").0);
        assert_eq!(one.content(b"k", Codec::RAW, b"v"), two.content(b"k", Codec::RAW, b"v"));
    }

    #[test]
    fn the_cluster_hash_is_siphash_2_4() {
        // The reference vector of the SipHash paper: key 00..0f, message 00..0e.
        let key: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).expect("below 16"));
        let message: [u8; 15] = std::array::from_fn(|i| u8::try_from(i).expect("below 15"));
        assert_eq!(Hashes::seeded(&key, true, 0).key(&message).0, 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn a_fingerprint_is_what_it_was_in_every_version() {
        // Computed apart from this code: members of all versions compare them.
        let version = Version { hlc: HlcTimestamp(0x99), origin: Origin(0xaa) };
        let key = KeyHash(0x1122_3344_5566_7788);
        assert_eq!(Hashes::fingerprint(key, version, false), 0x9162_1e5e_5e3c_c229);
        assert_eq!(Hashes::fingerprint(key, version, true), 0x2733_97bb_69af_e64c);
    }

    #[test]
    fn every_part_of_a_state_changes_its_fingerprint() {
        let hashes = Hashes::seeded(&[3; 16], true, 0);
        let of = |key: &[u8], hlc, origin, tombstone| {
            Hashes::fingerprint(hashes.key(key), Version { hlc: HlcTimestamp(hlc), origin: Origin(origin) }, tombstone)
        };
        let base = of(b"k", 1, 2, false);
        for other in [of(b"l", 1, 2, false), of(b"k", 2, 2, false), of(b"k", 1, 3, false), of(b"k", 1, 2, true)] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn contents_are_told_apart_where_key_and_value_meet() {
        let hashes = Hashes::seeded(&[3; 16], true, 0);
        assert_ne!(hashes.content(b"ab", Codec::RAW, b"c"), hashes.content(b"a", Codec(b'b'), b"c"));
        assert_ne!(hashes.content(b"a\0", Codec::RAW, b""), hashes.content(b"a", Codec::RAW, b"\0"));
    }

    #[test]
    fn keys_spread_over_all_shards_whatever_the_seed() {
        for seed in 0..100 {
            // Both seeds vary: `foldhash::fast` spreads short keys badly under some shared ones.
            let shared = Box::leak(Box::new(SharedSeed::from_u64(seed)));
            let table = SeedableRandomState::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), shared);
            let hashes = Hashes { table, ..Hashes::seeded(&[9; 16], true, seed) };
            let mut shards = [0_u32; 64];
            for i in 0..16_000_u32 {
                shards[hashes.place(&i.to_le_bytes(), 63).shard] += 1;
            }
            // 250 expected, with a deviation of 16.
            assert!(shards.iter().all(|n| (150..350).contains(n)), "seed {seed}: {shards:?}");
        }
    }

    #[test]
    fn keys_spread_over_all_segments() {
        let hashes = Hashes::seeded(&[9; 16], true, 0);
        let mut segments = vec![0_u32; SEGMENTS];
        for i in 0..64_000_u32 {
            segments[usize::from(hashes.key(&i.to_le_bytes()).segment())] += 1;
        }
        // 15.6 expected.
        assert!(segments.iter().all(|n| (1..60).contains(n)));
    }
}
