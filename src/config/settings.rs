//! Checked settings: plain data that the rooms take their part of.
//!
//! The invariant: every value is one the table accepts, and no secret shows in `Debug` or in texts. How they come to be
//! does not live here (`resolve`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How a cache takes part in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// Every member holds every entry it has room for.
    Replicate,
    /// Each member holds what it put or loaded itself, and takes what others put of that.
    Partial,
    /// Each member holds what it put or loaded itself. A put or a delete has the others drop what they hold of the key.
    Invalidate,
    /// Nothing is sent or received.
    Local,
}

impl CacheMode {
    /// Its name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CacheMode::Replicate => "replicate",
            CacheMode::Partial => "partial",
            CacheMode::Invalidate => "invalidate",
            CacheMode::Local => "local",
        }
    }
}

/// Which entry of a cache goes when room is to be made for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// What was asked for once and not again goes before what was asked for more than once; what is new is given some
    /// time, which adapts.
    #[default]
    S3Fifo,
    /// What was not used for longest.
    Lru,
    /// What was not used since the last round; what is new is looked at before what is old.
    Sieve,
    /// What was asked for less often lately; what is new only stays if that is more often than for what would go.
    TinyLfu,
    /// What was used least often, lately.
    Lfu,
    /// What came first.
    Fifo,
}

impl CachePolicy {
    /// All of them, in the order of the documents.
    pub const ALL: [CachePolicy; 6] = [
        CachePolicy::S3Fifo,
        CachePolicy::Lru,
        CachePolicy::Sieve,
        CachePolicy::TinyLfu,
        CachePolicy::Lfu,
        CachePolicy::Fifo,
    ];

    /// Its name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CachePolicy::S3Fifo => "s3fifo",
            CachePolicy::Lru => "lru",
            CachePolicy::Sieve => "sieve",
            CachePolicy::TinyLfu => "tinylfu",
            CachePolicy::Lfu => "lfu",
            CachePolicy::Fifo => "fifo",
        }
    }
}

/// Settings of one cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// `cache_ttl`: time to live of a put that names none; `None`: forever.
    pub ttl: Option<Duration>,
    /// `cache_max`: most entries, at least 1.
    pub max_entries: usize,
    /// `cache_size`: most bytes, bookkeeping included.
    pub max_bytes: usize,
    /// `max_value`: longest value in bytes. May exceed `max_bytes`: the smaller one bounds a value.
    pub max_value: usize,
    /// `cache_mode`.
    pub mode: CacheMode,
    /// `cache_policy`.
    pub policy: CachePolicy,
    /// How values are loaded.
    pub load: LoadPolicy,
}

/// How values of a cache are loaded: what `get_or_load` and the like heed. A call may heed another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadPolicy {
    /// `eager_refresh`: thousandths of its time to live after which a value is loaded anew while it is still served; 0:
    /// it is not.
    pub eager_refresh: u16,
    /// `fail_safe`: how long after its deadline a value is served if no newer one can be loaded; zero: not at all. A
    /// cache keeps what has expired for as long as its own settings say, so more than that has no effect.
    pub fail_safe: Duration,
    /// `fail_safe_throttle`: how long after a load that failed an expired value is served without another try.
    pub throttle: Duration,
    /// `load_soft_timeout`: an expired value is served if a load takes longer.
    pub soft_timeout: Option<Duration>,
    /// `load_hard_timeout`: a load that takes longer has failed for who waits for it.
    pub hard_timeout: Option<Duration>,
}

impl LoadPolicy {
    /// How long who waits for a load waits: until there is something to serve in its place, or until it has failed.
    #[must_use]
    pub fn patience(&self, has_expired_value: bool) -> Option<Duration> {
        let soft = self.soft_timeout.filter(|_| has_expired_value);
        soft.into_iter().chain(self.hard_timeout).min()
    }
}

/// Where a member may be found: one entry of `members`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contact {
    /// At this address.
    Address(SocketAddr),
    /// At each address that the name has in DNS; looked up again and again.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// At each host, and its port, that the SRV records of the name tell; looked up again and again.
    Service {
        /// The name.
        name: String,
    },
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contact::Address(address) => write!(f, "{address}"),
            Contact::Name { host, port } => write!(f, "dns:{host}:{port}"),
            Contact::Service { name } => write!(f, "srv:{name}"),
        }
    }
}

/// Checked settings of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `cluster`: 1 to 64 printable ASCII characters.
    pub cluster: String,
    /// `node_name`: this node's name, for people; 1 to 64 bytes.
    pub node_name: String,
    /// `crypto_key`: the cluster's keys, the primary first; empty: none.
    pub crypto_key: Vec<RingKey>,
    /// `insecure`: an interface without a key is allowed.
    pub insecure: bool,
    /// `interface`: this host's address on the network to use; a loopback address: this host only. Its IP version is that
    /// of the group and of all members.
    pub interface: IpAddr,
    /// `multicast_ip` and `multicast_port`, or the group derived from the cluster's name; `None`: no multicast.
    pub multicast: Option<SocketAddr>,
    /// `multicast_port`.
    pub multicast_port: u16,
    /// `members`: where others may be found without multicast.
    pub members: Vec<Contact>,
    /// `unicast_port`: where this node is to be reached; `None`: the system chooses.
    pub unicast_port: Option<u16>,
    /// `multicast_hops`: TTL on an interface.
    pub multicast_hops: u8,
    /// `packet_mtu`: longest UDP payload in bytes; IP and UDP headers are not counted.
    pub max_payload: usize,
    /// `receive_buffer`: bytes of receive buffer to ask for.
    pub receive_buffer: usize,
    /// `callback_win`: a change calls back if the entry was looked up no longer ago; zero: never.
    pub callback_window: Duration,
    /// `cache_pulse`: how often replicas are compared.
    pub audit_interval: Duration,
    /// `max_clock_skew`: how far a clock may be from most members' before it is not heeded.
    pub max_clock_skew: Duration,
    /// `log_filename`: the file log lines are appended to.
    pub log_filename: Option<PathBuf>,
    /// `log_level`: the least severe level that is written to it.
    pub log_level: tracing::Level,
    /// `test_drop_percent`: share of received datagrams to drop on purpose, 0 to 90 percent.
    pub drop_percent: u8,
    /// What holds for a cache that has no settings of its own.
    pub cache: CacheSettings,
    /// Whole settings of each cache that has a `[cache.<name>]` table.
    pub caches: BTreeMap<String, CacheSettings>,
    /// What the operator should be told about these settings; [`crate::logging::start`] says it.
    pub notices: Vec<Notice>,
}

impl Settings {
    /// Settings of the cache called `name` where no code says otherwise.
    #[must_use]
    pub fn of_cache(&self, name: &str) -> &CacheSettings {
        self.caches.get(name).unwrap_or(&self.cache)
    }

    /// What the setting called `name` amounts to here, as text that [`Config::set`](super::Config::set) accepts.
    ///
    /// The settings of caches are those of a cache without its own. `None` for an unknown or ignored setting, and for a
    /// `crypto_key` that is set: no text of it is ever made.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<String> {
        Some(match name {
            "cache_ttl" => seconds_text(self.cache.ttl.unwrap_or_default()),
            "cache_max" => self.cache.max_entries.to_string(),
            "cache_size" => self.cache.max_bytes.to_string(),
            "cache_mode" => self.cache.mode.name().to_owned(),
            "cache_policy" => self.cache.policy.name().to_owned(),
            "max_value" => self.cache.max_value.to_string(),
            "cache_pulse" => (self.audit_interval.as_secs_f64() / 60.0).to_string(),
            "max_clock_skew" => seconds_text(self.max_clock_skew),
            "eager_refresh" => (f64::from(self.cache.load.eager_refresh) / 1_000.0).to_string(),
            "fail_safe" => seconds_text(self.cache.load.fail_safe),
            "fail_safe_throttle" => seconds_text(self.cache.load.throttle),
            "load_soft_timeout" => seconds_text(self.cache.load.soft_timeout.unwrap_or_default()),
            "load_hard_timeout" => seconds_text(self.cache.load.hard_timeout.unwrap_or_default()),
            "callback_win" => seconds_text(self.callback_window),
            "cluster" => self.cluster.clone(),
            "node_name" => self.node_name.clone(),
            "crypto_key" if self.crypto_key.is_empty() => String::new(),
            "interface" if self.interface.is_loopback() && self.interface.is_ipv4() => "host".to_owned(),
            "interface" => self.interface.to_string(),
            "insecure" => self.insecure.to_string(),
            "multicast_ip" => self.multicast.map_or_else(|| "none".to_owned(), |group| group.to_string()),
            "multicast_port" => self.multicast_port.to_string(),
            "members" => self.members.iter().map(Contact::to_string).collect::<Vec<_>>().join(", "),
            "unicast_port" => self.unicast_port.unwrap_or(0).to_string(),
            "multicast_hops" => self.multicast_hops.to_string(),
            "packet_mtu" => self.max_payload.to_string(),
            "receive_buffer" => self.receive_buffer.to_string(),
            "log_filename" => self.log_filename.as_deref().unwrap_or("".as_ref()).display().to_string(),
            "log_level" => self.log_level.to_string().to_ascii_lowercase(),
            "log_format" => "text".to_owned(),
            "test_drop_percent" => self.drop_percent.to_string(),
            _ => return None,
        })
    }
}

/// One of the cluster's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingKey {
    /// What tells it from the others, 1 to 255; it is in the header of each datagram that is sealed with it.
    pub id: u8,
    /// The key itself.
    pub secret: Secret,
}

/// 32 secret bytes that never show in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Something the operator should be told once about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The setting's name.
    pub setting: &'static str,
    /// What there is to say; one sentence.
    pub text: String,
}

fn seconds_text(span: Duration) -> String {
    span.as_secs_f64().to_string()
}
