// mccache: a cache inside every process, kept coherent across the cluster, with no server.
//
// SPDX-License-Identifier: MIT
//
// Generated from src/ffi by `cargo xtask header`. Do not edit: change the Rust source and run it again.
//
// A complete program (cc hello.c $(pkg-config --cflags --libs mccache), or cc hello.c -lmccache):
//
//     #include <mccache.h>
//     #include <stdio.h>
//
//     int main(void) {
//         mcc_cache_t *cache;
//         if (mcc_open(NULL, "prices", NULL, &cache) != MCC_OK) {
//             fprintf(stderr, "mccache: %s\n", mcc_last_error());
//             return 1;
//         }
//         mcc_put(cache, "apple", 5, "1.20", 4, 60 * 1000);
//         mcc_value_t *value;
//         if (mcc_get(cache, "apple", 5, &value) == MCC_OK) {
//             printf("%.*s\n", (int)value->len, (const char *)value->data);
//             mcc_value_free(value);
//         }
//         mcc_del(cache, "apple", 5);
//         mcc_close(cache);
//         mcc_free(cache);
//         return 0;
//     }
//
// Processes of one host that run it share the cache, and each sees what the others put. Nothing leaves the host until all of
// them have the same crypto_key among their settings, on however many hosts; `mccache keygen` makes one. Settings are in
// ./mccache.toml (or the file that MCCACHE_CONFIG names), in the environment (MCCACHE_ and the name in capitals), or set by
// mcc_config_set(), which lists them.
//
// What holds for all functions:
//
// Errors   A function that can fail returns mcc_status_t. mcc_strerror() says what a status means, mcc_last_error()
//          what went wrong this time and what to do about it, for the calling thread. No function prints, exits or
//          lets a panic out: a bug of the library is MCC_INTERNAL. Every function that returns mcc_status_t may return
//          MCC_INVALID_ARGUMENT, for NULL where "may be NULL" is not said, and MCC_INTERNAL.
// Results  come through out-parameters, the last ones. They are written on MCC_OK only, but pointers to handles are
//          set to NULL by every other status. Structures you provide (mcc_metadata_t, mcc_cache_stats_t, mcc_event_t,
//          mcc_load_t, mcc_log_record_t, mcc_key_t, mcc_token_t) need no preparation and never change their size; pointers in them belong to the
//          library.
// Handles  are what pointers to opaque types are called here. Each belongs to whoever got it from a function that says
//          "Owns: the caller", and goes back once, by the mcc_..._free() of its type; freeing NULL does nothing.
//          Handles do not depend on one another: free them in any order. A handle must not be used once it was freed,
//          nor be freed while another thread uses it: that cannot be checked.
// Closing  is another thing than freeing: mcc_close(), mcc_node_close(), mcc_events_close() and mcc_logs_close() may be
//          called at any time from any thread, and twice. Calls that are going on end, and later ones return MCC_CLOSED, until the
//          handle is freed. Freeing never waits: a node that nobody closed says goodbye by itself, if the process lasts
//          a moment longer.
// Threads  All handles may be used from any threads at once, where "one at a time" is not said. No lock of the library
//          is held while your code runs: it calls nothing of yours.
// Bytes    Keys and values are any bytes, zero bytes included, of a given length; a pointer may be NULL if the length
//          is 0. A key and a value of length 0 are as good as others. What is passed in is copied, or not looked at
//          any more, when the call returns.
// Text     (const char *) is UTF-8 and ends with a NUL, both ways: names, settings, messages. Text that is not UTF-8 is
//          MCC_INVALID_ARGUMENT.
// Times    are int64_t milliseconds. Timeouts: 0 does not wait, MCC_WAIT_FOREVER waits without end, a negative one is
//          MCC_INVALID_ARGUMENT. Times to live: MCC_TTL_DEFAULT (0) is the cache's setting, MCC_TTL_FOREVER is no end,
//          a negative one is MCC_INVALID_ARGUMENT.
// fork()   A child has none of its parent's threads, and must not speak in its name: its first call on a handle
//          starts a node of the child's own, with the same settings, and may answer MCC_NETWORK or MCC_CONFIG where
//          that fails. Event and log queues of the parent and iterations it had begun are closed in the child. Values
//          stay what they are, and mcc_node_name() of a handle of the parent's is the name of the parent's node.
// Growth   Numbers of statuses, kinds and codecs keep their meaning and are never used again. Codecs of 128 and more are
//          yours: the library never gives them a meaning. Functions and constants
//          are added; none changes. Compare mcc_abi_version() with MCC_ABI_VERSION if you load the library yourself.

#ifndef MCCACHE_H
#define MCCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Define MCC_STATIC before including this if you link libmccache.a rather than the shared library.
#if defined(MCC_STATIC)
#  define MCC_API
#elif defined(_WIN32)
#  define MCC_API __declspec(dllimport)
#elif defined(__GNUC__)
#  define MCC_API __attribute__((visibility("default")))
#else
#  define MCC_API
#endif

// On functions whose result must not be ignored.
#if defined(__GNUC__)
#  define MCC_MUST_USE __attribute__((warn_unused_result))
#else
#  define MCC_MUST_USE
#endif

/// As a timeout: wait until it happens.
#define MCC_WAIT_FOREVER INT64_MAX

/// As a time to live: what the cache's settings say.
#define MCC_TTL_DEFAULT 0

/// As a time to live: no end.
#define MCC_TTL_FOREVER INT64_MAX

/// For mcc_events_of_lookups(): the node's setting `callback_win`.
#define MCC_WINDOW_DEFAULT 0

/// For mcc_invalidation_begin(): 30 s.
#define MCC_LIMIT_DEFAULT 0

/// The most keys a node holds.
#define MCC_KEYS_MAX 8

/// For mcc_load_note(): a load failed, and the expired value was served.
#define MCC_LOAD_NOTE_STALE 0

/// For mcc_load_note(): a load takes longer than the soft timeout, or than the hard one, and the expired value was served.
#define MCC_LOAD_NOTE_SLOW 1

/// For mcc_load_note(): a load takes longer than the hard timeout, and there was nothing to serve.
#define MCC_LOAD_NOTE_TIMED_OUT 2

/// The ABI this header belongs to, the number in the library's soname; see mcc_abi_version().
#define MCC_ABI_VERSION 0

/// For mcc_sync_token(): every live member.
#define MCC_SYNC_ALL 0

/// For mcc_sync_token(): one member, whichever.
#define MCC_SYNC_ONE 1

/// The longest key, bytes. Keys of 0 bytes are accepted.
#define MCC_KEY_LEN_MAX 65535

/// How to read a value: bytes as they are.
#define MCC_CODEC_RAW 0

/// How to read a value: UTF-8 text.
#define MCC_CODEC_TEXT 1

/// How to read a value: one CBOR data item (RFC 8949), what the bindings make of numbers, lists and maps.
#define MCC_CODEC_CBOR 2

/// How to read a value: Python's pickle. The bindings write and read this and the three after it only where a program
/// asks for it, since whoever can write such a value can have a reader run code.
#define MCC_CODEC_PICKLE 3

/// How to read a value: Ruby's Marshal.
#define MCC_CODEC_MARSHAL 4

/// How to read a value: Java's object serialization.
#define MCC_CODEC_JAVA 5

/// How to read a value: .NET's BinaryFormatter.
#define MCC_CODEC_DOTNET 6

/// What a call answers. Numbers are never changed or used again; later versions may add some.
enum mcc_status_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Done; results are written.
    MCC_OK = 0,
    /// The key has no value. An answer, not a failure.
    MCC_NOT_FOUND = 1,
    /// The key has a value already. An answer, not a failure.
    MCC_EXISTS = 2,
    /// An argument is NULL, out of range, or not UTF-8 where text is asked. Nothing was changed.
    MCC_INVALID_ARGUMENT = 3,
    /// The key is longer than MCC_KEY_LEN_MAX, or the value longer than max_value (64 MiB unless set) or, with its key and the
    /// bookkeeping of an entry, than cache_size. Nothing was changed.
    MCC_TOO_LARGE = 4,
    /// The cache, node or queue was closed, by this or by another thread.
    MCC_CLOSED = 5,
    /// The time allowed ran out. What was waited for may still happen.
    MCC_TIMEOUT = 6,
    /// A setting or a configuration file is wrong; mcc_last_error() names it, where it stands, and what is accepted.
    MCC_CONFIG = 7,
    /// The network could not be set up or used; mcc_last_error() has the system's answer and a cure.
    MCC_NETWORK = 8,
    /// The caller's buffer is too short; the length needed is written.
    MCC_BUFFER_TOO_SMALL = 9,
    /// A promise of the library did not hold: a bug in it. The process goes on; please report mcc_last_error().
    MCC_INTERNAL = 10,
    /// An iteration is over. An answer, not a failure.
    MCC_END = 11,
    /// The key was written or deleted since the lease was given. An answer, not a failure.
    MCC_OVERTAKEN = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_status_t mcc_status_t;
#else
typedef int32_t mcc_status_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What happened. Later versions may add some: pass over a number you do not know.
enum mcc_event_kind_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// A key got a value, here or on another member.
    MCC_EVENT_PUT = 0,
    /// A key was deleted, here or on another member.
    MCC_EVENT_DELETE = 1,
    /// All entries of a cache were deleted, here or on another member.
    MCC_EVENT_CLEAR = 2,
    /// An entry was taken out here, to keep the cache's limits or because its writer no longer has it.
    MCC_EVENT_EVICT = 3,
    /// An entry was taken out here because its time was over.
    MCC_EVENT_EXPIRE = 4,
    /// A member joined.
    MCC_EVENT_MEMBER_JOINED = 5,
    /// A member said goodbye.
    MCC_EVENT_MEMBER_LEFT = 6,
    /// A member was not heard for so long that it counts as gone.
    MCC_EVENT_MEMBER_FAILED = 7,
    /// The queue was full, and events were dropped.
    MCC_EVENT_OVERFLOW = 8,
    /// A loader failed, as mcc_load_failed() was told.
    MCC_EVENT_LOAD_FAILED = 9,
    /// A load took longer than the soft timeout; an expired value was given meanwhile.
    MCC_EVENT_LOAD_SLOW = 10,
    /// A load took longer than the hard timeout; who waited for it got an error.
    MCC_EVENT_LOAD_TIMED_OUT = 11,
    /// An expired value was given in place of a loaded one.
    MCC_EVENT_STALE = 12,
    /// A tag was invalidated, here or on another member: its entries are read no more. The key is the tag; it has no bytes
    /// if this node learned of it late.
    MCC_EVENT_TAG_INVALIDATED = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_event_kind_t mcc_event_kind_t;
#else
typedef int32_t mcc_event_kind_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a node does with one of the cluster's keys. Later versions may add some.
enum mcc_key_role_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// It opens what others sealed with it; this node has not sealed with it yet.
    MCC_KEY_DECRYPT_ONLY = 0,
    /// It seals what this node sends, and opens.
    MCC_KEY_PRIMARY = 1,
    /// This node has sealed with it; now it opens, until it is removed.
    MCC_KEY_RETIRED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_key_role_t mcc_key_role_t;
#else
typedef int32_t mcc_key_role_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What mcc_load_begin() found.
enum mcc_load_state_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// A live value, and nothing to do.
    MCC_LOAD_FRESH = 0,
    /// A live value, old enough to be loaded anew, and the lease for it: load and fill, in the background if possible.
    MCC_LOAD_REFRESH = 1,
    /// An expired value to be served: what is newer could not be loaded a short while ago.
    MCC_LOAD_PAUSED = 2,
    /// An expired value to be served: another caller loads, and has not ended in time. Tell mcc_load_note().
    MCC_LOAD_SLOW = 3,
    /// A lease: load and fill. An expired value may be there to be served if that fails or takes too long.
    MCC_LOAD_LEASE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_load_state_t mcc_load_state_t;
#else
typedef int32_t mcc_load_state_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How grave a log record is.
enum mcc_log_level_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Something failed and needs somebody.
    MCC_LOG_ERROR = 1,
    /// Something is not as it should be; the text says how to mend it.
    MCC_LOG_WARN = 2,
    /// Members that come and go, and other events of a day.
    MCC_LOG_INFO = 3,
    /// What helps to find out why.
    MCC_LOG_DEBUG = 4,
    /// Each step.
    MCC_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_log_level_t mcc_log_level_t;
#else
typedef int32_t mcc_log_level_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a node thinks of another member. Later versions may add some.
enum mcc_member_state_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// It says hello; its contents are not compared yet.
    MCC_MEMBER_JOINING = 0,
    /// It is heard, and keeps up.
    MCC_MEMBER_ALIVE = 1,
    /// It was not heard for a while.
    MCC_MEMBER_SUSPECT = 2,
    /// It is heard, and does not keep up; nobody waits for it.
    MCC_MEMBER_LAGGING = 3,
    /// It was not heard for so long that it counts as gone.
    MCC_MEMBER_DOWN = 4,
    /// It said goodbye.
    MCC_MEMBER_LEFT = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcc_member_state_t mcc_member_state_t;
#else
typedef int32_t mcc_member_state_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// A cache: a named key space, the same on all members that open it. Opaque; mcc_free() frees it.
typedef struct mcc_cache_t mcc_cache_t;

/// The checksums of one cache on all members. Opaque; mcc_checksums_free() frees it.
typedef struct mcc_checksums_t mcc_checksums_t;

/// The counters of all members. Opaque; mcc_cluster_metrics_free() frees it.
typedef struct mcc_cluster_metrics_t mcc_cluster_metrics_t;

/// Settings being gathered. Opaque; mcc_config_new() or mcc_config_new_empty() gives one, mcc_config_free() frees it.
typedef struct mcc_config_t mcc_config_t;

/// A queue of events. Opaque; mcc_events_free() frees it.
typedef struct mcc_events_t mcc_events_t;

/// An invalidation of some keys in two steps. Opaque; mcc_invalidation_free() frees it.
typedef struct mcc_invalidation_t mcc_invalidation_t;

/// An iteration over the entries of a cache. Opaque; mcc_iter_free() frees it.
typedef struct mcc_iter_t mcc_iter_t;

/// The right, and the duty, to load the value of a key. Opaque; mcc_lease_free() frees it.
typedef struct mcc_lease_t mcc_lease_t;

/// How values are loaded: the settings eager_refresh, fail_safe, fail_safe_throttle, load_soft_timeout and
/// load_hard_timeout. Opaque; mcc_load_policy_free() frees it.
typedef struct mcc_load_policy_t mcc_load_policy_t;

/// A queue of log records. Opaque; mcc_logs_free() frees it.
typedef struct mcc_logs_t mcc_logs_t;

/// A list of members at one moment. Opaque; mcc_members_free() frees it.
typedef struct mcc_members_t mcc_members_t;

/// A member of a cluster that runs in this process. Opaque; mcc_node_free() frees it.
typedef struct mcc_node_t mcc_node_t;

/// Counters at one moment. Opaque; mcc_stats_free() frees it.
typedef struct mcc_stats_t mcc_stats_t;

/// Figures of one cache in this process, since it was opened.
typedef struct {
    /// Entries held now.
    int64_t entries;
    /// What they count against the limit of bytes.
    int64_t bytes;
    /// Deleted keys remembered now, so that an older put does not bring them back.
    int64_t tombstones;
    /// Gets that found a value. So does who waited for another caller's load and has its value; mcc_contains() and iteration
    /// count as neither.
    int64_t hits;
    /// Gets that found none. A load is one miss: its lease is; to wait for another caller's, however long, is none.
    int64_t misses;
    /// Entries taken out to keep the limits.
    int64_t evictions;
    /// Entries taken out because their time was over.
    int64_t expirations;
    /// Puts by this process.
    int64_t puts;
    /// Deletes by this process, whether there was a value or not. mcc_clear() is none.
    int64_t deletes;
    /// 0; room for later versions.
    int64_t reserved[7];
} mcc_cache_stats_t;

/// What an item is: one of MCC_CBOR_UNSIGNED to MCC_CBOR_BREAK.
typedef int32_t mcc_cbor_kind_t;

/// One CBOR item: a scalar or a whole string, or the head of an array, a map or a tag.
typedef struct {
    /// What it is.
    mcc_cbor_kind_t kind;
    /// The integer, the count, the tag or the simple value; 0 where kind has none.
    uint64_t number;
    /// The floating-point number; 0 where kind has none.
    double real;
    /// The string's bytes, within what is read; NULL where kind has none.
    const uint8_t *data;
    /// How many; 0 where kind has none.
    size_t len;
} mcc_cbor_item_t;

/// One member's checksum. The library makes these; later versions may append fields.
typedef struct {
    /// The checksum, as mcc_checksum() computes it there.
    uint64_t sum;
    /// How many entries are in it.
    int64_t entries;
} mcc_checksum_t;

/// A value: bytes that do not change, and how to read them. It does not depend on the cache any more: it stays what it
/// is when the entry is overwritten, deleted or evicted, and when cache and node are closed and freed. Only the library
/// makes these (there is more behind the fields: never copy the structure); mcc_value_free() frees it.
typedef struct {
    /// The bytes. Never NULL; not to be written to; not followed by a NUL byte.
    const uint8_t *data;
    /// How many.
    size_t len;
    /// How to read them: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that a writer chose.
    uint8_t codec;
} mcc_value_t;

/// What is known of an entry.
typedef struct {
    /// When it was written, ms since 1970 by the writer's clock.
    int64_t written_ms;
    /// Time since then, ms, 0 or more.
    int64_t age_ms;
    /// Time until it expires, ms; MCC_TTL_FOREVER if it does not.
    int64_t ttl_remaining_ms;
    /// The value's length, bytes.
    int64_t size;
    /// What the entry counts against the cache's limit of bytes.
    int64_t weight;
    /// Its version, first part: the writer's hybrid logical clock. Of two versions of a key the greater one wins.
    int64_t version_clock;
    /// Its version, second part: the writer; decides where clocks are equal.
    uint64_t version_origin;
    /// How to read the value: MCC_CODEC_RAW or another.
    uint8_t codec;
    /// 0; room for later versions.
    int64_t reserved[4];
} mcc_metadata_t;

/// Something that happened. What the pointers lead to is valid until the next mcc_events_next() on the same queue.
typedef struct {
    /// What happened.
    mcc_event_kind_t kind;
    /// Whether this process did it.
    bool local;
    /// The cache's name; "" for members.
    const char *cache;
    /// The key, never NULL.
    const uint8_t *key;
    /// Its length; 0 where there is none.
    size_t key_len;
    /// The name of the member that wrote, joined, left or failed; "" if unknown.
    const char *member;
    /// The update's version, first part, as in mcc_metadata_t; 0 for members.
    int64_t version_clock;
    /// The update's version, second part, as in mcc_metadata_t; 0 for members.
    uint64_t version_origin;
    /// With MCC_EVENT_OVERFLOW how many events were dropped, else 0.
    int64_t dropped;
    /// 0; room for later versions.
    int64_t reserved[4];
} mcc_event_t;

/// One of the cluster's keys. The key itself is never told.
typedef struct {
    /// Its id, 1 to 255; 0 is the public key of a node without a crypto_key.
    int32_t id;
    /// What this node does with it.
    mcc_key_role_t role;
    /// How many other members seal with it now, as far as this node has heard them.
    int64_t members;
} mcc_key_t;

/// The answer of mcc_load_begin().
typedef struct {
    /// What there is to do.
    mcc_load_state_t state;
    /// How long to wait for the loader, ms; then serve the expired value if there is one, or else fail; the loader goes
    /// on and fills. MCC_WAIT_FOREVER: for as long as it takes.
    int64_t patience_ms;
    /// 0; room for later versions.
    int64_t reserved[4];
} mcc_load_t;

/// One line of the log. What the pointers lead to is valid until the next mcc_logs_next() on the same queue.
typedef struct {
    /// How grave it is.
    mcc_log_level_t level;
    /// When it was written, ms since 1970-01-01 UTC.
    int64_t time_ms;
    /// The part of the library that wrote it, parted by "::": "mccache::protocol::admission".
    const char *target;
    /// What happened, one line without its end, with the fields behind it: "member joined name=b". UTF-8.
    const char *message;
    /// How many records before this one were dropped because the queue was full.
    int64_t dropped;
    /// 0; room for later versions.
    int64_t reserved[4];
} mcc_log_record_t;

/// Another member. The library makes these; later versions may append fields.
typedef struct {
    /// Its name, as its settings have it.
    const char *name;
    /// Its run: 24 hexadecimal digits, different after each start.
    const char *session;
    /// Where it sends from, such as "192.0.2.7:4000".
    const char *address;
    /// The version of the library it runs.
    const char *version;
    /// Time since it was last heard, ms.
    int64_t heard_ago_ms;
    /// Round trip to it, microseconds, smoothed; 0 until measured.
    int64_t round_trip_us;
    /// What this node thinks of it.
    mcc_member_state_t state;
} mcc_member_t;

/// What names one write. Plain numbers: a program may store them, or send them to where the write is to be read.
typedef struct {
    /// The version written, first part: the writer's hybrid logical clock.
    int64_t version_clock;
    /// The version written, second part: the writer.
    uint64_t version_origin;
    /// Where the write stands on its way to the members. Means something to the process that wrote alone.
    int64_t position;
    /// 0; room for later versions.
    int64_t reserved;
} mcc_token_t;

/// An integer of 0 or more: number.
#define MCC_CBOR_UNSIGNED 0

/// A negative integer: -1 - number.
#define MCC_CBOR_NEGATIVE 1

/// Bytes: data and len. With data NULL and number UINT64_MAX: the pieces follow, each an item of this kind, then
/// MCC_CBOR_BREAK.
#define MCC_CBOR_BYTES 2

/// Text: data and len, UTF-8. In pieces as MCC_CBOR_BYTES.
#define MCC_CBOR_TEXT 3

/// An array of number items, which follow; UINT64_MAX: until MCC_CBOR_BREAK.
#define MCC_CBOR_ARRAY 4

/// A map of number pairs: key and value by turns follow; UINT64_MAX: until MCC_CBOR_BREAK.
#define MCC_CBOR_MAP 5

/// Says what the item that follows is meant to be: number is the tag, such as 0 for a date and time in text (RFC 8949,
/// 3.4) or 1004 for a date in text (RFC 8943).
#define MCC_CBOR_TAG 6

/// number is 20 for false, 21 for true, 22 for null, 23 for undefined, or another simple value of 0 to 255.
#define MCC_CBOR_SIMPLE 7

/// A floating-point number: real. Read with 16, 32 or 64 bits, written with 64.
#define MCC_CBOR_FLOAT 8

/// The end of what has no length.
#define MCC_CBOR_BREAK 9

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Opens a cache. The same name gives the same cache, in this process and on all members.
///
/// node: the node; NULL for the process's own, which is started on first use with the settings of file and environment.
/// name: the cache's name, text of 1 to 255 bytes; copied.
/// config: settings of this cache over the node's, copied; NULL for the node's. Only settings of caches are taken
/// ("cache_ttl" and its like). A cache that is open already must have been opened with the same: close it first, or give
/// those.
/// cache: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a cache that is open already with other settings; MCC_CONFIG, also for a
/// setting of the node that was set by mcc_config_set(); MCC_NETWORK; MCC_CLOSED (the node); MCC_INTERNAL.
/// Owns: the caller owns *cache; mcc_free() frees it. It keeps its node running.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_open(mcc_node_t *node,
                      const char *name,
                      const mcc_config_t *config,
                      mcc_cache_t **cache);

/// Tells the cache's name.
///
/// cache: the cache.
/// Returns: text, valid until mcc_free(cache); NULL if cache is NULL.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_name(const mcc_cache_t *cache);

/// Gives the node a cache belongs to, the process's own or another.
///
/// cache: the cache.
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_node_of(mcc_cache_t *cache, mcc_node_t **node);

/// Counts the entries the cache holds in this process now. One whose time is over may count until it is taken out.
///
/// cache: the cache.
/// len: where the number is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_len(mcc_cache_t *cache, size_t *len);

/// Deletes all entries, here and on all members.
///
/// cache: the cache.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_clear(mcc_cache_t *cache);

/// Waits until all members that are alive have applied everything this process wrote to the cache before. A node that
/// has not yet found the members waits for that first, as mcc_node_wait_ready() does, within the same timeout.
///
/// cache: the cache.
/// timeout_ms: longest wait of both together, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the writes still go out); MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_sync(mcc_cache_t *cache, int64_t timeout_ms);

/// Sums up the cache's contents in this process: equal keys and values give equal sums on every member. Reads every
/// entry. mcc_cluster_checksum() asks all members.
///
/// cache: the cache.
/// sum: where the checksum is written; may be NULL.
/// entries: where the number of entries in it is written; may be NULL.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_checksum(mcc_cache_t *cache, uint64_t *sum, int64_t *entries);

/// Tells the cache's figures in this process.
///
/// cache: the cache.
/// stats: where they are written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_cache_stats(mcc_cache_t *cache, mcc_cache_stats_t *stats);

/// Leaves the cache: later calls on any handle of it return MCC_CLOSED, and its entries are forgotten in this process
/// (not on other members). Opening the name again begins anew, filled from the members. Closing again is MCC_OK.
///
/// cache: the cache.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while others are in calls on the same handle: each finishes, or returns MCC_CLOSED. Since: 0.1
MCC_API mcc_status_t mcc_close(mcc_cache_t *cache);

/// Frees the handle. Values, iterators and queues made of it stay valid.
///
/// cache: the cache; NULL is nothing to do.
/// Threads: any, with no other call on cache going on or to come. Since: 0.1
MCC_API void mcc_free(mcc_cache_t *cache);

/// Reads the next item. What is in an array or a map, or after a tag, are the items that follow: whoever reads keeps
/// count of them, and bounds how deep they nest.
///
/// data, len: what is read, such as a value's data and len; data may be NULL if len is 0.
/// offset: where to read, from 0 to len; on MCC_OK moved behind the item.
/// item: where the item is written; its data points into what is read.
/// Returns: MCC_OK; MCC_END if *offset is len; MCC_INVALID_ARGUMENT if there is no well-formed item, or text is not
/// UTF-8 (mcc_last_error() says at which byte); MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_cbor_read(const void *data, size_t len, size_t *offset, mcc_cbor_item_t *item);

/// Writes an item behind those written before. Integers, lengths and tags take as few bytes as they can.
///
/// buffer, capacity: where it is written, and how many bytes fit; buffer may be NULL if capacity is 0.
/// offset: where to write; on MCC_OK moved behind the item, on MCC_BUFFER_TOO_SMALL set to the capacity it takes.
/// item: the item: kind and what its kind reads of it; data is copied.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL (nothing is written); MCC_INVALID_ARGUMENT for a kind or a simple value there
/// is not, and for text that is not UTF-8; MCC_TOO_LARGE; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_cbor_write(void *buffer, size_t capacity, size_t *offset, const mcc_cbor_item_t *item);

/// Asks all members that are alive for their counters. This node's own come first.
///
/// node: the node that asks.
/// timeout_ms: longest wait, ms, 0 or more. A member that does not answer in time is in the list without counters.
/// list: where the list is written.
/// Returns: MCC_OK, whoever answered; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *list; mcc_cluster_metrics_free() frees it.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_cluster_metrics(mcc_node_t *node,
                                      int64_t timeout_ms,
                                      mcc_cluster_metrics_t **list);

/// Counts the members in a list.
///
/// list: the list.
/// Returns: how many; 0 if list is NULL.
/// Threads: any. Since: 0.1
MCC_API size_t mcc_cluster_metrics_count(const mcc_cluster_metrics_t *list);

/// Tells a member's name.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_cluster_metrics_count(list) - 1.
/// Returns: text, valid until mcc_cluster_metrics_free(list); NULL if list is NULL or index is out of range.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_cluster_metrics_member(const mcc_cluster_metrics_t *list, size_t index);

/// Shows a member's counters, for mcc_stats_count() and mcc_stats_item().
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_cluster_metrics_count(list) - 1.
/// Returns: its counters, which belong to the list and are valid until mcc_cluster_metrics_free(list); NULL if it did
/// not answer in time, if list is NULL, or if index is out of range.
/// Threads: any. Since: 0.1
MCC_API const mcc_stats_t *mcc_cluster_metrics_item(const mcc_cluster_metrics_t *list, size_t index);

/// Frees a list, and the counters in it.
///
/// list: the list; NULL is nothing to do.
/// Threads: any, with no other call on list going on or to come. Since: 0.1
MCC_API void mcc_cluster_metrics_free(mcc_cluster_metrics_t *list);

/// Asks all members that are alive for the checksum of a cache. This node's own comes first. After mcc_sync() and while
/// nobody writes, all are equal.
///
/// cache: the cache.
/// timeout_ms: longest wait, ms, 0 or more. A member that does not answer in time is in the list without a checksum.
/// list: where the list is written.
/// Returns: MCC_OK, whoever answered; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *list; mcc_checksums_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_cluster_checksum(mcc_cache_t *cache, int64_t timeout_ms, mcc_checksums_t **list);

/// Counts the members in a list.
///
/// list: the list.
/// Returns: how many; 0 if list is NULL.
/// Threads: any. Since: 0.1
MCC_API size_t mcc_checksums_count(const mcc_checksums_t *list);

/// Tells a member's name.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_checksums_count(list) - 1.
/// Returns: text, valid until mcc_checksums_free(list); NULL if list is NULL or index is out of range.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_checksums_member(const mcc_checksums_t *list, size_t index);

/// Shows a member's checksum.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_checksums_count(list) - 1.
/// Returns: its checksum, valid until mcc_checksums_free(list); NULL if it did not answer in time, if list is NULL, or
/// if index is out of range.
/// Threads: any. Since: 0.1
MCC_API const mcc_checksum_t *mcc_checksums_item(const mcc_checksums_t *list, size_t index);

/// Frees a list of checksums.
///
/// list: the list; NULL is nothing to do.
/// Threads: any, with no other call on list going on or to come. Since: 0.1
MCC_API void mcc_checksums_free(mcc_checksums_t *list);

/// Gathers the process's own settings: those of the file (the one the environment variable MCCACHE_CONFIG names, else
/// ./mccache.toml, else [tool.mccache] of ./pyproject.toml), then those of the environment over them.
///
/// config: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG if the file or the environment is wrong; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *config; mcc_config_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_config_new(mcc_config_t **config);

/// Gathers settings from nothing: what mcc_config_load() and mcc_config_set() do not set has its default. Neither a
/// file nor the environment is read.
///
/// config: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *config; mcc_config_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_config_new_empty(mcc_config_t **config);

/// Takes in the settings of a file (TOML), over those gathered so far.
///
/// config: the settings.
/// path: the file's path, text; copied.
/// Returns: MCC_OK; MCC_CONFIG if the file cannot be read or is wrong (nothing of it is taken then);
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_config_load(mcc_config_t *config, const char *path);

/// Sets one setting, over file and environment.
///
/// Of caches, which mcc_open() takes too: cache_ttl (seconds, 3600), cache_max (entries, 1000000), cache_size (bytes,
/// "64 MiB"), cache_mode ("replicate", "partial", "invalidate" or "local"), cache_policy ("s3fifo", "lru", "sieve", "tinylfu", "lfu" or
/// "fifo"), max_value (bytes, "64 MiB"), eager_refresh (a share of the time to live, 0.05 to 0.99), fail_safe,
/// fail_safe_throttle (seconds, 30), load_soft_timeout and load_hard_timeout (seconds).
/// Of nodes: cluster, node_name, crypto_key, interface, insecure, multicast_ip, multicast_port (4000), members,
/// unicast_port, multicast_hops, packet_mtu, receive_buffer, cache_pulse (minutes), callback_win, max_clock_skew (seconds),
/// log_filename, log_level. A length of time may have a unit of its own: "250ms", "90s", "5m", "1h". `mccache config` tells what each means, its default and what it is now; docs/CONFIGURATION.md does, too.
///
/// config: the settings.
/// name: the setting's name, the same as in the file, such as "cluster" or "cache_ttl"; text; copied.
/// value: its value as text, such as "900", "0.5", "64 MiB", "true", or for members "10.0.0.5:4000, dns:cache.svc"; copied.
/// Returns: MCC_OK; MCC_CONFIG if there is no such setting or the value is out of its range (nothing is set then, and
/// mcc_last_error() says what is accepted); MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_config_set(mcc_config_t *config,
                            const char *name,
                            const char *value);

/// Frees settings. Nodes and caches opened with them keep their own copy.
///
/// config: the settings; NULL is nothing to do.
/// Threads: any, with no other call on config going on or to come. Since: 0.1
MCC_API void mcc_config_free(mcc_config_t *config);

/// Gets a value. What is known locally decides; the network is never waited for.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// value: where the value is written; NULL is written if there is none.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which no later event changes; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_get(mcc_cache_t *cache, const void *key, size_t key_len, mcc_value_t **value);

/// Gets a value into the caller's buffer. For short values: for those mcc_get() is slower, though it copies nothing.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// buffer, capacity: where the bytes are written, and how many fit; buffer may be NULL if capacity is 0. Written on
/// MCC_OK only.
/// len: where the value's length is written, on MCC_OK and on MCC_BUFFER_TOO_SMALL.
/// codec: where is written how to read the value, with len; may be NULL.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_BUFFER_TOO_SMALL (not counted as a use); MCC_CLOSED; MCC_TOO_LARGE (the key); MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_get_into(mcc_cache_t *cache,
                          const void *key,
                          size_t key_len,
                          void *buffer,
                          size_t capacity,
                          size_t *len,
                          uint8_t *codec);

/// Puts a value, as raw bytes. It can be read here at once, and goes to all members; the call does not wait for them
/// (mcc_sync() does). Of two puts of one key by two members the later one wins everywhere.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_put(mcc_cache_t *cache,
                     const void *key,
                     size_t key_len,
                     const void *value,
                     size_t value_len,
                     int64_t ttl_ms);

/// Puts a value and says how to read it; else as mcc_put().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_put_as(mcc_cache_t *cache,
                        const void *key,
                        size_t key_len,
                        const void *value,
                        size_t value_len,
                        uint8_t codec,
                        int64_t ttl_ms);

/// Puts a value that a handle holds, with its codec; else as mcc_put().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: the value, from mcc_value_new() or mcc_get(); copied, and still the caller's.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_put_value(mcc_cache_t *cache,
                           const void *key,
                           size_t key_len,
                           const mcc_value_t *value,
                           int64_t ttl_ms);

/// Puts a value only if this process knows none for the key. Two members may both succeed at the same time; the later
/// one wins everywhere, as always.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: the value, from mcc_value_new() or mcc_get(); copied, and still the caller's.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_EXISTS (nothing was changed); MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any; of threads of this process that do this at once with one key, one gets MCC_OK. Since: 0.1
MCC_API
mcc_status_t mcc_put_new(mcc_cache_t *cache,
                         const void *key,
                         size_t key_len,
                         const mcc_value_t *value,
                         int64_t ttl_ms);

/// Puts a value of the caller's bytes only if this process knows none for the key, without a handle; else as mcc_put_new().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_EXISTS (nothing was changed); MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any; of threads of this process that do this at once with one key, one gets MCC_OK. Since: 0.1
MCC_API
mcc_status_t mcc_put_new_as(mcc_cache_t *cache,
                            const void *key,
                            size_t key_len,
                            const void *value,
                            size_t value_len,
                            uint8_t codec,
                            int64_t ttl_ms);

/// Deletes a key, here and on all members, whether or not a value is known here.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// Returns: MCC_OK; MCC_NOT_FOUND if no value was known here; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_del(mcc_cache_t *cache, const void *key, size_t key_len);

/// Deletes a key and returns its value, in one step: of the threads of this process that do this at once, one gets it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: where the value is written; NULL is written if there is none.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_take(mcc_cache_t *cache, const void *key, size_t key_len, mcc_value_t **value);

/// Tells whether a key has a value. Does not count as a use of it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// Returns: MCC_OK if it has; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_contains(mcc_cache_t *cache, const void *key, size_t key_len);

/// Gives an entry a new time to live, here and on all members, as a put of the same value would.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_touch(mcc_cache_t *cache, const void *key, size_t key_len, int64_t ttl_ms);

/// Tells what is known of an entry. Does not count as a use of it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// metadata: where it is written.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_metadata(mcc_cache_t *cache, const void *key, size_t key_len, mcc_metadata_t *metadata);

/// Begins to collect events, from now on. The queue holds 65,536 events; if it is full, the oldest are dropped and
/// counted, and MCC_EVENT_OVERFLOW tells how many before those that are left. In a forked child the queues of the
/// parent are closed.
///
/// node: the node, for what happens in all its caches and to the members; NULL for the process's own. Ignored if cache
/// is not NULL.
/// cache: the cache, for what happens in it alone; NULL for all.
/// events: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_CONFIG and MCC_NETWORK as mcc_open(); MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *events; mcc_events_free() frees it, before or after the handles of cache and node.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_events_new(mcc_node_t *node, mcc_cache_t *cache, mcc_events_t **events);

/// As mcc_events_new(), for who wants to be told that what it has just read is no longer so: collects, of one cache, that a key
/// was put, deleted, evicted or expired, here or on another member, within a time after its value was last read in this
/// process; and that the cache was cleared or a tag invalidated, if anything was read within that time.
///
/// From the first call on each read of the cache notes its key, in a table of 65,536 places: if many are read, the
/// oldest are forgotten, and their changes not told. A change that comes at the instant of a read may be told although the read has seen it.
///
/// cache: the cache.
/// window_ms: the time, ms, above 0; MCC_WINDOW_DEFAULT (0): the node's setting `callback_win`, 5 s unless set.
/// events: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *events; mcc_events_free() frees it, before or after the cache's handle.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_events_of_lookups(mcc_cache_t *cache,
                                   int64_t window_ms,
                                   mcc_events_t **events);

/// Takes the next event out of the queue, or waits for one.
///
/// events: the queue.
/// timeout_ms: longest wait, ms, 0 or more.
/// event: where the event is written; its pointers are valid until the next call with this queue.
/// Returns: MCC_OK; MCC_TIMEOUT, also after mcc_events_wake(); MCC_CLOSED once queue, cache or node is closed and the
/// queue is empty; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time for each queue. Since: 0.1
MCC_API mcc_status_t mcc_events_next(mcc_events_t *events, int64_t timeout_ms, mcc_event_t *event);

/// Makes a call that waits in mcc_events_next() return MCC_TIMEOUT at once, or the next one if none waits.
///
/// events: the queue; NULL is nothing to do.
/// Threads: any, also while another waits in mcc_events_next(). Since: 0.1
MCC_API void mcc_events_wake(mcc_events_t *events);

/// Ends the collecting: mcc_events_next() gives the events that are queued first, then MCC_CLOSED; a call that waits in
/// it returns that at once. Closing again is MCC_OK.
///
/// events: the queue.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_events_next(). Since: 0.1
MCC_API mcc_status_t mcc_events_close(mcc_events_t *events);

/// Frees a queue and what its last event points to.
///
/// events: the queue; NULL is nothing to do.
/// Threads: any, with no other call on events going on or to come: let the thread that waits return first. Since: 0.1
MCC_API void mcc_events_free(mcc_events_t *events);

/// Makes an invalidation in two steps: for what a transaction of a database changes, from which the cache is loaded. Add the
/// keys, begin it, commit the transaction, commit it. Nothing happens before mcc_invalidation_begin().
///
/// cache: the cache.
/// invalidation: where it is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *invalidation, which keeps the cache open; mcc_invalidation_free() frees it.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_invalidation_new(mcc_cache_t *cache,
                                  mcc_invalidation_t **invalidation);

/// Adds a key, at most 64 of them, before it is begun.
///
/// invalidation: the invalidation.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT, also if it is begun; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_invalidation_add(mcc_invalidation_t *invalidation, const void *key, size_t key_len);

/// Begins it, before the transaction is committed: has every live member refuse to put what it loads of the keys, then
/// deletes them everywhere. Until it ends the keys are misses, and who loads one gets what was loaded, as if there was no
/// cache; puts pass.
///
/// If all members have answered in time, nobody reads from the cache what was before the transaction from the instant at
/// which the database commits it, even if this process dies before it says so. If not, some may, until they hear of the end.
///
/// invalidation: the invalidation, with at least one key.
/// limit_ms: when members give up waiting for the end, 1 ms to 600,000 ms; MCC_LIMIT_DEFAULT (0): 30 s. A transaction that
/// takes longer has only what mcc_del() after it promises.
/// timeout_ms: longest wait for the members, ms, 0 or more.
/// complete: where 1 is written if all members have answered, else 0; may be NULL.
/// Returns: MCC_OK, with *complete 0 too; MCC_CLOSED; MCC_INVALID_ARGUMENT, also without a key, with more than 64, or if it
/// was begun before; MCC_INTERNAL. If it is not MCC_OK nothing has begun.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_invalidation_begin(mcc_invalidation_t *invalidation,
                                    int64_t limit_ms,
                                    int64_t timeout_ms,
                                    int32_t *complete);

/// Ends it after the transaction was committed, or when nobody knows what became of it: deletes the keys once more, for
/// members that did not hear of the beginning, and lets all put again what they load.
///
/// invalidation: the invalidation, begun.
/// in_time: where 1 is written, or 0 if the limit had passed: then members may have put what was before the transaction, and
/// have shown it until now; may be NULL.
/// Returns: MCC_OK, with *in_time 0 too; MCC_CLOSED, also in a forked child; MCC_INVALID_ARGUMENT, also if it is not begun or
/// has ended; MCC_INTERNAL. Once it is begun it has ended, whatever is returned.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_invalidation_commit(mcc_invalidation_t *invalidation,
                                     int32_t *in_time);

/// Ends it after the transaction was rolled back for certain: lets all put again what they load.
///
/// invalidation: the invalidation, begun.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also if it is not begun or has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_invalidation_abort(mcc_invalidation_t *invalidation);

/// Frees an invalidation. One that is begun and has not ended is committed: nobody knows what became of its transaction.
///
/// invalidation: the invalidation; NULL is nothing to do.
/// Threads: any, with no other call on invalidation going on or to come. Since: 0.1
MCC_API
void mcc_invalidation_free(mcc_invalidation_t *invalidation);

/// Begins to iterate over the entries, in no order. Other threads and members may write meanwhile: a key that is there
/// all the time comes exactly once, one that comes or goes meanwhile at most once, and one that goes and comes back
/// may come twice. If the cache is closed meanwhile the next step answers MCC_CLOSED, once, and those after it MCC_END.
/// In a forked child the iterations that its parent had begun are closed.
///
/// cache: the cache.
/// iter: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *iter; mcc_iter_free() frees it, before or after the cache's handle.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_iter_new(mcc_cache_t *cache, mcc_iter_t **iter);

/// Steps to the next key.
///
/// iter: the iteration.
/// key, key_len: where the key's address and length are written; it is valid until the next call with this iter, and
/// for no longer. Never NULL on MCC_OK.
/// Returns: MCC_OK; MCC_END after the last key; MCC_CLOSED, once, if the cache was closed meanwhile;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time. Since: 0.1
MCC_API mcc_status_t mcc_iter_next(mcc_iter_t *iter, const uint8_t **key, size_t *key_len);

/// Steps to the next entry, its value included. Does not count as a use of it.
///
/// iter: the iteration.
/// key, key_len: where the key's address and length are written; it is valid until the next call with this iter, and
/// for no longer. Never NULL on MCC_OK.
/// value: where the value is written; NULL is written if there is no next entry.
/// Returns: MCC_OK; MCC_END after the last entry; MCC_CLOSED, once, if the cache was closed meanwhile;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which outlives the iteration; mcc_value_free() frees it.
/// Threads: any, one at a time. Since: 0.1
MCC_API mcc_status_t mcc_iter_next_entry(mcc_iter_t *iter, const uint8_t **key, size_t *key_len, mcc_value_t **value);

/// Frees an iteration, whether it is over or not.
///
/// iter: the iteration; NULL is nothing to do.
/// Threads: any, with no other call on iter going on or to come. Since: 0.1
MCC_API void mcc_iter_free(mcc_iter_t *iter);

/// Has a node open what is sealed with another key, too. It goes on sealing with its primary key. A key that it holds
/// already changes nothing.
///
/// To change the key of a cluster that runs: add the new one to every node; when all have it, make it primary on every
/// node; when mcc_node_keys_list() tells of no member that uses the old one, on any node, remove that from every node.
/// Put the new key into the settings as well, or a restarted process will not have it.
///
/// node: the node; it was opened with a crypto_key.
/// key: the key as in the setting crypto_key, "ID:KEY": an id of 1 to 255, and 32 bytes in base64 or in 64 hexadecimal
/// digits; the key alone has the id 1. Text; copied, and never shown or logged.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT if it is no key, another key has its id, the node holds MCC_KEYS_MAX keys, or it
/// was opened without one; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten seconds, and then
/// it may add the key yet; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_keys_add(mcc_node_t *node,
                               const char *key);

/// Has a node seal with another of its keys from now on. The one before goes on opening, until it is removed. Every other
/// member must hold the key already: one that does not hears nothing of this node.
///
/// node: the node.
/// id: the key's id, 1 to 255.
/// Returns: MCC_OK, also if it is the primary already; MCC_INVALID_ARGUMENT if the node has no such key; MCC_CLOSED;
/// MCC_TIMEOUT as mcc_node_keys_add(); MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_keys_set_primary(mcc_node_t *node,
                                       int32_t id);

/// Has a node forget a key: it hears nothing any more of members that seal with it.
///
/// node: the node.
/// id: the key's id, 1 to 255.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT if the node has no such key, or if it is the primary; MCC_CLOSED; MCC_TIMEOUT as
/// mcc_node_keys_add(); MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_keys_remove(mcc_node_t *node,
                                  int32_t id);

/// Lists the keys of a node by their ids, in the order they came to it.
///
/// node: the node.
/// keys, capacity: where they are written, and how many fit; MCC_KEYS_MAX are enough. keys may be NULL if capacity is 0.
/// count: where it is written how many there are, on MCC_OK and on MCC_BUFFER_TOO_SMALL.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten
/// seconds; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_keys_list(mcc_node_t *node,
                                mcc_key_t *keys,
                                size_t capacity,
                                size_t *count);

/// Tells what the last call that failed on this thread found wrong, and what to do about it.
///
/// Not changed by calls that succeed, nor by MCC_NOT_FOUND, MCC_EXISTS, MCC_END, MCC_BUFFER_TOO_SMALL, nor by
/// MCC_TIMEOUT of mcc_events_next() and mcc_logs_next(): read it only after another status.
///
/// Returns: UTF-8 text, empty if nothing failed yet; valid until the next call that fails on this thread. Never NULL.
/// Threads: any; each has its own. Since: 0.1
MCC_API const char *mcc_last_error(void);

/// Gets a value, or else the right to load it, which one caller of this process has at a time for each key: while
/// another has it, waits for the end of that. Members do not wait for each other.
///
/// What was loaded goes to mcc_fill(). Whoever gets the lease must end it, or the others wait in vain; a thread that
/// asks again for a key it has the lease of waits for itself.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// timeout_ms: longest wait for another's load, ms, 0 or more.
/// value: where the value is written; NULL is written if there is none.
/// lease: where the lease is written; NULL is written if there is a value.
/// Returns: MCC_OK with a value; MCC_NOT_FOUND with a lease; MCC_TIMEOUT with neither; MCC_CLOSED, also if the cache is
/// closed meanwhile; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value or *lease; mcc_value_free() or mcc_lease_free() frees it.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_get_lease(mcc_cache_t *cache,
                           const void *key,
                           size_t key_len,
                           int64_t timeout_ms,
                           mcc_value_t **value,
                           mcc_lease_t **lease);

/// Puts what was loaded under a lease, unless its key was written or deleted, or the cache cleared, since the lease was
/// given, here or by news of another member. Ends the lease, whatever is returned: those that wait go on. Its handle is still to
/// be freed.
///
/// It is put with the time at which the lease was given, so that a write made on another member while the value was
/// loaded wins also if it arrives later.
///
/// lease: the lease.
/// data, len: the value, 0 bytes to the cache's limit; copied; data may be NULL if len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_OVERTAKEN (nothing was put); MCC_TOO_LARGE; MCC_CLOSED, also in a forked child;
/// MCC_INVALID_ARGUMENT, also if the lease has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_fill(mcc_lease_t *lease,
                      const void *data,
                      size_t len,
                      uint8_t codec,
                      int64_t ttl_ms);

/// Frees a lease. One that was not filled ends: the value could not be loaded, and one of those that wait for it gets
/// the next lease.
///
/// lease: the lease; NULL is nothing to do.
/// Threads: any, with no other call on lease going on or to come. Since: 0.1
MCC_API void mcc_lease_free(mcc_lease_t *lease);

/// Makes a policy: what the cache's settings say, with those of config over it.
///
/// cache: the cache.
/// config: settings (mcc_config_new_empty(), mcc_config_set()) of loads; other settings of caches are ignored, and a node's
/// that was set by mcc_config_set() is MCC_CONFIG. NULL for none.
/// policy: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *policy; mcc_load_policy_free() frees it, before or after the cache.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_load_policy_new(mcc_cache_t *cache,
                                 const mcc_config_t *config,
                                 mcc_load_policy_t **policy);

/// Tells how long whoever waits for a load waits by a policy: mcc_load_begin() does so in one call, and who divides the wait
/// into several adds them up.
///
/// policy: the policy.
/// has_expired_value: whether there is an expired value to be served then.
/// Returns: ms; MCC_WAIT_FOREVER: for as long as it takes; 0 if policy is NULL.
/// Threads: any. Since: 0.1
MCC_API
int64_t mcc_load_policy_patience(const mcc_load_policy_t *policy,
                                 bool has_expired_value);

/// Frees a policy.
///
/// policy: the policy; NULL is nothing to do.
/// Threads: any, with no other call on policy going on or to come. Since: 0.1
MCC_API void mcc_load_policy_free(mcc_load_policy_t *policy);

/// As mcc_get_lease(), heeding a policy: an early refresh, an expired value in place of a load that fails or takes long.
///
/// What was loaded goes to mcc_fill(); a loader that failed is told by mcc_load_failed(), whereupon the expired value is
/// served if there is one, which mcc_load_note() is told. Another caller's load is waited for until timeout_ms or the
/// policy's patience has passed, whichever comes first.
///
/// cache: the cache.
/// policy: the policy; NULL for the cache's settings.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// timeout_ms: longest wait for another's load, ms, 0 or more.
/// value: where the value is written; NULL is written if there is none.
/// lease: where the lease is written; NULL is written if there is none.
/// load: where the rest is written.
/// Returns: MCC_OK with a value to be served now, and with MCC_LOAD_REFRESH a lease; MCC_NOT_FOUND with a lease, and an
/// expired value if there is one to fall back on; MCC_TIMEOUT with neither; MCC_CLOSED, also if the cache is closed
/// meanwhile; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value and *lease; mcc_value_free() and mcc_lease_free() free them.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_load_begin(mcc_cache_t *cache,
                            const mcc_load_policy_t *policy,
                            const void *key,
                            size_t key_len,
                            int64_t timeout_ms,
                            mcc_value_t **value,
                            mcc_lease_t **lease,
                            mcc_load_t *load);

/// Tells that a loader failed, and ends its lease: those that wait go on. If there is an older value to serve, the next
/// try is as much later as fail_safe_throttle says. It is counted, and told as MCC_EVENT_LOAD_FAILED.
///
/// lease: the lease; one that has ended is nothing to do.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_load_failed(mcc_lease_t *lease);

/// Has a load that did not go as it should counted, and told as an event.
///
/// cache: the cache.
/// key, key_len: the key.
/// note: what became of it: MCC_LOAD_NOTE_STALE, _SLOW or _TIMED_OUT.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_load_note(mcc_cache_t *cache, const void *key, size_t key_len, int32_t note);

/// Begins to collect what the library logs in this process, whichever node it is of, from now on: for a program that has
/// a log of its own. It stands beside the setting log_filename, which needs no code. A queue holds 1,024 records; if it
/// is full, the oldest are dropped and the next one says how many. In a forked child the queues of the parent are
/// closed. In a Rust program with a tracing subscriber of its own records go there, and the queue stays empty.
///
/// level: the least grave records to collect, one of mcc_log_level_t.
/// logs: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a level that there is not; MCC_INTERNAL.
/// Owns: the caller owns *logs; mcc_logs_free() frees it.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_logs_new(int32_t level,
                          mcc_logs_t **logs);

/// Collects other records from now on: for a log whose level is changed while the program runs. What is queued stays.
///
/// logs: the queue; one that is closed stays so.
/// level: the least grave records to collect, one of mcc_log_level_t.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a level that there is not; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
MCC_API mcc_status_t mcc_logs_set_level(mcc_logs_t *logs, int32_t level);

/// Takes the next record out of the queue, or waits for one.
///
/// logs: the queue.
/// timeout_ms: longest wait, ms, 0 or more.
/// record: where the record is written; its pointers are valid until the next call with this queue.
/// Returns: MCC_OK; MCC_TIMEOUT, also after mcc_logs_wake(); MCC_CLOSED once the queue is closed and empty;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time for each queue. Since: 0.1
MCC_API mcc_status_t mcc_logs_next(mcc_logs_t *logs, int64_t timeout_ms, mcc_log_record_t *record);

/// Makes a call that waits in mcc_logs_next() return MCC_TIMEOUT at once, or the next one if none waits.
///
/// logs: the queue; NULL is nothing to do.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
MCC_API void mcc_logs_wake(mcc_logs_t *logs);

/// Ends the collecting: mcc_logs_next() gives the records that are queued first, then MCC_CLOSED; a call that waits in it
/// returns that at once. Closing again is MCC_OK.
///
/// logs: the queue.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
MCC_API
mcc_status_t mcc_logs_close(mcc_logs_t *logs);

/// Frees a queue and what its last record points to.
///
/// logs: the queue; NULL is nothing to do.
/// Threads: any, with no other call on logs going on or to come: let the thread that waits return first. Since: 0.1
MCC_API void mcc_logs_free(mcc_logs_t *logs);

/// Lists the other members the node knows now. The node itself is not among them: mcc_node_name() tells its name.
///
/// node: the node.
/// members: where the list is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten seconds;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *members; mcc_members_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_node_members(mcc_node_t *node, mcc_members_t **members);

/// Counts the members in a list.
///
/// members: the list.
/// Returns: how many; 0 if members is NULL.
/// Threads: any. Since: 0.1
MCC_API size_t mcc_members_count(const mcc_members_t *members);

/// Shows one member of a list.
///
/// members: the list.
/// index: from 0 to mcc_members_count(members) - 1.
/// Returns: the member, valid until mcc_members_free(members); NULL if members is NULL or index is out of range.
/// Threads: any. Since: 0.1
MCC_API const mcc_member_t *mcc_members_item(const mcc_members_t *members, size_t index);

/// Frees a list of members, and the members in it.
///
/// members: the list; NULL is nothing to do.
/// Threads: any, with no other call on members going on or to come. Since: 0.1
MCC_API void mcc_members_free(mcc_members_t *members);

/// Starts a node: joins the cluster and begins to receive what its caches hold. Programs that need one node only use
/// the process's own instead: NULL in mcc_open().
///
/// config: the settings, copied; NULL for the process's own, as mcc_config_new() gathers them.
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_NETWORK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_node_open(const mcc_config_t *config, mcc_node_t **node);

/// Gives the process's own node, the one that NULL in mcc_open() means; starts it if it does not run.
///
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_NETWORK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it, and the process's own node runs on.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_node_own(mcc_node_t **node);

/// Waits until the node has found the members that are there, and holds what they hold.
///
/// node: the node.
/// timeout_ms: longest wait, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the node works, and goes on receiving); MCC_CLOSED; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_node_wait_ready(mcc_node_t *node, int64_t timeout_ms);

/// Tells the node's name, by which the other members show it.
///
/// node: the node.
/// Returns: text, valid until mcc_node_free(node); NULL if node is NULL. In a forked child a handle of the parent's
/// tells the name of the parent's node.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_node_name(const mcc_node_t *node);

/// Tells what a setting amounts to in a node: given anywhere, derived, or the default. A setting of caches is told as a
/// cache without settings of its own has it.
///
/// node: the node, closed or not.
/// name: the setting's name, as in mcc_config_set(); text.
/// buffer, capacity: where the text is written with a NUL at its end, as mcc_config_set() takes it, and how many bytes
/// fit; buffer may be NULL if capacity is 0. Written on MCC_OK only.
/// len: where the text's length is written, without the NUL, on MCC_OK and on MCC_BUFFER_TOO_SMALL: *len + 1 bytes are
/// enough then.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL; MCC_NOT_FOUND for a secret that is set, and for a setting that is accepted but
/// has no effect; MCC_INVALID_ARGUMENT, also if there is no such setting (mcc_last_error() names the nearest);
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_node_setting(const mcc_node_t *node,
                              const char *name,
                              char *buffer,
                              size_t capacity,
                              size_t *len);

/// Leaves the cluster: says goodbye, ends the node's threads, closes its caches and event queues. Calls of other
/// threads that wait in them return MCC_CLOSED, as later calls do. Closing again is MCC_OK. Waits for the goodbye, for
/// less than a second.
///
/// node: the node. All handles of it are closed with it.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while others are in calls on the same handle. Since: 0.1
MCC_API mcc_status_t mcc_node_close(mcc_node_t *node);

/// Frees the handle. Caches and iterators made of it stay valid and keep the node running. With the last of them a node
/// that was not closed leaves the cluster by itself, if the process lasts a moment longer. Never waits: close the node
/// first where what was written last must not be lost.
///
/// node: the node; NULL is nothing to do.
/// Threads: any, with no other call on node going on or to come. Since: 0.1
MCC_API void mcc_node_free(mcc_node_t *node);

/// Reads all counters of a node. A closed node has its last ones.
///
/// node: the node.
/// stats: where the list is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *stats; mcc_stats_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_stats_new(mcc_node_t *node, mcc_stats_t **stats);

/// Counts the counters in a list.
///
/// stats: the list.
/// Returns: how many; 0 if stats is NULL.
/// Threads: any. Since: 0.1
MCC_API size_t mcc_stats_count(const mcc_stats_t *stats);

/// Shows one counter of a list. Names never change; later versions add some, so look for names, not for places.
///
/// stats: the list.
/// index: from 0 to mcc_stats_count(stats) - 1.
/// name: where its name is written, text valid as long as the list; may be NULL.
/// help: where is written what it counts, text valid as long as the list ("" if unknown here); may be NULL.
/// value: where its value is written; may be NULL.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_stats_item(const mcc_stats_t *stats,
                            size_t index,
                            const char **name,
                            const char **help,
                            int64_t *value);

/// Frees a list of counters.
///
/// stats: the list, from mcc_stats_new(); NULL is nothing to do.
/// Threads: any, with no other call on stats going on or to come. Since: 0.1
MCC_API void mcc_stats_free(mcc_stats_t *stats);

/// Tells the version of the library in use, such as "0.1.0".
///
/// Returns: text that lives as long as the library is loaded. Never NULL.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_version(void);

/// Tells the ABI of the library in use. A program works with it if this equals its own MCC_ABI_VERSION.
///
/// Returns: the number.
/// Threads: any. Since: 0.1
MCC_API int32_t mcc_abi_version(void);

/// Says in a few words what a status means. mcc_last_error() says what went wrong in particular.
///
/// status: any number; an unknown one has a text too.
/// Returns: text that lives as long as the library is loaded. Never NULL.
/// Threads: any. Since: 0.1
MCC_API const char *mcc_strerror(int32_t status);

/// Puts a value with tags, so that mcc_invalidate_tag() can take it; else as mcc_put_as(). An entry has the tags of its
/// last put or fill.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// tags, tags_len: at most 16 tags of 1 to 255 bytes each, with a zero byte between two of them, like "user:7\0prices" and
/// its 13 bytes; copied; none if tags_len is 0, and then tags may be NULL.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT, also for too many tags or one that is too long or
/// has no bytes; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_put_tagged(mcc_cache_t *cache,
                            const void *key,
                            size_t key_len,
                            const void *value,
                            size_t value_len,
                            uint8_t codec,
                            int64_t ttl_ms,
                            const void *tags,
                            size_t tags_len);

/// Puts what was loaded under a lease, with tags; else as mcc_fill(). Nothing is put either if one of the tags was
/// invalidated since the lease was given.
///
/// lease: the lease.
/// data, len: the value, 0 bytes to the cache's limit; copied; data may be NULL if len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// tags, tags_len: the tags, as in mcc_put_tagged().
/// Returns: MCC_OK; MCC_OVERTAKEN (nothing was put); MCC_TOO_LARGE; MCC_CLOSED, also in a forked child;
/// MCC_INVALID_ARGUMENT, also if the lease has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_fill_tagged(mcc_lease_t *lease,
                             const void *data,
                             size_t len,
                             uint8_t codec,
                             int64_t ttl_ms,
                             const void *tags,
                             size_t tags_len);

/// Makes every entry with a tag a miss, here at once and on every member soon. It takes no longer for a million entries
/// than for one: they stay in memory until they expire or room is needed, and go first then. What is put with the tag
/// afterwards is read.
///
/// cache: the cache.
/// tag, tag_len: the tag, 1 to 255 bytes, none of them zero; copied.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_invalidate_tag(mcc_cache_t *cache, const void *tag, size_t tag_len);

/// Puts a value as mcc_put_as() does, and gives a token of it. Neither waits for a member.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// token: where the token is written, on MCC_OK.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_put_token(mcc_cache_t *cache,
                           const void *key,
                           size_t key_len,
                           const void *value,
                           size_t value_len,
                           uint8_t codec,
                           int64_t ttl_ms,
                           mcc_token_t *token);

/// Deletes a key as mcc_del() does, and gives a token of the delete.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// token: where the token is written, on MCC_OK and on MCC_NOT_FOUND.
/// Returns: MCC_OK; MCC_NOT_FOUND if no value was known here; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API mcc_status_t mcc_del_token(mcc_cache_t *cache, const void *key, size_t key_len, mcc_token_t *token);

/// Gets a value only if it is the one a token names, or a newer one: a value that is older here is as good as none. The
/// token may come from another member, by whatever way the program has. Nothing is waited for.
///
/// cache: the cache, of the same name as the one that was written to.
/// key, key_len: the key that was written, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is
/// 0.
/// token: the token; its position does not matter.
/// value: where the value is written; NULL is written if there is none that is new enough.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which no later event changes; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
MCC_API
mcc_status_t mcc_get_at_least(mcc_cache_t *cache,
                              const void *key,
                              size_t key_len,
                              const mcc_token_t *token,
                              mcc_value_t **value);

/// Waits until so many members have applied one write, or something newer. What was written since is not waited for.
///
/// A member that falls silent is waited for until it counts as down, 5 s after it was last heard; one that has left is not.
/// A number that there are no members for is waited for all the same: they may come. A node that has not yet found the
/// members waits for that first, within the same timeout.
///
/// cache: the cache that was written to.
/// token: of a put or delete of this process.
/// members: MCC_SYNC_ALL (0): every live member, as far as it has the cache open; MCC_SYNC_ONE (1) or more: at least so
/// many that have it open, this process not counted.
/// timeout_ms: longest wait, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the write still goes out); MCC_CLOSED; MCC_INVALID_ARGUMENT, also for a token of another
/// process or node, and for a number of members of a local cache; MCC_INTERNAL.
/// Threads: any. Since: 0.1
MCC_API
MCC_MUST_USE
mcc_status_t mcc_sync_token(mcc_cache_t *cache,
                            const mcc_token_t *token,
                            int64_t members,
                            int64_t timeout_ms);

/// Makes a value of the caller's bytes, for mcc_put_value() and mcc_put_new().
///
/// data: the bytes, copied; NULL if len is 0.
/// len: how many.
/// codec: how to read them: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// value: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_TOO_LARGE; MCC_INTERNAL.
/// Owns: the caller owns *value; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_status_t mcc_value_new(const void *data, size_t len, uint8_t codec, mcc_value_t **value);

/// Takes one more reference to a value; each needs its own mcc_value_free(). Costs no copy.
///
/// value: the value.
/// Returns: value itself; NULL if value is NULL.
/// Threads: any. Since: 0.1
MCC_API MCC_MUST_USE mcc_value_t *mcc_value_ref(mcc_value_t *value);

/// Gives one reference to a value back; the last one frees it.
///
/// value: the value; NULL is nothing to do.
/// Threads: any. Since: 0.1
MCC_API void mcc_value_free(mcc_value_t *value);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MCCACHE_H */
