// Who owns what, and for how long: closing twice, using what is closed, freeing in any order, values that outlive all.

#include "check.h"

static int is(const mcc_value_t *value, const char *text) {
    return value != NULL && value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

static void values_outlive_entries(mcc_node_t *node) {
    mcc_config_t *config;
    mcc_cache_t *tiny;
    mcc_value_t *deleted = NULL;
    mcc_value_t *replaced = NULL;
    mcc_value_t *cleared = NULL;
    mcc_value_t *evicted = NULL;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, "cache_max", "64") == MCC_OK);
    MUST(mcc_config_set(config, "cache_policy", "lru") == MCC_OK);
    MUST(mcc_open(node, "tiny", config, &tiny) == MCC_OK);
    mcc_config_free(config);
    MUST(put_text(tiny, "d", "deleted") == MCC_OK && mcc_get(tiny, "d", 1, &deleted) == MCC_OK);
    MUST(put_text(tiny, "r", "replaced") == MCC_OK && mcc_get(tiny, "r", 1, &replaced) == MCC_OK);
    MUST(mcc_del(tiny, "d", 1) == MCC_OK && put_text(tiny, "r", "other") == MCC_OK);
    CHECK("value_outlives_delete", is(deleted, "deleted"));
    CHECK("value_outlives_replacement", is(replaced, "replaced"));
    MUST(put_text(tiny, "c", "cleared") == MCC_OK && mcc_get(tiny, "c", 1, &cleared) == MCC_OK && mcc_clear(tiny) == MCC_OK);
    CHECK("value_outlives_clear", is(cleared, "cleared"));
    MUST(put_text(tiny, "e", "evicted") == MCC_OK && mcc_get(tiny, "e", 1, &evicted) == MCC_OK);
    char key[24];
    for (int i = 0; i < 5000 && mcc_contains(tiny, "e", 1) == MCC_OK; i++) {
        int len = snprintf(key, sizeof key, "filler-%d", i);
        MUST(mcc_put(tiny, key, (size_t)len, "x", 1, 0) == MCC_OK);
    }
    size_t len;
    CHECK("limit_evicts", mcc_contains(tiny, "e", 1) == MCC_NOT_FOUND && mcc_len(tiny, &len) == MCC_OK && len <= 64);
    CHECK("value_outlives_eviction", is(evicted, "evicted"));
    mcc_value_free(deleted);
    mcc_value_free(replaced);
    mcc_value_free(cleared);
    mcc_value_free(evicted);
    mcc_free(tiny);
}

static void references(mcc_cache_t *cache) {
    mcc_value_t *value = NULL;
    MUST(put_text(cache, "shared", "counted") == MCC_OK && mcc_get(cache, "shared", 6, &value) == MCC_OK);
    CHECK("ref_is_the_same_value", mcc_value_ref(value) == value);
    mcc_value_free(value);
    CHECK("one_reference_is_left", is(value, "counted"));
    mcc_value_free(value);
}

static void one_cache_two_handles(mcc_node_t *node) {
    mcc_cache_t *one = open_cache(node, "twice");
    mcc_cache_t *other = open_cache(node, "twice");
    CHECK("same_name_same_cache", one != other && put_text(one, "k", "v") == MCC_OK && holds_text(other, "k", "v"));
    mcc_free(one);
    CHECK("freeing_one_handle_leaves_the_other", holds_text(other, "k", "v"));
    CHECK("close_twice", mcc_close(other) == MCC_OK && mcc_close(other) == MCC_OK);
    mcc_cache_t *again = open_cache(node, "twice");
    CHECK("reopened_works", put_text(again, "k", "w") == MCC_OK && holds_text(again, "k", "w"));
    CHECK("closed_handle_stays_closed", mcc_contains(other, "k", 1) == MCC_CLOSED);
    mcc_free(other);
    mcc_free(again);
}

static void everything_on_a_closed_cache(mcc_cache_t *cache, mcc_node_t *node) {
    mcc_value_t *value;
    mcc_iter_t *iter;
    mcc_events_t *events;
    mcc_members_t *members;
    mcc_checksums_t *checksums;
    mcc_cluster_metrics_t *metrics;
    mcc_cache_t *another;
    mcc_cache_stats_t figures;
    mcc_metadata_t metadata;
    char buffer[4];
    size_t len;
    MUST(mcc_value_new("v", 1, 0, &value) == MCC_OK);
    CHECK("closed_writes", put_text(cache, "k", "v") == MCC_CLOSED && mcc_put_value(cache, "k", 1, value, 0) == MCC_CLOSED &&
                               mcc_put_new(cache, "k", 1, value, 0) == MCC_CLOSED && mcc_del(cache, "k", 1) == MCC_CLOSED &&
                               mcc_touch(cache, "k", 1, 0) == MCC_CLOSED && mcc_clear(cache) == MCC_CLOSED);
    mcc_value_free(value);
    CHECK("closed_reads", mcc_get(cache, "k", 1, &value) == MCC_CLOSED && value == NULL &&
                              mcc_get_into(cache, "k", 1, buffer, 4, &len, NULL) == MCC_CLOSED &&
                              mcc_take(cache, "k", 1, &value) == MCC_CLOSED && value == NULL &&
                              mcc_contains(cache, "k", 1) == MCC_CLOSED && mcc_len(cache, &len) == MCC_CLOSED &&
                              mcc_metadata(cache, "k", 1, &metadata) == MCC_CLOSED &&
                              mcc_cache_stats(cache, &figures) == MCC_CLOSED && mcc_checksum(cache, NULL, NULL) == MCC_CLOSED);
    CHECK("closed_iteration", mcc_iter_new(cache, &iter) == MCC_CLOSED && iter == NULL);
    CHECK("closed_events", mcc_events_new(NULL, cache, &events) == MCC_CLOSED && events == NULL);
    CHECK("closed_waits", mcc_sync(cache, 1000) == MCC_CLOSED && mcc_cluster_checksum(cache, 1000, &checksums) == MCC_CLOSED &&
                              checksums == NULL);
    CHECK("closed_says_so", strstr(mcc_last_error(), "closed") != NULL);
    CHECK("closed_node", mcc_node_wait_ready(node, 1000) == MCC_CLOSED && mcc_node_members(node, &members) == MCC_CLOSED &&
                             members == NULL && mcc_node_cluster_metrics(node, 1000, &metrics) == MCC_CLOSED &&
                             metrics == NULL && mcc_open(node, "another", NULL, &another) == MCC_CLOSED && another == NULL &&
                             mcc_events_new(node, NULL, &events) == MCC_CLOSED && events == NULL);
    CHECK("names_survive_close", strcmp(mcc_name(cache), "life") == 0 && strcmp(mcc_node_name(node), "lifetime") == 0);
}

static void freed_in_any_order(void) {
    mcc_node_t *node = private_node("order");
    mcc_cache_t *cache = open_cache(node, "order");
    mcc_value_t *value = NULL;
    mcc_iter_t *iter;
    mcc_events_t *events;
    mcc_node_t *same;
    MUST(put_text(cache, "k", "v") == MCC_OK && mcc_get(cache, "k", 1, &value) == MCC_OK);
    MUST(mcc_iter_new(cache, &iter) == MCC_OK && mcc_events_new(node, cache, &events) == MCC_OK);
    mcc_node_free(node);
    CHECK("cache_outlives_the_nodes_handle", holds_text(cache, "k", "v"));
    MUST(mcc_node_of(cache, &same) == MCC_OK);
    CHECK("node_of", strcmp(mcc_node_name(same), "order") == 0);
    mcc_free(cache);
    const uint8_t *key;
    size_t len;
    mcc_status_t step = mcc_iter_next(iter, &key, &len);
    CHECK("iteration_outlives_the_caches_handle", (step == MCC_OK && len == 1 && *key == 'k') || step == MCC_CLOSED);
    MUST(mcc_node_close(same) == MCC_OK);
    mcc_node_free(same);
    mcc_iter_free(iter);
    mcc_event_t event;
    mcc_status_t status;
    do {
        status = mcc_events_next(events, 0, &event);
    } while (status == MCC_OK);
    CHECK("queue_outlives_the_node", status == MCC_CLOSED);
    mcc_events_free(events);
    CHECK("value_outlives_all", is(value, "v"));
    mcc_value_free(value);
}

static void rounds(mcc_node_t *node) {
    int good = 1;
    for (int i = 0; i < 2000; i++) {
        mcc_cache_t *cache;
        mcc_value_t *value;
        good &= mcc_open(node, "rounds", NULL, &cache) == MCC_OK;
        good &= put_text(cache, "k", "v") == MCC_OK && mcc_get(cache, "k", 1, &value) == MCC_OK;
        mcc_free(cache);
        mcc_value_free(value);
    }
    CHECK("open_and_free_again_and_again", good);
}

int main(void) {
    mcc_node_t *node = private_node("lifetime");
    mcc_cache_t *cache = open_cache(node, "life");
    mcc_value_t *value = NULL;
    values_outlive_entries(node);
    references(cache);
    one_cache_two_handles(node);
    rounds(node);
    MUST(put_text(cache, "k", "still here") == MCC_OK && mcc_get(cache, "k", 1, &value) == MCC_OK);
    CHECK("close_node_twice", mcc_node_close(node) == MCC_OK && mcc_node_close(node) == MCC_OK);
    everything_on_a_closed_cache(cache, node);
    CHECK("close_cache_of_a_closed_node", mcc_close(cache) == MCC_OK);
    CHECK("value_outlives_close", is(value, "still here"));
    mcc_free(cache);
    mcc_node_free(node);
    CHECK("value_outlives_free", is(value, "still here"));
    mcc_value_free(value);
    freed_in_any_order();
    return finish();
}
