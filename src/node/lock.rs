//! Locking in this room: the standard library's locks, whose state is in the lock alone.
//!
//! Why not another one's is told in `crate::lock`; here are the reader-writer locks and the waits besides. A lock that a panicking thread held is taken over: all that is kept under locks here is
//! whole between any two statements.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::clock::Until;

/// Locks `mutex`.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks `lock` for reading.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks `lock` for writing.
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification, at most until `until`; may return early.
pub(super) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, until: Until) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, until.remaining()).unwrap_or_else(PoisonError::into_inner).0
}
