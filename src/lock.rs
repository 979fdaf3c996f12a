//! The mutex of rooms that cannot see `node`: the standard library's, whose whole state is in the lock itself.
//!
//! `parking_lot` is faster under contention, but keeps its sleepers in one table of the process. A child that is forked
//! while a thread of its parent has part of that table locked hangs at its first contended lock, whichever that is: twice
//! in 900 forks of a busy parent. A lock of the child's own must not depend on anything of the parent's.
//!
//! The invariant: a lock that a panicking thread held is taken over, not refused. What is kept under these locks is whole
//! between any two statements. Condition variables and locks that are waited for with a deadline are in `node`.

use std::sync::{self, MutexGuard, PoisonError, TryLockError};

/// A lock around a value. Any thread may call anything.
#[derive(Debug, Default)]
pub struct Mutex<T> {
    inner: sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// An open lock around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { inner: sync::Mutex::new(value) }
    }

    /// Waits for the lock and takes it.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock unless somebody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.inner.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The value; nobody else can have the lock meanwhile.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value without the lock.
    pub fn into_inner(self) -> T {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time() {
        let lock = Mutex::new(1);
        let mut guard = lock.lock();
        assert!(lock.try_lock().is_none());
        *guard += 1;
        drop(guard);
        assert_eq!(lock.try_lock().as_deref(), Some(&2));
    }

    #[test]
    fn a_panic_under_the_lock_leaves_it_usable() {
        let mut lock = Mutex::new(1);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut guard = lock.lock();
            *guard = 2;
            panic!("under the lock");
        }));
        assert!(panic.is_err());
        assert_eq!(*lock.lock(), 2);
        assert_eq!(lock.try_lock().as_deref(), Some(&2));
        *lock.get_mut() = 3;
        assert_eq!(lock.into_inner(), 3);
    }
}
