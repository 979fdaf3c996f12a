// Ruby's own part: the extension `mccache_native`, in C mode.
//
// Four things live here: the typemaps that mccache.i asks for; the methods of `Cache` that must be fast (`[]`, `[]=`,
// `fetch`, `key?`, `delete`, `size`, ...), which go past SWIG's search for types; the calls that wait, which let other threads
// run; and what a forked child does first. How a Ruby object becomes bytes is in bindings/ruby/ext/mccache_native. What
// a user reads lives in the facade.
//
// Invariants. No exception passes a frame of the library: they are raised after its functions returned. No handle of the
// library is held while something here may raise, but by an object that Ruby will collect, or under rb_ensure. Nothing
// waits while it holds the GVL. Destructors run inside Ruby's collector, so they free and never wait.

%module "MCCache::Native"

%{
#include "glue.h"

#include <pthread.h>
#include <ruby/thread.h>
#include <string.h>

// ---- Waiting without the GVL --------------------------------------------------------------------------------------

typedef struct {
    mcc_status_t (*call)(void *arguments);
    void *arguments;
    mcc_status_t status;
    bool done;
} mccache_rb_wait_t;

static void *mccache_rb_wait_run(void *data) {
    mccache_rb_wait_t *wait = data;
    wait->status = wait->call(wait->arguments);
    wait->done = true;
    return NULL;
}

// Nothing is raised after the call was made: its results are the caller's, who checks for interrupts when it holds none.
static mcc_status_t mccache_rb_wait(mcc_status_t (*call)(void *), void *arguments, rb_unblock_function_t *unblock, void *who) {
    mccache_rb_wait_t wait = {call, arguments, MCC_INTERNAL, false};
    for (;;) {
        rb_thread_call_without_gvl2(mccache_rb_wait_run, &wait, unblock, who);
        if (wait.done)
            return wait.status;
        // An interrupt was there before the call: it is handled first, and may raise.
        rb_thread_check_ints();
    }
}

// The functions of the library that wait, or read every entry: the same, without the GVL.
#define MCCACHE_RB_WAITS_1(function, A)                                              \
    typedef struct { A a; } function##_arguments_t;                                  \
    static mcc_status_t function##_run(void *data) {                                 \
        function##_arguments_t *at = data;                                           \
        return function(at->a);                                                      \
    }                                                                                \
    static mcc_status_t function##_waits(A a) {                                      \
        function##_arguments_t arguments = {a};                                      \
        return mccache_rb_wait(function##_run, &arguments, NULL, NULL);              \
    }
#define MCCACHE_RB_WAITS_2(function, A, B)                                           \
    typedef struct { A a; B b; } function##_arguments_t;                             \
    static mcc_status_t function##_run(void *data) {                                 \
        function##_arguments_t *at = data;                                           \
        return function(at->a, at->b);                                               \
    }                                                                                \
    static mcc_status_t function##_waits(A a, B b) {                                 \
        function##_arguments_t arguments = {a, b};                                   \
        return mccache_rb_wait(function##_run, &arguments, NULL, NULL);              \
    }
#define MCCACHE_RB_WAITS_3(function, A, B, C)                                        \
    typedef struct { A a; B b; C c; } function##_arguments_t;                        \
    static mcc_status_t function##_run(void *data) {                                 \
        function##_arguments_t *at = data;                                           \
        return function(at->a, at->b, at->c);                                        \
    }                                                                                \
    static mcc_status_t function##_waits(A a, B b, C c) {                            \
        function##_arguments_t arguments = {a, b, c};                                \
        return mccache_rb_wait(function##_run, &arguments, NULL, NULL);              \
    }
#define MCCACHE_RB_WAITS_4(function, A, B, C, D)                                     \
    typedef struct { A a; B b; C c; D d; } function##_arguments_t;                   \
    static mcc_status_t function##_run(void *data) {                                 \
        function##_arguments_t *at = data;                                           \
        return function(at->a, at->b, at->c, at->d);                                 \
    }                                                                                \
    static mcc_status_t function##_waits(A a, B b, C c, D d) {                       \
        function##_arguments_t arguments = {a, b, c, d};                             \
        return mccache_rb_wait(function##_run, &arguments, NULL, NULL);              \
    }

MCCACHE_RB_WAITS_4(mcc_invalidation_begin, mcc_invalidation_t *, int64_t, int64_t, int32_t *)
MCCACHE_RB_WAITS_2(mcc_node_open, const mcc_config_t *, mcc_node_t **)
MCCACHE_RB_WAITS_1(mcc_node_own, mcc_node_t **)
MCCACHE_RB_WAITS_2(mcc_node_wait_ready, mcc_node_t *, int64_t)
MCCACHE_RB_WAITS_2(mcc_node_members, mcc_node_t *, mcc_members_t **)
MCCACHE_RB_WAITS_3(mcc_node_cluster_metrics, mcc_node_t *, int64_t, mcc_cluster_metrics_t **)
MCCACHE_RB_WAITS_1(mcc_node_close, mcc_node_t *)
MCCACHE_RB_WAITS_2(mcc_node_keys_add, mcc_node_t *, const char *)
MCCACHE_RB_WAITS_2(mcc_node_keys_set_primary, mcc_node_t *, int32_t)
MCCACHE_RB_WAITS_2(mcc_node_keys_remove, mcc_node_t *, int32_t)
MCCACHE_RB_WAITS_4(mcc_open, mcc_node_t *, const char *, const mcc_config_t *, mcc_cache_t **)
MCCACHE_RB_WAITS_1(mcc_clear, mcc_cache_t *)
MCCACHE_RB_WAITS_2(mcc_sync, mcc_cache_t *, int64_t)
MCCACHE_RB_WAITS_4(mcc_sync_token, mcc_cache_t *, const mcc_token_t *, int64_t, int64_t)
MCCACHE_RB_WAITS_3(mcc_checksum, mcc_cache_t *, uint64_t *, int64_t *)
MCCACHE_RB_WAITS_3(mcc_cluster_checksum, mcc_cache_t *, int64_t, mcc_checksums_t **)
MCCACHE_RB_WAITS_1(mcc_close, mcc_cache_t *)

// Its caller in mccache.i holds memory: an interrupt that is there before the call must not be raised here.
typedef struct {
    mcc_node_t *node;
    mcc_key_t *keys;
    size_t capacity;
    size_t *count;
} mccache_rb_keys_list_t;

static mcc_status_t mccache_rb_keys_list_run(void *data) {
    mccache_rb_keys_list_t *at = data;
    return mcc_node_keys_list(at->node, at->keys, at->capacity, at->count);
}

static mcc_status_t mcc_node_keys_list_waits(mcc_node_t *node, mcc_key_t *keys, size_t capacity, size_t *count) {
    mccache_rb_keys_list_t arguments = {node, keys, capacity, count};
    mccache_rb_wait_t wait = {mccache_rb_keys_list_run, &arguments, MCC_INTERNAL, false};
    rb_thread_call_without_gvl2(mccache_rb_wait_run, &wait, NULL, NULL);
    return wait.done ? wait.status : mccache_rb_keys_list_run(&arguments);
}

// Ctrl-C, Thread#kill and Timeout wake the queue: the wait ends at once.
typedef struct {
    mcc_events_t *events;
    int64_t timeout_ms;
    mcc_event_t *event;
} mccache_rb_next_t;

static mcc_status_t mccache_rb_next_run(void *data) {
    mccache_rb_next_t *next = data;
    return mcc_events_next(next->events, next->timeout_ms, next->event);
}

static void mccache_rb_wake(void *events) {
    mcc_events_wake(events);
}

static mcc_status_t mcc_events_next_waits(mcc_events_t *events, int64_t timeout_ms, mcc_event_t *event) {
    mccache_rb_next_t next = {events, timeout_ms, event};
    return mccache_rb_wait(mccache_rb_next_run, &next, mccache_rb_wake, events);
}

typedef struct {
    mcc_logs_t *logs;
    int64_t timeout_ms;
    mcc_log_record_t *record;
} mccache_rb_next_log_t;

static mcc_status_t mccache_rb_next_log_run(void *data) {
    mccache_rb_next_log_t *next = data;
    return mcc_logs_next(next->logs, next->timeout_ms, next->record);
}

static void mccache_rb_wake_logs(void *logs) {
    mcc_logs_wake(logs);
}

static mcc_status_t mcc_logs_next_waits(mcc_logs_t *logs, int64_t timeout_ms, mcc_log_record_t *record) {
    mccache_rb_next_log_t next = {logs, timeout_ms, record};
    return mccache_rb_wait(mccache_rb_next_log_run, &next, mccache_rb_wake_logs, logs);
}

// The key is frozen by the caller: without the GVL another thread could change it.
typedef struct {
    mcc_cache_t *cache;
    mcc_load_policy_t *policy;
    VALUE key;
    int64_t timeout_ms;
    mcc_value_t *value;
    mcc_lease_t *lease;
    mcc_load_t load;
} mccache_rb_begun_t;

static mcc_status_t mccache_rb_begin(void *data) {
    mccache_rb_begun_t *at = data;
    return mcc_load_begin(at->cache, at->policy, RSTRING_PTR(at->key), (size_t)RSTRING_LEN(at->key), at->timeout_ms, &at->value,
                          &at->lease, &at->load);
}

// What mccache.i calls below are these.
#define mcc_invalidation_begin mcc_invalidation_begin_waits
#define mcc_node_open mcc_node_open_waits
#define mcc_node_own mcc_node_own_waits
#define mcc_node_wait_ready mcc_node_wait_ready_waits
#define mcc_node_members mcc_node_members_waits
#define mcc_node_cluster_metrics mcc_node_cluster_metrics_waits
#define mcc_node_close mcc_node_close_waits
#define mcc_node_keys_add mcc_node_keys_add_waits
#define mcc_node_keys_set_primary mcc_node_keys_set_primary_waits
#define mcc_node_keys_remove mcc_node_keys_remove_waits
#define mcc_node_keys_list mcc_node_keys_list_waits
#define mcc_open mcc_open_waits
#define mcc_clear mcc_clear_waits
#define mcc_sync mcc_sync_waits
#define mcc_sync_token mcc_sync_token_waits
#define mcc_checksum mcc_checksum_waits
#define mcc_cluster_checksum mcc_cluster_checksum_waits
#define mcc_close mcc_close_waits
#define mcc_events_next mcc_events_next_waits
#define mcc_logs_next mcc_logs_next_waits

// ---- Forked children ----------------------------------------------------------------------------------------------

// Set in a forked child that has threads to start again; the first call that uses a cache does it. A child that only
// calls exec or exit! thus starts nothing.
static int mccache_rb_pending;
static VALUE mccache_rb_resume = Qnil;

static void mccache_rb_forked(void) {
    mccache_rb_pending = 1;
}

// _after_fork(callable): called by the first use of a cache in each forked child. To be called once.
static VALUE mccache_rb_after_fork(VALUE module, VALUE callable) {
    (void)module;
    mccache_rb_resume = callable;
    rb_gc_register_mark_object(callable);
    pthread_atfork(NULL, NULL, mccache_rb_forked);
    return Qnil;
}

static inline void mccache_rb_ready(void) {
    if (mccache_rb_pending) {
        mccache_rb_pending = 0;
        rb_funcall(mccache_rb_resume, rb_intern("call"), 0);
    }
}

// ---- The methods that must be fast --------------------------------------------------------------------------------

// Values up to this length are read into the C stack: a copy of so few bytes costs less than a handle.
#define MCCACHE_RB_SHORT_MAX 1024

// What a proxy points to; NULL, which every function of the library refuses, before initialize. These methods are found
// on proxies of caches only: there is no type to check.
static inline mcc_cache_t *mccache_rb_cache(VALUE self) {
    void *cache = NULL;
    SWIG_ConvertPtr(self, &cache, 0, 0);
    return cache;
}

typedef struct {
    VALUE owner;
    mcc_value_t *value;
    const uint8_t *key;  // of an iteration
    size_t key_len;
} mccache_rb_held_t;

static VALUE mccache_rb_held_object(VALUE data) {
    mccache_rb_held_t *held = (mccache_rb_held_t *)data;
    return mccache_rb_object(held->owner, held->value->data, held->value->len, held->value->codec);
}

static VALUE mccache_rb_held_entry(VALUE data) {
    mccache_rb_held_t *held = (mccache_rb_held_t *)data;
    // The key first: making the object may run Ruby code, which may step this iteration on.
    VALUE key = mccache_rb_key_object(held->key, held->key_len);
    return rb_assoc_new(key, mccache_rb_held_object(data));
}

static VALUE mccache_rb_held_free(VALUE data) {
    mcc_value_free(((mccache_rb_held_t *)data)->value);
    return Qnil;
}

// The object of a value, which is freed whatever happens.
static VALUE mccache_rb_consume(VALUE owner, mcc_value_t *value) {
    mccache_rb_held_t held = {owner, value, NULL, 0};
    return rb_ensure(mccache_rb_held_object, (VALUE)&held, mccache_rb_held_free, (VALUE)&held);
}

// The value of a key, or Qundef if it has none.
static inline VALUE mccache_rb_lookup(VALUE self, VALUE key) {
    uint8_t data[MCCACHE_RB_SHORT_MAX];
    size_t len;
    uint8_t codec;
    mcc_cache_t *cache = mccache_rb_cache(self);
    mcc_value_t *value;
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_get_into(cache, RSTRING_PTR(key), (size_t)RSTRING_LEN(key), data, sizeof data, &len, &codec);
    if (status == MCC_OK)
        return mccache_rb_object(self, data, len, codec);
    if (status == MCC_BUFFER_TOO_SMALL) {
        status = mcc_get(cache, RSTRING_PTR(key), (size_t)RSTRING_LEN(key), &value);
        if (status == MCC_OK)
            return mccache_rb_consume(self, value);
    }
    RB_GC_GUARD(key);
    if (status == MCC_NOT_FOUND)
        return Qundef;
    mccache_rb_raise(status);
}

static VALUE mccache_rb_aref(VALUE self, VALUE key) {
    VALUE object = mccache_rb_lookup(self, key);
    return object == Qundef ? Qnil : object;
}

static VALUE mccache_rb_fetch(int argc, VALUE *argv, VALUE self) {
    VALUE object;
    rb_check_arity(argc, 1, 2);
    if (argc == 2 && rb_block_given_p())
        rb_warn("block supersedes default value argument");
    object = mccache_rb_lookup(self, argv[0]);
    if (object != Qundef)
        return object;
    if (rb_block_given_p())
        return rb_yield(argv[0]);
    if (argc == 2)
        return argv[1];
    mccache_rb_raise_missing(self, argv[0]);
}

// What a put needs, in the caller's frame.
typedef struct {
    VALUE key;
    mccache_rb_value_t value;
} mccache_rb_entry_t;

static inline void mccache_rb_to_put(VALUE self, VALUE key, VALUE object, mccache_rb_entry_t *entry) {
    int codec = mccache_rb_plain(object);
    mccache_rb_ready();
    if (codec >= 0) {
        entry->value.owner = object;
        entry->value.codec = (uint8_t)codec;
    } else {
        mccache_rb_value(self, object, &entry->value);
    }
    entry->key = mccache_rb_key(key);
    // Both conversions may run Ruby code and let other threads run, which may change either string: the pointers are taken
    // when both are done.
    if (!NIL_P(entry->value.owner)) {
        entry->value.data = RSTRING_PTR(entry->value.owner);
        entry->value.len = (size_t)RSTRING_LEN(entry->value.owner);
    }
}

static void mccache_rb_put(VALUE self, VALUE key, VALUE object, int64_t ttl_ms) {
    mccache_rb_entry_t entry;
    mcc_status_t status;
    mccache_rb_to_put(self, key, object, &entry);
    status = mcc_put_as(mccache_rb_cache(self), RSTRING_PTR(entry.key), (size_t)RSTRING_LEN(entry.key), entry.value.data,
                        entry.value.len, entry.value.codec, ttl_ms);
    RB_GC_GUARD(entry.key);
    RB_GC_GUARD(entry.value.owner);
    if (status != MCC_OK)
        mccache_rb_raise(status);
}

static VALUE mccache_rb_token(const mcc_token_t *token) {
    return rb_ary_new_from_args(3, LL2NUM(token->version_clock), ULL2NUM(token->version_origin), LL2NUM(token->position));
}

// _put_token(key, value, ttl_ms): [clock, origin, position]
static VALUE mccache_rb_put_token(VALUE self, VALUE key, VALUE object, VALUE ttl_ms) {
    int64_t ttl = NUM2LL(ttl_ms);
    mccache_rb_entry_t entry;
    mcc_token_t token;
    mcc_status_t status;
    mccache_rb_to_put(self, key, object, &entry);
    status = mcc_put_token(mccache_rb_cache(self), RSTRING_PTR(entry.key), (size_t)RSTRING_LEN(entry.key),
                           entry.value.data, entry.value.len, entry.value.codec, ttl, &token);
    RB_GC_GUARD(entry.key);
    RB_GC_GUARD(entry.value.owner);
    if (status != MCC_OK)
        mccache_rb_raise(status);
    return mccache_rb_token(&token);
}

// _remove_token(key): [clock, origin, position], whether or not there was a value.
static VALUE mccache_rb_remove_token(VALUE self, VALUE key) {
    mcc_token_t token;
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_del_token(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key), &token);
    RB_GC_GUARD(key);
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_rb_raise(status);
    return mccache_rb_token(&token);
}

// _get_at_least(key, clock, origin): the value, or nil if there is none that is new enough.
static VALUE mccache_rb_get_at_least(VALUE self, VALUE key, VALUE clock, VALUE origin) {
    mcc_token_t token = {NUM2LL(clock), NUM2ULL(origin), 0, 0};
    mcc_value_t *value;
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_get_at_least(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key), &token, &value);
    RB_GC_GUARD(key);
    if (status == MCC_OK)
        return mccache_rb_consume(self, value);
    if (status == MCC_NOT_FOUND)
        return Qnil;
    mccache_rb_raise(status);
}

// _put_tagged(key, value, ttl_ms, tags): tags with a zero byte between two.
static VALUE mccache_rb_put_tagged(VALUE self, VALUE key, VALUE object, VALUE ttl_ms, VALUE tags) {
    int64_t ttl = NUM2LL(ttl_ms);
    mccache_rb_entry_t entry;
    mcc_status_t status;
    mccache_rb_to_put(self, key, object, &entry);
    StringValue(tags);
    status = mcc_put_tagged(mccache_rb_cache(self), RSTRING_PTR(entry.key), (size_t)RSTRING_LEN(entry.key),
                            entry.value.data, entry.value.len, entry.value.codec, ttl, RSTRING_PTR(tags),
                            (size_t)RSTRING_LEN(tags));
    RB_GC_GUARD(entry.key);
    RB_GC_GUARD(entry.value.owner);
    RB_GC_GUARD(tags);
    if (status != MCC_OK)
        mccache_rb_raise(status);
    return object;
}

// _put_new(key, value, ttl_ms): false if there is one already.
static VALUE mccache_rb_put_new(VALUE self, VALUE key, VALUE object, VALUE ttl_ms) {
    int64_t ttl = NUM2LL(ttl_ms);
    mccache_rb_entry_t entry;
    mcc_status_t status;
    mccache_rb_to_put(self, key, object, &entry);
    status = mcc_put_new_as(mccache_rb_cache(self), RSTRING_PTR(entry.key), (size_t)RSTRING_LEN(entry.key), entry.value.data,
                            entry.value.len, entry.value.codec, ttl);
    RB_GC_GUARD(entry.key);
    RB_GC_GUARD(entry.value.owner);
    if (status != MCC_OK && status != MCC_EXISTS)
        mccache_rb_raise(status);
    return status == MCC_OK ? Qtrue : Qfalse;
}

static VALUE mccache_rb_aset(VALUE self, VALUE key, VALUE object) {
    mccache_rb_put(self, key, object, MCC_TTL_DEFAULT);
    return object;
}

// _put(key, value, ttl_ms)
static VALUE mccache_rb_put_ttl(VALUE self, VALUE key, VALUE object, VALUE ttl_ms) {
    mccache_rb_put(self, key, object, NUM2LL(ttl_ms));
    return object;
}

// _put_as(key, bytes, codec, ttl_ms): bytes that are encoded already, and how to read them.
static VALUE mccache_rb_put_as(VALUE self, VALUE key, VALUE bytes, VALUE codec, VALUE ttl_ms) {
    int64_t ttl = NUM2LL(ttl_ms);
    uint8_t number = (uint8_t)NUM2UINT(codec);
    mcc_status_t status;
    mccache_rb_ready();
    StringValue(bytes);
    key = mccache_rb_key(key);
    status = mcc_put_as(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key), RSTRING_PTR(bytes),
                        (size_t)RSTRING_LEN(bytes), number, ttl);
    RB_GC_GUARD(key);
    RB_GC_GUARD(bytes);
    if (status != MCC_OK)
        mccache_rb_raise(status);
    return Qnil;
}

static VALUE mccache_rb_has_key(VALUE self, VALUE key) {
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_contains(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key));
    RB_GC_GUARD(key);
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_rb_raise(status);
    return status == MCC_OK ? Qtrue : Qfalse;
}

// Deletes on every member, also where this one has no value: true if it had one.
static VALUE mccache_rb_remove(VALUE self, VALUE key) {
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_del(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key));
    RB_GC_GUARD(key);
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_rb_raise(status);
    return status == MCC_OK ? Qtrue : Qfalse;
}

// The value that is taken out, or Qundef if there was none.
static VALUE mccache_rb_taken(VALUE self, VALUE key) {
    mcc_value_t *value;
    mcc_status_t status;
    mccache_rb_ready();
    key = mccache_rb_key(key);
    status = mcc_take(mccache_rb_cache(self), RSTRING_PTR(key), (size_t)RSTRING_LEN(key), &value);
    RB_GC_GUARD(key);
    if (status == MCC_OK)
        return mccache_rb_consume(self, value);
    if (status == MCC_NOT_FOUND)
        return Qundef;
    mccache_rb_raise(status);
}

// take(key): the value, or what the block answers, or nil.
static VALUE mccache_rb_take(VALUE self, VALUE key) {
    VALUE object = mccache_rb_taken(self, key);
    if (object == Qundef)
        object = rb_block_given_p() ? rb_yield(key) : Qnil;
    return object;
}

// delete(key): the same, and other members delete it also if this one had no value.
static VALUE mccache_rb_delete(VALUE self, VALUE key) {
    VALUE object = mccache_rb_taken(self, key);
    if (object == Qundef) {
        mccache_rb_remove(self, key);
        object = rb_block_given_p() ? rb_yield(key) : Qnil;
    }
    return object;
}

static ID mccache_rb_handed_over;

// Ends a lease that has not ended: whoever waits loads. An object may outlive that.
static void mccache_rb_lease_end(mcc_lease_t *lease) {
    // Whatever the answer, and here it is one.
    (void)mcc_fill(lease, NULL, 0, MCC_CODEC_RAW, -1);
}

typedef struct {
    mccache_rb_begun_t *begun;
    VALUE lease;
} mccache_rb_load_t;

static VALUE mccache_rb_load_run(VALUE data) {
    mccache_rb_load_t *load = (mccache_rb_load_t *)data;
    mccache_rb_begun_t *begun = load->begun;
    VALUE held = Qnil;
    load->lease = SWIG_NewPointerObj(begun->lease, SWIGTYPE_p_mcc_lease_t, SWIG_POINTER_OWN);
    if (begun->value) {
        held = SWIG_NewPointerObj(begun->value, SWIGTYPE_p_mcc_value_t, SWIG_POINTER_OWN);
        begun->value = NULL;
    }
    return rb_yield_values(3, INT2FIX(begun->load.state), held, load->lease);
}

static VALUE mccache_rb_load_end(VALUE data) {
    mccache_rb_load_t *load = (mccache_rb_load_t *)data;
    if (NIL_P(load->lease)) {
        // There was no memory for the objects.
        mcc_lease_free(load->begun->lease);
        mcc_value_free(load->begun->value);
    } else if (!RTEST(rb_ivar_get(load->lease, mccache_rb_handed_over))) {
        mccache_rb_lease_end(load->begun->lease);
    }
    RB_GC_GUARD(load->lease);
    return Qnil;
}

// _load(key, wait_ms, policy) { |state, held, lease| ... }: [value] that is to be served; [value, nil], which is expired, if
// another has not loaded it within wait_ms; nil likewise without one; what the block answers if it is to be loaded. The lease
// ends with the block, unless it was handed over. Between getting it and rb_ensure nothing can raise: no interrupt leaves it
// behind.
static VALUE mccache_rb_load(VALUE self, VALUE key, VALUE wait_ms, VALUE policy) {
    mccache_rb_begun_t at = {mccache_rb_cache(self), NULL, Qnil, 0, NULL, NULL, {MCC_LOAD_FRESH, 0, {0}}};
    mccache_rb_wait_t wait = {mccache_rb_begin, &at, MCC_TIMEOUT, false};
    mccache_rb_load_t load = {&at, Qnil};
    int64_t longest_ms = NUM2LL(wait_ms);
    void *rules = NULL;
    mcc_status_t status;
    rb_need_block();
    if (!SWIG_IsOK(SWIG_ConvertPtr(policy, &rules, SWIGTYPE_p_mcc_load_policy_t, 0)) || !rules)
        rb_raise(rb_eTypeError, "policy: a load_policy of a cache is expected, not %"PRIsVALUE, rb_obj_class(policy));
    at.policy = rules;
    mccache_rb_ready();
    at.key = rb_str_new_frozen(mccache_rb_key(key));
    if (longest_ms > 0) {
        at.timeout_ms = longest_ms;
        rb_thread_call_without_gvl2(mccache_rb_wait_run, &wait, NULL, NULL);
        if (!wait.done) {
            // An interrupt was there before the call: it is handled first, and may raise.
            rb_thread_check_ints();
            at.timeout_ms = 0;
        }
    }
    status = wait.done ? wait.status : mccache_rb_begin(&at);
    RB_GC_GUARD(at.key);
    RB_GC_GUARD(policy);
    if (status == MCC_TIMEOUT)
        return Qnil;
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_rb_raise(status);
    if (at.lease)
        return rb_ensure(mccache_rb_load_run, (VALUE)&load, mccache_rb_load_end, (VALUE)&load);
    if (at.load.state == MCC_LOAD_SLOW)
        return rb_ary_new_from_args(2, mccache_rb_consume(self, at.value), Qnil);
    return rb_ary_new_from_args(1, mccache_rb_consume(self, at.value));
}

static mcc_lease_t *mccache_rb_lease_of(VALUE self) {
    void *lease = NULL;
    SWIG_ConvertPtr(self, &lease, 0, 0);
    return lease;
}

// Lease#fill(cache, object, ttl_ms, tags): ends it. Overtaken by a write: that stays, and nothing is put. tags: with a zero
// byte between two.
static VALUE mccache_rb_fill(VALUE self, VALUE cache, VALUE object, VALUE ttl_ms, VALUE tags) {
    int64_t ttl = NUM2LL(ttl_ms);
    mccache_rb_value_t value;
    mcc_status_t status;
    StringValue(tags);
    mccache_rb_value(cache, object, &value);
    if (!NIL_P(value.owner)) {
        value.data = RSTRING_PTR(value.owner);
        value.len = (size_t)RSTRING_LEN(value.owner);
    }
    status = mcc_fill_tagged(mccache_rb_lease_of(self), value.data, value.len, value.codec, ttl, RSTRING_PTR(tags),
                             (size_t)RSTRING_LEN(tags));
    RB_GC_GUARD(value.owner);
    RB_GC_GUARD(tags);
    RB_GC_GUARD(self);
    if (status != MCC_OK && status != MCC_OVERTAKEN)
        mccache_rb_raise(status);
    return Qnil;
}

// Lease#hand_over: another thread ends it.
static VALUE mccache_rb_hand_over(VALUE self) {
    return rb_ivar_set(self, mccache_rb_handed_over, Qtrue);
}

// Lease#give_up: ends it, if it has not ended.
static VALUE mccache_rb_give_up(VALUE self) {
    mccache_rb_lease_end(mccache_rb_lease_of(self));
    RB_GC_GUARD(self);
    return Qnil;
}

static VALUE mccache_rb_size(VALUE self) {
    size_t len = 0;
    mcc_status_t status;
    mccache_rb_ready();
    status = mcc_len(mccache_rb_cache(self), &len);
    if (status != MCC_OK)
        mccache_rb_raise(status);
    return SIZET2NUM(len);
}

// [key, value] of the next entry, or nil after the last: one step, so that nothing can go in between.
static VALUE mccache_rb_entry(VALUE owner, mcc_iter_t *iter) {
    mccache_rb_held_t held = {owner, NULL, NULL, 0};
    mcc_status_t status = mcc_iter_next_entry(iter, &held.key, &held.key_len, &held.value);
    if (status == MCC_END)
        return Qnil;
    if (status != MCC_OK)
        mccache_rb_raise(status);
    return rb_ensure(mccache_rb_held_entry, (VALUE)&held, mccache_rb_held_free, (VALUE)&held);
}

// ---- Values as they are -------------------------------------------------------------------------------------------

static inline mcc_value_t *mccache_rb_value_of(VALUE self) {
    void *value = NULL;
    SWIG_ConvertPtr(self, &value, 0, 0);
    if (!value)
        rb_raise(rb_eArgError, "no value here");
    return value;
}

// bytes(offset, length): a copy of these bytes alone; nil if the offset is behind the end.
static VALUE mccache_rb_value_bytes(VALUE self, VALUE offset, VALUE length) {
    mcc_value_t *value = mccache_rb_value_of(self);
    long from = NUM2LONG(offset), count = NUM2LONG(length), len = (long)value->len;
    if (from < 0)
        from += len;
    if (from < 0 || from > len || count < 0)
        return Qnil;
    return rb_str_new((const char *)value->data + from, count < len - from ? count : len - from);
}

static VALUE mccache_rb_value_byte(VALUE self, VALUE index) {
    mcc_value_t *value = mccache_rb_value_of(self);
    long at = NUM2LONG(index), len = (long)value->len;
    if (at < 0)
        at += len;
    return at < 0 || at >= len ? Qnil : INT2FIX(value->data[at]);
}

// object(owner): what the bytes stand for.
static VALUE mccache_rb_value_object(VALUE self, VALUE owner) {
    mcc_value_t *value = mccache_rb_value_of(self);
    VALUE object = mccache_rb_object(owner, value->data, value->len, value->codec);
    RB_GC_GUARD(self);
    return object;
}
%}

// ---- Typemaps -----------------------------------------------------------------------------------------------------

%typemap(in) (const void *key, size_t key_len) (VALUE key) {
    mccache_rb_ready();
    key = mccache_rb_key($input);
    $1 = RSTRING_PTR(key);
    $2 = (size_t)RSTRING_LEN(key);
}
%typemap(freearg) (const void *key, size_t key_len) "RB_GC_GUARD(key$argnum);"

// SWIG's own would take text of any encoding as it is.
%typemap(in) const char * (VALUE text) {
    text = mccache_rb_utf8_text($input);
    $1 = RSTRING_PTR(text);
}
%typemap(freearg) const char * "RB_GC_GUARD(text$argnum);"
%typemap(out) const char * "$result = $1 ? rb_utf8_str_new_cstr($1) : Qnil;"
%typemap(out) char * "$result = $1 ? rb_utf8_str_new_cstr($1) : Qnil;"

%typemap(argout) mcc_status_t *status {
    if (*$1 == MCCACHE_NO_MEMORY)
        rb_raise(rb_eNoMemError, "no memory for an answer of mccache");
    if (*$1 != MCC_OK)
        mccache_rb_raise(*$1);
}

%typemap(in, numinputs = 0) (const uint8_t **key, size_t *key_len) (const uint8_t *data = NULL, size_t len = 0) {
    $1 = ($1_ltype)&data;
    $2 = &len;
}
%typemap(argout) (const uint8_t **key, size_t *key_len) "$result = result ? mccache_rb_key_object(*$1, *$2) : Qnil;"

// [kind, local, cache, key, member, version_clock, version_origin, dropped], or nil. A wait that an interrupt cut short
// handles it here, where nothing is held.
%typemap(in, numinputs = 0) mcc_event_t *event (mcc_event_t event) "$1 = &event;"
%typemap(argout) mcc_event_t *event {
    if (result) {
        $result = rb_ary_new_from_args(8, INT2FIX($1->kind), $1->local ? Qtrue : Qfalse, rb_utf8_str_new_cstr($1->cache),
                                       mccache_rb_key_object($1->key, $1->key_len), rb_utf8_str_new_cstr($1->member),
                                       LL2NUM($1->version_clock), ULL2NUM($1->version_origin), LL2NUM($1->dropped));
    } else {
        rb_thread_check_ints();
        $result = Qnil;
    }
}

// [level, time_ms, target, message, dropped], or nil; interrupts as with events.
%typemap(in, numinputs = 0) mcc_log_record_t *record (mcc_log_record_t record) "$1 = &record;"
%typemap(argout) mcc_log_record_t *record {
    if (result) {
        $result = rb_ary_new_from_args(5, INT2FIX($1->level), LL2NUM($1->time_ms), rb_utf8_str_new_cstr($1->target),
                                       rb_utf8_str_new_cstr($1->message), LL2NUM($1->dropped));
    } else {
        rb_thread_check_ints();
        $result = Qnil;
    }
}

// ---- Classes ------------------------------------------------------------------------------------------------------

// Done by hand above.
%ignore mcc_cache_t::put;
%ignore mcc_cache_t::put_new;
%ignore mcc_cache_t::put_tagged;
%ignore mcc_cache_t::take;
%ignore mcc_cache_t::remove;
%ignore mcc_cache_t::contains;
%ignore mcc_cache_t::len;
%ignore mcc_token_t;
%ignore mcc_cache_t::put_token;
%ignore mcc_cache_t::remove_token;
%ignore mcc_cache_t::get_at_least;
%ignore mcc_lease_t::fill;
%ignore mcc_iter_t::next_entry;

// A name that means something else in Ruby.
%rename(poll) mcc_events_t::next;
%rename(poll) mcc_logs_t::next;
%rename(step) mcc_iter_t::next;
%rename(key_id) mccache_keys_t::id;
%rename(start) mcc_invalidation_t::begin;

// The facade derives its Cache from this one, and gives these names to its own methods.
%rename(_name) mcc_cache_t::name;
%rename(_value) mcc_cache_t::get;
%rename(_touch) mcc_cache_t::touch;
%rename(_metadata) mcc_cache_t::metadata;
%rename(_iter) mcc_cache_t::keys;
%rename(_events) mcc_cache_t::events;
%rename(_events_of_lookups) mcc_cache_t::events_of_lookups;
%rename(_clear) mcc_cache_t::clear;
%rename(_invalidate_tag) mcc_cache_t::invalidate_tag;
%rename(_sync) mcc_cache_t::sync;
%rename(_sync_token) mcc_cache_t::sync_token;
%rename(_stats) mcc_cache_t::stats;
%rename(_checksum) mcc_cache_t::checksum;
%rename(_cluster_checksum) mcc_cache_t::cluster_checksum;
%rename(_note_load) mcc_cache_t::note_load;
%rename(_close) mcc_cache_t::close;

%include "mccache.i"

%extend mcc_iter_t {
    // [key, value] of the next entry, or nil. owner: the cache, which knows whether Marshal may be used.
    VALUE entry(VALUE owner) {
        return mccache_rb_entry(owner, $self);
    }
}

%init %{
    rb_define_module_function(mNative, "_bind", mccache_rb_bind, 3);
    rb_define_module_function(mNative, "_after_fork", mccache_rb_after_fork, 1);

    rb_define_method(SwigClassCache.klass, "[]", mccache_rb_aref, 1);
    rb_define_method(SwigClassCache.klass, "[]=", mccache_rb_aset, 2);
    rb_define_method(SwigClassCache.klass, "fetch", mccache_rb_fetch, -1);
    rb_define_method(SwigClassCache.klass, "key?", mccache_rb_has_key, 1);
    rb_define_method(SwigClassCache.klass, "remove", mccache_rb_remove, 1);
    rb_define_method(SwigClassCache.klass, "take", mccache_rb_take, 1);
    rb_define_method(SwigClassCache.klass, "delete", mccache_rb_delete, 1);
    rb_define_method(SwigClassCache.klass, "size", mccache_rb_size, 0);
    rb_define_method(SwigClassCache.klass, "_put", mccache_rb_put_ttl, 3);
    rb_define_method(SwigClassCache.klass, "_put_token", mccache_rb_put_token, 3);
    rb_define_method(SwigClassCache.klass, "_remove_token", mccache_rb_remove_token, 1);
    rb_define_method(SwigClassCache.klass, "_get_at_least", mccache_rb_get_at_least, 3);
    rb_define_method(SwigClassCache.klass, "_put_new", mccache_rb_put_new, 3);
    rb_define_method(SwigClassCache.klass, "_put_tagged", mccache_rb_put_tagged, 4);
    rb_define_method(SwigClassCache.klass, "_put_as", mccache_rb_put_as, 4);
    rb_define_method(SwigClassCache.klass, "_load", mccache_rb_load, 3);

    mccache_rb_handed_over = rb_intern("@handed_over");
    rb_define_method(SwigClassLease.klass, "fill", mccache_rb_fill, 4);
    rb_define_method(SwigClassLease.klass, "hand_over", mccache_rb_hand_over, 0);
    rb_define_method(SwigClassLease.klass, "give_up", mccache_rb_give_up, 0);

    rb_define_method(SwigClassValue.klass, "bytes", mccache_rb_value_bytes, 2);
    rb_define_method(SwigClassValue.klass, "byte", mccache_rb_value_byte, 1);
    rb_define_method(SwigClassValue.klass, "object", mccache_rb_value_object, 1);
%}
