//! `mccache keygen`: a new secret for a cluster.
//!
//! The invariant: stdout gets the key and nothing else, so that it can go straight into a file.

use std::io::{self, IsTerminal, Write};

use mccache::crypto::ClusterKey;

use crate::outcome::{Result, unwritten};

/// How to use what is printed.
pub(crate) const EXAMPLES: &str = "\
Examples:
  (umask 077 && mccache keygen > mccache.key)
      keeps the key where only you can read it (file mode 600)
  MCCACHE_CRYPTO_KEY=$(cat mccache.key) ./program
      gives it to a process; give the same one to every process of the cluster

With a key every datagram is encrypted and authenticated, and nodes meet on the
local network instead of this host alone. Whoever has the key can read and write
the caches. In mccache.toml the setting is `crypto_key`; that file, too, needs
mode 600.";

const HINT: &str = "\
Give every process the same key: MCCACHE_CRYPTO_KEY=<key> in its environment,
or `crypto_key` in a mccache.toml of mode 600.";

/// Prints a fresh key; on a terminal, also how to use it.
pub(crate) fn run() -> Result<()> {
    let key = ClusterKey::generate_secret()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{key}").and_then(|()| out.flush()).map_err(|error| unwritten(&error))?;
    let mut told = io::stderr().lock();
    if told.is_terminal() {
        // The key is what was asked for; the hint may get lost.
        let _unheard = writeln!(told, "{HINT}");
    }
    Ok(())
}
