// The classes that every language sees, over include/mccache.h: names, ownership, and which answer is a failure.
//
// A language's own file (python.i, ...) names the module, defines the typemaps listed here, then includes this file:
//
//   (const void *key, size_t key_len)                    in: one key, of the language's text or bytes
//   (const void *data, size_t data_len, uint8_t codec)   in: one value, of whatever the language stores; or, where a
//                                                        language prefers it, (data, data_len) and codec apart
//   (const void *tags, size_t tags_len)                  as a key: the names of tags with a zero byte between two
//   (const uint8_t **key, size_t *key_len)               out: one key of an iteration, nothing if the method is false
//   mcc_event_t *event                                   out: one event, copied, nothing if the method is false
//   mcc_log_record_t *record                             out: one record of the log, likewise
//   mcc_status_t *status                                 hidden, last: anything but MCC_OK becomes an exception, made
//                                                        of the status and mcc_last_error(); MCCACHE_NO_MEMORY has
//                                                        the language's own
//
// Invariant: every method with a status writes it before anything else can fail, and an answer that is no failure
// (not found, timed out, over) is turned into a result here, so that all languages agree on what raises.
// What is hot in a language (get, put) may be replaced there; what makes it feel at home lives in its facade.

// Not one of the library's statuses: there was no memory for an answer. Each language raises its own error of that kind, as
// mcc_last_error() would tell of another call.
%runtime %{
#define MCCACHE_NO_MEMORY 255
%}

%{
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <mccache.h>

// Turns an answer into a result: true if the status is this answer, which then is no failure any more.
static bool mccache_answer(mcc_status_t *status, mcc_status_t answer) {
    if (*status != answer)
        return false;
    *status = MCC_OK;
    return true;
}

// The keys of a node at one moment.
typedef struct {
    mcc_key_t items[MCC_KEYS_MAX];
    size_t count;
} mccache_keys_t;
%}

%include <stdint.i>

%apply (const void *key, size_t key_len) { (const void *tags, size_t tags_len) };

%typemap(in, numinputs = 0) mcc_status_t *status (mcc_status_t status = MCC_OK) "$1 = &status;"

// Objects come from the methods below alone, and every destructor is spelt out.
%nodefaultctor;
%nodefaultdtor;

%rename(Config) mcc_config_t;
%rename(Node) mcc_node_t;
%rename(Cache) mcc_cache_t;
%rename(Value) mcc_value_t;
%rename(Iter) mcc_iter_t;
%rename(Lease) mcc_lease_t;
%rename(Keys) mccache_keys_t;
%rename(Events) mcc_events_t;
%rename(Logs) mcc_logs_t;
%rename(LoadPolicy) mcc_load_policy_t;
%rename(Members) mcc_members_t;
%rename(Member) mcc_member_t;
%rename(Counters) mcc_stats_t;
%rename(ClusterMetrics) mcc_cluster_metrics_t;
%rename(Checksums) mcc_checksums_t;
%rename(Checksum) mcc_checksum_t;
%rename(CacheStats) mcc_cache_stats_t;
%rename(Metadata) mcc_metadata_t;
%rename(Token) mcc_token_t;
%rename(Invalidation) mcc_invalidation_t;

%rename(version) mcc_version;
%rename(abi_version) mcc_abi_version;
%rename(status_text) mcc_strerror;
const char *mcc_version(void);
int32_t mcc_abi_version(void);
const char *mcc_strerror(int32_t status);

%constant int32_t ABI_VERSION = MCC_ABI_VERSION;
%constant int64_t LIMIT_DEFAULT = MCC_LIMIT_DEFAULT;
%constant int64_t WAIT_FOREVER = MCC_WAIT_FOREVER;
%constant int64_t SYNC_ALL = MCC_SYNC_ALL;
%constant int64_t SYNC_ONE = MCC_SYNC_ONE;
%constant int64_t TTL_DEFAULT = MCC_TTL_DEFAULT;
%constant int64_t TTL_FOREVER = MCC_TTL_FOREVER;
%constant int64_t KEY_LEN_MAX = MCC_KEY_LEN_MAX;
%constant int CODEC_RAW = MCC_CODEC_RAW;
%constant int CODEC_TEXT = MCC_CODEC_TEXT;
%constant int CODEC_CBOR = MCC_CODEC_CBOR;
%constant int CODEC_PICKLE = MCC_CODEC_PICKLE;
%constant int CODEC_MARSHAL = MCC_CODEC_MARSHAL;
%constant int CODEC_JAVA = MCC_CODEC_JAVA;
%constant int CODEC_DOTNET = MCC_CODEC_DOTNET;
%constant int EVENT_PUT = MCC_EVENT_PUT;
%constant int EVENT_DELETE = MCC_EVENT_DELETE;
%constant int EVENT_CLEAR = MCC_EVENT_CLEAR;
%constant int EVENT_EVICT = MCC_EVENT_EVICT;
%constant int EVENT_EXPIRE = MCC_EVENT_EXPIRE;
%constant int EVENT_MEMBER_JOINED = MCC_EVENT_MEMBER_JOINED;
%constant int EVENT_MEMBER_LEFT = MCC_EVENT_MEMBER_LEFT;
%constant int EVENT_MEMBER_FAILED = MCC_EVENT_MEMBER_FAILED;
%constant int EVENT_OVERFLOW = MCC_EVENT_OVERFLOW;

// Structures are read, never written.
%immutable;

typedef struct {
    int64_t entries;
    int64_t bytes;
    int64_t tombstones;
    int64_t hits;
    int64_t misses;
    int64_t evictions;
    int64_t expirations;
    int64_t puts;
    int64_t deletes;
} mcc_cache_stats_t;

typedef struct {
    uint64_t sum;
    int64_t entries;
} mcc_checksum_t;

typedef struct {
    int64_t written_ms;
    int64_t age_ms;
    int64_t ttl_remaining_ms;
    int64_t size;
    int64_t weight;
    int64_t version_clock;
    uint64_t version_origin;
    uint8_t codec;
} mcc_metadata_t;

typedef struct {
    int64_t version_clock;
    uint64_t version_origin;
    int64_t position;
} mcc_token_t;

typedef struct {
    const char *name;
    const char *session;
    const char *address;
    const char *version;
    int64_t heard_ago_ms;
    int64_t round_trip_us;
    int32_t state;
} mcc_member_t;

typedef struct {
    size_t len;
    uint8_t codec;
} mcc_value_t;

%mutable;

// Copies, made by a method that returns them; the copy is the caller's, a list's item is not.
%extend mcc_cache_stats_t {
    ~mcc_cache_stats_t() {
        free($self);
    }
}

%extend mcc_metadata_t {
    ~mcc_metadata_t() {
        free($self);
    }
}

%extend mcc_token_t {
    ~mcc_token_t() {
        free($self);
    }
}

%extend mcc_checksum_t {
    ~mcc_checksum_t() {
        free($self);
    }
}

%extend mcc_value_t {
    ~mcc_value_t() {
        mcc_value_free($self);
    }
}

typedef struct {} mcc_config_t;
%newobject mcc_config_t::from_environment;
%extend mcc_config_t {
    // Gathers from nothing.
    mcc_config_t(mcc_status_t *status) {
        mcc_config_t *config = NULL;
        *status = mcc_config_new_empty(&config);
        return config;
    }

    ~mcc_config_t() {
        mcc_config_free($self);
    }

    // Gathers the process's own: file, then environment.
    static mcc_config_t *from_environment(mcc_status_t *status) {
        mcc_config_t *config = NULL;
        *status = mcc_config_new(&config);
        return config;
    }

    void load(const char *path, mcc_status_t *status) {
        *status = mcc_config_load($self, path);
    }

    void set(const char *name, const char *value, mcc_status_t *status) {
        *status = mcc_config_set($self, name, value);
    }
}

typedef struct {} mcc_stats_t;
%extend mcc_stats_t {
    ~mcc_stats_t() {
        mcc_stats_free($self);
    }

    size_t count() {
        return mcc_stats_count($self);
    }

    const char *name(size_t index, mcc_status_t *status) {
        const char *name = NULL;
        *status = mcc_stats_item($self, index, &name, NULL, NULL);
        return name;
    }

    const char *help(size_t index, mcc_status_t *status) {
        const char *help = NULL;
        *status = mcc_stats_item($self, index, NULL, &help, NULL);
        return help;
    }

    int64_t value(size_t index, mcc_status_t *status) {
        int64_t value = 0;
        *status = mcc_stats_item($self, index, NULL, NULL, &value);
        return value;
    }
}

typedef struct {} mcc_members_t;
%extend mcc_members_t {
    ~mcc_members_t() {
        mcc_members_free($self);
    }

    size_t count() {
        return mcc_members_count($self);
    }

    // Belongs to the list: read it while the list is there.
    const mcc_member_t *item(size_t index) {
        return mcc_members_item($self, index);
    }
}

typedef struct {} mcc_cluster_metrics_t;
%extend mcc_cluster_metrics_t {
    ~mcc_cluster_metrics_t() {
        mcc_cluster_metrics_free($self);
    }

    size_t count() {
        return mcc_cluster_metrics_count($self);
    }

    const char *member(size_t index) {
        return mcc_cluster_metrics_member($self, index);
    }

    // Belongs to the list: read it while the list is there. Nothing if the member did not answer.
    const mcc_stats_t *item(size_t index) {
        return mcc_cluster_metrics_item($self, index);
    }
}

typedef struct {} mcc_checksums_t;
%extend mcc_checksums_t {
    ~mcc_checksums_t() {
        mcc_checksums_free($self);
    }

    size_t count() {
        return mcc_checksums_count($self);
    }

    const char *member(size_t index) {
        return mcc_checksums_member($self, index);
    }

    // Belongs to the list: read it while the list is there. Nothing if the member did not answer.
    const mcc_checksum_t *item(size_t index) {
        return mcc_checksums_item($self, index);
    }
}

typedef struct {} mcc_events_t;
%extend mcc_events_t {
    ~mcc_events_t() {
        mcc_events_free($self);
    }

    // False if none came in time, or after wake().
    bool next(int64_t timeout_ms, mcc_event_t *event, mcc_status_t *status) {
        *status = mcc_events_next($self, timeout_ms, event);
        if (*status == MCC_OK)
            return true;
        mccache_answer(status, MCC_TIMEOUT);
        return false;
    }

    void wake() {
        mcc_events_wake($self);
    }

    void close(mcc_status_t *status) {
        *status = mcc_events_close($self);
    }
}

typedef struct {} mcc_logs_t;
%extend mcc_logs_t {
    // From now on, of the whole process.
    mcc_logs_t(int32_t level, mcc_status_t *status) {
        mcc_logs_t *logs = NULL;
        *status = mcc_logs_new(level, &logs);
        return logs;
    }

    ~mcc_logs_t() {
        mcc_logs_free($self);
    }

    void set_level(int32_t level, mcc_status_t *status) {
        *status = mcc_logs_set_level($self, level);
    }

    // False if none came in time, or after wake().
    bool next(int64_t timeout_ms, mcc_log_record_t *record, mcc_status_t *status) {
        *status = mcc_logs_next($self, timeout_ms, record);
        if (*status == MCC_OK)
            return true;
        mccache_answer(status, MCC_TIMEOUT);
        return false;
    }

    void wake() {
        mcc_logs_wake($self);
    }

    void close(mcc_status_t *status) {
        *status = mcc_logs_close($self);
    }
}

typedef struct {} mcc_iter_t;
%newobject mcc_iter_t::next_entry;
%extend mcc_iter_t {
    ~mcc_iter_t() {
        mcc_iter_free($self);
    }

    // False after the last key.
    bool next(const uint8_t **key, size_t *key_len, mcc_status_t *status) {
        *status = mcc_iter_next($self, key, key_len);
        if (*status == MCC_OK)
            return true;
        mccache_answer(status, MCC_END);
        return false;
    }

    // Nothing, and no key, after the last entry.
    mcc_value_t *next_entry(const uint8_t **key, size_t *key_len, mcc_status_t *status) {
        mcc_value_t *value = NULL;
        *status = mcc_iter_next_entry($self, key, key_len, &value);
        mccache_answer(status, MCC_END);
        return value;
    }
}

typedef struct {} mcc_lease_t;
%extend mcc_lease_t {
    // Ends it, if it was not filled: the next of those that wait loads.
    ~mcc_lease_t() {
        mcc_lease_free($self);
    }

    // Ends it. False if the key was written or deleted meanwhile, or a tag invalidated: nothing is put then.
    bool fill(const void *data, size_t data_len, uint8_t codec, int64_t ttl_ms, const void *tags, size_t tags_len,
              mcc_status_t *status) {
        *status = mcc_fill_tagged($self, data, data_len, codec, ttl_ms, tags, tags_len);
        return !mccache_answer(status, MCC_OVERTAKEN);
    }

    // Ends it if it has not ended, and counts and tells that the load failed.
    void failed() {
        // Whatever the answer: the lease ends.
        (void)mcc_load_failed($self);
    }
}

typedef struct {} mccache_keys_t;
%extend mccache_keys_t {
    ~mccache_keys_t() {
        free($self);
    }

    size_t count() {
        return $self->count;
    }

    // 0 beyond the last.
    int32_t id(size_t index) {
        return index < $self->count ? $self->items[index].id : 0;
    }

    // What the node does with it: MCC_KEY_DECRYPT_ONLY, _PRIMARY or _RETIRED.
    int32_t role(size_t index) {
        return index < $self->count ? $self->items[index].role : 0;
    }

    // How many other members seal with it now.
    int64_t members(size_t index) {
        return index < $self->count ? $self->items[index].members : 0;
    }
}

typedef struct {} mcc_node_t;
%newobject mcc_node_t::own;
%newobject mcc_node_t::keys;
%newobject mcc_node_t::setting;
%newobject mcc_node_t::members;
%newobject mcc_node_t::counters;
%newobject mcc_node_t::cluster_metrics;
%newobject mcc_node_t::events;
%extend mcc_node_t {
    mcc_node_t(const mcc_config_t *config, mcc_status_t *status) {
        mcc_node_t *node = NULL;
        *status = mcc_node_open(config, &node);
        return node;
    }

    ~mcc_node_t() {
        mcc_node_free($self);
    }

    // The process's own.
    static mcc_node_t *own(mcc_status_t *status) {
        mcc_node_t *node = NULL;
        *status = mcc_node_own(&node);
        return node;
    }

    const char *name() {
        return mcc_node_name($self);
    }

    // What a setting amounts to; nothing for a secret that is set.
    char *setting(const char *name, mcc_status_t *status) {
        char *text = NULL;
        size_t len = 0;
        *status = mcc_node_setting($self, name, NULL, 0, &len);
        if (*status == MCC_BUFFER_TOO_SMALL) {
            text = malloc(len + 1);
            *status = text ? mcc_node_setting($self, name, text, len + 1, &len) : MCCACHE_NO_MEMORY;
        }
        if (*status != MCC_OK) {
            free(text);
            text = NULL;
        }
        mccache_answer(status, MCC_NOT_FOUND);
        return text;
    }

    // False if it is not ready in time.
    bool wait_ready(int64_t timeout_ms, mcc_status_t *status) {
        *status = mcc_node_wait_ready($self, timeout_ms);
        return !mccache_answer(status, MCC_TIMEOUT);
    }

    mcc_members_t *members(mcc_status_t *status) {
        mcc_members_t *members = NULL;
        *status = mcc_node_members($self, &members);
        return members;
    }

    void add_key(const char *key, mcc_status_t *status) {
        *status = mcc_node_keys_add($self, key);
    }

    void set_primary_key(int32_t id, mcc_status_t *status) {
        *status = mcc_node_keys_set_primary($self, id);
    }

    void remove_key(int32_t id, mcc_status_t *status) {
        *status = mcc_node_keys_remove($self, id);
    }

    mccache_keys_t *keys(mcc_status_t *status) {
        mccache_keys_t *keys = calloc(1, sizeof *keys);
        *status = keys ? mcc_node_keys_list($self, keys->items, MCC_KEYS_MAX, &keys->count) : MCCACHE_NO_MEMORY;
        if (*status != MCC_OK) {
            free(keys);
            keys = NULL;
        }
        return keys;
    }

    mcc_stats_t *counters(mcc_status_t *status) {
        mcc_stats_t *stats = NULL;
        *status = mcc_stats_new($self, &stats);
        return stats;
    }

    mcc_cluster_metrics_t *cluster_metrics(int64_t timeout_ms, mcc_status_t *status) {
        mcc_cluster_metrics_t *list = NULL;
        *status = mcc_node_cluster_metrics($self, timeout_ms, &list);
        return list;
    }

    mcc_events_t *events(mcc_status_t *status) {
        mcc_events_t *events = NULL;
        *status = mcc_events_new($self, NULL, &events);
        return events;
    }

    void close(mcc_status_t *status) {
        *status = mcc_node_close($self);
    }
}

typedef struct {} mcc_cache_t;
%newobject mcc_cache_t::get;
%newobject mcc_cache_t::take;
%newobject mcc_cache_t::get_at_least;
%newobject mcc_cache_t::keys;
%newobject mcc_cache_t::events;
%newobject mcc_cache_t::events_of_lookups;
%newobject mcc_cache_t::cluster_checksum;
%extend mcc_cache_t {
    // Of this node, or of the process's own if it is nothing; with these settings over the node's, if any.
    mcc_cache_t(mcc_node_t *node, const char *name, const mcc_config_t *config, mcc_status_t *status) {
        mcc_cache_t *cache = NULL;
        *status = mcc_open(node, name, config, &cache);
        return cache;
    }

    ~mcc_cache_t() {
        mcc_free($self);
    }

    const char *name() {
        return mcc_name($self);
    }

    // Nothing if there is none.
    mcc_value_t *get(const void *key, size_t key_len, mcc_status_t *status) {
        mcc_value_t *value = NULL;
        *status = mcc_get($self, key, key_len, &value);
        mccache_answer(status, MCC_NOT_FOUND);
        return value;
    }

    // Nothing if there was none.
    mcc_value_t *take(const void *key, size_t key_len, mcc_status_t *status) {
        mcc_value_t *value = NULL;
        *status = mcc_take($self, key, key_len, &value);
        mccache_answer(status, MCC_NOT_FOUND);
        return value;
    }

    void put(const void *key, size_t key_len, const void *data, size_t data_len, uint8_t codec, int64_t ttl_ms,
                   mcc_status_t *status) {
        *status = mcc_put_as($self, key, key_len, data, data_len, codec, ttl_ms);
    }

    void put_tagged(const void *key, size_t key_len, const void *data, size_t data_len, uint8_t codec, int64_t ttl_ms,
                    const void *tags, size_t tags_len, mcc_status_t *status) {
        *status = mcc_put_tagged($self, key, key_len, data, data_len, codec, ttl_ms, tags, tags_len);
    }

    // One tag.
    void invalidate_tag(const void *tags, size_t tags_len, mcc_status_t *status) {
        *status = mcc_invalidate_tag($self, tags, tags_len);
    }

    // False if there is one already.
    bool put_new(const void *key, size_t key_len, const void *data, size_t data_len, uint8_t codec, int64_t ttl_ms,
                 mcc_status_t *status) {
        *status = mcc_put_new_as($self, key, key_len, data, data_len, codec, ttl_ms);
        return !mccache_answer(status, MCC_EXISTS);
    }

    // False if there was none.
    bool remove(const void *key, size_t key_len, mcc_status_t *status) {
        *status = mcc_del($self, key, key_len);
        return !mccache_answer(status, MCC_NOT_FOUND);
    }

    bool contains(const void *key, size_t key_len, mcc_status_t *status) {
        *status = mcc_contains($self, key, key_len);
        return !mccache_answer(status, MCC_NOT_FOUND);
    }

    // False if there is none.
    bool touch(const void *key, size_t key_len, int64_t ttl_ms, mcc_status_t *status) {
        *status = mcc_touch($self, key, key_len, ttl_ms);
        return !mccache_answer(status, MCC_NOT_FOUND);
    }

    // A key that has no value raises here: there is nothing to tell.
    mcc_metadata_t metadata(const void *key, size_t key_len, mcc_status_t *status) {
        mcc_metadata_t metadata = {0};
        *status = mcc_metadata($self, key, key_len, &metadata);
        return metadata;
    }

    size_t len(mcc_status_t *status) {
        size_t len = 0;
        *status = mcc_len($self, &len);
        return len;
    }

    mcc_iter_t *keys(mcc_status_t *status) {
        mcc_iter_t *iter = NULL;
        *status = mcc_iter_new($self, &iter);
        return iter;
    }

    mcc_events_t *events(mcc_status_t *status) {
        mcc_events_t *events = NULL;
        *status = mcc_events_new(NULL, $self, &events);
        return events;
    }

    // Of what was read within so long before; 0: as the node's settings say.
    mcc_events_t *events_of_lookups(int64_t window_ms, mcc_status_t *status) {
        mcc_events_t *events = NULL;
        *status = mcc_events_of_lookups($self, window_ms, &events);
        return events;
    }

    void clear(mcc_status_t *status) {
        *status = mcc_clear($self);
    }

    // False if somebody did not apply everything in time.
    bool sync(int64_t timeout_ms, mcc_status_t *status) {
        *status = mcc_sync($self, timeout_ms);
        return !mccache_answer(status, MCC_TIMEOUT);
    }

    // As put(), with what names the write.
    mcc_token_t put_token(const void *key, size_t key_len, const void *data, size_t data_len, uint8_t codec,
                          int64_t ttl_ms, mcc_status_t *status) {
        mcc_token_t token = {0};
        *status = mcc_put_token($self, key, key_len, data, data_len, codec, ttl_ms, &token);
        return token;
    }

    // As remove(), with what names the delete; a key without a value is no failure.
    mcc_token_t remove_token(const void *key, size_t key_len, mcc_status_t *status) {
        mcc_token_t token = {0};
        *status = mcc_del_token($self, key, key_len, &token);
        mccache_answer(status, MCC_NOT_FOUND);
        return token;
    }

    // Nothing if there is none, or an older one.
    mcc_value_t *get_at_least(const void *key, size_t key_len, int64_t version_clock, uint64_t version_origin,
                              mcc_status_t *status) {
        mcc_token_t token = {version_clock, version_origin, 0, 0};
        mcc_value_t *value = NULL;
        *status = mcc_get_at_least($self, key, key_len, &token, &value);
        mccache_answer(status, MCC_NOT_FOUND);
        return value;
    }

    // False if so many did not apply it in time.
    bool sync_token(int64_t version_clock, uint64_t version_origin, int64_t position, int64_t members,
                    int64_t timeout_ms, mcc_status_t *status) {
        mcc_token_t token = {version_clock, version_origin, position, 0};
        *status = mcc_sync_token($self, &token, members, timeout_ms);
        return !mccache_answer(status, MCC_TIMEOUT);
    }

    mcc_cache_stats_t stats(mcc_status_t *status) {
        mcc_cache_stats_t stats = {0};
        *status = mcc_cache_stats($self, &stats);
        return stats;
    }

    mcc_checksum_t checksum(mcc_status_t *status) {
        mcc_checksum_t checksum = {0};
        *status = mcc_checksum($self, &checksum.sum, &checksum.entries);
        return checksum;
    }

    mcc_checksums_t *cluster_checksum(int64_t timeout_ms, mcc_status_t *status) {
        mcc_checksums_t *list = NULL;
        *status = mcc_cluster_checksum($self, timeout_ms, &list);
        return list;
    }

    // That a load did not go as it should: one of the MCC_LOAD_NOTE_ numbers.
    void note_load(const void *key, size_t key_len, int note, mcc_status_t *status) {
        *status = mcc_load_note($self, key, key_len, note);
    }

    void close(mcc_status_t *status) {
        *status = mcc_close($self);
    }
}

typedef struct {} mcc_invalidation_t;
%extend mcc_invalidation_t {
    mcc_invalidation_t(mcc_cache_t *cache, mcc_status_t *status) {
        mcc_invalidation_t *invalidation = NULL;
        *status = mcc_invalidation_new(cache, &invalidation);
        return invalidation;
    }

    // Ends it as commit() does, if it is begun and has not ended.
    ~mcc_invalidation_t() {
        mcc_invalidation_free($self);
    }

    void add(const void *key, size_t key_len, mcc_status_t *status) {
        *status = mcc_invalidation_add($self, key, key_len);
    }

    // Whether all members have answered in time.
    bool begin(int64_t limit_ms, int64_t timeout_ms, mcc_status_t *status) {
        int32_t complete = 0;
        *status = mcc_invalidation_begin($self, limit_ms, timeout_ms, &complete);
        return complete != 0;
    }

    // Whether it ended in time.
    bool commit(mcc_status_t *status) {
        int32_t in_time = 0;
        *status = mcc_invalidation_commit($self, &in_time);
        return in_time != 0;
    }

    void abort(mcc_status_t *status) {
        *status = mcc_invalidation_abort($self);
    }
}

typedef struct {} mcc_load_policy_t;
%extend mcc_load_policy_t {
    // The cache's own, with these settings over it, if any.
    mcc_load_policy_t(mcc_cache_t *cache, const mcc_config_t *config, mcc_status_t *status) {
        mcc_load_policy_t *policy = NULL;
        *status = mcc_load_policy_new(cache, config, &policy);
        return policy;
    }

    ~mcc_load_policy_t() {
        mcc_load_policy_free($self);
    }

    // How long whoever waits for a load waits, ms; WAIT_FOREVER for as long as it takes.
    int64_t patience(bool has_expired_value) {
        return mcc_load_policy_patience($self, has_expired_value);
    }
}
