//! `mccache doctor`: why nodes do not see each other, in a few seconds; each finding one line with its cure.
//!
//! The invariant: it joins the cluster as a member that opens no cache, reads what any node can be asked, and changes
//! nothing. Exit code 0 if nothing is wrong, 1 if something is.

#![expect(clippy::disallowed_methods, reason = "it listens to the network for as long as it was asked to")]

mod checks;
mod report;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mccache::config::{Config, Settings};
use mccache::error::Error;
use mccache::ids::SessionId;
use mccache::node::{MemberInfo, Network, Node};

use crate::outcome::{Failure, Result};
use report::Report;

/// How to use it.
pub(crate) const EXAMPLES: &str = "\
Examples:
  mccache doctor
      in the folder and with the environment of the program that does not find
      the others: it reads the same settings
  mccache doctor --wait 30
      listens for longer, while a node is started elsewhere
  mccache doctor --json | jq '.findings[] | select(.level == \"wrong\")'

Run it on both hosts: each can tell only what comes in to it, and what the
others say of what comes in to them. ok: as it should be. note: may be meant, or
costs something. WRONG: nodes will not find each other, or not work together.";

/// How long somebody who was found is listened to: then it is known whether its multicast is heard.
const JUDGED: Duration = Duration::from_millis(2_500);
/// How long those who were found are asked for their counters.
const ASKED: Duration = Duration::from_millis(500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What can be chosen about it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Seconds to listen for members, 1 to 3600
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=3600))]
    wait: u16,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Examines this host and the cluster.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut report = Report::default();
    examine(options, &mut report);
    report.print(options.json)?;
    if report.is_well() { Ok(()) } else { Err(Failure::Shown) }
}

/// What the node that was opened saw.
struct Seen {
    network: Network,
    members: Vec<MemberInfo>,
}

fn examine(options: &Options, report: &mut Report) {
    let settings = match Config::from_environment().and_then(|config| Ok((config.settings()?, config))) {
        Ok(settings) => settings,
        Err(error) => {
            return report.wrong("settings", error.to_string(), "mend that setting; `mccache config` lists all");
        }
    };
    let (settings, config) = settings;
    checks::settings(&settings, report);
    checks::interfaces(&settings, report);
    match open(&config, &settings) {
        Ok(node) => {
            let seen = listen(&node, Duration::from_secs(options.wait.into()));
            match seen {
                Ok(seen) => {
                    checks::multicast(&config, &settings, &seen.network, report);
                    checks::datagrams(&settings, &seen.network, report);
                    checks::strangers(&settings, &seen.network, report);
                    checks::contacts(&settings, &seen.network, report);
                    checks::members(&settings, &seen.network, &seen.members, report);
                    checks::ways(&settings, &seen.network, &seen.members, report);
                }
                Err(error) => report.failed("node", &error),
            }
            node.close();
        }
        Err(error) => report.failed("multicast", &error),
    }
}

/// A node like the program's, but that it leaves the program its port, its log and its name.
fn open(config: &Config, settings: &Settings) -> mccache::error::Result<Node> {
    let mut config = config.clone();
    let members = settings.text_of("members").unwrap_or_default();
    let name = format!("doctor-{}", std::process::id());
    let own = [("node_name", name.as_str()), ("unicast_port", "0"), ("log_filename", ""), ("members", &members)];
    for (setting, value) in own {
        config.set(setting, value)?;
    }
    Node::open(&config)
}

/// Listens for as long as was asked for, but no longer than it takes to know of all who were found. Who leaves meanwhile,
/// such as the doctor on the other host, was found all the same.
fn listen(node: &Node, patience: Duration) -> mccache::error::Result<Seen> {
    let start = Instant::now();
    let mut found: BTreeMap<SessionId, MemberInfo> = BTreeMap::new();
    let mut last_found = start;
    loop {
        for member in node.members()? {
            if found.insert(member.session, member).is_none() {
                last_found = Instant::now();
            }
        }
        let judged = !found.is_empty() && last_found.elapsed() >= JUDGED && found.values().all(is_judged);
        if judged || start.elapsed() >= patience {
            if !found.is_empty() {
                // From here on hops are looked at: whatever they answer comes by unicast, and tells over how many routers.
                node.network()?;
                node.cluster_metrics(ASKED)?;
            }
            let network = node.network()?;
            return Ok(Seen { network, members: found.into_values().collect() });
        }
        std::thread::park_timeout(LOOK);
    }
}

fn is_judged(member: &MemberInfo) -> bool {
    member.multicast_heard.is_some() && member.hears_multicast.is_some()
}

/// An error's words and its cure apart.
fn words(error: &Error) -> (String, String) {
    match error {
        Error::Network { what, source, cure } => (format!("{what}: {source}"), cure.clone()),
        other => (other.to_string(), "see `mccache config`".to_owned()),
    }
}
