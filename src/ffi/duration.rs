//! Times in C are `int64_t` milliseconds: here they become durations and time to live.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::node::Ttl;

/// As a timeout: wait until it happens.
pub const MCC_WAIT_FOREVER: i64 = i64::MAX;

/// As a time to live: what the cache's settings say.
pub const MCC_TTL_DEFAULT: i64 = 0;

/// As a time to live: no end.
pub const MCC_TTL_FOREVER: i64 = i64::MAX;

/// The longest wait, 100 years: for ever, and no clock overflows when it is added to now.
const WAIT_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Reads a timeout.
pub(super) fn timeout(timeout_ms: i64) -> Result<Duration> {
    let ms = u64::try_from(timeout_ms).map_err(|_| Error::InvalidArgument {
        name: "timeout_ms",
        reason: format!("{timeout_ms} is negative: 0 does not wait, MCC_WAIT_FOREVER does without end"),
    })?;
    Ok(Duration::from_millis(ms).min(WAIT_MAX))
}

/// Reads a time to live.
#[inline]
pub(super) fn ttl(ttl_ms: i64) -> Result<Ttl> {
    match ttl_ms {
        MCC_TTL_DEFAULT => Ok(Ttl::Default),
        MCC_TTL_FOREVER => Ok(Ttl::Forever),
        ms => u64::try_from(ms).map(|ms| Ttl::For(Duration::from_millis(ms))).map_err(|_| Error::InvalidArgument {
            name: "ttl_ms",
            reason: format!(
                "{ms} is negative: MCC_TTL_DEFAULT takes the cache's setting, MCC_TTL_FOREVER never expires"
            ),
        }),
    }
}

/// A duration as C reads it: whole milliseconds.
pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A count as C reads it. SWIG makes a BigInteger of an unsigned one in Java.
pub(super) fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "an instant to count from")]

    use super::*;

    #[test]
    fn timeouts_are_not_negative_and_end() {
        assert_eq!(timeout(0).expect("0 is a timeout"), Duration::ZERO);
        assert_eq!(timeout(1_500).expect("positive"), Duration::from_millis(1_500));
        assert_eq!(timeout(MCC_WAIT_FOREVER).expect("for ever"), WAIT_MAX);
        assert!(std::time::Instant::now().checked_add(WAIT_MAX).is_some());
        assert!(timeout(-1).expect_err("negative").to_string().contains("-1 is negative"));
    }

    #[test]
    fn times_to_live_have_a_default_and_an_end() {
        assert_eq!(ttl(MCC_TTL_DEFAULT).expect("default"), Ttl::Default);
        assert_eq!(ttl(MCC_TTL_FOREVER).expect("for ever"), Ttl::Forever);
        assert_eq!(ttl(1).expect("positive"), Ttl::For(Duration::from_millis(1)));
        assert!(ttl(i64::MIN).expect_err("negative").to_string().starts_with("ttl_ms: -9223372036854775808"));
    }
}
