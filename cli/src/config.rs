//! `mccache config`: every setting, what it means, and what is in force here.
//!
//! The invariant: it prints what a program started in this folder with this environment would read, from the library's own
//! table, and never a secret.

use std::io::{self, Write};

use mccache::config::{Config, Described, Fallback, Origin};

use crate::outcome::{Failure, Result, unwritten};

/// How to use it.
pub(crate) const EXAMPLES: &str = "\
Examples:
  mccache config
      what a program started here would read, and where it stands
  mccache config --set
      only what is not left at its default
  MCCACHE_CACHE_TTL=60 mccache config --set
      tries out a value; a wrong one is named, with what is accepted

Settings are read from the file that MCCACHE_CONFIG names, else ./mccache.toml,
else [tool.mccache] of ./pyproject.toml; then from the environment, where
`cache_ttl` is called MCCACHE_CACHE_TTL. The environment wins over the file, and
what the program sets itself over both.";

/// Columns of the text.
const WIDTH: usize = 79;
const INDENT: &str = "    ";

/// What can be chosen about it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Only settings that are set somewhere
    #[arg(long)]
    set: bool,
}

/// Prints the settings; fails if they would stop a program from starting.
pub(crate) fn run(options: &Options) -> Result<()> {
    let config = Config::from_environment()?;
    let mut text = String::new();
    for described in config.describe() {
        if !options.set || is_set(&described) {
            text.push_str(&paragraph(&described));
        }
    }
    if text.is_empty() {
        text.push_str("Nothing is set here: every setting is at its default.\n");
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))?;
    // Each value is fine by itself; together they may still be refused.
    config.settings().map(drop).map_err(Failure::from)
}

fn is_set(described: &Described) -> bool {
    described.source != "the defaults"
}

fn paragraph(described: &Described) -> String {
    let setting = described.setting;
    let (equals, value) = match (is_set(described), setting.default) {
        (false, Fallback::Derived(rule)) => (": ", rule.to_owned()),
        (_, _) if described.value.is_empty() => (" = ", "(empty)".to_owned()),
        (_, _) => (" = ", described.value.clone()),
    };
    let source = if is_set(described) { format!("   (from {})", described.source) } else { String::new() };
    let mut text = format!("{}{equals}{value}{source}\n", setting.name);
    let obsolete = if setting.origin == Origin::Obsolete { "Accepted and without effect. " } else { "" };
    for line in crate::figures::wrap(&format!("{obsolete}{}", setting.meaning), WIDTH - INDENT.len()) {
        text.push_str(&format!("{INDENT}{line}\n"));
    }
    let accepts = match setting.default {
        Fallback::Value("") => format!("Accepts {}; default: empty. ", setting.expected()),
        Fallback::Value(default) => format!("Accepts {}; default: {default}. ", setting.expected()),
        Fallback::Derived(_) => format!("Accepts {}. ", setting.expected()),
    };
    for line in crate::figures::wrap(&format!("{accepts}Variable: {}.", setting.variable()), WIDTH - INDENT.len()) {
        text.push_str(&format!("{INDENT}{line}\n"));
    }
    text.push('\n');
    text
}
