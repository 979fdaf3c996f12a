//! Texts become checked values: what each kind of setting accepts, and how that is said.
//!
//! The invariant: the sentence of [`Kind::expected`] and the check of [`Kind::parse`] come from the same bounds, so an
//! error and the documents never promise what is refused. Which setting has which kind does not live here (`table`).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;

use super::ring::{RING_KEYS_MAX, read_ring};
use super::settings::{CacheMode, CachePolicy, RingKey};

/// Longest name of a node in bytes.
pub(super) const NODE_NAME_BYTES_MAX: usize = 64;
/// Longest path of a log file in bytes; Linux's own bound (PATH_MAX).
const PATH_BYTES_MAX: usize = 4096;
/// Most entries of a list of members; each that is silent is greeted once a second.
const PLACES_MAX: usize = 256;
/// Longest name in DNS in bytes (RFC 1035, 2.3.4, as text).
const HOST_BYTES_MAX: usize = 253;
/// Longest name of a network interface or text of an address in bytes. Linux ends at 15, Windows has long ones.
const INTERFACE_BYTES_MAX: usize = 255;
/// Most characters of a refused value that an error repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// What a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A length of time in seconds, whole or decimal; `zero` says what 0 means where it is accepted too.
    Seconds { min: f64, max: f64, zero: Option<&'static str> },
    /// A length of time in minutes, whole or decimal.
    Minutes { min: f64, max: f64 },
    /// A share of something; 0 is accepted too, and this says what it means.
    Share { min: f64, max: f64, zero: &'static str },
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A number of bytes, with or without a suffix.
    Bytes { min: u64, max: u64 },
    /// Yes or no.
    Flag,
    /// The cluster's keys, or empty for none.
    Key,
    /// A multicast address, with or without a port, or none.
    Group,
    /// Where members may be found.
    Members,
    /// A network interface.
    Interface,
    /// How a cache takes part in the cluster.
    Mode,
    /// Which entry goes when room is to be made.
    Policy,
    /// A word that goes on the wire.
    Label { max: usize },
    /// A name for people.
    Name { max: usize },
    /// A file, or empty for none.
    File,
    /// How much is logged.
    LogLevel,
    /// Whatever is said is read by nobody.
    Anything,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Span(Duration),
    /// In thousandths.
    Share(u16),
    Number(u64),
    Flag(bool),
    Key(Vec<RingKey>),
    /// None: no multicast.
    Group(Option<IpAddr>, Option<u16>),
    Members(Vec<Place>),
    Interface(Wish),
    Mode(CacheMode),
    Policy(CachePolicy),
    Text(String),
    File(Option<PathBuf>),
    LogLevel(Level),
    /// Of a setting that nobody reads.
    Ignored,
}

/// Which interface was asked for; whether this host has it is looked up when the settings are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// This host only.
    Host,
    /// This host only, by IPv6.
    HostV6,
    Address(IpAddr),
    Named(String),
}

/// Where a member may be found; without a port at the one that holds for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Address(IpAddr, Option<u16>),
    Name(String, Option<u16>),
    Service(String),
}

/// A text was refused; what is accepted in its place, where that says more than [`Kind::expected`].
pub(super) type Refused = Option<String>;

impl Kind {
    /// What is accepted, in words that follow "expected".
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Seconds { min, max, zero: None } => format!("a number of seconds from {min} to {max}"),
            Kind::Seconds { min, max, zero: Some(zero) } => {
                format!("0 ({zero}), or a number of seconds from {min} to {max}")
            }
            Kind::Minutes { min, max } => format!("a number of minutes from {min} to {max}"),
            Kind::Share { min, max, zero } => format!("0 ({zero}), or a number from {min} to {max}"),
            Kind::Count { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Bytes { min, max } => format!(
                "bytes from {} to {}, a whole number alone or with k, M or G (KiB, MiB, GiB: powers of 1024)",
                bytes_text(*min),
                bytes_text(*max)
            ),
            Kind::Flag => "true or false (also 1, 0, yes, no, on, off)".to_owned(),
            Kind::Key => format!(
                "a key: 32 bytes in base64 (44 characters, either alphabet) or 64 hexadecimal digits, with an id of 1 to \
                 255 and a colon before it or without (id 1); or up to {RING_KEYS_MAX} keys of different ids with commas \
                 between them, the primary first; or nothing for no key"
            ),
            Kind::Group => "a multicast address of IPv4 (224.0.0.0 to 239.255.255.255) or IPv6 (ff00::/8), alone or \
                            with a port from 1 to 65535, like 239.192.7.1:4000 or [ff15::1]:4000, or `none`"
                .to_owned(),
            Kind::Members => format!(
                "at most {PLACES_MAX} addresses or names with `dns:` before them, each alone or with a port, like \
                 10.0.0.5:4000, [fd00::5]:4000 or dns:cache.svc:4000, or services like srv:_mccache._udp.cache.svc; a list, \
                 or text with commas"
            ),
            Kind::Interface => {
                "an address of this host, an interface's name like eth0, or `host` for this host only".to_owned()
            }
            Kind::Mode => "`replicate` (also `full`, `1`), `partial` (also `0`), `invalidate` or `local`".to_owned(),
            Kind::Policy => CachePolicy::ALL.map(|policy| format!("`{}`", policy.name())).join(", "),
            Kind::Label { max } => format!("1 to {max} printable ASCII characters without spaces"),
            Kind::Name { max } => format!("1 to {max} bytes of UTF-8 without control characters"),
            Kind::File => format!("a file's path of at most {PATH_BYTES_MAX} bytes, or nothing for no file"),
            Kind::LogLevel => "error, warn, info, debug or trace".to_owned(),
            Kind::Anything => "anything; it is ignored".to_owned(),
        }
    }

    /// The checked value of `text`; spaces around it do not count.
    pub(super) fn parse(&self, text: &str) -> Result<Value, Refused> {
        let text = text.trim();
        match self {
            Kind::Seconds { min, max, zero } => span(text, 1.0, *min, *max, zero.is_some()),
            Kind::Minutes { min, max } => span(text, 60.0, *min, *max, false),
            Kind::Share { min, max, .. } => share(text, *min, *max),
            Kind::Count { min, max } => within(text.parse().ok(), *min, *max),
            Kind::Bytes { min, max } => within(bytes(text), *min, *max),
            Kind::Flag => flag(text),
            Kind::Key => key(text),
            Kind::Group => group(text),
            Kind::Members => places(text),
            Kind::Interface => interface(text),
            Kind::Mode => mode(text),
            Kind::Policy => policy(text),
            Kind::Label { max } => text_if(text, *max, |c| c.is_ascii_graphic()),
            Kind::Name { max } => text_if(text, *max, |c| !c.is_control()),
            Kind::File => file(text),
            Kind::LogLevel => log_level(text),
            Kind::Anything => Ok(Value::Ignored),
        }
    }
}

/// A refused value as an error repeats it: on one line and not at length.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// `n` bytes in the largest unit that needs no fraction.
pub(super) fn bytes_text(n: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if n != 0 && n % (1 << shift) == 0 {
            return format!("{} {unit}", n >> shift);
        }
    }
    n.to_string()
}

/// A length of time, in the setting's unit or with one of its own behind it: a program that has one as a duration need not
/// know which settings are in minutes.
fn span(text: &str, unit_seconds: f64, min: f64, max: f64, zero: bool) -> Result<Value, Refused> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.strip_prefix(number).unwrap_or_default() {
        "" => unit_seconds,
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(None),
    } * number.trim_end().parse::<f64>().map_err(|_not_a_number| None)?;
    // Not a number is in no range, so it is refused here too.
    if !((min * unit_seconds..=max * unit_seconds).contains(&seconds) || (zero && seconds == 0.0)) {
        return Err(None);
    }
    Duration::try_from_secs_f64(seconds).map(Value::Span).map_err(|_too_long| None)
}

fn share(text: &str, min: f64, max: f64) -> Result<Value, Refused> {
    let number: f64 = text.parse().map_err(|_not_a_number| None)?;
    if !((min..=max).contains(&number) || number == 0.0) {
        return Err(None);
    }
    // The nearest of a thousand, found by comparing: no conversion from a float is lossless.
    let of = |thousandths: u16| (f64::from(thousandths) / 1_000.0 - number).abs();
    (0..=1_000).min_by(|a, b| of(*a).total_cmp(&of(*b))).map(Value::Share).ok_or(None)
}

fn within(number: Option<u64>, min: u64, max: u64) -> Result<Value, Refused> {
    number.filter(|n| (min..=max).contains(n)).map(Value::Number).ok_or(None)
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let unit: u64 = match suffix.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn flag(text: &str) -> Result<Value, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Value::Flag(true)),
        "false" | "0" | "no" | "off" => Ok(Value::Flag(false)),
        _ => Err(None),
    }
}

fn key(text: &str) -> Result<Value, Refused> {
    read_ring(text).map(Value::Key).map_err(|wrong| Some(format!("{}; this is not: {wrong}", Kind::Key.expected())))
}

fn group(text: &str) -> Result<Value, Refused> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Value::Group(None, None));
    }
    let (address, port) = address(text).ok_or(None)?;
    if address.is_multicast() { Ok(Value::Group(Some(address), port)) } else { Err(None) }
}

/// An address alone or with a port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then(|| (address.ip(), Some(address.port())));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().filter(IpAddr::is_ipv6).map(|address| (address, None)),
        None => text.parse().ok().map(|address| (address, None)),
    }
}

/// Whether one host has this address alone.
fn is_one_host_s(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(broadcast || address.is_unspecified() || address.is_multicast())
}

fn places(text: &str) -> Result<Value, Refused> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    let places = words.map(place).collect::<Result<Vec<Place>, Refused>>()?;
    if places.len() > PLACES_MAX { Err(None) } else { Ok(Value::Members(places)) }
}

fn place(word: &str) -> Result<Place, Refused> {
    if let Some(name) = word.strip_prefix("dns:") {
        let (host, port) = match name.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(None)?)),
            None => (name, None),
        };
        return if is_dns_name(host) { Ok(Place::Name(host.to_owned(), port)) } else { Err(None) };
    }
    if let Some(name) = word.strip_prefix("srv:") {
        return match name.split_once(':') {
            None if is_dns_name(name) => Ok(Place::Service(name.to_owned())),
            Some(_) => Err(Some(format!("{}; SRV records tell the ports", Kind::Members.expected()))),
            None => Err(None),
        };
    }
    match address(word) {
        Some((address, port)) if is_one_host_s(address) => Ok(Place::Address(address, port)),
        _ => Err(None),
    }
}

fn is_dns_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=HOST_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn interface(text: &str) -> Result<Value, Refused> {
    if matches!(text, "" | "host" | "lo") {
        return Ok(Value::Interface(Wish::Host));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        if !is_one_host_s(address) {
            return Err(None);
        }
        return Ok(Value::Interface(match address {
            IpAddr::V4(address) if address.is_loopback() => Wish::Host,
            IpAddr::V6(address) if address.is_loopback() => Wish::HostV6,
            address => Wish::Address(address),
        }));
    }
    if text.len() > INTERFACE_BYTES_MAX || text.contains(char::is_control) {
        return Err(None);
    }
    Ok(Value::Interface(Wish::Named(text.to_owned())))
}

fn mode(text: &str) -> Result<Value, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "replicate" | "full" | "1" => Ok(Value::Mode(CacheMode::Replicate)),
        "partial" | "0" => Ok(Value::Mode(CacheMode::Partial)),
        "invalidate" => Ok(Value::Mode(CacheMode::Invalidate)),
        "local" => Ok(Value::Mode(CacheMode::Local)),
        _ => Err(None),
    }
}

fn policy(text: &str) -> Result<Value, Refused> {
    let named = |policy: &CachePolicy| text.eq_ignore_ascii_case(policy.name());
    CachePolicy::ALL.into_iter().find(named).map(Value::Policy).ok_or(None)
}

fn text_if(text: &str, max: usize, accepts: impl Fn(char) -> bool) -> Result<Value, Refused> {
    let fits = (1..=max).contains(&text.len()) && text.chars().all(accepts);
    if fits { Ok(Value::Text(text.to_owned())) } else { Err(None) }
}

fn file(text: &str) -> Result<Value, Refused> {
    if text.len() > PATH_BYTES_MAX || text.contains('\0') {
        return Err(None);
    }
    Ok(Value::File((!text.is_empty()).then(|| PathBuf::from(text))))
}

fn log_level(text: &str) -> Result<Value, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "error" => Ok(Value::LogLevel(Level::ERROR)),
        "warn" => Ok(Value::LogLevel(Level::WARN)),
        "info" => Ok(Value::LogLevel(Level::INFO)),
        "debug" => Ok(Value::LogLevel(Level::DEBUG)),
        "trace" => Ok(Value::LogLevel(Level::TRACE)),
        _ => Err(None),
    }
}
