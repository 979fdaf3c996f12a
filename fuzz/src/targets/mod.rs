//! What is fuzzed: functions from any bytes to nothing, which panic if something that must hold does not.
//!
//! They know no fuzzer: libFuzzer runs them (`fuzz/src/main.rs`), and so does a plain driver that mutates the seeds by a
//! fixed random sequence (`tests/fuzz.rs`). Each has a folder of seeds in `fuzz/corpus/`; what once failed is kept there
//! as `pinned-*`.

mod abi;
mod cbor;
mod config;
mod control;
mod datagram;
mod frames;
mod input;
mod intruder;
mod reassembly;

/// One target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Its name, and that of its folder of seeds.
    pub(crate) name: &'static str,
    /// Runs one input.
    pub(crate) run: fn(&[u8]),
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "datagram", run: datagram::run },
    Target { name: "frames", run: frames::run },
    Target { name: "reassembly", run: reassembly::run },
    Target { name: "control", run: control::run },
    Target { name: "config", run: config::run },
    Target { name: "cbor", run: cbor::run },
    Target { name: "abi", run: abi::run },
];

/// The target called `name`.
pub(crate) fn called(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
