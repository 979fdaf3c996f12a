//! mccache: a cache inside every process, kept coherent across the cluster by UDP multicast, with no server.
//!
//! A [`Node`](node::Node) is this process's membership in a cluster; a [`Cache`](node::Cache) is a named map of byte keys
//! to byte values that the members hold in common. Reads and writes touch local memory only. A driver thread tells the
//! others what was written, sealed, by multicast; repairs what the network loses; and fills who joins.
//!
//! From the top down, each layer knowing only those below it (`cargo xtask tidy` enforces the arrows):
//!
//! * [`ffi`]: the C functions of `include/mccache.h`. Translation only.
//! * [`node`]: the running thing: handles, the driver thread, the real clock, sockets joined to the protocol.
//! * [`protocol`]: one node's view of the cluster, as a state machine without sockets, clocks or threads.
//! * [`store`]: the entries: versions, limits, eviction, expiry, tombstones. [`wire`]: bytes to values and back.
//!   [`crypto`]: seals. [`transport`]: sockets. None of these four knows another.
//! * Foundations: `atomic`, [`config`], [`error`], [`group`], [`hlc`], [`ids`], [`lock`], [`logging`], [`metrics`], [`rng`],
//!   [`time`], [`update`].
//!
//! `sim` (feature of the same name) runs a whole cluster of the real protocol and store in one thread under one seed.

#[expect(
    unsafe_code,
    reason = "C hands over raw pointers; elsewhere only fork.rs in node and block.rs in store have unsafe code"
)]
pub mod ffi;

pub mod node;

pub mod protocol;

pub mod crypto;
pub mod store;
pub mod transport;
pub mod wire;

mod atomic;
pub mod config;
pub mod error;
pub mod group;
pub mod hlc;
pub mod ids;
pub mod lock;
pub mod logging;
pub mod metrics;
pub mod rng;
pub mod time;
pub mod update;

#[cfg(feature = "sim")]
pub mod sim;
