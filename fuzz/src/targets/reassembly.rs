//! Fragments of a member, cut, ordered, doubled and left out in any way: what becomes visible is whole.

use std::time::Duration;

use mccache::time::{Deadline, WallMs};
use mccache::update::{Codec, Update, UpdateKind};
use mccache::wire::{Frame, Kind, encode_update};

use super::input::Input;
use super::intruder::{Attack, CACHE};

/// Updates that the fragments are cut from.
const OBJECTS: u8 = 20;

struct Object {
    key: [u8; 1],
    value: Vec<u8>,
    encoded: Vec<u8>,
}

/// Runs one input: which update, which cut of it, how long to wait before the next.
pub(super) fn run(input: &[u8]) {
    let mut input = Input(input);
    let mut attack = Attack::begin_inside();
    let objects: Vec<Object> = (0..OBJECTS).map(|place| object(&attack, &mut input, place)).collect();
    while !input.is_empty() {
        let object = &objects[usize::from(input.below(OBJECTS))];
        let number = u64::from(object.key[0] % 18);
        let choice = input.below(16);
        let (from, len) = (usize::from(input.u16()), 1 + usize::from(input.u16()) % 1_200);
        let start = from % object.encoded.len();
        let end = object.encoded.len().min(start + len);
        let total = match choice {
            0 => input.u32(),
            _ => u32::try_from(object.encoded.len()).expect("short"),
        };
        let offset = if choice == 1 { input.u32() } else { u32::try_from(start).expect("short") };
        // Only the right cut carries bytes: a member that lies about them is believed, and nothing would follow from it.
        let bytes = if choice < 2 { &[][..] } else { &object.encoded[start..end] };
        let mut frame = Vec::new();
        Frame::Fragment { object: number, total, offset, bytes }.encode(&mut frame);
        attack.send(Kind::Data, 0, u64::from(choice == 2) + 1, &frame);
        if choice == 3 {
            attack.pass(Duration::from_millis(u64::from(input.u16()) % 6_000));
        }
        attack.turn();
    }
    for object in &objects {
        if let Some(entry) = attack.store.peek(&object.key, WallMs(0)) {
            let known = objects.iter().any(|object| *object.value == *entry.value);
            assert!(known, "key {} has a value that was never sent", object.key[0]);
        }
    }
}

fn object(attack: &Attack, input: &mut Input<'_>, place: u8) -> Object {
    let len = usize::from(input.u8()) * 16;
    let value: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0] ^ place).collect();
    let update = Update {
        kind: UpdateKind::Put,
        key: &[place],
        value: &value,
        codec: Codec::RAW,
        version: attack.version(u16::from(place)),
        deadline: Deadline::NEVER,
    };
    let mut encoded = Vec::new();
    encode_update(CACHE, &update, &mut encoded);
    Object { key: [place], value, encoded }
}
