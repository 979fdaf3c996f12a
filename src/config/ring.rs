//! The cluster's keys as text: `ID:KEY`, or several of them, the first of which is the primary.
//!
//! The invariant: no text that is made here repeats a character of a key. What keys do does not live here (`crypto`).

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::settings::{RingKey, Secret};
use crate::error::{Error, Result};

/// Most keys of a ring: a rotation needs two, and none needs eight.
pub const RING_KEYS_MAX: usize = 8;

/// The id of a key that is given without one.
const ID_DEFAULT: u8 = 1;

/// Digits of 32 bytes in hexadecimal.
const HEX_DIGITS: usize = 64;

/// Reads one key: `ID:KEY` or `KEY` alone, which has the id 1. KEY is 32 bytes in base64 (RFC 4648, standard or URL-safe
/// alphabet, padded or not) or in 64 hexadecimal digits; ID is 1 to 255.
///
/// # Errors
/// [`Error::InvalidArgument`], in words that never contain the text itself.
pub fn parse_key(text: &str) -> Result<RingKey> {
    read_key(text.trim()).map_err(|reason| Error::InvalidArgument { name: "key", reason })
}

/// The keys of a ring, separated by commas or white space; none for an empty text. Otherwise what is wrong.
pub(super) fn read_ring(text: &str) -> std::result::Result<Vec<RingKey>, String> {
    let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
    let mut ring: Vec<RingKey> = Vec::new();
    for (place, part) in (1..).zip(parts) {
        let key =
            read_key(part).map_err(|reason| if place == 1 { reason } else { format!("key {place}: {reason}") })?;
        if ring.iter().any(|other| other.id == key.id) {
            return Err(format!(
                "key id {} is given twice; `mccache keygen` makes a key with an id of its own",
                key.id
            ));
        }
        if ring.len() == RING_KEYS_MAX {
            return Err(format!("more than {RING_KEYS_MAX} keys"));
        }
        ring.push(key);
    }
    Ok(ring)
}

fn read_key(text: &str) -> std::result::Result<RingKey, String> {
    let (id, key) = match text.split_once(':') {
        None => (ID_DEFAULT, text),
        Some((id, key)) => match id.parse() {
            Ok(id) if id != 0 => (id, key),
            _ => return Err("what stands before the colon is not a key id of 1 to 255".to_owned()),
        },
    };
    Ok(RingKey { id, secret: Secret(read_secret(key)?) })
}

fn read_secret(text: &str) -> std::result::Result<[u8; 32], String> {
    let wrong_length = |len: usize| format!("{len} bytes where 32 make a key");
    if text.len() == HEX_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let mut secret = [0; 32];
        for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_checked_above| "not hexadecimal".to_owned())?;
        }
        return Ok(secret);
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let bytes = GeneralPurpose::new(alphabet, lenient).decode(text).map_err(|error| match error {
        // The library's own text would repeat a character of the secret.
        base64::DecodeError::InvalidByte(at, _) => format!("character {} of the key is not base64", at + 1),
        _ => "damaged or cut base64".to_owned(),
    })?;
    bytes.try_into().map_err(|bytes: Vec<u8>| wrong_length(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base64 of the bytes 0xe0..=0xff: it uses both characters in which the alphabets differ.
    const STANDARD: &str = "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=";

    fn counting_bytes() -> [u8; 32] {
        std::array::from_fn(|at| 0xe0 + u8::try_from(at).expect("below 32"))
    }

    #[test]
    fn a_key_is_read_in_each_form_with_or_without_an_id() {
        let hex: String = counting_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let url_safe = STANDARD.replace('+', "-").replace('/', "_");
        for text in [STANDARD, &url_safe, STANDARD.trim_end_matches('='), &format!(" \t{STANDARD}\r\n"), &hex] {
            let key = parse_key(text).expect(text);
            assert_eq!((key.id, key.secret.0), (1, counting_bytes()), "{text}");
        }
        for id in [1, 2, 255] {
            let key = parse_key(&format!("{id}:{STANDARD}")).expect("an id");
            assert_eq!((key.id, key.secret.0), (id, counting_bytes()));
        }
    }

    #[test]
    fn a_bad_key_is_refused_by_what_is_wrong_without_repeating_it() {
        let cases = [
            (STANDARD[..40].to_owned(), "30 bytes"),
            (format!("{STANDARD}{STANDARD}"), "not base64"),
            (STANDARD.replace('T', "%"), "character 7 of the key is not base64"),
            (STANDARD.replace('8', "9"), "damaged or cut"),
            (format!("{}AA", &STANDARD[..42]), "33 bytes"),
            (format!("{}==", "A".repeat(42)), "31 bytes"),
            (format!("{}\u{e9}=", &STANDARD[..41]), "not base64"),
            (format!("0:{STANDARD}"), "key id of 1 to 255"),
            (format!("256:{STANDARD}"), "key id of 1 to 255"),
            (format!("{STANDARD}:1"), "key id of 1 to 255"),
            (format!("1:1:{STANDARD}"), "not base64"),
            (String::new(), "0 bytes"),
        ];
        for (text, expected) in cases {
            let error = parse_key(&text).expect_err(&text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(text.is_empty() || !error.contains(&text), "{error}");
            assert!(!error.contains('%') && !error.contains("4OHi"), "{error}");
        }
    }

    #[test]
    fn a_ring_is_up_to_eight_keys_of_different_ids() {
        let ids = |text: &str| read_ring(text).map(|ring| ring.iter().map(|key| key.id).collect::<Vec<u8>>());
        assert_eq!(ids(""), Ok(vec![]));
        assert_eq!(ids(&format!("7:{STANDARD},{STANDARD} \n 3:{STANDARD},")), Ok(vec![7, 1, 3]));
        let ring = |count: u8| (1..=count).map(|id| format!("{id}:{STANDARD}")).collect::<Vec<String>>().join(",");
        assert_eq!(ids(&ring(8)).map(|ids| ids.len()), Ok(8));
        for (text, expected) in [
            (ring(9), "more than 8 keys"),
            (format!("2:{STANDARD},2:{STANDARD}"), "key id 2 is given twice"),
            (format!("2:{STANDARD},3:short"), "key 2: damaged or cut"),
        ] {
            let error = ids(&text).expect_err(&text);
            assert!(error.contains(expected) && !error.contains("4OHi"), "{error}");
        }
    }
}
