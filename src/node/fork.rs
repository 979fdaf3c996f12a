//! What keeps a forked child away from its parent's session, sockets and locks.
//!
//! The invariant: each node and cache remembers the generation of the process it was made in, a number that grows in the
//! child of every `fork`. In the child no handle passes that comparison any more; the slow path then opens, once a
//! process, a node with the same settings and forwards to it. Nothing of the parent's is locked, joined or dropped there:
//! its driver thread does not exist in the child, and a lock it held at the fork is held for ever.
//!
//! Processes made by `vfork` or a raw `clone` system call run no handlers; such a child must not use its parent's handles
//! (POSIX allows it nothing but `exec`).

#![expect(
    clippy::disallowed_methods,
    reason = "a lock that a fork may have caught cannot be waited for, only looked at"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::clock::Until;
use crate::error::{Error, Result};

/// How many forks lie between the process that loaded the library first and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// How long a thread waits for another one of its process that opens the child's node. Only a lock inherited from a
/// parent that forked in the very moment of opening is held for so long.
const REBIRTH_WAIT_MAX: Duration = Duration::from_secs(10);

/// Between two looks at a lock that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The generation of this process.
#[inline]
pub(super) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has every later fork counted. To be called before anything is made that a child must not use.
#[cfg(unix)]
pub(super) fn watch() -> Result<()> {
    static REGISTERED: std::sync::OnceLock<i32> = std::sync::OnceLock::new();
    let status = *REGISTERED.get_or_init(|| {
        #[expect(unsafe_code, reason = "fork is detected by pthread_atfork, which Rust's library does not offer")]
        // SAFETY: `count` is a function of the program's lifetime, and only adds to an atomic: async-signal-safe.
        unsafe {
            libc::pthread_atfork(None, None, Some(count))
        }
    });
    match status {
        0 => Ok(()),
        code => Err(Error::Internal(format!("pthread_atfork: {}", std::io::Error::from_raw_os_error(code)))),
    }
}

#[cfg(unix)]
extern "C" fn count() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// There is no fork on this system.
#[cfg(not(unix))]
pub(super) fn watch() -> Result<()> {
    Ok(())
}

/// Locks a mutex that a fork may have caught while a thread of the parent held it.
pub(super) fn lock_within<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    let until = Until::after(REBIRTH_WAIT_MAX);
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) if until.has_come() => {
                return Err(Error::Internal(
                    "the process was forked while its parent opened a node; open the node before or after forking"
                        .into(),
                ));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// The sockets of a node, so that a child can close its copies.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    #[cfg(unix)]
    sockets: Vec<Identity>,
}

/// A socket by its number, and by what the number stood for.
#[cfg(unix)]
#[derive(Debug)]
struct Identity {
    fd: i32,
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Inherited {
    /// Notes what `fds` stand for. What is no socket is left out: other descriptors share one inode, so that a child
    /// could not tell its own from its parent's.
    pub(super) fn note(fds: &[i32]) -> Inherited {
        let sockets = fds.iter().filter_map(|&fd| {
            let (device, inode) = socket_identity(&borrow(fd))?;
            Some(Identity { fd, device, inode })
        });
        Inherited { sockets: sockets.collect() }
    }

    /// Closes them in a child, except for numbers that stand for something else by now.
    ///
    /// Only for a process in which nothing else owns these descriptors: the owner's copy was made by `fork` and is never
    /// dropped.
    pub(super) fn close(&self) {
        for socket in &self.sockets {
            let file = borrow(socket.fd);
            if socket_identity(&file) == Some((socket.device, socket.inode)) {
                drop(std::mem::ManuallyDrop::into_inner(file));
            }
        }
    }
}

/// A view of descriptor `fd` that does not close it.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a descriptor known by its number alone can be asked and closed in no safe way")]
fn borrow(fd: i32) -> std::mem::ManuallyDrop<std::fs::File> {
    // SAFETY: the view is never dropped here, so it owns nothing; the one caller that drops it has made sure that the
    // number still stands for the socket that the fork copied and that nobody else in this process will close.
    let file = unsafe { <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(fd) };
    std::mem::ManuallyDrop::new(file)
}

/// Device and inode, if it is an open socket.
#[cfg(unix)]
fn socket_identity(file: &std::fs::File) -> Option<(u64, u64)> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let metadata = file.metadata().ok()?;
    metadata.file_type().is_socket().then(|| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
impl Inherited {
    /// Nothing to note: there is no fork on this system.
    pub(super) fn note(_: &[i32]) -> Inherited {
        Inherited::default()
    }

    /// Nothing to close.
    pub(super) fn close(&self) {}
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::{AsRawFd, IntoRawFd};

    use super::*;

    #[test]
    fn a_noted_socket_is_closed() {
        let fd = UdpSocket::bind("127.0.0.1:0").expect("loopback").into_raw_fd();
        let inherited = Inherited::note(&[fd]);
        inherited.close();
        // Another test may have been given the number since; it is not the same socket then.
        let identity = socket_identity(&borrow(fd));
        assert_ne!(identity, inherited.sockets.first().map(|socket| (socket.device, socket.inode)));
    }

    #[test]
    fn a_number_that_stands_for_another_socket_is_left_alone() {
        let kept = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let mut inherited = Inherited::note(&[kept.as_raw_fd()]);
        for socket in &mut inherited.sockets {
            socket.inode = socket.inode.wrapping_add(1);
        }
        inherited.close();
        assert!(kept.local_addr().is_ok());
    }

    #[test]
    fn what_is_no_socket_is_not_noted() {
        let file = tempfile::tempfile().expect("a temporary file");
        assert!(Inherited::note(&[file.as_raw_fd()]).sockets.is_empty());
    }
}
