//! Children that a member forks after its node runs, as a prefork server does: each uses the inherited handle and is a
//! member of its own.
//!
//! A child writes keys of its own for some seconds, then `done-` and its number, and waits for the key `stop`, which
//! somebody else puts when all has come to rest. Then it says what it holds.

use std::time::{Duration, Instant};

use mccache::node::{Cache, Ttl};
use mccache::update::Codec;

use crate::{say, stamp, text};

/// How long a child waits for the end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Keys of each child, and how long it rests between two writes.
const KEYS: u64 = 50;
const REST: Duration = Duration::from_millis(1);

pub(crate) fn children(cache: &Cache, count: u64, seconds: u64) -> Result<(), String> {
    for child in 0..count {
        #[expect(unsafe_code, reason = "prefork is the thing under test")]
        // SAFETY: the child runs Rust code after a fork of a process with other threads, which hold no lock that it waits
        // for: the allocator's are taken around the fork by glibc, and the crate promises the same of its own.
        let pid = unsafe { libc::fork() };
        if pid < 0 {
            return Err(format!("fork: {}", std::io::Error::last_os_error()));
        }
        if pid == 0 {
            let code = match live(cache, child, seconds) {
                Ok(line) => {
                    say(&format!("child {line}"));
                    0
                }
                Err(problem) => {
                    say(&format!("child error {problem}"));
                    1
                }
            };
            #[expect(unsafe_code, reason = "a child must not run its parent's exit handlers")]
            // SAFETY: ends the process; nothing is used after it.
            unsafe {
                libc::_exit(code)
            }
        }
    }
    say("forked");
    Ok(())
}

fn live(cache: &Cache, child: u64, seconds: u64) -> Result<String, String> {
    cache.node().wait_ready(PATIENCE).map_err(text)?;
    let writer = stamp::writer(&format!("child-{child}"));
    let key = |at: u64| format!("child-{child}-{at}").into_bytes();
    let begun = Instant::now();
    let mut counter = 0;
    let mut last = vec![None; usize::try_from(KEYS).map_err(text)?];
    while begun.elapsed() < Duration::from_secs(seconds) {
        for (at, last) in (0..KEYS).zip(&mut last) {
            counter += 1;
            // Every seventh write of a child is a delete, so each key is deleted and written again.
            if counter % 7 == 0 {
                cache.delete(&key(at)).map_err(text)?;
                *last = None;
            } else {
                let value = stamp::value(&key(at), writer, counter, 100);
                cache.put(&key(at), &value, Codec::RAW, Ttl::Default).map_err(text)?;
                *last = Some(counter);
            }
            std::thread::sleep(REST);
        }
    }
    let done = format!("done-{child}").into_bytes();
    let value = stamp::value(&done, writer, 1, 24);
    cache.put(&done, &value, Codec::RAW, Ttl::Default).map_err(text)?;
    let waiting = Instant::now();
    while cache.get(b"stop").map_err(text)?.is_none() {
        if waiting.elapsed() > PATIENCE {
            return Err("nobody said that it is over".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    for (at, last) in (0..KEYS).zip(last) {
        let found = cache.get(&key(at)).map_err(text)?;
        let found = found.map(|value| stamp::check(&key(at), &value)).transpose()?;
        if found != last {
            return Err(format!("key {at} has {found:?}, and {last:?} was written last"));
        }
    }
    stamp::digest(cache)
}
