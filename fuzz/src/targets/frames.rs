//! The readers of `wire`: total on any bytes, and what was read is written back as it was.

use mccache::wire::{Frames, Header, Hello, Preamble, decode_update, encode_update};

/// Runs one input: everything that may be in a datagram.
pub(super) fn run(input: &[u8]) {
    if let Some(header) = Header::decode(input) {
        let mut again = Vec::new();
        header.encode(&mut again);
        assert_eq!(input.get(..again.len()), Some(&again[..]), "a header");
    }
    if let Some((preamble, frames)) = Preamble::decode(input) {
        let mut again = Vec::new();
        preamble.encode(&mut again);
        assert_eq!(input.len(), again.len() + frames.len(), "a preamble");
    }
    if let Some(hello) = Hello::decode(input) {
        assert_eq!(Hello::decode(&hello.encode()), Some(hello), "a hello");
    }
    if let Some((cache, update)) = decode_update(input) {
        let mut again = Vec::new();
        encode_update(cache, &update, &mut again);
        assert_eq!(input, again, "an update");
    }
    for frame in Frames::new(input).flatten() {
        let mut again = Vec::new();
        frame.encode(&mut again);
        assert_eq!(again.len(), frame.encoded_len(), "{frame:?}");
        assert_eq!(Frames::new(&again).next(), Some(Ok(frame)), "{frame:?}");
    }
}
