//! The fixed header and the sealed preamble.

use super::reader::Reader;
use crate::hlc::HlcTimestamp;
use crate::ids::{Seq, SessionId};

/// First two bytes of every datagram: `mc`.
pub const MAGIC: u16 = u16::from_le_bytes(*b"mc");
/// Raised when an old node could not make sense of a datagram at all; new frame types do not raise it.
pub const WIRE_VERSION: u8 = 1;
/// Length of the encoded header in bytes.
pub const HEADER_LEN: usize = 32;
/// Length of the encoded preamble in bytes.
pub const PREAMBLE_LEN: usize = 16;

/// What a datagram carries, and which number space it is counted in. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Reliable: numbered without holes, repaired when lost, applied once.
    Data,
    /// Unreliable: hello, heartbeat, requests and answers. Numbered for nonces and replay only.
    Control,
}

impl Kind {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Kind::Data => 1,
            Kind::Control => 2,
        }
    }

    fn from_number(number: u8) -> Option<Kind> {
        match number {
            1 => Some(Kind::Data),
            2 => Some(Kind::Control),
            _ => None,
        }
    }
}

/// The part of a datagram that is read before it is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it carries.
    pub kind: Kind,
    /// Which of the cluster's keys it is sealed with.
    pub key_id: u8,
    /// Which derivation of the session key.
    pub key_phase: u8,
    /// Bit 0 of a reliable datagram: every receiver is to send its status now. The others are sent as 0 and ignored.
    pub flags: u16,
    /// Hash of the cluster's name: foreign datagrams are dropped by it.
    pub cluster_tag: u32,
    /// Who sent it.
    pub session: SessionId,
    /// Position in the sender's space of this kind, from 1.
    pub number: Seq,
}

impl Header {
    /// Appends the 32 bytes.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(&MAGIC.to_le_bytes());
        buf.extend_from_slice(&[WIRE_VERSION, self.kind.number(), self.key_id, self.key_phase]);
        buf.extend_from_slice(&self.flags.to_le_bytes());
        buf.extend_from_slice(&self.cluster_tag.to_le_bytes());
        buf.extend_from_slice(&self.session.0);
        buf.extend_from_slice(&self.number.to_le_bytes());
    }

    /// Reads the header at the front of a datagram; `None` if it is none of ours.
    #[must_use]
    pub fn decode(datagram: &[u8]) -> Option<Header> {
        let mut reader = Reader(datagram);
        if reader.u16()? != MAGIC || reader.u8()? != WIRE_VERSION {
            return None;
        }
        Some(Header {
            kind: Kind::from_number(reader.u8()?)?,
            key_id: reader.u8()?,
            key_phase: reader.u8()?,
            flags: reader.u16()?,
            cluster_tag: reader.u32()?,
            session: SessionId(reader.array()?),
            number: reader.u64()?,
        })
    }
}

/// The first sealed bytes of every datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// The sender's hybrid clock when it sealed the datagram.
    pub hlc: HlcTimestamp,
    /// The oldest reliable datagram the sender could still repeat then.
    pub trail: Seq,
}

impl Preamble {
    /// Appends the 16 bytes.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        buf.extend_from_slice(&self.hlc.0.to_le_bytes());
        buf.extend_from_slice(&self.trail.to_le_bytes());
    }

    /// Splits a plaintext into preamble and frames.
    #[must_use]
    pub fn decode(plaintext: &[u8]) -> Option<(Preamble, &[u8])> {
        let mut reader = Reader(plaintext);
        let preamble = Preamble { hlc: HlcTimestamp(reader.u64()?), trail: reader.u64()? };
        Some((preamble, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            kind: Kind::Data,
            key_id: 3,
            key_phase: 1,
            flags: 0,
            cluster_tag: 0xdead_beef,
            session: SessionId(*b"abcdefghijkl"),
            number: 77,
        }
    }

    #[test]
    fn a_header_round_trips_and_has_its_fixed_length() {
        let mut buf = Vec::new();
        header().encode(&mut buf);
        assert_eq!(buf.len(), HEADER_LEN);
        assert_eq!(&buf[..4], b"mc\x01\x01");
        assert_eq!(Header::decode(&buf), Some(header()));
    }

    #[test]
    fn another_magic_version_or_kind_is_none_of_ours() {
        let mut buf = Vec::new();
        header().encode(&mut buf);
        for (at, value) in [(0, b'x'), (2, 9), (3, 200)] {
            let mut bad = buf.clone();
            bad[at] = value;
            assert_eq!(Header::decode(&bad), None);
        }
        assert_eq!(Header::decode(&buf[..HEADER_LEN - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = Header::decode(&bytes);
            let _ = Preamble::decode(&bytes);
        }
    }
}
