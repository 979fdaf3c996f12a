//! Whatever a member says under a valid seal: the node goes on, sends no more than it may, and sleeps in the end.

use std::time::Duration;

use mccache::hlc::{HlcTimestamp, Version};
use mccache::ids::{CacheId, Origin};
use mccache::wire::{Flags, Frame, Kind, Preamble, Query, Range, Ranges, SegmentFloor, SegmentFloors};

use super::input::Input;
use super::intruder::{Attack, CACHE};

/// The most that the node's queues hold: more in answer to one datagram would be amplification without a bound.
const ANSWERS_MAX: usize = 3 * 4_096;

/// Runs one input: what to send, and how long to wait before the next.
pub(super) fn run(input: &[u8]) {
    let mut input = Input(input);
    let mut attack = Attack::begin_inside();
    while !input.is_empty() {
        match input.below(9) {
            0 => attack.send(Kind::Control, 0, 1, input.string()),
            1 => {
                let (flags, ahead) = (input.u16(), u64::from(input.u16()));
                attack.send(Kind::Data, flags, ahead, input.string());
            }
            2 => {
                let preamble = Preamble { hlc: HlcTimestamp(input.u64()), trail: input.u64() };
                let kind = if input.u8() & 1 == 0 { Kind::Data } else { Kind::Control };
                let number = input.u64();
                attack.send_exactly(kind, input.u16(), number, preamble, input.string());
            }
            3 => attack.pass(Duration::from_millis(u64::from(input.u16()) % 3_000)),
            4 => attack.sealed_by = (1 + input.below(2), input.u8()),
            _ => send_request(&mut attack, &mut input),
        }
        let sent = attack.turn();
        assert!(sent <= ANSWERS_MAX, "{sent} datagrams in answer to one");
    }
    // Until the intruder, now silent, is gone.
    attack.pass(Duration::from_secs(6));
    assert!(attack.protocol.members(attack.now).is_empty());
}

/// A well-formed question or answer with any figures.
fn send_request(attack: &mut Attack, input: &mut Input<'_>) {
    let cache = if input.u8() & 7 == 0 { CacheId(input.u64()) } else { CACHE };
    let request = u32::from(input.u8());
    let version = Version { hlc: HlcTimestamp(input.u64()), origin: Origin(u64::from(input.u8())) };
    let packed;
    let frame = match input.below(12) {
        0 => {
            let count = usize::from(input.below(40));
            let ranges: Vec<Range> = (0..count).map(|_| Range { first: input.u64(), count: input.u32() }).collect();
            packed = Ranges::pack(&ranges);
            Frame::Nack { ranges: Ranges::new(&packed) }
        }
        1 => Frame::DigestRequest { cache, request, first: input.u16(), count: input.u16() },
        2 => {
            let (cursor, have) = (input.u64(), input.u64());
            let len = if input.u8() & 1 == 0 { 0 } else { 512 };
            Frame::StateRequest { cache, request, cursor, have, segments: input.bytes(len) }
        }
        3 => {
            let (index, offset, len) = (input.u16(), input.u32(), input.u32());
            Frame::Pull { cache, request, index, offset, len }
        }
        4 => {
            let (index, of, next) = (input.u16(), input.u16(), input.u64());
            Frame::StatePart { cache, request, index, of, next, clear: version }
        }
        5 => Frame::Offer { index: input.u16(), version, total: input.u32(), key: input.string() },
        6 => Frame::PullPart { request, index: input.u16(), offset: input.u32(), bytes: input.string() },
        7 => {
            let what = if input.u8() & 1 == 0 { Query::Metrics } else { Query::Checksum };
            Frame::Query { id: input.u64(), what, cache }
        }
        8 => Frame::Status { contiguous: input.u64(), highest: input.u64(), flags: Flags(input.u8()) },
        9 => Frame::ProbeAck { nonce: input.u64(), next: input.u64(), flags: Flags(input.u8()) },
        10 => {
            let since = HlcTimestamp(if input.u8() & 1 == 0 { 0 } else { input.u64() });
            Frame::FloorRequest { cache, request, since, first: input.u16(), end: input.u16() }
        }
        _ => {
            let (first, end) = (input.u16(), input.u16());
            let told = |input: &mut Input<'_>| SegmentFloor { segment: input.u16(), floor: HlcTimestamp(input.u64()) };
            let floors: Vec<SegmentFloor> = (0..input.below(130)).map(|_| told(input)).collect();
            packed = SegmentFloors::pack(&floors);
            Frame::Floors { cache, request, first, end, floors: SegmentFloors::new(&packed) }
        }
    };
    attack.send_control(&[frame]);
}
