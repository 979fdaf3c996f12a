// Every function, with NULL wherever a pointer is asked: an answer, never a crash.

#include "check.h"

#define REFUSED(call) ((call) == MCC_INVALID_ARGUMENT && strstr(mcc_last_error(), "NULL") != NULL)

static void frees(void) {
    mcc_config_free(NULL);
    mcc_node_free(NULL);
    mcc_members_free(NULL);
    mcc_free(NULL);
    mcc_value_free(NULL);
    mcc_iter_free(NULL);
    mcc_events_free(NULL);
    mcc_events_wake(NULL);
    mcc_logs_free(NULL);
    mcc_logs_wake(NULL);
    mcc_stats_free(NULL);
    mcc_cluster_metrics_free(NULL);
    mcc_checksums_free(NULL);
    mcc_lease_free(NULL);
    mcc_load_policy_free(NULL);
    CHECK("free_null_is_nothing_to_do", 1);
}

static void getters(void) {
    CHECK("null_names", mcc_name(NULL) == NULL && mcc_node_name(NULL) == NULL);
    CHECK("null_members", mcc_members_count(NULL) == 0 && mcc_members_item(NULL, 0) == NULL);
    CHECK("null_stats_count", mcc_stats_count(NULL) == 0);
    CHECK("null_cluster_metrics", mcc_cluster_metrics_count(NULL) == 0 && mcc_cluster_metrics_member(NULL, 0) == NULL &&
                                      mcc_cluster_metrics_item(NULL, 0) == NULL);
    CHECK("null_checksums", mcc_checksums_count(NULL) == 0 && mcc_checksums_member(NULL, 0) == NULL &&
                                mcc_checksums_item(NULL, 0) == NULL);
    CHECK("null_value_ref", mcc_value_ref(NULL) == NULL);
}

static void handles(void) {
    mcc_members_t *members;
    mcc_cache_t *cache;
    mcc_value_t *value;
    mcc_iter_t *iter;
    mcc_stats_t *stats;
    mcc_cluster_metrics_t *metrics;
    mcc_checksums_t *checksums;
    mcc_node_t *node;
    mcc_metadata_t metadata;
    mcc_cache_stats_t figures;
    mcc_events_t *events;
    mcc_event_t event;
    const uint8_t *key;
    size_t len;
    char buffer[8];
    CHECK("null_config_load", REFUSED(mcc_config_load(NULL, "x")));
    CHECK("null_config_set", REFUSED(mcc_config_set(NULL, "cluster", "x")));
    CHECK("null_node_wait_ready", REFUSED(mcc_node_wait_ready(NULL, 0)));
    CHECK("null_node_setting", REFUSED(mcc_node_setting(NULL, "cluster", buffer, sizeof buffer, &len)));
    CHECK("null_node_close", REFUSED(mcc_node_close(NULL)));
    CHECK("null_node_members", REFUSED(mcc_node_members(NULL, &members)) && members == NULL);
    CHECK("null_node_cluster_metrics", REFUSED(mcc_node_cluster_metrics(NULL, 0, &metrics)) && metrics == NULL);
    CHECK("null_stats_new", REFUSED(mcc_stats_new(NULL, &stats)) && stats == NULL);
    CHECK("null_stats_item", REFUSED(mcc_stats_item(NULL, 0, NULL, NULL, NULL)));
    CHECK("null_open_name", REFUSED(mcc_open(NULL, NULL, NULL, &cache)) && cache == NULL);
    CHECK("null_node_of", REFUSED(mcc_node_of(NULL, &node)) && node == NULL);
    CHECK("null_get", REFUSED(mcc_get(NULL, "k", 1, &value)) && value == NULL);
    CHECK("null_get_into", REFUSED(mcc_get_into(NULL, "k", 1, buffer, sizeof buffer, &len, NULL)));
    CHECK("null_put", REFUSED(mcc_put(NULL, "k", 1, "v", 1, 0)));
    CHECK("null_put_as", REFUSED(mcc_put_as(NULL, "k", 1, "v", 1, MCC_CODEC_TEXT, 0)));
    CHECK("null_put_value", REFUSED(mcc_put_value(NULL, "k", 1, NULL, 0)));
    CHECK("null_put_new", REFUSED(mcc_put_new(NULL, "k", 1, NULL, 0)));
    CHECK("null_put_new_as", REFUSED(mcc_put_new_as(NULL, "k", 1, "v", 1, MCC_CODEC_TEXT, 0)));
    CHECK("null_del", REFUSED(mcc_del(NULL, "k", 1)));
    CHECK("null_take", REFUSED(mcc_take(NULL, "k", 1, &value)) && value == NULL);
    CHECK("null_contains", REFUSED(mcc_contains(NULL, "k", 1)));
    CHECK("null_touch", REFUSED(mcc_touch(NULL, "k", 1, 0)));
    CHECK("null_metadata", REFUSED(mcc_metadata(NULL, "k", 1, &metadata)));
    CHECK("null_len", REFUSED(mcc_len(NULL, &len)));
    CHECK("null_clear", REFUSED(mcc_clear(NULL)));
    CHECK("null_sync", REFUSED(mcc_sync(NULL, 0)));
    CHECK("null_checksum", REFUSED(mcc_checksum(NULL, NULL, NULL)));
    CHECK("null_cluster_checksum", REFUSED(mcc_cluster_checksum(NULL, 0, &checksums)) && checksums == NULL);
    CHECK("null_cache_stats", REFUSED(mcc_cache_stats(NULL, &figures)));
    CHECK("null_close", REFUSED(mcc_close(NULL)));
    CHECK("null_iter_new", REFUSED(mcc_iter_new(NULL, &iter)) && iter == NULL);
    CHECK("null_iter_next", REFUSED(mcc_iter_next(NULL, &key, &len)));
    CHECK("null_iter_next_entry", REFUSED(mcc_iter_next_entry(NULL, &key, &len, &value)) && value == NULL);
    CHECK("null_events_of_lookups", REFUSED(mcc_events_of_lookups(NULL, 0, &events)) && events == NULL);
    CHECK("null_events_next", REFUSED(mcc_events_next(NULL, 0, &event)));
    CHECK("null_events_close", REFUSED(mcc_events_close(NULL)));
    mcc_log_record_t record;
    CHECK("null_logs", REFUSED(mcc_logs_new(MCC_LOG_INFO, NULL)) && REFUSED(mcc_logs_next(NULL, 0, &record)) &&
                           REFUSED(mcc_logs_set_level(NULL, MCC_LOG_INFO)) &&
                           REFUSED(mcc_logs_close(NULL)));
    mcc_lease_t *lease;
    CHECK("null_get_lease", REFUSED(mcc_get_lease(NULL, "k", 1, 0, &value, &lease)) && value == NULL && lease == NULL);
    mcc_token_t token = {0, 0, 0, 0};
    CHECK("null_put_token", REFUSED(mcc_put_token(NULL, "k", 1, "v", 1, MCC_CODEC_RAW, 0, &token)));
    CHECK("null_del_token", REFUSED(mcc_del_token(NULL, "k", 1, &token)));
    CHECK("null_get_at_least", REFUSED(mcc_get_at_least(NULL, "k", 1, &token, &value)) && value == NULL);
    CHECK("null_sync_token", REFUSED(mcc_sync_token(NULL, &token, MCC_SYNC_ALL, 0)));
    CHECK("null_fill", REFUSED(mcc_fill(NULL, "v", 1, MCC_CODEC_RAW, 0)));
    CHECK("null_tags", REFUSED(mcc_put_tagged(NULL, "k", 1, "v", 1, MCC_CODEC_RAW, 0, "t", 1)) &&
                           REFUSED(mcc_fill_tagged(NULL, "v", 1, MCC_CODEC_RAW, 0, "t", 1)) &&
                           REFUSED(mcc_invalidate_tag(NULL, "t", 1)));
    mcc_invalidation_t *invalidation;
    CHECK("null_invalidation", REFUSED(mcc_invalidation_new(NULL, &invalidation)) && invalidation == NULL &&
                                   REFUSED(mcc_invalidation_add(NULL, "k", 1)) &&
                                   REFUSED(mcc_invalidation_begin(NULL, 0, 0, NULL)) &&
                                   REFUSED(mcc_invalidation_commit(NULL, NULL)) &&
                                   REFUSED(mcc_invalidation_abort(NULL)));
}

static void results(mcc_node_t *node, mcc_cache_t *cache) {
    mcc_config_t *config = private_config("unused");
    mcc_iter_t *iter;
    mcc_events_t *events;
    mcc_value_t *value;
    const uint8_t *key;
    size_t len;
    CHECK("null_result_of_config_new", REFUSED(mcc_config_new(NULL)) && REFUSED(mcc_config_new_empty(NULL)));
    CHECK("null_result_of_node_open", REFUSED(mcc_node_open(config, NULL)) && REFUSED(mcc_node_own(NULL)));
    CHECK("null_result_of_node_members", REFUSED(mcc_node_members(node, NULL)));
    CHECK("null_result_of_node_cluster_metrics", REFUSED(mcc_node_cluster_metrics(node, 0, NULL)));
    CHECK("null_result_of_node_setting", REFUSED(mcc_node_setting(node, "cluster", NULL, 0, NULL)) &&
                                             REFUSED(mcc_node_setting(node, "cluster", NULL, 5, &len)) &&
                                             REFUSED(mcc_node_setting(node, NULL, NULL, 0, &len)));
    CHECK("null_result_of_stats_new", REFUSED(mcc_stats_new(node, NULL)));
    CHECK("null_result_of_open", REFUSED(mcc_open(node, "x", NULL, NULL)));
    CHECK("null_result_of_node_of", REFUSED(mcc_node_of(cache, NULL)));
    CHECK("null_result_of_get", REFUSED(mcc_get(cache, "k", 1, NULL)));
    CHECK("null_result_of_get_into", REFUSED(mcc_get_into(cache, "k", 1, NULL, 0, NULL, NULL)));
    CHECK("null_buffer_of_get_into", REFUSED(mcc_get_into(cache, "k", 1, NULL, 5, &len, NULL)));
    CHECK("null_result_of_take", REFUSED(mcc_take(cache, "k", 1, NULL)));
    CHECK("null_result_of_metadata", REFUSED(mcc_metadata(cache, "k", 1, NULL)));
    CHECK("null_results_of_tokens", REFUSED(mcc_put_token(cache, "t", 1, "v", 1, MCC_CODEC_RAW, 0, NULL)) &&
                                        REFUSED(mcc_del_token(cache, "t", 1, NULL)) &&
                                        mcc_contains(cache, "t", 1) == MCC_NOT_FOUND);
    CHECK("null_token", REFUSED(mcc_get_at_least(cache, "k", 1, NULL, &value)) && value == NULL &&
                            REFUSED(mcc_sync_token(cache, NULL, MCC_SYNC_ALL, 0)));
    CHECK("null_result_of_events_of_lookups", REFUSED(mcc_events_of_lookups(cache, 0, NULL)));
    CHECK("null_result_of_invalidation_new", REFUSED(mcc_invalidation_new(cache, NULL)));
    CHECK("null_result_of_len", REFUSED(mcc_len(cache, NULL)));
    CHECK("null_results_of_checksum_are_not_wanted", mcc_checksum(cache, NULL, NULL) == MCC_OK);
    CHECK("null_result_of_cluster_checksum", REFUSED(mcc_cluster_checksum(cache, 0, NULL)));
    CHECK("null_result_of_cache_stats", REFUSED(mcc_cache_stats(cache, NULL)));
    CHECK("null_result_of_iter_new", REFUSED(mcc_iter_new(cache, NULL)));
    CHECK("null_result_of_events_new", REFUSED(mcc_events_new(node, cache, NULL)));
    CHECK("null_result_of_value_new", REFUSED(mcc_value_new("v", 1, 0, NULL)));
    MUST(mcc_iter_new(cache, &iter) == MCC_OK);
    CHECK("null_results_of_iter_next", REFUSED(mcc_iter_next(iter, NULL, &len)) && REFUSED(mcc_iter_next(iter, &key, NULL)));
    CHECK("null_results_of_iter_next_entry", REFUSED(mcc_iter_next_entry(iter, NULL, &len, &value)) &&
                                                 REFUSED(mcc_iter_next_entry(iter, &key, NULL, &value)) &&
                                                 REFUSED(mcc_iter_next_entry(iter, &key, &len, NULL)));
    mcc_iter_free(iter);
    MUST(mcc_events_new(node, NULL, &events) == MCC_OK);
    CHECK("null_result_of_events_next", REFUSED(mcc_events_next(events, 0, NULL)));
    mcc_events_free(events);

    mcc_lease_t *lease;
    CHECK("null_results_of_get_lease", REFUSED(mcc_get_lease(cache, "k", 1, 0, NULL, &lease)) &&
                                           REFUSED(mcc_get_lease(cache, "k", 1, 0, &value, NULL)));
    mcc_cbor_item_t item = {MCC_CBOR_TEXT, 0, 0, NULL, 1};
    len = 0;
    CHECK("null_arguments_of_cbor_read", REFUSED(mcc_cbor_read("\xf6", 1, NULL, &item)) &&
                                             REFUSED(mcc_cbor_read("\xf6", 1, &len, NULL)));
    CHECK("null_arguments_of_cbor_write", REFUSED(mcc_cbor_write(NULL, 1, &len, &item)) &&
                                              REFUSED(mcc_cbor_write(NULL, 0, NULL, &item)) &&
                                              REFUSED(mcc_cbor_write(NULL, 0, &len, NULL)) &&
                                              REFUSED(mcc_cbor_write(NULL, 0, &len, &item)) && len == 0);

    CHECK("null_bytes_with_a_length", REFUSED(mcc_put(cache, NULL, 1, "v", 1, 0)) &&
                                          REFUSED(mcc_put(cache, "k", 1, NULL, 1, 0)) &&
                                          REFUSED(mcc_get(cache, NULL, 1, &value)) && value == NULL &&
                                          REFUSED(mcc_value_new(NULL, 1, 0, &value)) && value == NULL);
    CHECK("null_value_to_put", REFUSED(mcc_put_value(cache, "k", 1, NULL, 0)) && REFUSED(mcc_put_new(cache, "k", 1, NULL, 0)) &&
                                   REFUSED(mcc_put_new_as(cache, "k", 1, NULL, 1, MCC_CODEC_RAW, 0)));
    CHECK("null_texts", REFUSED(mcc_config_set(config, NULL, "x")) && REFUSED(mcc_config_set(config, "cluster", NULL)) &&
                            REFUSED(mcc_config_load(config, NULL)));
    CHECK("null_key_is_named", mcc_put(cache, NULL, 3, "v", 1, 0) == MCC_INVALID_ARGUMENT &&
                                   strstr(mcc_last_error(), "key") != NULL && strstr(mcc_last_error(), "3") != NULL);
    mcc_config_free(config);
}

int main(void) {
    frees();
    getters();
    handles();
    mcc_node_t *node = private_node("null");
    mcc_cache_t *cache = open_cache(node, "null");
    results(node, cache);
    mcc_node_close(node);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
