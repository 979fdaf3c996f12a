//! Which keys seal and open: this node's own key and phase, and those of each sender.
//!
//! The invariants: a key of a phase seals at most [`Rephase::datagrams`] datagrams and for at most [`Rephase::age`]; a
//! phase follows the one before it, whatever made it end, so that no (key, phase) is begun twice within 256 phases, and
//! numbers never start anew, so that no nonce is used twice even then. What an attacker without a key can have derived is
//! bounded: at most the phases around the one that a member was last heard in.

use std::time::Duration;

use super::Protocol;
use crate::config::RingKey;
use crate::crypto::{KeyRole, Keyring, SessionKey};
use crate::error::Result;
use crate::ids::{Seq, SessionId};
use crate::time::{Mono, Now};

/// Phases before and after a sender's latest whose keys are tried: repairs repeat what was sealed in earlier ones, and
/// of a phase that lasted for a moment every datagram may have been lost.
const PHASES_NEAR: u8 = 3;
/// Keys that were replaced and are still in the ring, and what was sealed before that.
const LEFT_MAX: usize = crate::config::RING_KEYS_MAX;

/// When a key has sealed enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rephase {
    /// This many datagrams: 2^28, a sixteenth of what NIST SP 800-38D, 8.3 allows a key, and where the bounds of RFC
    /// 9001, B.1.1 for datagrams of this size lie.
    pub datagrams: u64,
    /// Or for this long: 24 hours.
    pub age: Duration,
}

impl Default for Rephase {
    fn default() -> Rephase {
        Rephase { datagrams: 1 << 28, age: Duration::from_secs(24 * 3_600) }
    }
}

/// A key of the ring as a node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: u8,
    /// What this node does with it.
    pub role: KeyRole,
    /// How many members sealed the latest datagram that was heard of them with it.
    pub members: usize,
}

/// What this node seals with.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) key: SessionKey,
    pub(super) key_id: u8,
    pub(super) phase: u8,
    sealed: u64,
    since: Mono,
    /// Keys that sealed before: each with the first data number that it did not seal any more.
    left: Vec<(u8, Seq)>,
}

impl Sealing {
    pub(super) fn new(ring: &Keyring, session: SessionId, now: Mono) -> Sealing {
        let primary = ring.primary();
        let key = primary.session_key(session, 0);
        Sealing { key, key_id: primary.key_id(), phase: 0, sealed: 0, since: now, left: Vec::new() }
    }

    pub(super) fn count(&mut self) {
        self.sealed += 1;
    }

    fn begin_phase(&mut self, ring: &Keyring, session: SessionId, now: Mono) {
        let primary = ring.primary();
        self.phase = self.phase.wrapping_add(1);
        self.key = primary.session_key(session, self.phase);
        self.key_id = primary.key_id();
        self.sealed = 0;
        self.since = now;
    }
}

struct PeerKey {
    id: u8,
    phase: u8,
    key: SessionKey,
}

/// The keys that one sender's datagrams are opened with.
pub(super) struct PeerKeys {
    session: SessionId,
    /// The key and phase of the latest datagram that opened.
    latest: (u8, u8),
    /// At most the phases near the latest one, of at most all keys of the ring. The one in use comes first.
    keys: Vec<PeerKey>,
}

impl PeerKeys {
    /// Of a sender of whom one datagram has opened with `key`.
    pub(super) fn proven(session: SessionId, (id, phase): (u8, u8), key: SessionKey) -> PeerKeys {
        PeerKeys { session, latest: (id, phase), keys: vec![PeerKey { id, phase, key }] }
    }

    /// The key to try on a datagram whose header says this; `None` if it cannot be one of the sender's.
    ///
    /// What was derived is kept even if it opens nothing: a forger who names phases has each derived once.
    pub(super) fn candidate(&mut self, ring: &Keyring, (id, phase): (u8, u8)) -> Option<&SessionKey> {
        let known = self.keys.iter().position(|known| known.id == id && known.phase == phase);
        let at = match known {
            Some(at) => at,
            None => {
                if !self.is_near(phase) {
                    return None;
                }
                let key = ring.get(id)?.session_key(self.session, phase);
                self.keys.push(PeerKey { id, phase, key });
                self.keys.len() - 1
            }
        };
        self.keys.get(at).map(|known| &known.key)
    }

    /// A datagram opened with this key.
    pub(super) fn prove(&mut self, (id, phase): (u8, u8)) {
        if self.latest == (id, phase) {
            return;
        }
        // An earlier phase is that of a repair; it says nothing of what is used now.
        if phase == self.latest.1 || phase.wrapping_sub(self.latest.1) > PHASES_NEAR {
            return;
        }
        self.latest = (id, phase);
        let mut keys = std::mem::take(&mut self.keys);
        keys.retain(|known| self.is_near(known.phase));
        if let Some(at) = keys.iter().position(|known| (known.id, known.phase) == (id, phase)) {
            keys.swap(0, at);
        }
        self.keys = keys;
    }

    fn forget(&mut self, id: u8) {
        self.keys.retain(|known| known.id != id);
    }

    fn is_near(&self, phase: u8) -> bool {
        phase.wrapping_sub(self.latest.1) <= PHASES_NEAR || self.latest.1.wrapping_sub(phase) <= PHASES_NEAR
    }
}

impl Protocol {
    /// Takes a key into the ring, to open with.
    ///
    /// # Errors
    /// As [`Keyring::add`]; nothing is changed then.
    pub fn add_key(&mut self, key: &RingKey) -> Result<()> {
        self.setup.keys.add(key)?;
        tracing::info!(key_id = key.id, "key added");
        Ok(())
    }

    /// Seals with another key of the ring from now on.
    ///
    /// # Errors
    /// As [`Keyring::set_primary`]; nothing is changed then.
    pub fn set_primary_key(&mut self, id: u8, now: Now) -> Result<()> {
        if !self.setup.keys.set_primary(id)? {
            return Ok(());
        }
        let (left, next) = (self.sealing.key_id, self.stream.next());
        self.sealing.left.retain(|&(known, _)| known != left && known != id);
        if self.sealing.left.len() == LEFT_MAX {
            self.sealing.left.remove(0);
        }
        self.sealing.left.push((left, next));
        self.sealing.begin_phase(&self.setup.keys, self.setup.session, now.mono);
        tracing::info!(key_id = id, "key is primary");
        // The members see by it that the key is in use, and tell their operators.
        self.beat_now(now.mono);
        Ok(())
    }

    /// Forgets a key of the ring: nothing that is sealed with it is accepted, or sent again, any more.
    ///
    /// # Errors
    /// As [`Keyring::remove`]; nothing is changed then.
    pub fn remove_key(&mut self, id: u8, now: Now) -> Result<()> {
        self.setup.keys.remove(id)?;
        for member in self.members.values_mut() {
            member.keys.forget(id);
        }
        for (_, pending) in &mut self.admission.pending {
            pending.keys.forget(id);
        }
        if let Some(at) = self.sealing.left.iter().position(|&(left, _)| left == id) {
            let (_, until) = self.sealing.left.remove(at);
            // Who has removed the key too could not open the repairs; by the trail it learns at once to compare states.
            self.stream.drop_below(until);
            self.beat_now(now.mono);
        }
        tracing::info!(key_id = id, "key removed");
        Ok(())
    }

    /// The keys of the ring.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let using = |id: u8| self.members.values().filter(|member| member.keys.latest.0 == id).count();
        self.setup.keys.roles().map(|(id, role)| KeyInfo { id, role, members: using(id) }).collect()
    }

    /// The ring itself.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.setup.keys
    }

    /// Begins another phase once the key has sealed enough.
    pub(super) fn rephase_if_due(&mut self, now: Mono) {
        let limits = self.setup.rephase;
        let due = self.sealing.sealed >= limits.datagrams || now.saturating_since(self.sealing.since) >= limits.age;
        if due {
            self.sealing.begin_phase(&self.setup.keys, self.setup.session, now);
            self.metrics.key_phases.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    const SESSION: SessionId = SessionId([7; 12]);

    fn ring(ids: &[u8]) -> Keyring {
        let keys: Vec<RingKey> = ids.iter().map(|&id| RingKey { id, secret: Secret([id; 32]) }).collect();
        Keyring::of("tests", &keys).expect("different ids")
    }

    fn peer(ring: &Keyring, latest: (u8, u8)) -> PeerKeys {
        PeerKeys::proven(SESSION, latest, ring.get(latest.0).expect("in the ring").session_key(SESSION, latest.1))
    }

    #[test]
    fn only_phases_near_the_latest_and_keys_of_the_ring_are_tried() {
        let ring = ring(&[1, 2]);
        let mut keys = peer(&ring, (1, 254));
        for phase in [254, 255, 0, 1, 253, 251] {
            assert!(keys.candidate(&ring, (2, phase)).is_some(), "{phase}");
        }
        for far in [2, 250, 100] {
            assert!(keys.candidate(&ring, (1, far)).is_none(), "{far}");
        }
        assert!(keys.candidate(&ring, (3, 254)).is_none());
    }

    #[test]
    fn what_a_forger_has_derived_is_bounded() {
        let ring = ring(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let mut keys = peer(&ring, (1, 0));
        for id in 0..=255 {
            for phase in 0..=255 {
                let _tried = keys.candidate(&ring, (id, phase));
            }
        }
        assert_eq!(keys.keys.len(), 8 * (2 * usize::from(PHASES_NEAR) + 1));
        for phase in 1..=255 {
            keys.prove((1, phase));
            assert!(keys.candidate(&ring, (1, phase)).is_some());
        }
        assert!(keys.keys.len() < 8, "what lies far behind is forgotten: {}", keys.keys.len());
    }

    #[test]
    fn a_repair_of_an_earlier_phase_is_opened_and_changes_nothing() {
        let ring = ring(&[1, 2]);
        let mut keys = peer(&ring, (1, 5));
        keys.prove((2, 6));
        assert!(keys.candidate(&ring, (1, 5)).is_some());
        keys.prove((1, 5));
        assert_eq!(keys.latest, (2, 6));
    }
}
