//! An update as bytes: the body of an `Update` frame, and what a large one's fragments are pieces of.
//!
//! ```text
//! cache u64 | kind u8 | codec u8 | hlc u64 | origin u64 | deadline u64 | key_len u16 | key | value (all that is left)
//! ```

use super::reader::Reader;
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Origin};
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, TAG_LEN_MAX, Update, UpdateKind, split_tags};

/// Bytes an encoded update adds to its key and value.
pub const UPDATE_OVERHEAD: usize = 36;

/// Where the kind stands in an encoded update. That, and that the frame's length is the update's, holds for all kinds to come.
const KIND_AT: usize = 8;

/// Appends the encoded update. A key longer than 65,535 bytes is the caller's defect and is cut.
pub fn encode_update(cache: CacheId, update: &Update<'_>, buf: &mut Vec<u8>) {
    let key_len = u16::try_from(update.key.len()).unwrap_or(u16::MAX);
    buf.extend_from_slice(&cache.0.to_le_bytes());
    buf.extend_from_slice(&[kind_number(update.kind), update.codec.0]);
    encode_version(update.version, buf);
    buf.extend_from_slice(&update.deadline.0.0.to_le_bytes());
    buf.extend_from_slice(&key_len.to_le_bytes());
    buf.extend_from_slice(update.key.get(..usize::from(key_len)).unwrap_or_default());
    buf.extend_from_slice(update.value);
}

/// Reads an encoded update; all the bytes belong to it.
#[must_use]
pub fn decode_update(bytes: &[u8]) -> Option<(CacheId, Update<'_>)> {
    let mut reader = Reader(bytes);
    let cache = CacheId(reader.u64()?);
    let kind = kind_from_number(reader.u8()?)?;
    let codec = Codec(reader.u8()?);
    let version = decode_version(&mut reader)?;
    let deadline = Deadline(WallMs(reader.u64()?));
    let key_len = usize::from(reader.u16()?);
    let key = reader.bytes(key_len)?;
    let value = reader.rest();
    let is_sound = match kind {
        UpdateKind::Put => true,
        UpdateKind::TaggedPut => split_tags(value).is_some(),
        UpdateKind::InvalidateTag => value.is_empty() && (8..=8 + TAG_LEN_MAX).contains(&key.len()),
        _ => value.is_empty(),
    };
    if !is_sound {
        return None;
    }
    Some((cache, Update { kind, key, value, codec, version, deadline }))
}

/// The kind of an encoded update, if it is one that this version does not know: a later version's, and no error.
#[must_use]
pub fn unknown_kind(encoded: &[u8]) -> Option<u8> {
    encoded.get(KIND_AT).copied().filter(|&kind| kind_from_number(kind).is_none())
}

pub(super) fn encode_version(version: Version, buf: &mut Vec<u8>) {
    buf.extend_from_slice(&version.hlc.0.to_le_bytes());
    buf.extend_from_slice(&version.origin.0.to_le_bytes());
}

pub(super) fn decode_version(reader: &mut Reader<'_>) -> Option<Version> {
    Some(Version { hlc: HlcTimestamp(reader.u64()?), origin: Origin(reader.u64()?) })
}

/// Append-only.
fn kind_number(kind: UpdateKind) -> u8 {
    match kind {
        UpdateKind::Put => 1,
        UpdateKind::Delete => 2,
        UpdateKind::Invalidate => 3,
        UpdateKind::Clear => 4,
        UpdateKind::TaggedPut => 5,
        UpdateKind::InvalidateTag => 6,
    }
}

fn kind_from_number(number: u8) -> Option<UpdateKind> {
    match number {
        1 => Some(UpdateKind::Put),
        2 => Some(UpdateKind::Delete),
        3 => Some(UpdateKind::Invalidate),
        4 => Some(UpdateKind::Clear),
        5 => Some(UpdateKind::TaggedPut),
        6 => Some(UpdateKind::InvalidateTag),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::join_tags;
    use proptest::prelude::*;

    #[test]
    fn the_overhead_is_what_is_written_around_key_and_value() {
        let update = Update {
            kind: UpdateKind::Put,
            key: b"key",
            value: b"value",
            codec: Codec::TEXT,
            version: Version { hlc: HlcTimestamp(5), origin: Origin(6) },
            deadline: Deadline::NEVER,
        };
        let mut buf = Vec::new();
        encode_update(CacheId(9), &update, &mut buf);
        assert_eq!(buf.len(), UPDATE_OVERHEAD + 3 + 5);
        assert_eq!(decode_update(&buf), Some((CacheId(9), update)));
    }

    proptest! {
        #[test]
        fn any_update_round_trips(kind in 1u8..7, codec: u8, hlc: u64, origin: u64, deadline: u64,
                                  key in proptest::collection::vec(any::<u8>(), 0..300), value: Vec<u8>) {
            let kind = kind_from_number(kind).expect("1 to 6 are kinds");
            let value = match kind {
                UpdateKind::Put => value,
                UpdateKind::TaggedPut => join_tags(&[hlc, origin], &value),
                _ => Vec::new(),
            };
            let key = if kind == UpdateKind::InvalidateTag { vec![7; 8 + key.len() % 256] } else { key };
            let update = Update {
                kind, key: &key, value: &value, codec: Codec(codec),
                version: Version { hlc: HlcTimestamp(hlc), origin: Origin(origin) },
                deadline: Deadline(WallMs(deadline)),
            };
            let mut buf = Vec::new();
            encode_update(CacheId(1), &update, &mut buf);
            prop_assert_eq!(decode_update(&buf), Some((CacheId(1), update)));
        }

        #[test]
        fn tags_that_are_cut_or_none_or_too_many_are_no_update(count in 0u8..40, len in 0usize..300) {
            let value: Vec<u8> = std::iter::once(count).chain(std::iter::repeat_n(1, len)).collect();
            let mut buf = Vec::new();
            let version = Version::ZERO;
            let update = Update {
                kind: UpdateKind::TaggedPut, key: b"k", value: &value, codec: Codec::RAW, version,
                deadline: Deadline::NEVER,
            };
            encode_update(CacheId(1), &update, &mut buf);
            let sound = (1..=16).contains(&count) && len >= 8 * usize::from(count);
            prop_assert_eq!(decode_update(&buf).is_some(), sound);
        }

        #[test]
        fn a_kind_is_known_or_told_as_unknown(kind: u8, rest in proptest::collection::vec(any::<u8>(), 27..99)) {
            let bytes = [&[0; KIND_AT][..], &[kind], &rest[..]].concat();
            prop_assert_eq!(unknown_kind(&bytes).is_some(), kind_from_number(kind).is_none());
            prop_assert!(decode_update(&bytes).is_none() || unknown_kind(&bytes).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = (decode_update(&bytes), unknown_kind(&bytes));
        }
    }
}
