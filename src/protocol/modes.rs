//! Caches that two members have open in different modes.
//!
//! Each heartbeat tells, behind the digests, the modes of those caches that are not in mode replicate. Members whose modes
//! differ stay coherent: what one tells is a newer value or a mark, and either drops what the other holds that is older; but
//! neither is filled from the other, and their digests never agree. So it is told, once a member and cache.

use super::{Event, Protocol};
use crate::ids::{CacheId, SessionId};
use crate::time::Mono;
use crate::wire::{CacheDigest, CacheMode, CacheModes, Frame, Frames, Mode};

impl Protocol {
    fn mode_of(&self, cache: CacheId) -> Option<Mode> {
        let replica = self.replicas.get(&cache)?;
        Some(match (replica.store.is_partial(), replica.store.is_marking()) {
            (true, _) => Mode::PARTIAL,
            (false, true) => Mode::INVALIDATE,
            (false, false) => Mode::REPLICATE,
        })
    }

    /// The modes to be told with these digests, packed.
    pub(super) fn modes_of(&self, digests: &[CacheDigest]) -> Vec<u8> {
        let modes =
            digests.iter().filter_map(|told| Some(CacheMode { cache: told.cache, mode: self.mode_of(told.cache)? }));
        let modes: Vec<CacheMode> = modes.filter(|told| told.mode != Mode::REPLICATE).collect();
        CacheModes::pack(&modes)
    }

    /// A member tells with a heartbeat how the caches are open whose digests it tells.
    pub(super) fn compare_modes(&mut self, session: SessionId, frames: &[u8], now: Mono) {
        let mut frames = Frames::new(frames);
        let Some(Ok(Frame::Heartbeat { digests, .. })) = frames.next() else { return };
        let modes = frames.flatten().find_map(|frame| match frame {
            Frame::CacheModes { modes } => Some(modes),
            _ => None,
        });
        for CacheDigest { cache, .. } in digests.iter() {
            let Some(ours) = self.mode_of(cache) else { continue };
            let told = modes.and_then(|modes| modes.iter().find(|told| told.cache == cache));
            let theirs = told.map_or(Mode::REPLICATE, |told| told.mode);
            let Some(member) = self.members.get_mut(&session) else { return };
            if theirs == ours {
                member.other_modes.remove(&cache);
            } else if member.other_modes.insert(cache) {
                let member = member.info(member.state(), self.clocks.host(), now);
                self.metrics.cache_mode_conflicts.inc();
                self.emit(Event::ModeDiffers { cache, member, theirs, ours });
            }
        }
    }
}
