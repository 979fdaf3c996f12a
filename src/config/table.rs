//! The one table of settings: name, what is accepted, default, meaning.
//!
//! The invariant: whatever there is to say about a setting is said here once. The file, the environment, calls, errors
//! and `describe` read this table, and a test holds docs/CONFIGURATION.md to it. How texts are read does not live here
//! (`value`), nor what settings mean together (`resolve`).

use super::value::{Kind, NODE_NAME_BYTES_MAX, Value, shown};

/// What all environment variables of settings begin with.
pub const ENV_PREFIX: &str = "MCCACHE_";

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
/// 100 years of 365.25 days: a deadline that far still fits 64 bits of milliseconds with room.
const TTL_SECONDS_MAX: f64 = 3_155_760_000.0;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file and in calls.
    pub name: &'static str,
    /// What holds where it is not set.
    pub default: Fallback,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is a setting of.
    pub level: Level,
    /// What it does; one paragraph.
    pub meaning: &'static str,
    pub(super) kind: Kind,
}

/// What holds where a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as text that `Config::set` accepts.
    Value(&'static str),
    /// What this sentence says.
    Derived(&'static str),
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// McCache for Python has it, with this meaning.
    Original,
    /// McCache for Python has it; here it is accepted and does nothing.
    Obsolete,
    /// New here.
    Ours,
}

/// What a setting is a setting of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The node.
    Node,
    /// A cache: may stand in a `[cache.<name>]` table and in what a cache is opened with.
    Cache,
}

impl Setting {
    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// What it accepts: form, unit and range, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        self.kind.expected()
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Key
    }

    /// Whether a file may give it as a list.
    pub(super) fn takes_lists(&self) -> bool {
        self.kind == Kind::Members
    }

    /// `text` as people may see it.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.is_secret() { "(not shown)".to_owned() } else { shown(text) }
    }

    /// The checked value of `text`, or what is accepted in its place.
    pub(super) fn parse(&self, text: &str) -> Result<Value, String> {
        self.kind.parse(text).map_err(|refused| refused.unwrap_or_else(|| self.expected()))
    }
}

/// Every setting, in the order of the documents.
#[must_use]
pub fn known_settings() -> &'static [Setting] {
    SETTINGS
}

/// The setting called `name`.
#[must_use]
pub fn known_setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "cache_ttl",
        kind: Kind::Seconds { min: 0.001, max: TTL_SECONDS_MAX, zero: Some("never expires") },
        default: Fallback::Value("3600"),
        origin: Origin::Original,
        level: Level::Cache,
        meaning: "How long an entry lives after it was last written, unless its write says otherwise. Every write \
                  starts the time anew.",
    },
    Setting {
        name: "cache_max",
        kind: Kind::Count { min: 1, max: 1_000_000_000 },
        default: Fallback::Value("1000000"),
        origin: Origin::Original,
        level: Level::Cache,
        meaning: "Most entries of a cache. Above it, entries are evicted on this node; the others keep theirs.",
    },
    Setting {
        name: "cache_size",
        kind: Kind::Bytes { min: KIB, max: TIB },
        default: Fallback::Value("64 MiB"),
        origin: Origin::Original,
        level: Level::Cache,
        meaning: "Most memory of a cache: keys, values and the bookkeeping of each entry. Above it, entries are \
                  evicted on this node; the others keep theirs.",
    },
    Setting {
        name: "cache_mode",
        kind: Kind::Mode,
        default: Fallback::Value("replicate"),
        origin: Origin::Original,
        level: Level::Cache,
        meaning: "How a cache takes part in the cluster. `replicate`: every member holds every entry it has room for. \
                  `partial`: each holds what it put or loaded itself, and takes what the others put of that. \
                  `invalidate`: values stay where they were put or loaded, and a put or a delete has the other members \
                  drop what they hold of the key. `local`: nothing is sent or received.",
    },
    Setting {
        name: "cache_policy",
        kind: Kind::Policy,
        default: Fallback::Value("s3fifo"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "Which entry goes when a cache is full. `s3fifo`: one that was not asked for again since it came, \
                  before one that was. `lru`: the one that was used least recently. `sieve`: one that was not used \
                  since the last round, new ones first. `tinylfu`: of the newest and the least recently used, the \
                  one that was asked for less often lately. `lfu`: the one that was used least often, lately. \
                  `fifo`: the oldest. Each member decides for itself.",
    },
    Setting {
        name: "max_value",
        kind: Kind::Bytes { min: 1, max: 64 * MIB },
        default: Fallback::Value("64 MiB"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "Longest value. A longer one is refused with an error, as is one that alone exceeds `cache_size`.",
    },
    Setting {
        name: "eager_refresh",
        kind: Kind::Share { min: 0.05, max: 0.99, zero: "never" },
        default: Fallback::Value("0"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "The share of its time to live, like 0.9, after which a value that is asked for with a loader is loaded \
                  anew, once and in the background, while it is still served. The member that put it does so first; the \
                  others follow when half of the time that is left has gone.",
    },
    Setting {
        name: "fail_safe",
        kind: Kind::Seconds { min: 0.001, max: 86_400.0, zero: Some("not at all") },
        default: Fallback::Value("0"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "How long after it has expired a value is still given to who asks with a loader, if that fails or takes \
                  too long. For as long it is kept, within the limits, and read by nobody else.",
    },
    Setting {
        name: "fail_safe_throttle",
        kind: Kind::Seconds { min: 0.001, max: 3_600.0, zero: Some("no pause") },
        default: Fallback::Value("30"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "After a load that failed, the expired value is given for so long without another try, and an early \
                  refresh is not tried again.",
    },
    Setting {
        name: "load_soft_timeout",
        kind: Kind::Seconds { min: 0.001, max: 3_600.0, zero: Some("none") },
        default: Fallback::Value("0"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "A load that takes longer goes on in the background, and the expired value is given meanwhile, if \
                  `fail_safe` has kept one.",
    },
    Setting {
        name: "load_hard_timeout",
        kind: Kind::Seconds { min: 0.001, max: 3_600.0, zero: Some("none") },
        default: Fallback::Value("0"),
        origin: Origin::Ours,
        level: Level::Cache,
        meaning: "A load that takes longer goes on in the background, and who waits for it gets an error, or the expired \
                  value if there is one.",
    },
    Setting {
        name: "cache_pulse",
        kind: Kind::Minutes { min: 0.01, max: 1440.0 },
        default: Fallback::Value("5"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "How often members compare their caches and mend what differs, beside the repair of each lost \
                  message.",
    },
    Setting {
        name: "max_clock_skew",
        kind: Kind::Seconds { min: 0.05, max: 3_600.0, zero: None },
        default: Fallback::Value("0.5"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "How far the clock of a host may be from most members' before it is not heeded: a node whose own is further \
                  off goes by theirs, and what is stamped further ahead is not believed. Each node needs the same.",
    },
    Setting {
        name: "callback_win",
        kind: Kind::Seconds { min: 0.001, max: 999.0, zero: Some("never") },
        default: Fallback::Value("5"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "A change of an entry calls back, or is in a queue of changes of look-ups, if the entry was looked up here no longer \
                  ago than this.",
    },
    Setting {
        name: "cluster",
        kind: Kind::Label { max: 64 },
        default: Fallback::Value("mccache"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "The cluster's name. Only nodes of the same name, group, port and key share their caches.",
    },
    Setting {
        name: "node_name",
        kind: Kind::Name { max: NODE_NAME_BYTES_MAX },
        default: Fallback::Derived("host name and process id, like web7-4711"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "This node's name, for people: in logs and in lists of members. It need not be unique.",
    },
    Setting {
        name: "crypto_key",
        kind: Kind::Key,
        default: Fallback::Value(""),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "The cluster's secret: with it every datagram is encrypted and authenticated, and the node goes to \
                  the local network. Of several keys the first seals, and all open: that is how a key is changed (see \
                  SECURITY.md). It is never shown or logged.",
    },
    Setting {
        name: "interface",
        kind: Kind::Interface,
        default: Fallback::Derived(
            "with a `crypto_key` the interface of the route to the group or the first member, else `host`",
        ),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "The network interface to reach the other nodes by; an IPv6 address puts the node on IPv6. `host` \
                  (also `lo`, empty or a loopback address): nothing leaves this host. Any other needs a `crypto_key`, \
                  or `insecure`.",
    },
    Setting {
        name: "insecure",
        kind: Kind::Flag,
        default: Fallback::Value("false"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "Allows an `interface` without a `crypto_key`: whoever is on that network can then read and write \
                  the caches.",
    },
    Setting {
        name: "multicast_ip",
        kind: Kind::Group,
        default: Fallback::Derived("239.192.x.y, or ff15::x:y on IPv6, derived from the cluster's name"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "The multicast group, with or without a port. All nodes of a cluster need the same. An IPv6 one puts the \
                  node on IPv6. `none`: no multicast, only unicast to `members`.",
    },
    Setting {
        name: "multicast_port",
        kind: Kind::Count { min: 1, max: u16::MAX as u64 },
        default: Fallback::Value("4000"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "The group's port, where `multicast_ip` names none; also where members without a port are looked for.",
    },
    Setting {
        name: "members",
        kind: Kind::Members,
        default: Fallback::Value(""),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "Where members may be found without multicast. Each is greeted by unicast until it answers; one that \
                  lives is enough, as members tell each other of the rest. Names are looked up every 30 s. Without a port \
                  it is `unicast_port`.",
    },
    Setting {
        name: "unicast_port",
        kind: Kind::Count { min: 0, max: u16::MAX as u64 },
        default: Fallback::Derived("with `members`, or without multicast, the group's port; else 0"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "The UDP port this node sends from and is reached at; 0: one that the system chooses. If another process \
                  has it, the system chooses, and this node is found by its greetings.",
    },
    Setting {
        name: "multicast_hops",
        kind: Kind::Count { min: 0, max: 255 },
        default: Fallback::Value("1"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "How many networks a datagram may enter: 1 is the local one only. Without an interface it has no \
                  effect: nothing leaves the host.",
    },
    Setting {
        name: "packet_mtu",
        kind: Kind::Count { min: 640, max: 1472 },
        default: Fallback::Value("1400"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "Longest UDP payload in bytes: the network's MTU less 28, or less 48 on IPv6. Where the interface carries less, less is \
                  used; datagrams are never fragmented by IP.",
    },
    Setting {
        name: "receive_buffer",
        kind: Kind::Bytes { min: 64 * KIB, max: 256 * MIB },
        default: Fallback::Value("4 MiB"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "Receive buffer to ask of the operating system for each socket. It may grant less.",
    },
    Setting {
        name: "log_filename",
        kind: Kind::File,
        default: Fallback::Value(""),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "The file that log lines are appended to; its folder must exist. Empty: no file, and only what the \
                  application itself listens to. An application that has its own `tracing` subscriber keeps it.",
    },
    Setting {
        name: "log_level",
        kind: Kind::LogLevel,
        default: Fallback::Value("info"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "How much is written to `log_filename`.",
    },
    Setting {
        name: "log_format",
        kind: Kind::Anything,
        default: Fallback::Value("text"),
        origin: Origin::Original,
        level: Level::Node,
        meaning: "`text` is the only format there is. Anything else, such as the original's format strings, is ignored \
                  with one warning.",
    },
    Setting {
        name: "log_msgfmt",
        kind: Kind::Anything,
        default: Fallback::Value(""),
        origin: Origin::Obsolete,
        level: Level::Node,
        meaning: "Log lines are structured: they have named fields and no format of their own.",
    },
    Setting {
        name: "daemon_sleep",
        kind: Kind::Anything,
        default: Fallback::Value(""),
        origin: Origin::Obsolete,
        level: Level::Node,
        meaning: "No daemon polls: the node's thread sleeps until something arrives or is due.",
    },
    Setting {
        name: "congestion",
        kind: Kind::Anything,
        default: Fallback::Value(""),
        origin: Origin::Obsolete,
        level: Level::Node,
        meaning: "Senders find their own pace from what receivers report.",
    },
    Setting {
        name: "test_drop_percent",
        kind: Kind::Count { min: 0, max: 90 },
        default: Fallback::Value("0"),
        origin: Origin::Ours,
        level: Level::Node,
        meaning: "Percentage of received datagrams that are thrown away on purpose, for tests and demonstrations.",
    },
];
