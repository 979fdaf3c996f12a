//! An update as bytes: the body of an `Update` frame, and what a large one's fragments are pieces of.
//!
//! ```text
//! cache u64 | kind u8 | codec u8 | hlc u64 | origin u64 | deadline u64 | key_len u16 | key | value (all that is left)
//! ```

use super::reader::Reader;
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Origin};
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, Update, UpdateKind};

/// Bytes an encoded update adds to its key and value.
pub const UPDATE_OVERHEAD: usize = 36;

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
    if kind != UpdateKind::Put && !value.is_empty() {
        return None;
    }
    Some((cache, Update { kind, key, value, codec, version, deadline }))
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
    }
}

fn kind_from_number(number: u8) -> Option<UpdateKind> {
    match number {
        1 => Some(UpdateKind::Put),
        2 => Some(UpdateKind::Delete),
        3 => Some(UpdateKind::Invalidate),
        4 => Some(UpdateKind::Clear),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        fn any_update_round_trips(kind in 1u8..5, codec: u8, hlc: u64, origin: u64, deadline: u64,
                                  key in proptest::collection::vec(any::<u8>(), 0..300), value: Vec<u8>) {
            let kind = kind_from_number(kind).expect("1 to 4 are kinds");
            let value = if kind == UpdateKind::Put { value } else { Vec::new() };
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
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = decode_update(&bytes);
        }
    }
}
