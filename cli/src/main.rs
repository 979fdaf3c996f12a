//! The `mccache` command line: what it understands, and which room does it.
//!
//! The invariant: it uses nothing but the library's public API, so whatever it shows, a program can do as well. Exit codes:
//! 0 done, 1 it failed (one line on stderr says why), 2 it was called wrongly.

mod config;
mod demo;
mod doctor;
mod figures;
mod keygen;
mod outcome;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use outcome::Outcome;

const EXAMPLES: &str = "\
Examples:
  mccache demo                 a real cluster on this host, in seconds: several
                               processes, without root, without a network
  mccache demo | cat           the same as plain lines
  mccache demo --help          what there is to see, and what the columns mean
  mccache keygen > mccache.key a new secret for a cluster on a real network
  mccache doctor               why nodes do not find each other, with the cure
  mccache config               every setting: its meaning and its value here

A cluster needs no server and no configuration: programs that open a node with
the same cluster name (and the same key) share its caches. Settings are read
from ./mccache.toml and from MCCACHE_... environment variables.";

/// A cache inside every process, kept coherent across the cluster by multicast
#[derive(Debug, Parser)]
#[command(name = "mccache", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows a real cluster of several processes, on this host, in seconds
    Demo(demo::Options),
    /// Prints a new cluster key: an id, and 32 random bytes as base64
    #[command(after_help = keygen::EXAMPLES)]
    Keygen(keygen::Options),
    /// Says why nodes do not find each other, and what cures it
    Doctor(doctor::Options),
    /// Prints every setting: its meaning, its value here, and its source
    Config(config::Options),
    /// One process of the demonstration; it is told what to do on its standard input
    #[command(hide = true)]
    DemoNode,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Keygen(options) => keygen::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Config(options) => config::run(&options),
        Command::DemoNode => demo::run_node(),
    };
    outcome.report()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_declared_consistently() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
