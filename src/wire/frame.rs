//! Frames: the typed units inside a datagram.

use super::FRAME_OVERHEAD;
use super::lists::{Acks, CacheDigests, CacheModes, Peers, Ranges, SegmentFloors, Words};
use super::reader::Reader;
use super::update::{UPDATE_OVERHEAD, decode_update, decode_version, encode_update, encode_version, unknown_kind};
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Seq};
use crate::update::Update;

/// What a member says of its own condition, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// It holds what the cluster holds and may be asked for state.
    pub const READY: u8 = 1;
    /// It wants every receiver's `Status` at once.
    pub const WANT_STATUS: u8 = 2;
    /// It has compared its caches with the addressee's since it first heard it, and missed nothing since.
    pub const IN_STEP: u8 = 4;
    /// It has heard the addressee's multicast.
    pub const HEARS_GROUP: u8 = 8;

    /// Whether `bit` is set.
    #[must_use]
    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What a member is asked about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Its counters, as a CBOR map of text to unsigned integers.
    Metrics,
    /// The checksum of one cache, as a CBOR array of checksum and number of entries.
    Checksum,
}

/// One frame, borrowed from its datagram.
///
/// `Update` and `Fragment` travel in reliable datagrams; in control datagrams `Update` is part of a state transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// One update of one cache.
    Update(CacheId, Update<'a>),
    /// A piece of an encoded update that does not fit a datagram.
    Fragment {
        /// Which update: unique within the sender's session.
        object: u64,
        /// Length of the whole encoded update.
        total: u32,
        /// Where the piece lies in it.
        offset: u32,
        /// The piece.
        bytes: &'a [u8],
    },
    /// A member's description of itself, see [`Hello`](super::Hello).
    Hello(&'a [u8]),
    /// A sign of life and a vector of what was received; multicast.
    Heartbeat {
        /// The number the sender's next reliable datagram will have.
        next: Seq,
        /// Its condition.
        flags: Flags,
        /// How many caches it tells of, in this heartbeat and the next ones.
        caches: u16,
        /// What it has of others.
        acks: Acks<'a>,
        /// What its caches hold.
        digests: CacheDigests<'a>,
    },
    /// How a receiver fares with the addressee's stream; unicast.
    Status {
        /// Everything up to here has been received and applied.
        contiguous: Seq,
        /// The highest number seen or heard of.
        highest: Seq,
        /// The receiver's condition.
        flags: Flags,
    },
    /// Missing datagrams of the addressee's stream; unicast.
    Nack {
        /// Which.
        ranges: Ranges<'a>,
    },
    /// Proves that the sender lives: the addressee answers with the same nonce; unicast.
    Probe {
        /// Random.
        nonce: u64,
    },
    /// The answer to a probe; unicast.
    ProbeAck {
        /// The probe's.
        nonce: u64,
        /// The number the sender's next reliable datagram will have.
        next: Seq,
        /// Its condition.
        flags: Flags,
    },
    /// The sender leaves.
    Bye,
    /// Asks for the digests of some segments; unicast.
    DigestRequest {
        /// Of which cache.
        cache: CacheId,
        /// Names the request.
        request: u32,
        /// The first segment.
        first: u16,
        /// How many.
        count: u16,
    },
    /// The answer.
    Digests {
        /// Of which cache.
        cache: CacheId,
        /// The request's name.
        request: u32,
        /// The first segment.
        first: u16,
        /// The version of the donor's latest clear.
        clear: Version,
        /// A digest a segment.
        values: Words<'a>,
    },
    /// Asks for one page of a cache's state; unicast.
    StateRequest {
        /// Of which cache.
        cache: CacheId,
        /// Names the request.
        request: u32,
        /// Where to go on.
        cursor: u64,
        /// Parts of this very request that have arrived, one bit each; 0 the first time.
        have: u64,
        /// Which segments, one bit each; empty for all.
        segments: &'a [u8],
    },
    /// First frame of each datagram of a page; the datagram's other frames are `Update` and `Offer`.
    StatePart {
        /// Of which cache.
        cache: CacheId,
        /// The request's name.
        request: u32,
        /// Which datagram of the page, from 0.
        index: u16,
        /// How many there are.
        of: u16,
        /// Where the next page begins; all ones if this is the last.
        next: u64,
        /// The version of the donor's latest clear.
        clear: Version,
    },
    /// An update too large for a datagram, which the asker may pull.
    Offer {
        /// Which offer of the page, from 0.
        index: u16,
        /// Its version.
        version: Version,
        /// Length of the encoded update.
        total: u32,
        /// Its key; empty if it is too long to be told here.
        key: &'a [u8],
    },
    /// Asks for a piece of an offered update; unicast.
    Pull {
        /// Of which cache.
        cache: CacheId,
        /// The page's request.
        request: u32,
        /// Which offer of the page.
        index: u16,
        /// Where the piece begins.
        offset: u32,
        /// How long it is.
        len: u32,
    },
    /// The answer, in as many frames as it takes.
    PullPart {
        /// The page's request.
        request: u32,
        /// Which offer of the page.
        index: u16,
        /// Where the piece begins.
        offset: u32,
        /// The piece; empty: the offered version is no longer there.
        bytes: &'a [u8],
    },
    /// Asks a member about itself.
    Query {
        /// Names the query.
        id: u64,
        /// What is asked.
        what: Query,
        /// Of which cache, where it matters.
        cache: CacheId,
    },
    /// Asks for the floors above a version, of a run of segments; unicast.
    FloorRequest {
        /// Of which cache.
        cache: CacheId,
        /// Names the request.
        request: u32,
        /// Floors at or below this reading of the hybrid clock are not wanted.
        since: HlcTimestamp,
        /// The first segment.
        first: u16,
        /// The one behind the last.
        end: u16,
    },
    /// The answer, in as many frames as it takes.
    Floors {
        /// Of which cache.
        cache: CacheId,
        /// The request's name.
        request: u32,
        /// The first segment that this frame tells of.
        first: u16,
        /// The one behind the last.
        end: u16,
        /// The floors that are wanted; the other segments from `first` to `end` have none such.
        floors: SegmentFloors<'a>,
    },
    /// The answer, in as many frames as it takes.
    Answer {
        /// The query's name.
        id: u64,
        /// Which piece, from 0.
        index: u16,
        /// How many there are.
        of: u16,
        /// The piece.
        bytes: &'a [u8],
    },
    /// Members that the sender knows, where they are, and whether it hears their multicast.
    Peers {
        /// Which.
        peers: Peers<'a>,
    },
    /// Behind a `ProbeAck`: the sender's wall clock.
    Clock {
        /// Milliseconds since 1970.
        wall_ms: u64,
    },
    /// Behind a `Heartbeat`: how those of its caches are open that are not in mode replicate.
    CacheModes {
        /// Which, and how.
        modes: CacheModes<'a>,
    },
    /// Has the addressees refuse fills of some keys, or accept them again.
    Bar {
        /// Of which cache.
        cache: CacheId,
        /// Names the bar within the sender's session.
        bar: u64,
        /// For how long, in milliseconds, if nothing is heard of it any more; 0: it is over.
        limit_ms: u32,
        /// The hashes of the keys; none if it is over.
        keys: Words<'a>,
    },
    /// The answer; unicast.
    BarAnswer {
        /// Which bar.
        bar: u64,
        /// Whether it is over; else fills are refused.
        over: bool,
    },
}

/// Frame types. Append-only: a number once used is never given another meaning. 21 and 22 were floors told one by one.
mod number {
    pub(super) const UPDATE: u8 = 1;
    pub(super) const FRAGMENT: u8 = 2;
    pub(super) const HELLO: u8 = 3;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const STATUS: u8 = 5;
    pub(super) const NACK: u8 = 6;
    pub(super) const PROBE: u8 = 7;
    pub(super) const PROBE_ACK: u8 = 8;
    pub(super) const BYE: u8 = 9;
    pub(super) const DIGEST_REQUEST: u8 = 10;
    pub(super) const DIGESTS: u8 = 11;
    pub(super) const STATE_REQUEST: u8 = 12;
    pub(super) const STATE_PART: u8 = 13;
    pub(super) const OFFER: u8 = 14;
    pub(super) const PULL: u8 = 15;
    pub(super) const PULL_PART: u8 = 16;
    pub(super) const QUERY: u8 = 17;
    pub(super) const ANSWER: u8 = 18;
    pub(super) const PEERS: u8 = 19;
    pub(super) const CLOCK: u8 = 20;
    pub(super) const CACHE_MODES: u8 = 23;
    pub(super) const FLOOR_REQUEST: u8 = 24;
    pub(super) const FLOORS: u8 = 25;
    pub(super) const BAR: u8 = 27;
    pub(super) const BAR_ANSWER: u8 = 28;
}

impl Frame<'_> {
    /// Bytes of a fragment frame around its piece.
    pub const FRAGMENT_OVERHEAD: usize = FRAME_OVERHEAD + 16;
    /// Bytes of a pull-part frame around its piece.
    pub const PULL_PART_OVERHEAD: usize = FRAME_OVERHEAD + 10;
    /// Bytes of an answer frame around its piece.
    pub const ANSWER_OVERHEAD: usize = FRAME_OVERHEAD + 12;
    /// Bytes of an offer frame around its key.
    pub const OFFER_OVERHEAD: usize = FRAME_OVERHEAD + 22;
    /// Bytes of a state-part frame.
    pub const STATE_PART_LEN: usize = FRAME_OVERHEAD + 40;

    /// How many bytes [`Frame::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let body = match self {
            Frame::Update(_, update) => {
                UPDATE_OVERHEAD.saturating_add(update.key.len()).saturating_add(update.value.len())
            }
            Frame::Fragment { bytes, .. } => bytes.len().saturating_add(16),
            Frame::Hello(bytes) => bytes.len(),
            Frame::Heartbeat { acks, digests, .. } => {
                acks.encoded_len().saturating_add(digests.encoded_len()).saturating_add(11)
            }
            Frame::Status { .. } => 17,
            Frame::Nack { ranges } => ranges.encoded_len(),
            Frame::Probe { .. } => 8,
            Frame::ProbeAck { .. } => 17,
            Frame::Bye => 0,
            Frame::DigestRequest { .. } => 16,
            Frame::Digests { values, .. } => values.encoded_len().saturating_add(30),
            Frame::StateRequest { segments, .. } => segments.len().saturating_add(28),
            Frame::StatePart { .. } => 40,
            Frame::Offer { key, .. } => key.len().saturating_add(22),
            Frame::Pull { .. } => 22,
            Frame::PullPart { bytes, .. } => bytes.len().saturating_add(10),
            Frame::FloorRequest { .. } => 24,
            Frame::Floors { floors, .. } => floors.encoded_len().saturating_add(16),
            Frame::Query { .. } => 17,
            Frame::Answer { bytes, .. } => bytes.len().saturating_add(12),
            Frame::Peers { peers } => peers.encoded_len(),
            Frame::Clock { .. } => 8,
            Frame::CacheModes { modes } => modes.encoded_len(),
            Frame::Bar { keys, .. } => keys.encoded_len().saturating_add(20),
            Frame::BarAnswer { .. } => 9,
        };
        body.saturating_add(FRAME_OVERHEAD)
    }

    /// Appends the frame. The caller has seen to it that the body is at most 65,535 bytes.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        let body_len = self.encoded_len().saturating_sub(FRAME_OVERHEAD);
        debug_assert!(body_len <= usize::from(u16::MAX), "a frame's length is 16 bits");
        buf.push(self.number());
        buf.extend_from_slice(&u16::try_from(body_len).unwrap_or(u16::MAX).to_le_bytes());
        self.encode_body(buf);
    }

    fn number(&self) -> u8 {
        match self {
            Frame::Update(..) => number::UPDATE,
            Frame::Fragment { .. } => number::FRAGMENT,
            Frame::Hello(_) => number::HELLO,
            Frame::Heartbeat { .. } => number::HEARTBEAT,
            Frame::Status { .. } => number::STATUS,
            Frame::Nack { .. } => number::NACK,
            Frame::Probe { .. } => number::PROBE,
            Frame::ProbeAck { .. } => number::PROBE_ACK,
            Frame::Bye => number::BYE,
            Frame::DigestRequest { .. } => number::DIGEST_REQUEST,
            Frame::Digests { .. } => number::DIGESTS,
            Frame::StateRequest { .. } => number::STATE_REQUEST,
            Frame::StatePart { .. } => number::STATE_PART,
            Frame::Offer { .. } => number::OFFER,
            Frame::Pull { .. } => number::PULL,
            Frame::PullPart { .. } => number::PULL_PART,
            Frame::FloorRequest { .. } => number::FLOOR_REQUEST,
            Frame::Floors { .. } => number::FLOORS,
            Frame::Query { .. } => number::QUERY,
            Frame::Answer { .. } => number::ANSWER,
            Frame::Peers { .. } => number::PEERS,
            Frame::Clock { .. } => number::CLOCK,
            Frame::CacheModes { .. } => number::CACHE_MODES,
            Frame::Bar { .. } => number::BAR,
            Frame::BarAnswer { .. } => number::BAR_ANSWER,
        }
    }

    fn encode_body(&self, buf: &mut Vec<u8>) {
        let mut put = |bytes: &[u8]| buf.extend_from_slice(bytes);
        match *self {
            Frame::Update(cache, ref update) => encode_update(cache, update, buf),
            Frame::Fragment { object, total, offset, bytes } => {
                put(&object.to_le_bytes());
                put(&total.to_le_bytes());
                put(&offset.to_le_bytes());
                put(bytes);
            }
            Frame::Hello(bytes) => put(bytes),
            Frame::Heartbeat { next, flags, caches, acks, digests } => {
                put(&next.to_le_bytes());
                put(&[flags.0]);
                put(&caches.to_le_bytes());
                acks.write(buf);
                digests.write(buf);
            }
            Frame::Status { contiguous, highest, flags } => {
                put(&contiguous.to_le_bytes());
                put(&highest.to_le_bytes());
                put(&[flags.0]);
            }
            Frame::Nack { ranges } => ranges.write(buf),
            Frame::Probe { nonce } => put(&nonce.to_le_bytes()),
            Frame::ProbeAck { nonce, next, flags } => {
                put(&nonce.to_le_bytes());
                put(&next.to_le_bytes());
                put(&[flags.0]);
            }
            Frame::Bye => {}
            Frame::Peers { peers } => peers.write(buf),
            Frame::Clock { wall_ms } => put(&wall_ms.to_le_bytes()),
            Frame::CacheModes { modes } => modes.write(buf),
            Frame::Bar { cache, bar, limit_ms, keys } => {
                put(&cache.0.to_le_bytes());
                put(&bar.to_le_bytes());
                put(&limit_ms.to_le_bytes());
                keys.write(buf);
            }
            Frame::BarAnswer { bar, over } => {
                put(&bar.to_le_bytes());
                put(&[u8::from(over)]);
            }
            Frame::Query { id, what, cache } => {
                put(&id.to_le_bytes());
                put(&[query_number(what)]);
                put(&cache.0.to_le_bytes());
            }
            Frame::Answer { id, index, of, bytes } => {
                put(&id.to_le_bytes());
                put(&index.to_le_bytes());
                put(&of.to_le_bytes());
                put(bytes);
            }
            _ => self.encode_state_body(buf),
        }
    }

    /// The frames of state transfer.
    fn encode_state_body(&self, buf: &mut Vec<u8>) {
        let mut put = |bytes: &[u8]| buf.extend_from_slice(bytes);
        match *self {
            Frame::DigestRequest { cache, request, first, count } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&first.to_le_bytes());
                put(&count.to_le_bytes());
            }
            Frame::FloorRequest { cache, request, since, first, end } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&since.0.to_le_bytes());
                put(&first.to_le_bytes());
                put(&end.to_le_bytes());
            }
            Frame::Digests { cache, request, first, clear, values } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&first.to_le_bytes());
                put(&clear.hlc.0.to_le_bytes());
                put(&clear.origin.0.to_le_bytes());
                values.write(buf);
            }
            Frame::Floors { cache, request, first, end, floors } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&first.to_le_bytes());
                put(&end.to_le_bytes());
                floors.write(buf);
            }
            Frame::StateRequest { cache, request, cursor, have, segments } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&cursor.to_le_bytes());
                put(&have.to_le_bytes());
                put(segments);
            }
            Frame::StatePart { cache, request, index, of, next, clear } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&index.to_le_bytes());
                put(&of.to_le_bytes());
                put(&next.to_le_bytes());
                encode_version(clear, buf);
            }
            Frame::Offer { index, version, total, key } => {
                put(&index.to_le_bytes());
                put(&version.hlc.0.to_le_bytes());
                put(&version.origin.0.to_le_bytes());
                put(&total.to_le_bytes());
                put(key);
            }
            Frame::Pull { cache, request, index, offset, len } => {
                put(&cache.0.to_le_bytes());
                put(&request.to_le_bytes());
                put(&index.to_le_bytes());
                put(&offset.to_le_bytes());
                put(&len.to_le_bytes());
            }
            Frame::PullPart { request, index, offset, bytes } => {
                put(&request.to_le_bytes());
                put(&index.to_le_bytes());
                put(&offset.to_le_bytes());
                put(bytes);
            }
            _ => {}
        }
    }
}

/// Append-only.
fn query_number(query: Query) -> u8 {
    match query {
        Query::Metrics => 1,
        Query::Checksum => 2,
    }
}

fn query_from_number(number: u8) -> Option<Query> {
    match number {
        1 => Some(Query::Metrics),
        2 => Some(Query::Checksum),
        _ => None,
    }
}

/// The frames of a datagram in order. `Some(Err(Malformed))` ends the iteration: what follows cannot be trusted. What this
/// version does not know is skipped.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    rest: Option<Reader<'a>>,
    skipped: Option<Skipped>,
}

/// What was passed over, since a later version has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A frame of this type.
    Frame(u8),
    /// An update of this kind.
    Update(u8),
}

/// A frame that does not read as its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Frames<'a> {
    /// Reads frames from the bytes behind the preamble.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Frames<'a> {
        Frames { rest: Some(Reader(bytes)), skipped: None }
    }

    /// What was skipped last, so far.
    #[must_use]
    pub fn skipped(&self) -> Option<Skipped> {
        self.skipped
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut reader = self.rest.take()?;
            if reader.0.is_empty() {
                return None;
            }
            let Some((number, body)) = split_frame(&mut reader) else { return Some(Err(Malformed)) };
            match decode(number, Reader(body)) {
                Decoded::Known(frame) => {
                    self.rest = Some(reader);
                    return Some(Ok(frame));
                }
                Decoded::Unknown(skipped) => {
                    self.rest = Some(reader);
                    self.skipped = Some(skipped);
                }
                Decoded::Malformed => return Some(Err(Malformed)),
            }
        }
    }
}

fn split_frame<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let number = reader.u8()?;
    let len = usize::from(reader.u16()?);
    Some((number, reader.bytes(len)?))
}

enum Decoded<'a> {
    Known(Frame<'a>),
    Unknown(Skipped),
    Malformed,
}

fn decode(number: u8, body: Reader<'_>) -> Decoded<'_> {
    if !is_known(number) {
        return Decoded::Unknown(Skipped::Frame(number));
    }
    if let Some(kind) = unknown_kind(body.0).filter(|_| number == number::UPDATE) {
        return Decoded::Unknown(Skipped::Update(kind));
    }
    decode_known(number, body).or_else(|| decode_state(number, body)).map_or(Decoded::Malformed, Decoded::Known)
}

fn is_known(number: u8) -> bool {
    matches!(
        number,
        number::UPDATE..=number::CLOCK | number::CACHE_MODES..=number::FLOORS | number::BAR..=number::BAR_ANSWER
    )
}

fn decode_known(number: u8, mut r: Reader<'_>) -> Option<Frame<'_>> {
    Some(match number {
        number::UPDATE => {
            let (cache, update) = decode_update(r.rest())?;
            Frame::Update(cache, update)
        }
        number::FRAGMENT => Frame::Fragment { object: r.u64()?, total: r.u32()?, offset: r.u32()?, bytes: r.rest() },
        number::HELLO => Frame::Hello(r.rest()),
        number::HEARTBEAT => Frame::Heartbeat {
            next: r.u64()?,
            flags: Flags(r.u8()?),
            caches: r.u16()?,
            acks: Acks::read(&mut r)?,
            digests: CacheDigests::read(&mut r)?,
        },
        number::STATUS => Frame::Status { contiguous: r.u64()?, highest: r.u64()?, flags: Flags(r.u8()?) },
        number::NACK => Frame::Nack { ranges: Ranges::read(&mut r)? },
        number::PROBE => Frame::Probe { nonce: r.u64()? },
        number::PROBE_ACK => Frame::ProbeAck { nonce: r.u64()?, next: r.u64()?, flags: Flags(r.u8()?) },
        number::BYE => Frame::Bye,
        number::QUERY => Frame::Query { id: r.u64()?, what: query_from_number(r.u8()?)?, cache: CacheId(r.u64()?) },
        number::ANSWER => Frame::Answer { id: r.u64()?, index: r.u16()?, of: r.u16()?, bytes: r.rest() },
        number::PEERS => Frame::Peers { peers: Peers::read(&mut r)? },
        number::CLOCK => Frame::Clock { wall_ms: r.u64()? },
        number::CACHE_MODES => Frame::CacheModes { modes: CacheModes::read(&mut r)? },
        number::BAR => {
            Frame::Bar { cache: CacheId(r.u64()?), bar: r.u64()?, limit_ms: r.u32()?, keys: Words::read(&mut r)? }
        }
        number::BAR_ANSWER => Frame::BarAnswer { bar: r.u64()?, over: r.u8()? != 0 },
        _ => return None,
    })
}

/// The frames of state transfer.
fn decode_state(number: u8, mut r: Reader<'_>) -> Option<Frame<'_>> {
    Some(match number {
        number::DIGEST_REQUEST => {
            Frame::DigestRequest { cache: CacheId(r.u64()?), request: r.u32()?, first: r.u16()?, count: r.u16()? }
        }
        number::DIGESTS => Frame::Digests {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            first: r.u16()?,
            clear: decode_version(&mut r)?,
            values: Words::read(&mut r)?,
        },
        number::FLOOR_REQUEST => Frame::FloorRequest {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            since: HlcTimestamp(r.u64()?),
            first: r.u16()?,
            end: r.u16()?,
        },
        number::FLOORS => Frame::Floors {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            first: r.u16()?,
            end: r.u16()?,
            floors: SegmentFloors::read(&mut r)?,
        },
        number::STATE_REQUEST => Frame::StateRequest {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            cursor: r.u64()?,
            have: r.u64()?,
            segments: r.rest(),
        },
        number::STATE_PART => Frame::StatePart {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            index: r.u16()?,
            of: r.u16()?,
            next: r.u64()?,
            clear: decode_version(&mut r)?,
        },
        number::OFFER => {
            Frame::Offer { index: r.u16()?, version: decode_version(&mut r)?, total: r.u32()?, key: r.rest() }
        }
        number::PULL => Frame::Pull {
            cache: CacheId(r.u64()?),
            request: r.u32()?,
            index: r.u16()?,
            offset: r.u32()?,
            len: r.u32()?,
        },
        number::PULL_PART => Frame::PullPart { request: r.u32()?, index: r.u16()?, offset: r.u32()?, bytes: r.rest() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::lists::{Ack, CacheDigest, Range};
    use super::*;
    use crate::ids::Origin;
    use crate::time::Deadline;
    use crate::update::{Codec, UpdateKind};
    use proptest::prelude::*;

    const VERSION: Version = Version { hlc: HlcTimestamp(0x1122_3344_5566), origin: Origin(42) };

    /// Two peers whose bytes are all zero.
    const PEERS: [u8; 2 * Peers::RECORD_LEN] = [0; 2 * Peers::RECORD_LEN];
    const MODES: [u8; CacheModes::RECORD_LEN] = [3; CacheModes::RECORD_LEN];
    const FLOORS: [u8; 2 * SegmentFloors::RECORD_LEN] = [4; 2 * SegmentFloors::RECORD_LEN];

    fn every_frame<'a>(acks: &'a [u8], ranges: &'a [u8], digests: &'a [u8], words: &'a [u8]) -> Vec<Frame<'a>> {
        let cache = CacheId(5);
        let update = Update {
            kind: UpdateKind::Put,
            key: b"k",
            value: b"v",
            codec: Codec::CBOR,
            version: VERSION,
            deadline: Deadline::NEVER,
        };
        vec![
            Frame::Update(cache, update),
            Frame::Fragment { object: 1, total: 2, offset: 3, bytes: b"piece" },
            Frame::Hello(b"hello"),
            Frame::Heartbeat {
                next: 9,
                flags: Flags(Flags::READY),
                caches: 3,
                acks: Acks::new(acks),
                digests: CacheDigests::new(digests),
            },
            Frame::Status { contiguous: 1, highest: 2, flags: Flags(4) },
            Frame::Nack { ranges: Ranges::new(ranges) },
            Frame::Probe { nonce: 1 },
            Frame::ProbeAck { nonce: 1, next: 2, flags: Flags(3) },
            Frame::Bye,
            Frame::DigestRequest { cache, request: 1, first: 2, count: 3 },
            Frame::Digests { cache, request: 1, first: 2, clear: VERSION, values: Words::new(words) },
            Frame::StateRequest { cache, request: 1, cursor: 2, have: 3, segments: b"bits" },
            Frame::StatePart { cache, request: 1, index: 2, of: 3, next: 4, clear: VERSION },
            Frame::Offer { index: 1, version: VERSION, total: 7, key: b"k" },
            Frame::Pull { cache, request: 1, index: 1, offset: 2, len: 3 },
            Frame::PullPart { request: 1, index: 1, offset: 2, bytes: b"piece" },
            Frame::Query { id: 1, what: Query::Checksum, cache },
            Frame::Answer { id: 1, index: 0, of: 1, bytes: b"answer" },
            Frame::Peers { peers: Peers::new(&PEERS) },
            Frame::Clock { wall_ms: 5 },
            Frame::CacheModes { modes: CacheModes::new(&MODES) },
            Frame::FloorRequest { cache, request: 1, since: VERSION.hlc, first: 2, end: 3 },
            Frame::Floors { cache, request: 1, first: 2, end: 3, floors: SegmentFloors::new(&FLOORS) },
            Frame::Bar { cache, bar: 1, limit_ms: 2, keys: Words::new(words) },
            Frame::BarAnswer { bar: 1, over: true },
        ]
    }

    #[test]
    fn every_frame_round_trips_and_tells_its_length() {
        let acks = Acks::pack(&[Ack { origin: Origin(1), contiguous: 2 }, Ack { origin: Origin(3), contiguous: 4 }]);
        let ranges = Ranges::pack(&[Range { first: 10, count: 3 }]);
        let digests = CacheDigests::pack(&[CacheDigest { cache: CacheId(1), digest: 2 }]);
        let words = Words::pack(&[1, 2, 3]);
        let frames = every_frame(&acks, &ranges, &digests, &words);
        let mut buf = Vec::new();
        for frame in &frames {
            let before = buf.len();
            frame.encode(&mut buf);
            assert_eq!(buf.len() - before, frame.encoded_len(), "{frame:?}");
        }
        let read: Result<Vec<_>, _> = Frames::new(&buf).collect();
        assert_eq!(read.as_deref(), Ok(frames.as_slice()));
        let numbers: Vec<u8> = frames.iter().map(Frame::number).collect();
        assert_eq!(numbers, (0..=u8::MAX).filter(|&n| is_known(n)).collect::<Vec<u8>>(), "every type is in this test");
    }

    #[test]
    fn the_overheads_are_what_is_written() {
        let empty_key = Frame::Offer { index: 1, version: VERSION, total: 7, key: b"" };
        assert_eq!(empty_key.encoded_len(), Frame::OFFER_OVERHEAD);
        assert_eq!(
            Frame::PullPart { request: 1, index: 1, offset: 2, bytes: b"" }.encoded_len(),
            Frame::PULL_PART_OVERHEAD
        );
        assert_eq!(Frame::Answer { id: 1, index: 0, of: 1, bytes: b"" }.encoded_len(), Frame::ANSWER_OVERHEAD);
        let fragment = Frame::Fragment { object: 1, total: 2, offset: 3, bytes: b"" };
        assert_eq!(fragment.encoded_len(), Frame::FRAGMENT_OVERHEAD);
        let part = Frame::StatePart { cache: CacheId(5), request: 1, index: 2, of: 3, next: 4, clear: VERSION };
        assert_eq!(part.encoded_len(), Frame::STATE_PART_LEN);
    }

    #[test]
    fn an_unknown_frame_is_skipped_by_its_length() {
        for unknown in [0, 21, 22, 250] {
            let mut buf = vec![unknown, 3, 0, 1, 2, 3];
            Frame::Bye.encode(&mut buf);
            let mut frames = Frames::new(&buf);
            let read: Result<Vec<_>, _> = frames.by_ref().collect();
            assert_eq!((read, frames.skipped()), (Ok(vec![Frame::Bye]), Some(Skipped::Frame(unknown))));
        }
    }

    #[test]
    fn a_length_beyond_the_datagram_ends_the_reading() {
        let read: Vec<_> = Frames::new(&[number::PROBE, 200, 0, 1]).collect();
        assert_eq!(read, vec![Err(Malformed)]);
    }

    #[test]
    fn a_delete_that_carries_a_value_is_malformed() {
        let update = Update {
            kind: UpdateKind::Put,
            key: b"k",
            value: b"v",
            codec: Codec::RAW,
            version: VERSION,
            deadline: Deadline::NEVER,
        };
        let mut buf = Vec::new();
        Frame::Update(CacheId(1), update).encode(&mut buf);
        buf[FRAME_OVERHEAD + 8] = 2;
        assert_eq!(Frames::new(&buf).next(), Some(Err(Malformed)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_to_an_end(bytes: Vec<u8>) {
            prop_assert!(Frames::new(&bytes).count() <= bytes.len());
        }

        #[test]
        fn an_update_of_an_unknown_kind_is_skipped_whatever_is_in_it(kind in 7u8.., before: [u8; 8], rest: Vec<u8>) {
            let body = [&before[..], &[kind], &rest].concat();
            let mut buf = vec![number::UPDATE];
            buf.extend_from_slice(&u16::try_from(body.len()).expect("short").to_le_bytes());
            buf.extend_from_slice(&body);
            Frame::Bye.encode(&mut buf);
            let mut frames = Frames::new(&buf);
            let read: Result<Vec<_>, _> = frames.by_ref().collect();
            prop_assert_eq!((read, frames.skipped()), (Ok(vec![Frame::Bye]), Some(Skipped::Update(kind))));
        }

        #[test]
        fn any_body_of_any_type_is_read_without_panic(number: u8, body: Vec<u8>) {
            let mut buf = vec![number];
            buf.extend_from_slice(&u16::try_from(body.len()).expect("short").to_le_bytes());
            buf.extend_from_slice(&body);
            for frame in Frames::new(&buf).flatten() {
                if let Frame::Nack { ranges } = frame {
                    prop_assert!(ranges.iter().count() == ranges.len());
                }
            }
        }
    }
}
