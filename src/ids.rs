//! Names of things that cross rooms: sessions, origins, caches. Plain newtypes; no behaviour but conversion.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

/// One run of a node: 96 random bits, drawn anew at each start and in each forked child.
///
/// It scopes sequence numbers and AEAD nonces, so it is never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 12]);

impl SessionId {
    /// The writer's name in a [`Version`](crate::hlc::Version): the first 64 bits of the session.
    #[must_use]
    pub fn origin(self) -> Origin {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        Origin(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Who wrote an update: [`SessionId::origin`] of the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);

/// A cache as it is named on the wire: SipHash-2-4 of the cache's name under a fixed key.
///
/// The same name gives the same id on every node of every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheId(pub u64);

impl CacheId {
    /// Derives the id of the cache called `name`.
    #[must_use]
    pub fn of(name: &str) -> CacheId {
        let mut hasher = SipHasher24::new_with_key(b"mccache/cache-id");
        hasher.write(name.as_bytes());
        CacheId(hasher.finish())
    }
}

/// A position in a sender's stream of reliable datagrams. The first one is 1; 0 means "nothing yet".
pub type Seq = u64;
