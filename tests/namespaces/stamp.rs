//! Values that tell who wrote them, and that cannot be mistaken for others: writer, counter, a hash of the key, and bytes
//! that follow from these three. A value that was cut, mixed or moved to another key does not pass [`check`].

use std::hash::Hasher;

use mccache::node::Cache;
use mccache::rng::Rng;
use siphasher::sip::SipHasher24;

/// Writer, counter, hash of the key.
const HEAD: usize = 24;

/// The number of a writer, from its name.
pub(crate) fn writer(name: &str) -> u64 {
    hash(name.as_bytes())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(1, 2);
    hasher.write(bytes);
    hasher.finish()
}

/// A value of `len` bytes, at least 24.
pub(crate) fn value(key: &[u8], writer: u64, counter: u64, len: usize) -> Vec<u8> {
    let key = hash(key);
    let mut value = Vec::with_capacity(len.max(HEAD) + 8);
    for word in [writer, counter, key] {
        value.extend_from_slice(&word.to_le_bytes());
    }
    let mut rng = Rng::new(writer ^ counter.rotate_left(20) ^ key);
    while value.len() < len {
        value.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    value.truncate(len.max(HEAD));
    value
}

/// The counter of a value, if it is whole and of this key.
pub(crate) fn check(key: &[u8], found: &[u8]) -> Result<u64, String> {
    let word = |at: usize| found.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let (Some(writer), Some(counter)) = (word(0), word(8)) else {
        return Err(format!("a value of {} bytes, which nobody wrote", found.len()));
    };
    match value(key, writer, counter, found.len()) == found {
        true => Ok(counter),
        false => Err(format!("the value of {} is not what was written there", hex(key.get(..64).unwrap_or(key)))),
    }
}

/// SHA-256 over all keys, codecs and values in the order of keys, and how many there are.
pub(crate) fn digest(cache: &Cache) -> Result<String, String> {
    let mut keys = cache.keys().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    keys.sort();
    let mut sum = ring::digest::Context::new(&ring::digest::SHA256);
    let mut entries = 0u64;
    for key in keys {
        let Some(value) = cache.get(&key).map_err(|error| error.to_string())? else { continue };
        check(&key, &value)?;
        entries += 1;
        for part in [&*key, &*value] {
            sum.update(&(part.len() as u64).to_le_bytes());
            sum.update(part);
        }
        sum.update(&[value.codec().0]);
    }
    Ok(format!("{} {entries}", hex(sum.finish().as_ref())))
}

/// Bytes in hexadecimal; a point for none, so that every key is a word.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() { ".".to_owned() } else { bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
}

/// What [`hex`] wrote. `64*ff` is 64 times that byte, for long keys.
pub(crate) fn unhex(word: &str) -> Result<Vec<u8>, String> {
    let broken = || format!("`{word}` is not hexadecimal");
    if word == "." {
        return Ok(Vec::new());
    }
    if let Some((times, byte)) = word.split_once('*') {
        return Ok(unhex(byte)?.repeat(times.parse().map_err(|_| broken())?));
    }
    let digits: Vec<char> = word.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).map_err(|_| broken());
    digits.chunks(2).map(byte).collect()
}
