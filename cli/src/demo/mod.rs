//! `mccache demo`: a real cluster of several processes on this host, shown live.
//!
//! The command starts itself once a node (`mccache demo-node`) and directs those processes over pipes:
//!
//! | file | what |
//! |---|---|
//! | `acts.rs` | what is shown, in order, and the verdict |
//! | `stage.rs`, `process.rs` | the processes, and the one queue their answers come through |
//! | `line.rs` | the text on the pipes |
//! | `screen.rs`, `table.rs` | what the user sees |
//! | `node.rs`, `tasks.rs`, `observer.rs` | the other side: one process with one node |
//!
//! The invariants: every figure was measured in this run; no process outlives the command, however that ends (a child ends
//! when its standard input does); two demonstrations at once do not meet, as each has a cluster name, a key and a port of
//! its own.

mod acts;
mod line;
mod node;
mod observer;
mod process;
mod screen;
mod stage;
mod table;
mod tasks;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::outcome::Result;

pub(crate) use node::run as run_node;

const EXAMPLES: &str = "\
Examples:
  mccache demo                      three processes, a fourth joins, ~12 seconds
  mccache demo --nodes 6 --drop 20  more processes, worse weather
  mccache demo | cat                plain lines instead of a table
  mccache demo && echo coherent     exits with 0 only if all hold the same

The table's columns, for each process:
  node      its name and process id
  sees      how many other processes it knows to be alive
  entries   how many entries it holds
  checksum  of all it holds: processes that hold the same have the same
  writes    its own puts and deletes
  received  writes of others that it took over
  gaps      datagrams with writes that it found missing
  repaired  how many of these it asked for again and got
  dropped   datagrams it threw away on purpose, to show the repair
  hits      reads that found a value (on terminals of 104 columns or more)

It needs no root and no network: the processes talk by multicast on the loopback
interface, under a random cluster name and key, so that nothing leaves the host
and no other cluster is disturbed. NO_COLOR and TERM=dumb are honoured.";

/// What can be chosen about the demonstration.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Processes at first; one more joins later
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=12))]
    nodes: u8,
    /// Seconds of writing at full speed under loss
    #[arg(long, default_value_t = 2, value_name = "S", value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Timed writes; the joiner gets 100-fold
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    keys: u16,
    /// Percentage of datagrams dropped
    #[arg(long, default_value_t = 10, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=30))]
    drop: u8,
    /// Plain lines, also on a terminal
    #[arg(long)]
    plain: bool,
}

/// Shows it.
pub(crate) fn run(options: &Options) -> Result<()> {
    acts::play(options)
}

/// Time since the epoch. The processes compare instants with each other, and the host's clock is what they share.
#[expect(clippy::disallowed_methods, reason = "the demonstration measures real time across processes")]
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
