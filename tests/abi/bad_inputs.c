// Every line of tests/bad_inputs.tsv, in C: keys and values are bytes here, so what is of a language's types has nothing to
// test, and says why. Each line answers how many of its calls went wrong.

#include "check.h"

#include <stdbool.h>
#include <stddef.h>

static mcc_node_t *node;
static mcc_cache_t *cache;
static char *long_key;

// Whether a call answered what it must, and said why.
static int wrong(mcc_status_t found, mcc_status_t expected) {
    if (found == expected && (found == MCC_OK || *mcc_last_error() != '\0')) {
        return 0;
    }
    printf("-- answered %d, not %d: %s\n", (int)found, (int)expected, mcc_last_error());
    return 1;
}

static int keys_are(const void *key, size_t len, mcc_status_t expected) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    mcc_metadata_t metadata;
    return wrong(mcc_get(cache, key, len, &value), expected) + wrong(mcc_put(cache, key, len, "v", 1, 0), expected) +
           wrong(mcc_del(cache, key, len), expected) + wrong(mcc_take(cache, key, len, &value), expected) +
           wrong(mcc_contains(cache, key, len), expected) + wrong(mcc_touch(cache, key, len, 0), expected) +
           wrong(mcc_metadata(cache, key, len, &metadata), expected) +
           wrong(mcc_get_lease(cache, key, len, 0, &value, &lease), expected);
}

static int key_of_nothing(mcc_status_t expected) {
    return keys_are(NULL, 1, expected);
}

static int key_too_long(mcc_status_t expected) {
    return keys_are(long_key, MCC_KEY_LEN_MAX + 1, expected);
}

static int key_of_65535_bytes(mcc_status_t expected) {
    return wrong(mcc_put(cache, long_key, MCC_KEY_LEN_MAX, "v", 1, 0), expected) + !holds(cache, long_key, MCC_KEY_LEN_MAX, "v", 1);
}

static int key_empty(mcc_status_t expected) {
    return wrong(mcc_put(cache, NULL, 0, "v", 1, 0), expected) + !holds(cache, "", 0, "v", 1);
}

// Keys are bytes: these, too.
static int key_with_lone_surrogate(mcc_status_t expected) {
    return wrong(mcc_put(cache, "\xed\xa0\xbe", 3, "v", 1, 0), expected) + !holds(cache, "\xed\xa0\xbe", 3, "v", 1);
}

static int value_of_wrong_type(mcc_status_t expected) {
    mcc_value_t *value;
    return wrong(mcc_put(cache, "k", 1, NULL, 1, 0), expected) + wrong(mcc_value_new(NULL, 1, 0, &value), expected) +
           wrong(mcc_put_value(cache, "k", 1, NULL, 0), expected);
}

static int value_too_large(mcc_status_t expected) {
    char *bytes = calloc(100001, 1);
    MUST(bytes != NULL);
    int problems = wrong(mcc_put(cache, "k", 1, bytes, 100001, 0), expected) + wrong(mcc_put(cache, "k", 1, "v", SIZE_MAX, 0), expected) +
                   wrong(mcc_put_as(cache, "k", 1, bytes, 100001, MCC_CODEC_TEXT, 0), expected);
    free(bytes);
    return problems;
}

static int value_with_lone_surrogate(mcc_status_t expected) {
    unsigned char buffer[16];
    size_t offset = 0;
    mcc_cbor_item_t item;
    memset(&item, 0, sizeof item);
    item.kind = MCC_CBOR_TEXT;
    item.data = (const uint8_t *)"\xed\xa0\xbe";
    item.len = 3;
    return wrong(mcc_cbor_write(buffer, sizeof buffer, &offset, &item), expected) + (offset != 0);
}

// C reads CBOR item by item; what it cannot read is an invalid argument.
static int read_of_malformed_cbor(mcc_status_t expected) {
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"\x1c", 1}, {"\x62\xc3\x28", 3}, {"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, {"\xfb", 1}, {"\x62", 1}, {"\x61\xff", 2}};
    int problems = 0;
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        size_t offset = 0;
        mcc_cbor_item_t item;
        problems += wrong(mcc_cbor_read(cases[at].bytes, cases[at].len, &offset, &item), expected) + (offset != 0);
    }
    return problems;
}

// Any codec is passed on: what the bytes are is the reader's to say.
static int read_of_any_codec(mcc_status_t expected) {
    int problems = 0;
    for (unsigned codec = 1; codec < 256; codec++) {
        mcc_value_t *value;
        problems += wrong(mcc_put_as(cache, "k", 1, "\xff", 1, (uint8_t)codec, 0), expected);
        problems += wrong(mcc_get(cache, "k", 1, &value), expected);
        problems += value == NULL || value->codec != codec || value->len != 1;
        mcc_value_free(value);
    }
    return problems;
}

static int name_is(const char *name, mcc_status_t expected) {
    mcc_cache_t *opened;
    return wrong(mcc_open(node, name, NULL, &opened), expected) + (opened != NULL);
}

static int cache_name_of_wrong_type(mcc_status_t expected) {
    return name_is(NULL, expected);
}

static int cache_name_empty(mcc_status_t expected) {
    return name_is("", expected);
}

static int cache_name_too_long(mcc_status_t expected) {
    char name[257];
    memset(name, 'n', 256);
    name[256] = '\0';
    return name_is(name, expected);
}

static int setting_is(const char *name, const char *value, mcc_status_t expected, const char *hint) {
    mcc_config_t *config = private_config("n");
    int problems = wrong(mcc_config_set(config, name, value), expected) + (strstr(mcc_last_error(), hint) == NULL);
    mcc_config_free(config);
    return problems;
}

static int setting_unknown(mcc_status_t expected) {
    return setting_is("cache_tll", "5", expected, "cache_ttl");
}

static int setting_of_bad_value(mcc_status_t expected) {
    return setting_is("cache_max", "many", expected, "many") + setting_is("cache_max", "-1", expected, "cache_max") +
           setting_is("cache_ttl", "nan", expected, "cache_ttl");
}

static int opened_with(const char *cache_name, const char *name, const char *value, mcc_status_t expected, const char *hint) {
    mcc_config_t *config;
    mcc_cache_t *opened;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, name, value) == MCC_OK);
    int problems = wrong(mcc_open(node, cache_name, config, &opened), expected) + (opened != NULL) +
                   (strstr(mcc_last_error(), hint) == NULL);
    mcc_config_free(config);
    return problems;
}

static int setting_of_node_given_to_cache(mcc_status_t expected) {
    return opened_with("s", "cluster", "other", expected, "`cluster`") + opened_with("s", "cluster", "other", expected, "cache_ttl");
}

static int setting_other_than_open(mcc_status_t expected) {
    return opened_with("c", "cache_ttl", "61", expected, "settings");
}

static int file_is(const char *path, const char *text, mcc_status_t expected, const char *hint) {
    mcc_config_t *config = private_config("n");
    FILE *file = text != NULL ? fopen(path, "w") : NULL;
    MUST(text == NULL || file != NULL);
    if (file != NULL) {
        fputs(text, file);
        fclose(file);
    }
    int problems = wrong(mcc_config_load(config, path), expected) + (strstr(mcc_last_error(), path) == NULL) +
                   (strstr(mcc_last_error(), hint) == NULL);
    if (file != NULL) {
        remove(path);
    }
    mcc_config_free(config);
    return problems;
}

static int config_file_missing(mcc_status_t expected) {
    return file_is("/nowhere/mccache.toml", NULL, expected, "/nowhere");
}

static int config_file_wrong(mcc_status_t expected) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/mccache-bad-%ld.toml", (long)getpid());
    return file_is(path, "\nthis is no TOML\n", expected, "line 2") + file_is(path, "cache_tll = 5\n", expected, "cache_tll");
}

static int ttl_is(int64_t ttl_ms, mcc_status_t expected) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    MUST(mcc_value_new("v", 1, 0, &value) == MCC_OK);
    int problems = wrong(mcc_put(cache, "k", 1, "v", 1, ttl_ms), expected) + wrong(mcc_put_value(cache, "k", 1, value, ttl_ms), expected) +
                   wrong(mcc_touch(cache, "before", 6, ttl_ms), expected) + wrong(mcc_put_as(cache, "k", 1, "v", 1, 1, ttl_ms), expected);
    mcc_value_free(value);
    MUST(mcc_get_lease(cache, "loaded", 6, 0, &value, &lease) == MCC_NOT_FOUND);
    problems += wrong(mcc_fill(lease, "v", 1, 0, ttl_ms), expected);
    mcc_lease_free(lease);
    // That it is not there is an answer, too.
    return problems + (mcc_del(cache, "loaded", 6) != (expected == MCC_OK ? MCC_OK : MCC_NOT_FOUND));
}

static int ttl_negative(mcc_status_t expected) {
    return ttl_is(-1, expected) + ttl_is(INT64_MIN, expected);
}

static int ttl_too_long(mcc_status_t expected) {
    return ttl_is(MCC_TTL_FOREVER, expected) + ttl_is(MCC_TTL_FOREVER - 1, expected);
}

static int timeout_negative(mcc_status_t expected) {
    mcc_events_t *events;
    mcc_event_t event;
    mcc_checksums_t *sums;
    mcc_cluster_metrics_t *metrics;
    mcc_value_t *value;
    mcc_lease_t *lease;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK);
    int problems = wrong(mcc_sync(cache, -1), expected) + wrong(mcc_events_next(events, -1, &event), expected) +
                   wrong(mcc_node_wait_ready(node, -1), expected) + wrong(mcc_cluster_checksum(cache, -1, &sums), expected) +
                   wrong(mcc_node_cluster_metrics(node, -1, &metrics), expected) +
                   wrong(mcc_get_lease(cache, "k", 1, -1, &value, &lease), expected);
    mcc_events_free(events);
    return problems;
}

// A lease that is freed without a fill is a load that failed: the next one has it at once.
static int loader_that_fails(mcc_status_t expected) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    int problems = 0;
    for (int round = 0; round < 3; round++) {
        problems += mcc_get_lease(cache, "loaded", 6, 0, &value, &lease) != MCC_NOT_FOUND || lease == NULL;
        mcc_lease_free(lease);
    }
    problems += wrong(mcc_get(cache, "before", 6, &value), expected);
    mcc_value_free(value);
    return problems;
}

static int loader_of_bad_value(mcc_status_t expected) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    MUST(mcc_get_lease(cache, "loaded", 6, 0, &value, &lease) == MCC_NOT_FOUND);
    int problems = wrong(mcc_fill(lease, NULL, 1, 0, 0), expected);
    mcc_lease_free(lease);
    problems += mcc_get_lease(cache, "loaded", 6, 0, &value, &lease) != MCC_NOT_FOUND;
    mcc_lease_free(lease);
    return problems;
}

static int loader_that_asks_for_its_own_key(mcc_status_t expected) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    mcc_lease_t *inner;
    MUST(mcc_get_lease(cache, "loaded", 6, 0, &value, &lease) == MCC_NOT_FOUND);
    int problems = wrong(mcc_get_lease(cache, "loaded", 6, 0, &value, &inner), expected) +
                   wrong(mcc_get_lease(cache, "loaded", 6, 20, &value, &inner), expected);
    mcc_lease_free(lease);
    return problems;
}

static int every_call_is(mcc_cache_t *closed, mcc_status_t expected) {
    mcc_cache_t *kept = cache;
    mcc_iter_t *iter;
    mcc_checksums_t *sums;
    mcc_cache_stats_t stats;
    mcc_events_t *events;
    uint64_t sum;
    int64_t count;
    size_t len;
    cache = closed;
    int problems = keys_are("k", 1, expected) + wrong(mcc_len(closed, &len), expected) + wrong(mcc_clear(closed), expected) +
                   wrong(mcc_sync(closed, 0), expected) + wrong(mcc_iter_new(closed, &iter), expected) +
                   wrong(mcc_checksum(closed, &sum, &count), expected) + wrong(mcc_cluster_checksum(closed, 0, &sums), expected) +
                   wrong(mcc_cache_stats(closed, &stats), expected) + wrong(mcc_events_new(NULL, closed, &events), expected);
    cache = kept;
    return problems;
}

static int closed_cache(mcc_status_t expected) {
    mcc_cache_t *closed = open_cache(node, "closed");
    mcc_close(closed);
    int problems = every_call_is(closed, expected);
    mcc_free(closed);
    return problems;
}

static int closed_node(mcc_status_t expected) {
    mcc_node_t *gone = private_node("gone");
    mcc_cache_t *of_gone = open_cache(gone, "c");
    mcc_cache_t *opened;
    mcc_members_t *members;
    mcc_events_t *events;
    mcc_cluster_metrics_t *metrics;
    mcc_node_close(gone);
    int problems = every_call_is(of_gone, expected) + wrong(mcc_open(gone, "d", NULL, &opened), expected) +
                   wrong(mcc_node_members(gone, &members), expected) + wrong(mcc_node_wait_ready(gone, 0), expected) +
                   wrong(mcc_events_new(gone, NULL, &events), expected) + wrong(mcc_node_cluster_metrics(gone, 0, &metrics), expected);
    mcc_free(of_gone);
    mcc_node_free(gone);
    return problems;
}

static int closed_events(mcc_status_t expected) {
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK && put_text(cache, "before", "there") == MCC_OK);
    mcc_events_close(events);
    int problems = wrong(mcc_events_next(events, 0, &event), MCC_OK) + wrong(mcc_events_next(events, 0, &event), expected);
    mcc_events_free(events);
    return problems;
}

static int closed_twice(mcc_status_t expected) {
    mcc_node_t *other = private_node("twice");
    mcc_cache_t *closed = open_cache(other, "c");
    mcc_events_t *events;
    MUST(mcc_events_new(other, NULL, &events) == MCC_OK);
    for (int time = 0; time < 2; time++) {
        mcc_events_close(events);
        mcc_close(closed);
        mcc_node_close(other);
    }
    mcc_events_free(events);
    mcc_free(closed);
    mcc_node_free(other);
    return wrong(put_text(cache, "k", "v"), expected);
}

static int iteration_while_closing(mcc_status_t expected) {
    mcc_cache_t *closing = open_cache(node, "closing");
    mcc_iter_t *iter;
    const uint8_t *key;
    size_t len;
    MUST(put_text(closing, "a", "1") == MCC_OK && put_text(closing, "b", "2") == MCC_OK && mcc_iter_new(closing, &iter) == MCC_OK);
    int problems = wrong(mcc_iter_next(iter, &key, &len), MCC_OK);
    mcc_close(closing);
    problems += wrong(mcc_iter_next(iter, &key, &len), expected);
    mcc_iter_free(iter);
    mcc_free(closing);
    return problems;
}

// A line: what answers it, or why there is nothing to test in C; and the status, where it is not the table's.
static const struct {
    const char *name;
    int (*answers)(mcc_status_t expected);
    const char *otherwise;
} lines[] = {
    {"key_of_wrong_type", NULL, "a key is bytes"},
    {"key_of_nothing", key_of_nothing, NULL},
    {"key_too_long", key_too_long, NULL},
    {"key_of_65535_bytes", key_of_65535_bytes, NULL},
    {"key_empty", key_empty, NULL},
    {"key_with_lone_surrogate", key_with_lone_surrogate, "fine"},
    {"value_of_wrong_type", value_of_wrong_type, NULL},
    {"value_with_wrong_type_inside", NULL, "a value is bytes"},
    {"value_too_large", value_too_large, NULL},
    {"value_with_lone_surrogate", value_with_lone_surrogate, NULL},
    {"value_nested_201_deep", NULL, "a value is bytes"},
    {"value_that_contains_itself", NULL, "a value is bytes"},
    {"value_of_time_without_zone", NULL, "a value is bytes"},
    {"read_of_malformed_cbor", read_of_malformed_cbor, NULL},
    {"read_of_two_cbor_items", NULL, "CBOR is read item by item"},
    {"read_of_cbor_nested_201_deep", NULL, "CBOR is read item by item"},
    {"read_of_text_not_utf8", read_of_any_codec, "fine"},
    {"read_of_unknown_codec", read_of_any_codec, "fine"},
    {"read_of_native_without_option", read_of_any_codec, "fine"},
    {"native_without_key", NULL, "C serializes nothing"},
    {"cache_name_of_wrong_type", cache_name_of_wrong_type, NULL},
    {"cache_name_empty", cache_name_empty, NULL},
    {"cache_name_too_long", cache_name_too_long, NULL},
    {"cache_name_with_zero_byte", NULL, "a text of C ends with it"},
    {"setting_unknown", setting_unknown, NULL},
    {"setting_of_bad_value", setting_of_bad_value, NULL},
    {"setting_of_node_given_to_cache", setting_of_node_given_to_cache, NULL},
    {"setting_other_than_open", setting_other_than_open, NULL},
    {"config_file_missing", config_file_missing, NULL},
    {"config_file_wrong", config_file_wrong, NULL},
    {"ttl_of_zero", NULL, "0 means the default here"},
    {"ttl_negative", ttl_negative, NULL},
    {"ttl_of_wrong_type", NULL, "the compiler refuses it"},
    {"ttl_too_long", ttl_too_long, NULL},
    {"timeout_negative", timeout_negative, NULL},
    {"timeout_of_wrong_type", NULL, "the compiler refuses it"},
    {"loader_of_wrong_type", NULL, "there are leases, and no function is called"},
    {"loader_that_fails", loader_that_fails, "fine"},
    {"loader_of_bad_value", loader_of_bad_value, NULL},
    {"loader_that_asks_for_its_own_key", loader_that_asks_for_its_own_key, NULL},
    {"listener_of_wrong_type", NULL, "there are queues, and no function is called"},
    {"closed_cache", closed_cache, NULL},
    {"closed_node", closed_node, NULL},
    {"closed_events", closed_events, NULL},
    {"closed_twice", closed_twice, NULL},
    {"iteration_while_closing", iteration_while_closing, NULL},
};

static mcc_status_t status_of(const char *error) {
    static const struct {
        const char *name;
        mcc_status_t status;
    } names[] = {{"type", MCC_INVALID_ARGUMENT}, {"invalid argument", MCC_INVALID_ARGUMENT}, {"codec", MCC_INVALID_ARGUMENT},
                 {"too large", MCC_TOO_LARGE},   {"config", MCC_CONFIG},                     {"closed", MCC_CLOSED},
                 {"timeout", MCC_TIMEOUT},       {"fine", MCC_OK}};
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
        if (strcmp(names[at].name, error) == 0) {
            return names[at].status;
        }
    }
    return MCC_INTERNAL;
}

int main(void) {
    mcc_config_t *config = private_config("bad-inputs");
    MUST(mcc_config_set(config, "max_value", "100000") == MCC_OK && mcc_node_open(config, &node) == MCC_OK);
    mcc_config_free(config);
    cache = open_cache(node, "c");
    long_key = malloc(MCC_KEY_LEN_MAX + 1);
    MUST(long_key != NULL);
    memset(long_key, 'k', MCC_KEY_LEN_MAX + 1);

    FILE *table = fopen("tests/bad_inputs.tsv", "r");
    MUST(table != NULL);
    char row[512];
    size_t at = 0;
    while (fgets(row, sizeof row, table) != NULL) {
        if (row[0] == '#' || row[0] == '\n') {
            continue;
        }
        char *error = strrchr(row, '\t') + 1;
        error[strcspn(error, "\n")] = '\0';
        row[strcspn(row, "\t")] = '\0';
        MUST(at < sizeof lines / sizeof lines[0] && strcmp(lines[at].name, row) == 0);
        if (lines[at].answers == NULL) {
            printf("-- %s: nothing to test, %s\n", row, lines[at].otherwise);
        } else {
            MUST(mcc_clear(cache) == MCC_OK && put_text(cache, "before", "there") == MCC_OK);
            mcc_status_t expected = status_of(lines[at].otherwise != NULL ? lines[at].otherwise : error);
            int problems = lines[at].answers(expected);
            size_t left = 0;
            bool unchanged = holds_text(cache, "before", "there") && mcc_len(cache, &left) == MCC_OK && left == 1;
            CHECK(row, problems == 0 && (expected == MCC_OK || unchanged));
        }
        at++;
    }
    fclose(table);
    CHECK("every_line_is_in_the_table", at == sizeof lines / sizeof lines[0]);
    mcc_free(cache);
    mcc_node_close(node);
    mcc_node_free(node);
    free(long_key);
    return finish();
}
