//! Counters with stable names. One block a node, shared by all its threads; read as one snapshot.
//!
//! A new counter is one line in the table below. Names are append-only: dashboards depend on them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter or gauge. Relaxed: figures, never a synchronisation.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Sets a gauge.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Raises a gauge to `n` if it is lower.
    pub fn raise(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// A node's counters.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $doc])+ pub $name: Counter,)*
        }

        impl Metrics {
            /// Every counter: its name, what it counts, its value.
            pub fn snapshot(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),+).trim_ascii(), self.$name.get()),)*]
            }
        }
    };
}

metrics! {
    /// Datagrams sent.
    datagrams_sent,
    /// Bytes of datagrams sent.
    bytes_sent,
    /// Datagrams received, before any check.
    datagrams_received,
    /// Bytes of datagrams received, before any check.
    bytes_received,
    /// Datagrams the socket refused to send; the protocol repairs them like lost ones.
    send_failures,
    /// Datagrams dropped: too short, no magic, unknown version or kind.
    rejected_header,
    /// Datagrams dropped: of another cluster.
    rejected_cluster,
    /// Datagrams dropped: the seal does not open (wrong key, damaged or forged).
    rejected_seal,
    /// Datagrams dropped: trial opens for unknown sessions over the rate limit.
    rejected_rate,
    /// Datagrams dropped: received before (duplicated or replayed).
    rejected_replay,
    /// Datagrams dropped: sealed properly, malformed inside.
    rejected_frame,
    /// Datagrams dropped on receipt because the setting `drop_percent` says so.
    dropped_on_purpose,
    /// Datagrams of the node's own, heard back through multicast loopback.
    own_echoes,
    /// Local updates sent.
    updates_sent,
    /// Local updates not sent because a newer one of the same key was.
    updates_conflated,
    /// Remote updates applied.
    updates_applied,
    /// Remote updates that were older than what is held.
    updates_stale,
    /// Remote updates for caches that are not open here.
    updates_unknown_cache,
    /// Reliable datagrams found missing.
    gaps,
    /// Requests for repair sent.
    nacks_sent,
    /// Requests for repair received.
    nacks_received,
    /// Datagrams sent again by multicast.
    repairs_multicast,
    /// Datagrams sent again by unicast.
    repairs_unicast,
    /// Missing datagrams that arrived after a request.
    repaired,
    /// Missing datagrams given up; the state is compared instead.
    lost,
    /// Times a receiver was no longer waited for until it has caught up, because it stood still or hung behind.
    receivers_lagging,
    /// Comparisons of a cache's state with a member's, begun.
    state_transfers,
    /// Entries received in state transfers and applied.
    state_entries_applied,
    /// Entries sent in state transfers.
    state_entries_sent,
    /// Large values under reassembly dropped: no progress, no room, or malformed.
    reassembly_dropped,
    /// Members admitted.
    members_joined,
    /// Members that said goodbye.
    members_left,
    /// Members declared down.
    members_failed,
    /// Members now alive (gauge).
    members_alive,
    /// Local updates dropped because the outbox was full; the comparison of states mends what it can.
    outbox_overflows,
    /// Local updates waiting to be sent (gauge).
    outbox_keys,
    /// Bytes kept for repair (gauge).
    ring_bytes,
    /// Receive buffer asked of the system, bytes (gauge).
    receive_buffer_asked,
    /// Receive buffer granted by the system, bytes (gauge).
    receive_buffer_granted,
    /// Events dropped because a listener did not keep up.
    events_dropped,
    /// Reads that found a value, waits for another caller's load among them.
    cache_hits,
    /// Reads that found none; a load is one, and to wait for another caller's none.
    cache_misses,
    /// Local writes (puts).
    cache_puts,
    /// Local deletes.
    cache_deletes,
    /// Entries taken out by the limits.
    cache_evictions,
    /// Entries taken out by time.
    cache_expirations,
    /// Entries now held in all caches (gauge).
    cache_entries,
    /// Bytes now held in all caches (gauge).
    cache_bytes,
    /// Entries dropped since a member may have forgotten something newer of their keys.
    state_entries_dropped,
    /// Loaded values that were put under a lease.
    fills,
    /// Loaded values that were not put because their key was written or deleted while they were loaded.
    fills_overtaken,
    /// Datagrams dropped: of this cluster, but sealed with a key that is not in this node's ring.
    rejected_key,
    /// Times the own key was derived anew, since it had sealed enough.
    key_phases,
    /// Copies by unicast of datagrams that go to all, to members who do not hear this node's multicast.
    copies_sent,
    /// Members that get such copies now (gauge).
    members_copied,
    /// Times a member was found not to hear this node's multicast.
    multicast_broken,
    /// Questions of members not answered, since they ask for more than one of them, or all, may cost.
    requests_refused,
    /// Sessions not admitted, since there are as many members as may be.
    members_refused,
    /// Loaders that failed.
    load_failures,
    /// Loads that took longer than the soft timeout: an expired value was given meanwhile.
    loads_slow,
    /// Loads that took longer than the hard timeout: who waited got an error.
    loads_timed_out,
    /// Loads not tried, since one had failed lately: the expired value was given.
    loads_throttled,
    /// Expired values given in place of loaded ones.
    stale_served,
    /// Loads of values before they expired, begun.
    refreshes,
    /// Times a member was found to have a cache open in another mode than this node.
    cache_mode_conflicts,
    /// Times a receiver that had fallen silent was set aside: it was not waited for until it went on.
    receivers_set_aside,
    /// Times a member's clock was found to be off by more than `max_clock_skew`.
    clocks_off,
    /// By how many milliseconds the host's clock is wrong, going by most members'; 0 while it is not off (gauge).
    clock_correction_ms,
    /// Remote updates stamped too far ahead to be followed: what was held of their keys was dropped.
    updates_wild,
    /// Entries and deletes taken back, since they were stamped while this host's clock was too far ahead.
    clock_disowned,
    /// Datagrams of members with a frame or an update that this version does not know, which was skipped.
    frames_unknown,
    /// Bytes that wait in the outbox (gauge).
    outbox_bytes,
    /// Bars of members that ended by their time, as nothing was heard of them any more.
    bars_expired,
}
