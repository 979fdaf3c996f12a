//! The C ABI: translation between `include/mccache.h` and the Rust API of `node`, and nothing else.
//!
//! The header is generated from this room by `cargo xtask header`: names, order and texts of the public items here are
//! the header's, and their documentation is written for a C reader. The conventions that hold for all of them (errors,
//! ownership, threads, text and bytes, times) stand once, at the header's top, in `cbindgen.toml`. What they ask of a
//! caller is what the `// SAFETY:` comments here rely on: a pointer is NULL or points to what its name says, for as
//! long as the call, and a handle is not used once it was freed.
//!
//! Invariants: every function runs inside `guard`, so that no panic crosses into C; handles are borrowed shared,
//! never exclusively, so that two threads inside calls on one handle are sound; results are written on success only.
//! No decision about caches is made here, and but for `src/node/fork.rs` no other room has `unsafe`.
#![expect(
    non_camel_case_types,
    reason = "items are named as in C, and the header's generator takes their names as they are"
)]
#![expect(
    clippy::missing_safety_doc,
    reason = "what a caller owes is the same for all functions and stands at the header's top"
)]

mod cache;
mod cbor;
mod cluster;
mod config;
mod duration;
mod entry;
mod events;
mod guard;
mod invalidation;
mod iter;
mod keys;
mod last_error;
mod lease;
mod load;
mod logs;
mod members;
mod node;
mod pointer;
mod stats;
mod status;
mod tags;
mod token;
mod value;

pub use cache::*;
pub use cbor::*;
pub use cluster::*;
pub use config::*;
pub use duration::*;
pub use entry::*;
pub use events::*;
pub use invalidation::*;
pub use iter::*;
pub use keys::*;
pub use last_error::*;
pub use lease::*;
pub use load::*;
pub use logs::*;
pub use members::*;
pub use node::*;
pub use stats::*;
pub use status::*;
pub use tags::*;
pub use token::*;
pub use value::*;

/// Handles go from thread to thread in C, where nobody checks.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<mcc_config_t>();
    shared::<mcc_node_t>();
    shared::<mcc_members_t>();
    shared::<mcc_cache_t>();
    shared::<mcc_iter_t>();
    shared::<mcc_lease_t>();
    shared::<mcc_load_policy_t>();
    shared::<mcc_events_t>();
    shared::<mcc_logs_t>();
    shared::<mcc_stats_t>();
    shared::<mcc_cluster_metrics_t>();
    shared::<mcc_checksums_t>();
};

/// What the header says in numbers is what the core uses.
const _: () = {
    assert!(MCC_KEY_LEN_MAX == crate::update::KEY_LEN_MAX);
    assert!(MCC_KEYS_MAX == crate::config::RING_KEYS_MAX);
    assert!(MCC_CODEC_RAW == crate::update::Codec::RAW.0);
    assert!(MCC_CODEC_TEXT == crate::update::Codec::TEXT.0);
    assert!(MCC_CODEC_CBOR == crate::update::Codec::CBOR.0);
};
