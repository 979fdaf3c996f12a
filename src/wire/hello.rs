//! What a member says of itself, as CBOR so that fields can be added: unknown ones are ignored, missing ones default.

use serde::{Deserialize, Serialize};

/// Longest name that is believed; a longer one is cut at a character.
const NAME_LEN_MAX: usize = 64;

/// A member's description of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hello {
    /// The node's name, for people.
    pub name: String,
    /// The node's hybrid clock when the session began; of two sessions of one name the higher is the newer.
    pub boot_hlc: u64,
    /// The version of the software.
    pub version: String,
    /// Receive buffer the system granted, in bytes.
    pub receive_buffer: u64,
}

impl Hello {
    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut buf = Vec::new();
        // Writing plain strings and integers to a Vec has no way to fail; an empty hello is read as the default one.
        match ciborium::into_writer(self, &mut buf) {
            Ok(()) => buf,
            Err(_) => Vec::new(),
        }
    }

    /// Reads one; `None` if it is not CBOR of this shape.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Hello> {
        let mut hello: Hello = ciborium::from_reader(bytes).ok()?;
        let cut = hello.name.floor_char_boundary_compat(NAME_LEN_MAX);
        hello.name.truncate(cut);
        hello.version.truncate(hello.version.floor_char_boundary_compat(NAME_LEN_MAX));
        Some(hello)
    }
}

/// `str::floor_char_boundary` is newer than the oldest compiler we build with.
trait FloorCharBoundary {
    fn floor_char_boundary_compat(&self, at: usize) -> usize;
}

impl FloorCharBoundary for String {
    fn floor_char_boundary_compat(&self, at: usize) -> usize {
        if at >= self.len() {
            return self.len();
        }
        (0..=at).rev().find(|&i| self.is_char_boundary(i)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hello_round_trips_and_a_long_name_is_cut_at_a_character() {
        let hello = Hello { name: "é".repeat(100), boot_hlc: 5, version: "1.2.3".into(), receive_buffer: 9 };
        let read = Hello::decode(&hello.encode()).expect("own encoding");
        assert_eq!(read.name, "é".repeat(32));
        assert_eq!(Hello { name: hello.name.clone(), ..read }, hello);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = Hello::decode(&bytes);
        }
    }
}
