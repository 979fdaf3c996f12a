//! The atomics of what threads share without a lock: the standard library's, or loom's in a build with `--cfg loom`.
//!
//! loom runs a test under every order of threads and every value that the memory model lets a load see (`cargo xtask
//! loom`). Counters that nothing is decided by, and statics, which loom's cannot be, take the standard library's.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
