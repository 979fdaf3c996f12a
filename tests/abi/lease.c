// Leases: one thread loads, the others wait for it; what is written meanwhile wins.

#include "check.h"

#include <pthread.h>

static int granted(mcc_cache_t *cache, const char *key, mcc_lease_t **lease) {
    mcc_value_t *value;
    return mcc_get_lease(cache, key, strlen(key), 0, &value, lease) == MCC_NOT_FOUND && value == NULL && *lease != NULL;
}

static void one_thread(mcc_cache_t *cache) {
    mcc_lease_t *lease, *second;
    mcc_value_t *value;
    CHECK("lease_of_a_missing_key", granted(cache, "k", &lease));
    CHECK("lease_is_held_by_one", mcc_get_lease(cache, "k", 1, 0, &value, &second) == MCC_TIMEOUT && value == NULL &&
                                      second == NULL);
    CHECK("leases_of_other_keys", granted(cache, "another", &second));
    mcc_lease_free(second);
    CHECK("fill", mcc_fill(lease, "loaded", 6, MCC_CODEC_TEXT, MCC_TTL_FOREVER) == MCC_OK &&
                      holds_text(cache, "k", "loaded"));
    CHECK("fill_once", mcc_fill(lease, "again", 5, MCC_CODEC_TEXT, 0) == MCC_INVALID_ARGUMENT &&
                           strstr(mcc_last_error(), "ended") != NULL && holds_text(cache, "k", "loaded"));
    mcc_lease_free(lease);
    CHECK("value_instead_of_a_lease", mcc_get_lease(cache, "k", 1, 0, &value, &lease) == MCC_OK && lease == NULL &&
                                          value->len == 6 && value->codec == MCC_CODEC_TEXT);
    mcc_value_free(value);
    mcc_metadata_t metadata;
    CHECK("fill_has_its_ttl", mcc_metadata(cache, "k", 1, &metadata) == MCC_OK &&
                                  metadata.ttl_remaining_ms == MCC_TTL_FOREVER);
}

static void overtaken(mcc_cache_t *cache) {
    mcc_lease_t *lease;
    MUST(granted(cache, "put", &lease));
    MUST(put_text(cache, "put", "newer") == MCC_OK);
    CHECK("put_overtakes_a_load", mcc_fill(lease, "old", 3, MCC_CODEC_TEXT, 0) == MCC_OVERTAKEN &&
                                      holds_text(cache, "put", "newer"));
    mcc_lease_free(lease);
    MUST(granted(cache, "deleted", &lease));
    MUST(mcc_del(cache, "deleted", 7) == MCC_NOT_FOUND);
    CHECK("delete_overtakes_a_load", mcc_fill(lease, "old", 3, MCC_CODEC_TEXT, 0) == MCC_OVERTAKEN &&
                                         mcc_contains(cache, "deleted", 7) == MCC_NOT_FOUND);
    mcc_lease_free(lease);
}

static void given_up(mcc_cache_t *cache) {
    mcc_lease_t *lease;
    MUST(granted(cache, "given up", &lease));
    mcc_lease_free(lease);
    CHECK("a_lease_that_was_given_up_is_given_again", granted(cache, "given up", &lease));
    mcc_lease_t *next;
    CHECK("a_fill_that_fails_ends_the_lease", mcc_fill(lease, "", SIZE_MAX, 0, 0) == MCC_TOO_LARGE &&
                                                  granted(cache, "given up", &next));
    mcc_lease_free(lease);
    mcc_lease_free(next);
    char *key = malloc(MCC_KEY_LEN_MAX + 1);
    MUST(key != NULL);
    memset(key, 'k', MCC_KEY_LEN_MAX + 1);
    mcc_value_t *value;
    CHECK("lease_of_a_long_key", mcc_get_lease(cache, key, MCC_KEY_LEN_MAX + 1, 0, &value, &lease) == MCC_TOO_LARGE);
    free(key);
    CHECK("lease_negative_timeout", mcc_get_lease(cache, "k", 1, -1, &value, &lease) == MCC_INVALID_ARGUMENT);
}

typedef struct {
    mcc_cache_t *cache;
    mcc_status_t status;
    int same;
} waiter_t;

static void *wait_for_load(void *argument) {
    waiter_t *waiter = argument;
    mcc_value_t *value;
    mcc_lease_t *lease;
    waiter->status = mcc_get_lease(waiter->cache, "herd", 4, PATIENCE_MS, &value, &lease);
    waiter->same = waiter->status == MCC_OK && value->len == 6 && memcmp(value->data, "loaded", 6) == 0;
    mcc_value_free(value);
    mcc_lease_free(lease);
    return NULL;
}

static void start(pthread_t *threads, waiter_t *waiters, size_t count, mcc_cache_t *cache) {
    for (size_t i = 0; i < count; i++) {
        waiters[i] = (waiter_t){cache, MCC_INTERNAL, 0};
        MUST(pthread_create(&threads[i], NULL, wait_for_load, &waiters[i]) == 0);
    }
}

static void herd(mcc_cache_t *cache) {
    pthread_t threads[4];
    waiter_t waiters[4];
    mcc_lease_t *lease;
    MUST(granted(cache, "herd", &lease));
    start(threads, waiters, 4, cache);
    CHECK("fill_under_waiters", mcc_fill(lease, "loaded", 6, MCC_CODEC_TEXT, 0) == MCC_OK);
    mcc_lease_free(lease);
    int served = 0;
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        served += waiters[i].same;
    }
    CHECK("waiters_get_what_was_loaded", served == 4);
    MUST(mcc_del(cache, "herd", 4) == MCC_OK);
    MUST(granted(cache, "herd", &lease));
    start(threads, waiters, 1, cache);
    MUST(mcc_close(cache) == MCC_OK);
    pthread_join(threads[0], NULL);
    CHECK("close_ends_a_wait_for_a_load", waiters[0].status == MCC_CLOSED);
    CHECK("fill_after_close", mcc_fill(lease, "late", 4, 0, 0) == MCC_CLOSED);
    mcc_lease_free(lease);
}

int main(void) {
    mcc_node_t *node = private_node("lease");
    mcc_cache_t *cache = open_cache(node, "lease");
    one_thread(cache);
    overtaken(cache);
    given_up(cache);
    herd(cache);
    mcc_free(cache);
    mcc_node_close(node);
    mcc_node_free(node);
    return finish();
}
