//! The cluster's keys while the node runs: added, made primary, removed, listed.
//!
//! The driver is the one that changes them; what it then holds is noted in `NodeCore::keyring`, from where a forked child
//! takes it. How a rolling change of the key goes is in SECURITY.md.

use super::core::{Command, KeyChange};
use super::{ANSWER_WAIT_MAX, Node};
use crate::config::parse_key;
use crate::error::{Error, Result};
use crate::protocol::KeyInfo;

impl Node {
    /// Takes a key into the ring, to open what others seal with it. One that is there already changes nothing.
    ///
    /// `key` is as in the setting `crypto_key`: `ID:` and 32 bytes in base64 or hexadecimal; without an id it is 1. Waits
    /// for a turn of the driver.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it is no key, if another key has its id, if there are eight already, or if the node
    /// was opened without a key; [`Error::Closed`]; [`Error::Internal`] if the node failed; [`Error::Timeout`] if the
    /// driver does not get to run, and then it may do so yet. No text repeats the key.
    pub fn add_key(&self, key: &str) -> Result<()> {
        self.change_keys(KeyChange::Add(parse_key(key)?)).map(drop)
    }

    /// Seals with the key of this id from now on; the others go on opening. Waits for a turn of the driver.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no such key; else as [`add_key`](Node::add_key).
    pub fn set_primary_key(&self, id: u8) -> Result<()> {
        self.change_keys(KeyChange::Primary(id)).map(drop)
    }

    /// Forgets the key of this id: nothing that is sealed with it is accepted any more. Waits for a turn of the driver.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no such key, or if it is the primary; else as [`add_key`](Node::add_key).
    pub fn remove_key(&self, id: u8) -> Result<()> {
        self.change_keys(KeyChange::Remove(id)).map(drop)
    }

    /// The keys of the ring by id, with what each is used for, and by how many of the members. Without a `crypto_key` it
    /// is the public one, whose id is 0. Waits for a turn of the driver.
    ///
    /// # Errors
    /// [`Error::Closed`]; [`Error::Internal`] if the node failed; [`Error::Timeout`] if the driver does not get to run.
    pub fn keys(&self) -> Result<Vec<KeyInfo>> {
        self.change_keys(KeyChange::None)
    }

    fn change_keys(&self, change: KeyChange) -> Result<Vec<KeyInfo>> {
        let core = self.live()?;
        let (answer, told) = crossbeam_channel::bounded(1);
        core.question(Command::Keys(change, answer))?;
        told.recv_timeout(ANSWER_WAIT_MAX).map_err(|error| match error {
            crossbeam_channel::RecvTimeoutError::Timeout => {
                Error::Timeout { what: "the driver to answer".into(), waited: ANSWER_WAIT_MAX }
            }
            crossbeam_channel::RecvTimeoutError::Disconnected => core.gone(),
        })?
    }
}
