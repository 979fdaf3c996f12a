//! What a write leaves in its writer's hand: how new it is, and where it stands on its way to the members.
//!
//! The invariant: a token is made of what the put knows anyhow, and never waits for the network; whoever waits for members
//! does so later, and only as long as it takes them to have *that* write. Its version goes anywhere: a reader on another
//! member who was told of it reads that version, something newer, or nothing.
//!
//! Which member has what lives in `protocol`.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, CacheCore, Ttl};
use super::clock::Until;
use super::core::Command;
use super::lock::write;
use crate::error::{Error, Result};
use crate::hlc::Version;
use crate::protocol::SyncTo;
use crate::store::{Precondition, Value};
use crate::update::Codec;

/// What names one write: its version, and how many changes lay in this node's outbox with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The version that was written. Of any member that is told of it, [`Cache::get_at_least`] asks for it.
    pub version: Version,
    /// Changes handed over for sending by the process until then, this one included. Means something to this process alone.
    pub position: u64,
}

/// Who waits for a sync.
#[derive(Debug)]
pub(super) struct SyncAsk {
    /// Of which cache.
    pub(super) cache: Arc<CacheCore>,
    /// Everything up to here.
    pub(super) position: u64,
    /// Who is to have it.
    pub(super) to: SyncTo,
    /// Told when it is done.
    pub(super) done: crossbeam_channel::Sender<()>,
    /// Dead when nobody waits any more.
    pub(super) waiting: std::sync::Weak<()>,
}

impl CacheCore {
    /// The end of the outbox behind everything that any thread has changed until now.
    pub(super) fn position(&self) -> u64 {
        // A change that another thread has made, and not queued yet, may be what a newer one was conflated with.
        drop(write(&self.gate));
        self.node.outbox.position()
    }

    fn token(&self, version: Version) -> Token {
        let position = if self.is_replicated() { self.position() } else { 0 };
        Token { version, position }
    }

    /// Waits until `to` have everything up to `position`, `timeout` at most.
    pub(super) fn wait_synced(self: &Arc<Self>, position: u64, to: SyncTo, timeout: Duration) -> Result<()> {
        let until = Until::after(timeout);
        self.node.life.wait_ready(timeout)?;
        let waiting = Arc::new(());
        let (done, woken) = crossbeam_channel::bounded(1);
        let ask = SyncAsk { cache: Arc::clone(self), position, to, done, waiting: Arc::downgrade(&waiting) };
        self.node.question(Command::Sync(ask))?;
        woken.recv_timeout(until.remaining()).map_err(|error| match error {
            crossbeam_channel::RecvTimeoutError::Timeout => {
                let what = match to {
                    SyncTo::All => "every live member to apply what was written".into(),
                    SyncTo::Members(members) => format!("{members} members to apply what was written"),
                };
                Error::Timeout { what, waited: timeout }
            }
            crossbeam_channel::RecvTimeoutError::Disconnected => self.node.gone(),
        })
    }
}

impl Cache {
    /// As [`put`](Cache::put), and gives what [`sync_token`](Cache::sync_token) waits for and what
    /// [`get_at_least`](Cache::get_at_least) asks for.
    ///
    /// # Errors
    /// As [`put`](Cache::put).
    pub fn put_token(&self, key: &[u8], value: &[u8], codec: Codec, ttl: Ttl) -> Result<Token> {
        let (core, version, _) = self.put_version(key, value, codec, ttl, Precondition::Any)?;
        Ok(core.token(version))
    }

    /// As [`delete`](Cache::delete), and gives a token as [`put_token`](Cache::put_token) does: with whether there was a
    /// value here.
    ///
    /// # Errors
    /// As [`delete`](Cache::delete).
    pub fn delete_token(&self, key: &[u8]) -> Result<(Token, bool)> {
        let (core, version, found) = self.delete_version(key)?;
        Ok((core.token(version), found))
    }

    /// The live value of `key` if it was written at `least` or later; None if there is none, or an older one.
    ///
    /// With the version of a [`Token`] that came from another member by whatever way, the answer is never older than what
    /// that token's write made of the key. It is a miss if the write has not come here yet, and one if it was a delete.
    /// An older value that is not told counts as no read, and as no miss.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn get_at_least(&self, key: &[u8], least: Version) -> Result<Option<Value>> {
        let core = self.live()?;
        let value = core.store.get_at_least(key, least, core.wall());
        if value.is_some() {
            core.looked_up(key);
        }
        Ok(value)
    }

    /// Waits until everything this process wrote to the cache before the call is applied by every live member.
    ///
    /// Returns when it is sent if there is no other member, and at once for a local cache. Before the node is ready the
    /// members are not all known, so it waits for that first ([`Node::wait_ready`](super::Node::wait_ready)).
    ///
    /// # Errors
    /// [`Error::Timeout`]: it still travels on, nothing is taken back. Else as [`get`](Cache::get).
    pub fn sync(&self, timeout: Duration) -> Result<()> {
        let core = self.live()?;
        if core.is_replicated() { core.wait_synced(core.position(), SyncTo::All, timeout) } else { Ok(()) }
    }

    /// Waits until `to` have the write that gave `token`, or something newer. What was written since is not waited for.
    ///
    /// [`SyncTo::All`] is every live member, as far as it has the cache open; a member that falls silent is waited for
    /// until it is down. [`SyncTo::Members`] waits for so many that have the cache open, this process not counted, also if
    /// there are not so many yet.
    ///
    /// # Errors
    /// As [`sync`](Cache::sync). [`Error::InvalidArgument`] for a token of another process or node, and for
    /// [`SyncTo::Members`] of a local cache, which no member ever has.
    pub fn sync_token(&self, token: &Token, to: SyncTo, timeout: Duration) -> Result<()> {
        let core = self.live()?;
        if token.version.origin != core.node.hlc.origin() || token.position > core.node.outbox.position() {
            let reason = "another process or node made it; only the one that wrote can wait for who has it".into();
            return Err(Error::InvalidArgument { name: "token", reason });
        }
        match (core.is_replicated(), to) {
            (true, _) => core.wait_synced(token.position, to, timeout),
            (false, SyncTo::All | SyncTo::Members(0)) => Ok(()),
            (false, SyncTo::Members(_)) => {
                let reason = format!("the cache `{}` is local: no member ever has what is put there", core.name);
                Err(Error::InvalidArgument { name: "members", reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::node::Node;

    #[test]
    fn a_value_older_than_asked_for_is_none_and_counts_for_nothing() {
        let mut config = Config::new();
        config.set("cluster", &format!("token-{}", std::process::id())).expect("a name");
        let node = Node::open(&config).expect("a node on loopback");
        let cache = node.cache("c").expect("a cache");
        let put = |value: &[u8]| cache.put_token(b"k", value, Codec::RAW, Ttl::Default).expect("a put").version;
        let read = |least| cache.get_at_least(b"k", least).expect("open").map(|value| value.to_vec());
        let (one, two) = (put(b"1"), put(b"2"));
        assert_eq!((read(one), read(two)), (Some(b"2".to_vec()), Some(b"2".to_vec())));
        let before = cache.stats().expect("open");
        let later = Version { hlc: crate::hlc::HlcTimestamp(two.hlc.0 + 1), ..two };
        assert_eq!(read(later), None);
        assert_eq!(cache.stats().expect("open"), before);
        let (gone, _) = cache.delete_token(b"k").expect("open");
        assert!(gone.version > two && read(one).is_none());
    }
}
