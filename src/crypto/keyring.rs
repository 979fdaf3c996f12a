//! The cluster's keys as one node holds them: one seals, all open.
//!
//! The invariant: at most [`RING_KEYS_MAX`] keys of different ids, exactly one of them primary; a ring without a secret
//! has the public key alone and stays so. When a key is made primary or removed is the operator's business.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{ClusterKey, KEY_ID_PUBLIC};
use crate::config::{RING_KEYS_MAX, RingKey};
use crate::error::{Error, Result};

/// What a key of a ring is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// It opens; it has not sealed here yet.
    DecryptOnly,
    /// It seals, and opens.
    Primary,
    /// It has sealed here; now it opens, until it is removed.
    Retired,
}

/// The keys of a cluster. `Debug` shows ids and roles, never a key.
#[derive(Clone)]
pub struct Keyring {
    cluster: String,
    /// In the order they came.
    keys: Vec<(ClusterKey, KeyRole)>,
}

impl Keyring {
    /// The ring of a cluster without a secret: its public key, which guards against accidents only.
    #[must_use]
    pub fn public(cluster: &str) -> Keyring {
        Keyring { cluster: cluster.to_owned(), keys: vec![(ClusterKey::public(cluster), KeyRole::Primary)] }
    }

    /// The ring of these keys, the first of which is primary; without any, the public one.
    ///
    /// # Errors
    /// As [`add`](Keyring::add).
    pub fn of(cluster: &str, keys: &[RingKey]) -> Result<Keyring> {
        let Some((first, others)) = keys.split_first() else { return Ok(Keyring::public(cluster)) };
        let key = ClusterKey::secret(cluster, first.id, &first.secret.0);
        let mut ring = Keyring { cluster: cluster.to_owned(), keys: vec![(key, KeyRole::Primary)] };
        for key in others {
            ring.add(key)?;
        }
        Ok(ring)
    }

    /// Takes a key in, to open with. One that is there already changes nothing.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if another key has its id, if the ring is full, or if it has no secret.
    pub fn add(&mut self, key: &RingKey) -> Result<()> {
        let refuse = |reason: String| Err(Error::InvalidArgument { name: "key", reason });
        if self.primary().key_id() == KEY_ID_PUBLIC {
            return refuse("the node was opened without a `crypto_key`, and cannot get one while it runs".to_owned());
        }
        let id = key.id;
        let key = ClusterKey::secret(&self.cluster, id, &key.secret.0);
        match self.get(id) {
            Some(known) if known.is_same(&key) => return Ok(()),
            Some(_) => return refuse(format!("another key has the id {id}; give this one an id of its own")),
            None if id == KEY_ID_PUBLIC => return refuse("a key's id is 1 to 255".to_owned()),
            None => {}
        }
        if self.keys.len() == RING_KEYS_MAX {
            return refuse(format!("the ring has {RING_KEYS_MAX} keys already; remove one that is retired"));
        }
        self.keys.push((key, KeyRole::DecryptOnly));
        Ok(())
    }

    /// Makes a key of the ring the one that seals. True if it was not before.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no such key.
    pub fn set_primary(&mut self, id: u8) -> Result<bool> {
        self.find(id)?;
        let mut changed = false;
        for (key, role) in &mut self.keys {
            if key.key_id() == id {
                changed = *role != KeyRole::Primary;
                *role = KeyRole::Primary;
            } else if *role == KeyRole::Primary {
                *role = KeyRole::Retired;
            }
        }
        Ok(changed)
    }

    /// Forgets a key: nothing that is sealed with it opens any more.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no such key, or if it is the primary.
    pub fn remove(&mut self, id: u8) -> Result<()> {
        if self.find(id)? == KeyRole::Primary {
            let reason = format!("key {id} is the primary; make another one primary first");
            return Err(Error::InvalidArgument { name: "id", reason });
        }
        self.keys.retain(|(key, _)| key.key_id() != id);
        Ok(())
    }

    /// The key that seals.
    #[must_use]
    pub fn primary(&self) -> &ClusterKey {
        let primary = self.keys.iter().find(|(_, role)| *role == KeyRole::Primary);
        &primary.expect("every constructor makes one, `set_primary` leaves one and `remove` refuses it").0
    }

    /// The key of this id.
    #[must_use]
    pub fn get(&self, id: u8) -> Option<&ClusterKey> {
        self.keys.iter().map(|(key, _)| key).find(|key| key.key_id() == id)
    }

    /// Ids and roles, in the order the keys came.
    pub fn roles(&self) -> impl Iterator<Item = (u8, KeyRole)> + '_ {
        self.keys.iter().map(|(key, role)| (key.key_id(), *role))
    }

    /// As [`ClusterKey::cluster_tag`]: the same for all its keys.
    #[must_use]
    pub fn cluster_tag(&self) -> u32 {
        self.primary().cluster_tag()
    }

    /// As [`ClusterKey::hash_key`]: it does not change with the keys.
    #[must_use]
    pub fn hash_key(&self) -> [u8; 16] {
        ClusterKey::hash_key(&self.cluster)
    }

    fn find(&self, id: u8) -> Result<KeyRole> {
        let found = self.roles().find(|(known, _)| *known == id);
        found.map(|(_, role)| role).ok_or_else(|| {
            let known: Vec<String> = self.roles().map(|(id, _)| id.to_string()).collect();
            let reason = format!("the ring has no key {id}; it has {}", known.join(", "));
            Error::InvalidArgument { name: "id", reason }
        })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.roles()).finish()
    }
}

/// Draws a fresh key, as the setting `crypto_key` takes it: `ID:` and 44 characters of padded base64. Without an id it
/// draws that too, from 2 to 255: 1 is what a key without an id has.
///
/// # Errors
/// As [`random`](super::random).
pub fn generate_key(id: Option<u8>) -> Result<String> {
    let secret = super::random::<32>()?;
    let id = match id {
        Some(id) => id,
        None => loop {
            let [id] = super::random::<1>()?;
            if id > 1 {
                break id;
            }
        },
    };
    Ok(format!("{id}:{}", STANDARD.encode(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secret, parse_key};

    fn key(id: u8) -> RingKey {
        RingKey { id, secret: Secret([id; 32]) }
    }

    fn roles(ring: &Keyring) -> Vec<(u8, KeyRole)> {
        ring.roles().collect()
    }

    #[test]
    fn a_rotation_goes_through_all_roles() {
        let mut ring = Keyring::of("orders", &[key(1)]).expect("one key");
        ring.add(&key(2)).expect("another");
        assert_eq!(roles(&ring), [(1, KeyRole::Primary), (2, KeyRole::DecryptOnly)]);
        assert_eq!(ring.set_primary(2).ok(), Some(true));
        assert_eq!(ring.set_primary(2).ok(), Some(false), "again changes nothing");
        assert_eq!(roles(&ring), [(1, KeyRole::Retired), (2, KeyRole::Primary)]);
        assert_eq!((ring.primary().key_id(), ring.get(1).is_some()), (2, true));
        ring.remove(1).expect("it is retired");
        assert_eq!(roles(&ring), [(2, KeyRole::Primary)]);
        assert!(ring.get(1).is_none());
    }

    #[test]
    fn what_a_ring_refuses_leaves_it_as_it_was() {
        let mut ring = Keyring::of("orders", &[key(1), key(2)]).expect("two keys");
        ring.add(&key(2)).expect("the same key again");
        let other = RingKey { id: 2, secret: Secret([9; 32]) };
        assert!(ring.add(&other).expect_err("its id is taken").to_string().contains("another key has the id 2"));
        assert!(ring.add(&key(0)).expect_err("no id").to_string().contains("1 to 255"));
        assert!(ring.set_primary(3).expect_err("unknown").to_string().contains("it has 1, 2"));
        assert!(ring.remove(3).is_err());
        assert!(ring.remove(1).expect_err("it seals").to_string().contains("primary first"));
        assert_eq!(roles(&ring), [(1, KeyRole::Primary), (2, KeyRole::DecryptOnly)]);
        for id in 3..=8 {
            ring.add(&key(id)).expect("up to eight");
        }
        assert!(ring.add(&key(9)).expect_err("the ninth").to_string().contains("8 keys already"));
    }

    #[test]
    fn a_ring_without_a_secret_stays_without() {
        let mut ring = Keyring::public("orders");
        assert!(ring.add(&key(1)).expect_err("public").to_string().contains("without a `crypto_key`"));
        assert!(ring.remove(0).is_err());
        assert_eq!(Keyring::of("orders", &[]).expect("none").primary().key_id(), 0);
    }

    #[test]
    fn a_generated_key_is_read_back_and_is_new_each_time() {
        let texts: Vec<String> = (0..20).map(|_| generate_key(None).expect("randomness")).collect();
        let keys: Vec<RingKey> = texts.iter().map(|text| parse_key(text).expect("own format")).collect();
        assert!(keys.iter().all(|key| key.id > 1));
        assert!(keys.windows(2).all(|two| two[0].secret != two[1].secret));
        assert_eq!(parse_key(&generate_key(Some(7)).expect("randomness")).expect("own format").id, 7);
    }

    #[test]
    fn debug_shows_no_secret() {
        let ring = Keyring::of("orders", &[key(1), key(2)]).expect("two keys");
        assert_eq!(format!("{ring:?}"), "{1: Primary, 2: DecryptOnly}");
    }
}
