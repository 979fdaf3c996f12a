// Loads by a policy: an early refresh, an expired value in place of a load that fails or takes long.

#include "check.h"

typedef struct {
    mcc_status_t status;
    mcc_value_t *value;
    mcc_lease_t *lease;
    mcc_load_t load;
} begun_t;

static begun_t begin(mcc_cache_t *cache, const mcc_load_policy_t *policy, const char *key) {
    begun_t begun;
    begun.status = mcc_load_begin(cache, policy, key, strlen(key), 0, &begun.value, &begun.lease, &begun.load);
    return begun;
}

static int is(const begun_t *begun, mcc_load_state_t state, const char *text) {
    const mcc_value_t *value = begun->value;
    const int same = text == NULL ? value == NULL
                                  : value != NULL && value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
    const int leased = state == MCC_LOAD_REFRESH || state == MCC_LOAD_LEASE;
    return begun->status == (state == MCC_LOAD_LEASE ? MCC_NOT_FOUND : MCC_OK) && begun->load.state == state && same &&
           (begun->lease != NULL) == leased;
}

static void end(begun_t *begun) {
    mcc_value_free(begun->value);
    mcc_lease_free(begun->lease);
}

static mcc_load_policy_t *policy_of(mcc_cache_t *cache, const char *name, const char *value) {
    mcc_config_t *config;
    mcc_load_policy_t *policy;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, name, value) == MCC_OK);
    MUST(mcc_load_policy_new(cache, config, &policy) == MCC_OK);
    mcc_config_free(config);
    return policy;
}

static void nap(void) {
    const struct timespec moment = {0, 2000000};
    nanosleep(&moment, NULL);
}

static void put_and_expire(mcc_cache_t *cache, const char *key) {
    MUST(mcc_put(cache, key, strlen(key), "old", 3, 1) == MCC_OK);
    for (int rest = PATIENCE_MS; mcc_contains(cache, key, strlen(key)) == MCC_OK && rest > 0; rest -= 2) {
        nap();
    }
}

static int64_t counted(mcc_node_t *node, const char *name) {
    mcc_stats_t *stats;
    MUST(mcc_stats_new(node, &stats) == MCC_OK);
    int64_t found = -1;
    for (size_t at = 0; at < mcc_stats_count(stats); at++) {
        const char *each;
        int64_t value;
        MUST(mcc_stats_item(stats, at, &each, NULL, &value) == MCC_OK);
        found = strcmp(each, name) == 0 ? value : found;
    }
    mcc_stats_free(stats);
    return found;
}

static void fail_safe(mcc_node_t *node, mcc_cache_t *cache) {
    put_and_expire(cache, "k");
    begun_t begun = begin(cache, NULL, "k");
    CHECK("load_with_an_expired_value", is(&begun, MCC_LOAD_LEASE, "old") && begun.load.patience_ms == 20);
    begun_t other = begin(cache, NULL, "k");
    CHECK("load_that_another_has_not_ended", is(&other, MCC_LOAD_SLOW, "old"));
    end(&other);
    mcc_load_policy_t *off = policy_of(cache, "fail_safe", "0");
    other = begin(cache, off, "k");
    CHECK("load_without_fail_safe", other.status == MCC_TIMEOUT && other.value == NULL && other.lease == NULL);
    CHECK("load_that_failed", mcc_load_failed(begun.lease) == MCC_OK && counted(node, "load_failures") == 1);
    CHECK("load_that_failed_has_ended", mcc_load_failed(begun.lease) == MCC_OK && counted(node, "load_failures") == 1 &&
                                            mcc_fill(begun.lease, "new", 3, 0, 0) == MCC_INVALID_ARGUMENT);
    end(&begun);
    begun = begin(cache, NULL, "k");
    CHECK("load_that_is_not_tried_again", is(&begun, MCC_LOAD_PAUSED, "old") && counted(node, "loads_throttled") == 1);
    end(&begun);
    begun = begin(cache, off, "k");
    CHECK("policy_patience", mcc_load_policy_patience(off, true) == 20 && mcc_load_policy_patience(off, false) == 4000 &&
                                 mcc_load_policy_patience(NULL, false) == 0);
    CHECK("load_without_a_pause", is(&begun, MCC_LOAD_LEASE, NULL) && begun.load.patience_ms == 4000);
    CHECK("load_that_fills", mcc_fill(begun.lease, "new", 3, MCC_CODEC_TEXT, MCC_TTL_FOREVER) == MCC_OK);
    end(&begun);
    begun = begin(cache, NULL, "k");
    CHECK("load_of_what_is_there", is(&begun, MCC_LOAD_FRESH, "new"));
    end(&begun);
    mcc_load_policy_free(off);
}

static void refresh(mcc_cache_t *cache) {
    mcc_load_policy_t *eager = policy_of(cache, "eager_refresh", "0.05");
    MUST(mcc_put(cache, "r", 1, "old", 3, 2000) == MCC_OK);
    begun_t begun = begin(cache, eager, "r");
    for (int rest = 2000; begun.load.state == MCC_LOAD_FRESH && rest > 0; rest -= 2) {
        end(&begun);
        nap();
        begun = begin(cache, eager, "r");
    }
    CHECK("refresh_with_a_live_value", is(&begun, MCC_LOAD_REFRESH, "old"));
    begun_t other = begin(cache, eager, "r");
    CHECK("refresh_by_one", is(&other, MCC_LOAD_FRESH, "old"));
    end(&other);
    CHECK("refresh_fills", mcc_fill(begun.lease, "new", 3, MCC_CODEC_TEXT, MCC_TTL_FOREVER) == MCC_OK &&
                               holds_text(cache, "r", "new"));
    end(&begun);
    mcc_load_policy_free(eager);
}

static void notes(mcc_node_t *node, mcc_cache_t *cache) {
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK);
    CHECK("note_stale", mcc_load_note(cache, "n", 1, MCC_LOAD_NOTE_STALE) == MCC_OK &&
                            mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK && event.kind == MCC_EVENT_STALE &&
                            event.local && event.key_len == 1 && *event.key == 'n');
    CHECK("note_slow", mcc_load_note(cache, "n", 1, MCC_LOAD_NOTE_SLOW) == MCC_OK &&
                           mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK && event.kind == MCC_EVENT_LOAD_SLOW &&
                           mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK && event.kind == MCC_EVENT_STALE &&
                           counted(node, "loads_slow") == 1);
    CHECK("note_timed_out", mcc_load_note(cache, "n", 1, MCC_LOAD_NOTE_TIMED_OUT) == MCC_OK &&
                                mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK &&
                                event.kind == MCC_EVENT_LOAD_TIMED_OUT && counted(node, "loads_timed_out") == 1);
    CHECK("note_of_another_number", mcc_load_note(cache, "n", 1, 3) == MCC_INVALID_ARGUMENT &&
                                        mcc_load_note(cache, "n", 1, -1) == MCC_INVALID_ARGUMENT);
    mcc_events_free(events);
}

int main(void) {
    mcc_node_t *node = private_node("load");
    mcc_config_t *config;
    mcc_cache_t *cache;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, "fail_safe", "3600") == MCC_OK);
    MUST(mcc_config_set(config, "load_soft_timeout", "0.02") == MCC_OK);
    MUST(mcc_config_set(config, "load_hard_timeout", "4") == MCC_OK);
    MUST(mcc_open(node, "c", config, &cache) == MCC_OK);
    CHECK("policy_range", mcc_config_set(config, "fail_safe", "86401") == MCC_CONFIG);
    mcc_config_free(config);
    fail_safe(node, cache);
    refresh(cache);
    notes(node, cache);
    mcc_load_policy_free(NULL);
    mcc_load_policy_t *policy;
    CHECK("policy_null", mcc_load_policy_new(NULL, NULL, &policy) == MCC_INVALID_ARGUMENT && policy == NULL);
    mcc_close(cache);
    begun_t begun = begin(cache, NULL, "k");
    CHECK("load_of_a_closed_cache", begun.status == MCC_CLOSED && begun.value == NULL && begun.lease == NULL);
    mcc_free(cache);
    mcc_node_close(node);
    mcc_node_free(node);
    return finish();
}
