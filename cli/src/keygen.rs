//! `mccache keygen`: a new secret for a cluster.
//!
//! The invariant: stdout gets the key and nothing else, so that it can go straight into a file.

use std::io::{self, IsTerminal, Write};

use mccache::crypto::generate_key;

use crate::outcome::{Result, unwritten};

/// How to use what is printed.
pub(crate) const EXAMPLES: &str = "\
Examples:
  (umask 077 && mccache keygen > mccache.key)
      keeps the key where only you can read it (file mode 600)
  MCCACHE_CRYPTO_KEY=$(cat mccache.key) ./program
      gives it to a process; give the same one to every process of the cluster
  MCCACHE_CRYPTO_KEY=$(cat mccache.key),$(cat new.key) ./program
      has it know the next key, too: how a cluster changes its key without a
      stop is in SECURITY.md

What is printed is ID:KEY. The id tells the cluster's keys apart; it is no
secret. With a key every datagram is encrypted and authenticated, and nodes meet
on the local network instead of this host alone. Whoever has the key can read
and write the caches. In mccache.toml the setting is `crypto_key`; that file,
too, needs mode 600.";

const HINT: &str = "\
Give every process the same key: MCCACHE_CRYPTO_KEY=<key> in its environment,
or `crypto_key` in a mccache.toml of mode 600.";

/// What the command line says about it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The key's id, 1 to 255; drawn if it is not given
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    id: Option<u8>,
}

/// Prints a fresh key; on a terminal, also how to use it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let key = generate_key(options.id)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{key}").and_then(|()| out.flush()).map_err(|error| unwritten(&error))?;
    let mut told = io::stderr().lock();
    if told.is_terminal() {
        // The key is what was asked for; the hint may get lost.
        let _unheard = writeln!(told, "{HINT}");
    }
    Ok(())
}
