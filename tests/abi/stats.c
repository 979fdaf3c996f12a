// Figures: of a cache, of a node.

#include "check.h"

static int64_t counter(mcc_node_t *node, const char *wanted) {
    mcc_stats_t *stats;
    int64_t found = -1;
    MUST(mcc_stats_new(node, &stats) == MCC_OK);
    for (size_t i = 0; i < mcc_stats_count(stats); i++) {
        const char *name;
        const char *help;
        int64_t value;
        MUST(mcc_stats_item(stats, i, &name, &help, &value) == MCC_OK);
        if (strcmp(name, wanted) == 0 && strlen(help) > 3) {
            found = value;
        }
    }
    mcc_stats_free(stats);
    return found;
}

static void of_a_cache(mcc_cache_t *cache) {
    mcc_cache_stats_t stats;
    mcc_value_t *value;
    memset(&stats, 0xff, sizeof stats);
    CHECK("new_cache", mcc_cache_stats(cache, &stats) == MCC_OK && stats.entries == 0 && stats.bytes == 0 && stats.hits == 0 &&
                           stats.misses == 0 && stats.evictions == 0 && stats.expirations == 0 && stats.puts == 0 &&
                           stats.deletes == 0 && stats.reserved[0] == 0 && stats.reserved[6] == 0);
    MUST(put_text(cache, "a", "1") == MCC_OK && put_text(cache, "b", "2") == MCC_OK);
    MUST(mcc_get(cache, "a", 1, &value) == MCC_OK);
    mcc_value_free(value);
    MUST(mcc_get(cache, "none", 4, &value) == MCC_NOT_FOUND);
    CHECK("cache_figures", mcc_cache_stats(cache, &stats) == MCC_OK && stats.entries == 2 && stats.bytes > 0 && stats.hits == 1 &&
                               stats.misses == 1 && stats.puts == 2 && stats.deletes == 0);
    MUST(mcc_del(cache, "a", 1) == MCC_OK);
    CHECK("cache_figures_after_a_delete", mcc_cache_stats(cache, &stats) == MCC_OK && stats.entries == 1 && stats.tombstones == 1 &&
                                              stats.puts == 2 && stats.deletes == 1);
    char buffer[4];
    size_t len;
    MUST(put_text(cache, "b", "12345") == MCC_OK);
    MUST(mcc_get_into(cache, "b", 1, buffer, 4, &len, NULL) == MCC_BUFFER_TOO_SMALL && len == 5);
    MUST(mcc_get(cache, "b", 1, &value) == MCC_OK);
    mcc_value_free(value);
    CHECK("a_buffer_too_small_counts_no_hit", mcc_cache_stats(cache, &stats) == MCC_OK && stats.hits == 2 && stats.puts == 3);
}

static void of_a_node(mcc_node_t *node, mcc_cache_t *cache) {
    int64_t puts = counter(node, "cache_puts");
    int64_t hits = counter(node, "cache_hits");
    CHECK("node_has_counters", puts >= 0 && hits >= 0 && counter(node, "datagrams_sent") >= 0);
    CHECK("unknown_counter", counter(node, "no_such_counter") == -1);
    MUST(put_text(cache, "k", "v") == MCC_OK && holds_text(cache, "k", "v"));
    CHECK("node_counts", counter(node, "cache_puts") == puts + 1 && counter(node, "cache_hits") == hits + 1);
    int64_t deletes = counter(node, "cache_deletes");
    MUST(mcc_del(cache, "k", 1) == MCC_OK);
    CHECK("node_counts_deletes", counter(node, "cache_deletes") == deletes + 1);
    mcc_cache_t *other = open_cache(node, "other");
    MUST(put_text(other, "k", "v") == MCC_OK && mcc_close(other) == MCC_OK);
    mcc_free(other);
    CHECK("closed_caches_still_count", counter(node, "cache_puts") == puts + 2);
    mcc_stats_t *stats;
    MUST(mcc_stats_new(node, &stats) == MCC_OK);
    size_t count = mcc_stats_count(stats);
    int64_t value = 7;
    CHECK("counter_out_of_range", mcc_stats_item(stats, count, NULL, NULL, &value) == MCC_INVALID_ARGUMENT && value == 7 &&
                                      strstr(mcc_last_error(), "index") != NULL);
    CHECK("counter_results_may_be_null", mcc_stats_item(stats, 0, NULL, NULL, NULL) == MCC_OK);
    mcc_node_close(node);
    const char *name = NULL;
    CHECK("list_outlives_close", mcc_stats_item(stats, count - 1, &name, NULL, NULL) == MCC_OK && strlen(name) > 3);
    mcc_stats_free(stats);
    CHECK("closed_node_has_its_last_counters", counter(node, "cache_puts") == puts + 2);
}

int main(void) {
    mcc_node_t *node = private_node("stats");
    mcc_cache_t *cache = open_cache(node, "stats");
    of_a_cache(cache);
    of_a_node(node, cache);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
