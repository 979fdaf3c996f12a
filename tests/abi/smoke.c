// The smoke test that every language has: the same names in the same order (tests/smoke.txt).

#include "check.h"
#include "matrix.h"

#define ROUNDS 100000
// What 100,000 rounds may add to the resident set: less than one byte a round would.
#define LEAK_MAX_BYTES (8L * 1024 * 1024)
#define CRAB "\xf0\x9f\xa6\x80"
#define CLEF "\xf0\x9d\x84\x9e"

static int under_valgrind(void) {
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        found = found || strstr(line, "vgpreload") != NULL;
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}

static long resident_bytes(void) {
    long pages = 0;
    long resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    MUST(statm != NULL && fscanf(statm, "%ld %ld", &pages, &resident) == 2);
    fclose(statm);
    return resident * sysconf(_SC_PAGESIZE);
}

static size_t entries(mcc_cache_t *cache) {
    size_t len = SIZE_MAX;
    MUST(mcc_len(cache, &len) == MCC_OK);
    return len;
}

static void one_cache(mcc_cache_t *c) {
    int major, minor, patch;
    CHECK("versions_agree", mcc_abi_version() == MCC_ABI_VERSION && sscanf(mcc_version(), "%d.%d.%d", &major, &minor, &patch) == 3);

    int held = put_text(c, "k", "v") == MCC_OK && holds_text(c, "k", "v") && entries(c) == 1;
    held = held && put_text(c, "k", "w") == MCC_OK && holds_text(c, "k", "w") && entries(c) == 1;
    held = held && mcc_del(c, "k", 1) == MCC_OK && mcc_contains(c, "k", 1) == MCC_NOT_FOUND && entries(c) == 0;
    CHECK("put_get_del", held && mcc_del(c, "k", 1) == MCC_NOT_FOUND);

    held = mcc_put(c, "a\0b", 3, "1\0002", 3, 0) == MCC_OK && mcc_put(c, "a", 1, "other", 5, 0) == MCC_OK;
    CHECK("zero_byte_in_key_and_value", held && holds(c, "a\0b", 3, "1\0002", 3) && holds(c, "a", 1, "other", 5) && entries(c) == 2);

    mcc_value_t *value = NULL;
    held = mcc_put_as(c, CRAB, 4, CLEF, 4, MCC_CODEC_TEXT, 0) == MCC_OK && mcc_get(c, CRAB, 4, &value) == MCC_OK;
    CHECK("astral_character", held && value->codec == MCC_CODEC_TEXT && value->len == 4 && memcmp(value->data, CLEF, 4) == 0);
    mcc_value_free(value);

    held = mcc_put(c, "empty", 5, NULL, 0, 0) == MCC_OK && mcc_put(c, NULL, 0, "of the empty key", 16, 0) == MCC_OK;
    CHECK("empty_value", held && holds(c, "empty", 5, "", 0) && holds(c, "", 0, "of the empty key", 16));
}

static void sizes_and_times(mcc_cache_t *c) {
    size_t len = (size_t)1 << 20;
    uint8_t *large = malloc(len);
    MUST(large != NULL);
    for (size_t i = 0; i < len; i++) {
        large[i] = (uint8_t)(i % 251);
    }
    CHECK("large_value", mcc_put(c, "large", 5, large, len, 0) == MCC_OK && holds(c, "large", 5, large, len));
    free(large);

    mcc_value_t *value = (mcc_value_t *)&len; // anything but NULL: it must be written
    CHECK("missing_key", mcc_get(c, "nobody", 6, &value) == MCC_NOT_FOUND && value == NULL &&
                             mcc_del(c, "nobody", 6) == MCC_NOT_FOUND && mcc_touch(c, "nobody", 6, 0) == MCC_NOT_FOUND);

    mcc_metadata_t lasting;
    mcc_metadata_t endless;
    MUST(mcc_put(c, "short", 5, "1", 1, 50) == MCC_OK && mcc_put(c, "long", 4, "2", 1, 3600000) == MCC_OK &&
         mcc_put(c, "ever", 4, "3", 1, MCC_TTL_FOREVER) == MCC_OK);
    MUST(mcc_metadata(c, "long", 4, &lasting) == MCC_OK && mcc_metadata(c, "ever", 4, &endless) == MCC_OK);
    WAIT_FOR(mcc_contains(c, "short", 5) == MCC_NOT_FOUND);
    CHECK("ttl", mcc_contains(c, "short", 5) == MCC_NOT_FOUND && holds(c, "long", 4, "2", 1) && holds(c, "ever", 4, "3", 1) &&
                     lasting.ttl_remaining_ms > 3500000 && lasting.ttl_remaining_ms <= 3600000 &&
                     endless.ttl_remaining_ms == MCC_TTL_FOREVER);
}

// Whether each of 1,000 entries comes exactly once, and nothing else.
static int iterates(mcc_cache_t *c) {
    static int seen[1000];
    mcc_iter_t *iter;
    mcc_value_t *value;
    const uint8_t *key;
    size_t key_len;
    mcc_status_t status;
    int count = 0;
    int odd = 0;
    MUST(mcc_clear(c) == MCC_OK);
    for (int i = 0; i < 1000; i++) {
        MUST(mcc_put(c, &i, sizeof i, &i, sizeof i, 0) == MCC_OK);
    }
    MUST(mcc_iter_new(c, &iter) == MCC_OK);
    while ((status = mcc_iter_next_entry(iter, &key, &key_len, &value)) == MCC_OK) {
        int i = -1;
        if (key_len == sizeof i) {
            memcpy(&i, key, sizeof i);
        }
        int fits = i >= 0 && i < 1000 && value->len == sizeof i && memcmp(value->data, &i, sizeof i) == 0;
        odd += !fits || seen[i]++ != 0;
        count++;
        mcc_value_free(value);
    }
    mcc_iter_free(iter);
    return status == MCC_END && odd == 0 && count == 1000;
}

static int refuses_bad_arguments(mcc_cache_t *c) {
    static char key[MCC_KEY_LEN_MAX + 1];
    mcc_value_t *value;
    MUST(mcc_clear(c) == MCC_OK);
    return mcc_put(NULL, "k", 1, "v", 1, 0) == MCC_INVALID_ARGUMENT && mcc_put(c, NULL, 1, "v", 1, 0) == MCC_INVALID_ARGUMENT &&
           mcc_put(c, "k", 1, NULL, 1, 0) == MCC_INVALID_ARGUMENT && mcc_put(c, "k", 1, "v", 1, -1) == MCC_INVALID_ARGUMENT &&
           mcc_get(c, "k", 1, NULL) == MCC_INVALID_ARGUMENT && mcc_get(c, key, sizeof key, &value) == MCC_TOO_LARGE &&
           mcc_put(c, key, sizeof key, "v", 1, 0) == MCC_TOO_LARGE && *mcc_last_error() != '\0' && entries(c) == 0;
}

static void many_keys_and_bad_ones(mcc_cache_t *c) {
    CHECK("iteration", iterates(c));
    CHECK("bad_argument", refuses_bad_arguments(c));
}

// The next put, past what may still come of the state that a new member receives.
static int next_put(mcc_events_t *events, mcc_event_t *event) {
    mcc_status_t status;
    do {
        status = mcc_events_next(events, PATIENCE_MS, event);
    } while (status == MCC_OK && event->kind != MCC_EVENT_PUT);
    return status == MCC_OK;
}

static void two_nodes(mcc_node_t *one, mcc_cache_t *a, mcc_cache_t *b) {
    mcc_events_t *events;
    mcc_event_t event;
    mcc_metadata_t written;
    MUST(mcc_events_new(NULL, b, &events) == MCC_OK && put_text(a, "shared", "from a") == MCC_OK);
    WAIT_FOR(holds_text(b, "shared", "from a"));
    CHECK("two_nodes_put_on_one_read_on_the_other", holds_text(b, "shared", "from a"));

    MUST(mcc_metadata(a, "shared", 6, &written) == MCC_OK && mcc_del(b, "shared", 6) == MCC_OK);
    WAIT_FOR(mcc_contains(a, "shared", 6) == MCC_NOT_FOUND);
    CHECK("delete_on_one_gone_on_the_other", mcc_contains(a, "shared", 6) == MCC_NOT_FOUND);

    CHECK("event_arrives", next_put(events, &event) && !event.local && strcmp(event.cache, "smoke") == 0 &&
                               event.key_len == 6 && memcmp(event.key, "shared", 6) == 0 &&
                               strcmp(event.member, mcc_node_name(one)) == 0 && event.version_clock == written.version_clock &&
                               event.version_origin == written.version_origin);
    mcc_events_free(events);
}

static void after_closing(mcc_node_t *node, mcc_cache_t *c) {
    mcc_value_t *kept;
    mcc_value_t *value;
    mcc_lease_t *lease;
    mcc_iter_t *iter;
    mcc_events_t *events;
    mcc_metadata_t metadata;
    size_t len;
    MUST(put_text(c, "k", "kept") == MCC_OK && mcc_get(c, "k", 1, &kept) == MCC_OK && mcc_close(c) == MCC_OK);
    int closed = mcc_get(c, "k", 1, &value) == MCC_CLOSED && put_text(c, "k", "v") == MCC_CLOSED &&
                 mcc_del(c, "k", 1) == MCC_CLOSED && mcc_take(c, "k", 1, &value) == MCC_CLOSED &&
                 mcc_contains(c, "k", 1) == MCC_CLOSED && mcc_touch(c, "k", 1, 0) == MCC_CLOSED &&
                 mcc_metadata(c, "k", 1, &metadata) == MCC_CLOSED && mcc_len(c, &len) == MCC_CLOSED && mcc_clear(c) == MCC_CLOSED &&
                 mcc_sync(c, 0) == MCC_CLOSED && mcc_iter_new(c, &iter) == MCC_CLOSED &&
                 mcc_events_new(NULL, c, &events) == MCC_CLOSED && mcc_get_lease(c, "k", 1, 0, &value, &lease) == MCC_CLOSED;
    CHECK("use_after_close", closed && kept->len == 4 && memcmp(kept->data, "kept", 4) == 0);
    mcc_value_free(kept);
    CHECK("double_close", mcc_close(c) == MCC_OK && mcc_node_close(node) == MCC_OK && mcc_node_close(node) == MCC_OK &&
                              mcc_close(c) == MCC_OK);
}

static void some_rounds(mcc_cache_t *c, int rounds) {
    char key[16];
    char value[100];
    mcc_iter_t *iter;
    const uint8_t *found_key;
    size_t found_len;
    memset(value, 'x', sizeof value);
    for (int i = 0; i < rounds; i++) {
        size_t key_len = (size_t)snprintf(key, sizeof key, "key-%d", i % 10);
        MUST(mcc_put(c, key, key_len, value, sizeof value, 0) == MCC_OK && holds(c, key, key_len, value, sizeof value));
        MUST(!holds_text(c, "nobody", ""));
        if (i % 100 == 0) {
            MUST(mcc_iter_new(c, &iter) == MCC_OK && mcc_iter_next(iter, &found_key, &found_len) == MCC_OK);
            mcc_iter_free(iter);
            MUST(mcc_put(NULL, key, key_len, value, 1, 0) == MCC_INVALID_ARGUMENT);
        }
    }
}

static void leaks(mcc_cache_t *c) {
    // Valgrind finds every leak by itself, and takes fifty times as long.
    int rounds = under_valgrind() ? ROUNDS / 100 : ROUNDS;
    some_rounds(c, rounds / 10);
    long before = resident_bytes();
    some_rounds(c, rounds);
    CHECK("no_leak_over_100000_rounds", under_valgrind() || resident_bytes() - before < LEAK_MAX_BYTES);
}

// --- Values of other languages ---------------------------------------------------------------------------------------

static size_t from_hex(char *text, uint8_t *bytes, size_t capacity) {
    size_t len = 0;
    for (char *part = strtok(text, "+-"); part != NULL; part = strtok(NULL, "+-")) {
        char *star = strchr(part, '*');
        long count = star == NULL ? 1 : strtol(part, NULL, 10);
        const char *digits = star == NULL ? part : star + 1;
        for (; count > 0; count--) {
            for (const char *digit = digits; digit[0] != '\0' && digit[1] != '\0'; digit += 2) {
                char both[3] = {digit[0], digit[1], '\0'};
                MUST(len < capacity);
                bytes[len++] = (uint8_t)strtoul(both, NULL, 16);
            }
        }
    }
    return len;
}

// Each line of tests/values.tsv: what is put as its bytes is what C knows by its name, and C writes nothing else.
static int reads_them_all(mcc_cache_t *c) {
    static char line[4096];
    static uint8_t bytes[1 << 17];
    size_t lines = 0;
    size_t equal = 0;
    FILE *file = fopen("tests/values.tsv", "r"); // programs of this repository are started at its root
    MUST(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        const char *name = strtok(line, "\t");
        const char *codec = strtok(NULL, "\t");
        char *hex = strtok(NULL, "\t\n");
        MUST(name != NULL && codec != NULL && hex != NULL);
        size_t len = from_hex(hex, bytes, sizeof bytes);
        const matrix_case_t *native = matrix_find(name);
        mcc_value_t *value = NULL;
        MUST(native != NULL && mcc_put_as(c, "theirs", 6, bytes, len, (uint8_t)atoi(codec), 0) == MCC_OK);
        MUST(mcc_get(c, "theirs", 6, &value) == MCC_OK);
        const uint8_t *ours;
        size_t ours_len;
        int same = matrix_equal(native, value->data, value->len, value->codec) && matrix_bytes(native, &ours, &ours_len);
        equal += same && ours_len == len && (len == 0 || memcmp(ours, bytes, len) == 0);
        lines++;
        mcc_value_free(value);
    }
    fclose(file);
    return lines == matrix_count && equal == lines;
}

int main(void) {
    mcc_node_t *one = private_node("one");
    mcc_cache_t *a = open_cache(one, "smoke");
    MUST(mcc_node_wait_ready(one, PATIENCE_MS) == MCC_OK);
    one_cache(a);
    sizes_and_times(a);
    many_keys_and_bad_ones(a);
    mcc_node_t *two = private_node("two");
    mcc_cache_t *b = open_cache(two, "smoke");
    MUST(mcc_node_wait_ready(two, PATIENCE_MS) == MCC_OK);
    two_nodes(one, a, b);
    after_closing(two, b);
    leaks(a);
    CHECK("values_of_other_languages_are_read_back_equal", reads_them_all(a));
    mcc_node_close(one);
    mcc_free(a);
    mcc_free(b);
    mcc_node_free(one);
    mcc_node_free(two);
    return finish();
}
