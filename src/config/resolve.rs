//! Gathered entries become [`Settings`]: defaults filled in, the host asked, settings checked against each other.
//!
//! The invariant: each setting ends as what the table says of it. Which network a node is on does not live here
//! (`network`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::entry::{Entries, Entry, defaults, merge};
use super::host::Host;
use super::network::{self, Network};
use super::settings::{CacheMode, CachePolicy, CacheSettings, LoadPolicy, Notice, RingKey, Settings};
use super::table::{Origin, known_setting};
use super::value::{NODE_NAME_BYTES_MAX, Value};
use crate::error::{Error, Result};

/// From this many minutes on, a cache_pulse was probably meant in seconds, as the original's README has it.
const PULSE_DOUBTFUL: Duration = Duration::from_secs(60 * 60);
/// Cache settings where nothing bounds anything: each has a default in the table, which takes its place.
const UNBOUNDED: CacheSettings = CacheSettings {
    ttl: None,
    max_entries: usize::MAX,
    max_bytes: usize::MAX,
    max_value: usize::MAX,
    mode: CacheMode::Replicate,
    policy: CachePolicy::S3Fifo,
    load: LoadPolicy {
        eager_refresh: 0,
        fail_safe: Duration::ZERO,
        throttle: Duration::ZERO,
        soft_timeout: None,
        hard_timeout: None,
    },
};

/// The settings that `given` and, for single caches, `caches` amount to on `host`.
pub(super) fn settings(given: &Entries, caches: &BTreeMap<String, Entries>, host: &impl Host) -> Result<Settings> {
    let mut entries = defaults()?;
    merge(&mut entries, given.clone());
    let values = Values(&entries);
    let mut notices = notices(&entries);

    let cluster = values.text("cluster")?;
    let crypto_key = values.key("crypto_key")?;
    let insecure = values.flag("insecure")?;
    let multicast_port = values.port("multicast_port")?;
    let permits = network::Permits { key: !crypto_key.is_empty(), insecure };
    let Network { interface, multicast, members, unicast_port } =
        network::resolve(&entries, &cluster, multicast_port, permits, host, &mut notices)?;
    let cache = cache_settings(&entries, &UNBOUNDED)?;
    let caches = caches.iter().map(|(name, own)| Ok((name.clone(), cache_settings(own, &cache)?)));
    Ok(Settings {
        node_name: if entries.contains_key("node_name") { values.text("node_name")? } else { made_up_name(host) },
        crypto_key,
        insecure,
        interface,
        multicast,
        multicast_port,
        members,
        unicast_port,
        multicast_hops: values.byte("multicast_hops")?,
        max_payload: values.size("packet_mtu")?,
        receive_buffer: values.size("receive_buffer")?,
        callback_window: values.span("callback_win")?,
        audit_interval: values.span("cache_pulse")?,
        max_clock_skew: values.span("max_clock_skew")?,
        log_filename: values.file("log_filename")?,
        log_level: values.log_level("log_level")?,
        drop_percent: values.byte("test_drop_percent")?,
        caches: caches.collect::<Result<_>>()?,
        cache,
        cluster,
        notices,
    })
}

/// The cache settings among `entries`, over `base`.
pub(super) fn cache_settings(entries: &Entries, base: &CacheSettings) -> Result<CacheSettings> {
    let values = Values(entries);
    let given = |name| entries.contains_key(name);
    let mut settings = base.clone();
    if given("cache_ttl") {
        settings.ttl = Some(values.span("cache_ttl")?).filter(|ttl| !ttl.is_zero());
    }
    if given("cache_max") {
        settings.max_entries = values.size("cache_max")?;
    }
    if given("cache_size") {
        settings.max_bytes = values.size("cache_size")?;
    }
    if given("max_value") {
        settings.max_value = values.size("max_value")?;
    }
    if given("cache_mode") {
        settings.mode = values.mode("cache_mode")?;
    }
    if given("cache_policy") {
        settings.policy = values.policy("cache_policy")?;
    }
    load_policy(entries, &mut settings.load)?;
    Ok(settings)
}

fn load_policy(entries: &Entries, policy: &mut LoadPolicy) -> Result<()> {
    let values = Values(entries);
    let span = |name| entries.contains_key(name).then(|| values.span(name)).transpose();
    if entries.contains_key("eager_refresh") {
        policy.eager_refresh = values.share("eager_refresh")?;
    }
    if let Some(fail_safe) = span("fail_safe")? {
        policy.fail_safe = fail_safe;
    }
    if let Some(throttle) = span("fail_safe_throttle")? {
        policy.throttle = throttle;
    }
    if let Some(timeout) = span("load_soft_timeout")? {
        policy.soft_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    }
    if let Some(timeout) = span("load_hard_timeout")? {
        policy.hard_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    }
    Ok(())
}

/// What has to be said about the entries that were given.
fn notices(entries: &Entries) -> Vec<Notice> {
    let given = entries.iter().filter(|(_, entry)| !entry.is_default());
    given.filter_map(|(name, entry)| Some(Notice { setting: name, text: remark(name, entry)? })).collect()
}

fn remark(name: &str, entry: &Entry) -> Option<String> {
    let setting = known_setting(name)?;
    if setting.origin == Origin::Obsolete {
        return Some(format!("`{name}` in {} is ignored: {}", entry.source, setting.meaning));
    }
    match &entry.value {
        Value::Ignored if !entry.shown.trim().eq_ignore_ascii_case("text") => {
            Some(format!("`{name}` = `{}` in {} is ignored: `text` is the only format", entry.shown, entry.source))
        }
        Value::Group(Some(IpAddr::V4(address)), _) if address.octets().starts_with(&[224, 0, 0]) => Some(format!(
            "`{name}` = {address} in {} is in the link-local control block (224.0.0.0/24): it reaches every host of \
             the network, whether it listens or not, and no router passes it on; one from 239.192.0.0/14 is better",
            entry.source
        )),
        Value::Span(pulse) if name == "cache_pulse" && *pulse >= PULSE_DOUBTFUL && is_bare(&entry.shown) => {
            Some(format!(
                "`{name}` = {} in {} is in minutes, as in the original's code; if seconds were meant, as in its README, \
             divide by 60",
                entry.shown, entry.source
            ))
        }
        _ => None,
    }
}

/// Whether a length of time has no unit behind it: whoever wrote one knew what it meant.
fn is_bare(text: &str) -> bool {
    !text.trim_end().ends_with(|c: char| c.is_ascii_alphabetic())
}

/// Host name and process id, cut so that the name is one the table accepts.
fn made_up_name(host: &impl Host) -> String {
    let process = format!("-{}", host.process());
    let mut name: String = host.name().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() {
        name.push_str("node");
    }
    let room = NODE_NAME_BYTES_MAX.saturating_sub(process.len());
    while name.len() > room {
        name.pop();
    }
    name + &process
}

/// The table says which kind of value a setting has; asking for another is this crate's mistake.
pub(super) fn mismatch(name: &str) -> Error {
    Error::Internal(format!("setting `{name}` has a value of another kind than it is read as"))
}

/// Checked values by name.
struct Values<'a>(&'a Entries);

macro_rules! getters {
    ($($getter:ident: $variant:ident -> $type:ty,)*) => {
        $(fn $getter(&self, name: &str) -> Result<$type> {
            match self.0.get(name).map(|entry| &entry.value) {
                Some(Value::$variant(value)) => Ok(value.clone()),
                _ => Err(mismatch(name)),
            }
        })*
    };
}

impl Values<'_> {
    getters! {
        span: Span -> Duration,
        share: Share -> u16,
        number: Number -> u64,
        flag: Flag -> bool,
        key: Key -> Vec<RingKey>,
        mode: Mode -> CacheMode,
        policy: Policy -> CachePolicy,
        text: Text -> String,
        file: File -> Option<PathBuf>,
        log_level: LogLevel -> tracing::Level,
    }

    /// A number of bytes or entries. What exceeds the address space (on 32 bits) is as good as no bound.
    fn size(&self, name: &str) -> Result<usize> {
        Ok(usize::try_from(self.number(name)?).unwrap_or(usize::MAX))
    }

    fn byte(&self, name: &str) -> Result<u8> {
        u8::try_from(self.number(name)?).map_err(|_too_large| mismatch(name))
    }

    fn port(&self, name: &str) -> Result<u16> {
        u16::try_from(self.number(name)?).map_err(|_too_large| mismatch(name))
    }
}
