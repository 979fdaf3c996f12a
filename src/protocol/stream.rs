//! What this node sends reliably: bundles of updates waiting to be sent, the ring of sealed datagrams kept for repair,
//! and the repairs that are due.
//!
//! Invariants: a number is sealed once, and a repair repeats the sealed bytes, so no nonce is used for two plaintexts;
//! the ring holds exactly the numbers from `trail` up to `next - 1`; backlog and ring are bounded.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::To;
use crate::ids::{CacheId, Seq};
use crate::time::Mono;
use crate::update::Update;
use crate::wire::{Frame, encode_update};

/// Most datagrams kept for repair: at 1,400 bytes the byte limit binds first.
pub(super) const RING_DATAGRAMS_MAX: usize = 16_384;
/// Most bytes kept for repair.
const RING_BYTES_MAX: usize = 16 << 20;
/// Datagrams kept although everybody has them: a pending member may have noted one of them as its first.
const RING_DATAGRAMS_MIN: u64 = 256;
/// Bytes of small updates that may wait; beyond, they stay in the outbox, where a newer one replaces an older.
const BACKLOG_BYTES_MAX: usize = 256 << 10;
/// Bytes of large updates that may wait.
const LARGE_BYTES_MAX: usize = 64 << 20;
/// Requests for one datagram are gathered for this long, so that two receivers are served by one multicast.
const REPAIR_MERGE: Duration = Duration::from_micros(300);
/// A datagram repaired less than this ago is on its way; a request for it is late news.
const REPAIR_LINGER_MIN: Duration = Duration::from_millis(2);

#[derive(Debug)]
struct Kept {
    datagram: Box<[u8]>,
    repaired: Option<Mono>,
}

#[derive(Debug)]
struct Repair {
    to: To,
    due: Mono,
}

/// A large update in pieces.
#[derive(Debug)]
struct Large {
    object: u64,
    encoded: Vec<u8>,
    sent: usize,
}

/// A position in the backlog: everything enqueued before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    small: u64,
    large: u64,
}

/// The sending side of this node.
#[derive(Debug)]
pub(super) struct Stream {
    /// Bytes of frames that fit one datagram.
    room: usize,
    next: Seq,
    ring: VecDeque<Kept>,
    ring_bytes: usize,
    repairs: BTreeMap<Seq, Repair>,
    bundles: VecDeque<Vec<u8>>,
    bundle_bytes: usize,
    bundles_taken: u64,
    large: VecDeque<Large>,
    large_bytes: usize,
    large_taken: u64,
    objects: u64,
    /// Whether the last datagram taken was a piece of a large update: the two kinds take turns.
    large_had_its_turn: bool,
}

impl Stream {
    pub(super) fn new(room: usize) -> Stream {
        Stream {
            room,
            next: 1,
            ring: VecDeque::new(),
            ring_bytes: 0,
            repairs: BTreeMap::new(),
            bundles: VecDeque::new(),
            bundle_bytes: 0,
            bundles_taken: 0,
            large: VecDeque::new(),
            large_bytes: 0,
            large_taken: 0,
            objects: 0,
            large_had_its_turn: false,
        }
    }

    /// The number of the next datagram to be sealed.
    pub(super) fn next(&self) -> Seq {
        self.next
    }

    /// The oldest number that can still be repaired.
    pub(super) fn trail(&self) -> Seq {
        self.next - self.ring.len() as u64
    }

    pub(super) fn ring_bytes(&self) -> usize {
        self.ring_bytes
    }

    /// Whether the backlog has room for more.
    pub(super) fn has_room(&self) -> bool {
        self.bundle_bytes < BACKLOG_BYTES_MAX && self.large_bytes < LARGE_BYTES_MAX
    }

    pub(super) fn has_backlog(&self) -> bool {
        !self.bundles.is_empty() || !self.large.is_empty()
    }

    /// Puts an update into the backlog.
    pub(super) fn enqueue(&mut self, cache: CacheId, update: &Update<'_>) {
        let frame = Frame::Update(cache, *update);
        let len = frame.encoded_len();
        if len > self.room {
            return self.enqueue_large(cache, update);
        }
        self.bundle_bytes += len;
        match self.bundles.back_mut() {
            Some(open) if open.len() + len <= self.room => frame.encode(open),
            _ => {
                let mut open = Vec::with_capacity(self.room);
                frame.encode(&mut open);
                self.bundles.push_back(open);
            }
        }
    }

    fn enqueue_large(&mut self, cache: CacheId, update: &Update<'_>) {
        let mut encoded = Vec::with_capacity(update.key.len() + update.value.len() + crate::wire::UPDATE_OVERHEAD);
        encode_update(cache, update, &mut encoded);
        self.objects += 1;
        self.large_bytes += encoded.len();
        self.large.push_back(Large { object: self.objects, encoded, sent: 0 });
    }

    /// Appends the frames of the next datagram to `out`; false if nothing waits.
    pub(super) fn take_frames(&mut self, out: &mut Vec<u8>) -> bool {
        let large_first = !self.large.is_empty() && (self.bundles.is_empty() || !self.large_had_its_turn);
        self.large_had_its_turn = large_first;
        if large_first {
            self.take_fragment(out);
            return true;
        }
        let Some(bundle) = self.bundles.pop_front() else { return false };
        self.bundle_bytes -= bundle.len();
        self.bundles_taken += 1;
        out.extend_from_slice(&bundle);
        true
    }

    fn take_fragment(&mut self, out: &mut Vec<u8>) {
        let Some(large) = self.large.front_mut() else { return };
        let total = large.encoded.len();
        let end = total.min(large.sent + self.room - Frame::FRAGMENT_OVERHEAD);
        let fragment = Frame::Fragment {
            object: large.object,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            offset: u32::try_from(large.sent).unwrap_or(u32::MAX),
            bytes: large.encoded.get(large.sent..end).unwrap_or_default(),
        };
        fragment.encode(out);
        large.sent = end;
        if end == total {
            self.large.pop_front();
            self.large_bytes -= total;
            self.large_taken += 1;
        }
    }

    /// The present end of the backlog.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            small: self.bundles_taken + self.bundles.len() as u64,
            large: self.large_taken + self.large.len() as u64,
        }
    }

    /// Whether everything before `mark` has been sealed.
    pub(super) fn is_past(&self, mark: Mark) -> bool {
        self.bundles_taken >= mark.small && self.large_taken >= mark.large
    }

    /// Keeps the sealed datagram that was given the number [`Stream::next`].
    pub(super) fn keep(&mut self, datagram: &[u8]) {
        self.ring_bytes += datagram.len();
        self.ring.push_back(Kept { datagram: datagram.into(), repaired: None });
        self.next += 1;
        while self.ring.len() > RING_DATAGRAMS_MAX || self.ring_bytes > RING_BYTES_MAX {
            self.drop_oldest();
        }
    }

    /// Uses up a number without a datagram: whoever follows the stream finds it lost for good.
    pub(super) fn skip(&mut self) {
        self.next += 1;
        self.ring.clear();
        self.ring_bytes = 0;
        self.repairs.clear();
    }

    /// Drops all that waits and all that was sent: whoever does not have it all compares states.
    pub(super) fn forget(&mut self) {
        self.bundles_taken += self.bundles.len() as u64;
        self.large_taken += self.large.len() as u64;
        self.bundles.clear();
        self.large.clear();
        (self.bundle_bytes, self.large_bytes) = (0, 0);
        self.skip();
    }

    /// Everybody has everything up to `acked`: most of it need not be kept.
    pub(super) fn release(&mut self, acked: Seq) {
        let keep_from = acked.saturating_add(1).min(self.next.saturating_sub(RING_DATAGRAMS_MIN));
        while self.trail() < keep_from {
            self.drop_oldest();
        }
    }

    /// Nothing before `number` is repeated any more.
    pub(super) fn drop_below(&mut self, number: Seq) {
        while self.trail() < number.min(self.next) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let trail = self.trail();
        if let Some(kept) = self.ring.pop_front() {
            self.ring_bytes -= kept.datagram.len();
        }
        self.repairs.remove(&trail);
    }

    /// A receiver asks for `number` again. How many bytes that has sent, 0 if they are on their way already; `None` if it
    /// cannot be repaired any more.
    pub(super) fn request_repair(
        &mut self,
        number: Seq,
        from: SocketAddr,
        linger: Duration,
        now: Mono,
    ) -> Option<usize> {
        let kept = number.checked_sub(self.trail()).and_then(|at| self.ring.get(usize::try_from(at).ok()?))?;
        let linger = linger.max(REPAIR_LINGER_MIN);
        if kept.repaired.is_some_and(|repaired| now.saturating_since(repaired) < linger) {
            return Some(0);
        }
        let len = kept.datagram.len();
        let to = To::Member(from);
        self.repairs
            .entry(number)
            .and_modify(|repair| {
                if repair.to != to {
                    repair.to = To::Group;
                }
            })
            .or_insert(Repair { to, due: now + REPAIR_MERGE });
        Some(len)
    }

    /// When the next repair is due.
    pub(super) fn repair_due(&self) -> Option<Mono> {
        self.repairs.values().next().map(|repair| repair.due)
    }

    /// Appends the sealed bytes of a repair that is due.
    pub(super) fn take_repair(&mut self, now: Mono, out: &mut Vec<u8>) -> Option<To> {
        let entry = self.repairs.first_entry()?;
        if entry.get().due > now {
            return None;
        }
        let (number, repair) = entry.remove_entry();
        let at = usize::try_from(number.checked_sub(self.trail())?).ok()?;
        let kept = self.ring.get_mut(at)?;
        kept.repaired = Some(now);
        out.extend_from_slice(&kept.datagram);
        Some(repair.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hlc::Version;
    use crate::time::Deadline;
    use crate::update::{Codec, UpdateKind};
    use crate::wire::{Frames, decode_update};

    const ROOM: usize = 500;

    fn put(value: &[u8]) -> Update<'_> {
        Update {
            kind: UpdateKind::Put,
            key: b"key",
            value,
            codec: Codec::RAW,
            version: Version::ZERO,
            deadline: Deadline::NEVER,
        }
    }

    fn drain(stream: &mut Stream) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while stream.take_frames(&mut out) {
            assert!(out.len() <= ROOM);
            stream.keep(&out);
            datagrams.push(std::mem::take(&mut out));
        }
        datagrams
    }

    #[test]
    fn small_updates_share_a_datagram() {
        let mut stream = Stream::new(ROOM);
        for _ in 0..10 {
            stream.enqueue(CacheId(1), &put(b"value"));
        }
        let datagrams = drain(&mut stream);
        assert_eq!(datagrams.len(), 1);
        assert_eq!(Frames::new(&datagrams[0]).filter(Result::is_ok).count(), 10);
    }

    #[test]
    fn a_large_update_is_cut_and_lets_small_ones_through() {
        let mut stream = Stream::new(ROOM);
        let value = vec![7; 5 * ROOM];
        stream.enqueue(CacheId(1), &put(&value));
        stream.enqueue(CacheId(1), &put(b"small"));
        let datagrams = drain(&mut stream);
        let mut whole = Vec::new();
        let mut small_at = None;
        for (at, datagram) in datagrams.iter().enumerate() {
            match Frames::new(datagram).next() {
                Some(Ok(Frame::Fragment { offset, bytes, .. })) => {
                    assert_eq!(usize::try_from(offset).expect("small"), whole.len());
                    whole.extend_from_slice(bytes);
                }
                Some(Ok(Frame::Update(..))) => small_at = Some(at),
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(decode_update(&whole).expect("whole").1.value, value);
        assert_eq!(small_at, Some(1), "the small update goes second, not last");
    }

    #[test]
    fn a_repair_is_the_same_bytes_and_goes_to_all_when_two_ask() {
        let mut stream = Stream::new(ROOM);
        stream.keep(b"one");
        stream.keep(b"two");
        let (a, b) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let now = Mono::default();
        assert_eq!(stream.request_repair(1, a, Duration::ZERO, now), Some(3));
        assert!(stream.request_repair(2, a, Duration::ZERO, now).is_some());
        assert!(stream.request_repair(2, b, Duration::ZERO, now).is_some());
        assert!(stream.request_repair(3, a, Duration::ZERO, now).is_none(), "not sent yet");
        let mut out = Vec::new();
        assert_eq!(stream.take_repair(now, &mut out), None, "requests are gathered first");
        let later = now + REPAIR_MERGE;
        assert_eq!(stream.take_repair(later, &mut out), Some(To::Member(a)));
        assert_eq!(out, b"one");
        out.clear();
        assert_eq!(stream.take_repair(later, &mut out), Some(To::Group));
        assert_eq!(out, b"two");
        assert_eq!(stream.request_repair(2, a, Duration::ZERO, later), Some(0));
        assert_eq!(stream.repair_due(), None, "the repair just sent is on its way");
    }

    #[test]
    fn the_ring_is_bounded_and_tells_its_trail() {
        let mut stream = Stream::new(ROOM);
        let datagram = vec![0; 1400];
        for _ in 0..20_000 {
            stream.keep(&datagram);
        }
        assert!(stream.ring_bytes() <= RING_BYTES_MAX);
        assert_eq!(stream.trail(), stream.next() - stream.ring.len() as u64);
        assert!(stream.request_repair(1, ([127, 0, 0, 1], 1).into(), Duration::ZERO, Mono::default()).is_none());
        stream.release(stream.next() - 1);
        assert_eq!(stream.next() - stream.trail(), RING_DATAGRAMS_MIN);
    }

    #[test]
    fn a_mark_is_passed_when_all_before_it_is_sealed() {
        let mut stream = Stream::new(ROOM);
        stream.enqueue(CacheId(1), &put(&vec![7; 3 * ROOM]));
        stream.enqueue(CacheId(1), &put(b"small"));
        let mark = stream.mark();
        let mut out = Vec::new();
        stream.take_frames(&mut out);
        assert!(!stream.is_past(mark));
        drain(&mut stream);
        assert!(stream.is_past(mark));
    }

    #[test]
    fn the_backlog_says_when_it_is_full() {
        let mut stream = Stream::new(ROOM);
        let mut enqueued = 0;
        while stream.has_room() {
            stream.enqueue(CacheId(1), &put(b"value"));
            enqueued += 1;
        }
        assert!(enqueued > 1000);
        drain(&mut stream);
        assert!(stream.has_room());
    }
}
