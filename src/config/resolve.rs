//! Gathered entries become [`Settings`]: defaults filled in, the host asked, settings checked against each other.
//!
//! The invariant: nothing unauthenticated leaves the host by accident. A node is on a network only if it has a key, or
//! if an interface and `insecure` were both asked for.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::entry::{Entries, Entry, defaults, merge};
use super::host::Host;
use super::settings::{CacheMode, CacheSettings, Notice, RingKey, Settings};
use super::table::{Origin, known_setting};
use super::value::{NODE_NAME_BYTES_MAX, Value, Wish};
use crate::error::{Error, Result};
use crate::group::default_group;

/// From this many minutes on, a cache_pulse was probably meant in seconds, as the original's README has it.
const PULSE_DOUBTFUL: Duration = Duration::from_secs(60 * 60);
/// Cache settings where nothing bounds anything: each has a default in the table, which takes its place.
const UNBOUNDED: CacheSettings = CacheSettings {
    ttl: None,
    max_entries: usize::MAX,
    max_bytes: usize::MAX,
    max_value: usize::MAX,
    mode: CacheMode::Replicate,
};

/// The settings that `given` and, for single caches, `caches` amount to on `host`.
pub(super) fn settings(given: &Entries, caches: &BTreeMap<String, Entries>, host: &impl Host) -> Result<Settings> {
    let mut entries = defaults()?;
    merge(&mut entries, given.clone());
    let values = Values(&entries);
    let mut notices = notices(&entries);

    let cluster = values.text("cluster")?;
    let multicast = group(&values, &cluster)?;
    let crypto_key = values.key("crypto_key")?;
    let insecure = values.flag("insecure")?;
    let interface = match values.0.get("interface") {
        Some(entry) => wished(entry, !crypto_key.is_empty() || insecure, host)?,
        None if !crypto_key.is_empty() => by_route(multicast, host, &mut notices),
        None => None,
    };
    let cache = cache_settings(&entries, &UNBOUNDED)?;
    let caches = caches.iter().map(|(name, own)| Ok((name.clone(), cache_settings(own, &cache)?)));
    Ok(Settings {
        node_name: if entries.contains_key("node_name") { values.text("node_name")? } else { made_up_name(host) },
        crypto_key,
        insecure,
        interface,
        multicast,
        multicast_hops: values.byte("multicast_hops")?,
        max_payload: values.size("packet_mtu")?,
        receive_buffer: values.size("receive_buffer")?,
        callback_window: values.span("callback_win")?,
        audit_interval: values.span("cache_pulse")?,
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
    Ok(settings)
}

/// The group and port, which `multicast_ip` may hold both of.
fn group(values: &Values<'_>, cluster: &str) -> Result<SocketAddr> {
    let (address, port) = match values.0.get("multicast_ip").map(|entry| &entry.value) {
        Some(Value::Group(address, port)) => (*address, *port),
        Some(_) => return Err(mismatch("multicast_ip")),
        None => (default_group(cluster), None),
    };
    let port = match port {
        Some(port) => port,
        None => values.port("multicast_port")?,
    };
    Ok(SocketAddr::from((address, port)))
}

/// The address of the interface that was asked for, `None` for this host only.
fn wished<H: Host>(entry: &Entry, may_leave_host: bool, host: &H) -> Result<Option<Ipv4Addr>> {
    let Value::Interface(wish) = &entry.value else { return Err(mismatch("interface")) };
    let refuse = |expected: String| Error::BadSetting {
        name: "interface".to_owned(),
        value: entry.shown.clone(),
        source_name: entry.source.clone(),
        expected,
    };
    if *wish == Wish::Host {
        return Ok(None);
    }
    let interfaces = host.interfaces().map_err(|error| refuse(format!("a host that lists its interfaces: {error}")))?;
    let found = interfaces.iter().find(|(name, address)| match wish {
        Wish::Host => false,
        Wish::Address(wanted) => address == wanted,
        Wish::Named(wanted) => name == wanted,
    });
    let Some((_, address)) = found else {
        let known: Vec<String> = interfaces.iter().map(|(name, address)| format!("{name} ({address})")).collect();
        return Err(refuse(format!("`host` or an interface of this host with an IPv4 address: {}", known.join(", "))));
    };
    if address.is_loopback() {
        return Ok(None);
    }
    if !may_leave_host {
        return Err(refuse(
            "a `crypto_key` beside it, so that only members can read and write the caches, or `insecure` = true if \
             all on that network may"
                .to_owned(),
        ));
    }
    Ok(Some(*address))
}

/// The interface of a cluster that has a key and names none: the one datagrams to its group leave by.
fn by_route(group: SocketAddr, host: &impl Host, notices: &mut Vec<Notice>) -> Option<Ipv4Addr> {
    match host.address_towards(group) {
        Ok(address) => Some(address),
        Err(error) => {
            let text = format!(
                "no network leads to the group {group} ({error}): only nodes of this host are reached; name an \
                 `interface`, or set it to `host` if that is meant"
            );
            notices.push(Notice { setting: "interface", text });
            None
        }
    }
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
        Value::Group(address, _) if address.octets().starts_with(&[224, 0, 0]) => Some(format!(
            "`{name}` = {address} in {} is in the link-local control block (224.0.0.0/24): it reaches every host of \
             the network, whether it listens or not, and no router passes it on; one from 239.192.0.0/14 is better",
            entry.source
        )),
        Value::Span(pulse) if name == "cache_pulse" && *pulse >= PULSE_DOUBTFUL => Some(format!(
            "`{name}` = {} in {} is in minutes, as in the original's code; if seconds were meant, as in its README, \
             divide by 60",
            entry.shown, entry.source
        )),
        _ => None,
    }
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
fn mismatch(name: &str) -> Error {
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
        number: Number -> u64,
        flag: Flag -> bool,
        key: Key -> Vec<RingKey>,
        mode: Mode -> CacheMode,
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
