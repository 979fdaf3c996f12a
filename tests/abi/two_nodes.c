// Two nodes in one process: what one writes, the other reads.

#include "check.h"

static void members(mcc_node_t *one, const char *other_name) {
    mcc_members_t *list = NULL;
    int found = 0;
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!found && now_ms() < deadline) {
        mcc_members_free(list);
        MUST(mcc_node_members(one, &list) == MCC_OK);
        const mcc_member_t *member = mcc_members_item(list, 0);
        found = mcc_members_count(list) == 1 && member->state == MCC_MEMBER_ALIVE;
        if (!found) {
            struct timespec pause = {0, 5000000};
            nanosleep(&pause, NULL);
        }
    }
    const mcc_member_t *member = mcc_members_item(list, 0);
    CHECK("the_other_is_a_member", found && strcmp(member->name, other_name) == 0);
    CHECK("member_texts", member != NULL && strlen(member->session) == 24 && strchr(member->address, ':') != NULL &&
                              strcmp(member->version, mcc_version()) == 0);
    CHECK("member_figures", member != NULL && member->heard_ago_ms >= 0 && member->heard_ago_ms < PATIENCE_MS &&
                                member->round_trip_us >= 0);
    CHECK("member_out_of_range", mcc_members_item(list, 1) == NULL && mcc_members_item(list, SIZE_MAX) == NULL);
    mcc_members_free(list);
}

static void replication(mcc_cache_t *here, mcc_cache_t *there) {
    MUST(mcc_put_as(here, "city\0", 5, "Z\0rich", 6, MCC_CODEC_TEXT, 0) == MCC_OK);
    CHECK("sync", mcc_sync(here, PATIENCE_MS) == MCC_OK);
    mcc_value_t *value = NULL;
    CHECK("put_here_is_read_there", mcc_get(there, "city\0", 5, &value) == MCC_OK && value->len == 6 &&
                                        memcmp(value->data, "Z\0rich", 6) == 0 && value->codec == MCC_CODEC_TEXT);
    mcc_value_free(value);
    mcc_metadata_t written;
    mcc_metadata_t read;
    CHECK("version_travels", mcc_metadata(here, "city\0", 5, &written) == MCC_OK &&
                                 mcc_metadata(there, "city\0", 5, &read) == MCC_OK &&
                                 written.version_clock == read.version_clock && written.version_origin == read.version_origin);
    CHECK("ttl_travels", mcc_put(here, "fleeting", 8, "v", 1, 3600000) == MCC_OK && mcc_sync(here, PATIENCE_MS) == MCC_OK &&
                             mcc_metadata(there, "fleeting", 8, &read) == MCC_OK && read.ttl_remaining_ms > 0 &&
                             read.ttl_remaining_ms <= 3600000);
    CHECK("delete_there_is_gone_here", mcc_del(there, "city\0", 5) == MCC_OK && mcc_sync(there, PATIENCE_MS) == MCC_OK &&
                                           mcc_contains(here, "city\0", 5) == MCC_NOT_FOUND);
    size_t len = (size_t)1 << 20;
    char *large = malloc(len);
    MUST(large != NULL);
    for (size_t i = 0; i < len; i++) {
        large[i] = (char)(i * 31 + i / 253);
    }
    CHECK("large_value_travels", mcc_put(here, "large", 5, large, len, 0) == MCC_OK && mcc_sync(here, PATIENCE_MS) == MCC_OK &&
                                     holds(there, "large", 5, large, len));
    free(large);
}

static void checksums(mcc_cache_t *here, mcc_cache_t *there) {
    uint64_t sum_here = 1;
    uint64_t sum_there = 2;
    int64_t entries = 0;
    mcc_checksums_t *list = NULL;
    MUST(put_text(here, "a", "1") == MCC_OK && put_text(there, "b", "2") == MCC_OK);
    MUST(mcc_sync(here, PATIENCE_MS) == MCC_OK && mcc_sync(there, PATIENCE_MS) == MCC_OK);
    CHECK("equal_contents_equal_checksums", mcc_checksum(here, &sum_here, &entries) == MCC_OK &&
                                                mcc_checksum(there, &sum_there, NULL) == MCC_OK && sum_here == sum_there &&
                                                entries >= 2);
    CHECK("cluster_checksum", mcc_cluster_checksum(here, PATIENCE_MS, &list) == MCC_OK && mcc_checksums_count(list) == 2);
    const mcc_checksum_t *own = mcc_checksums_item(list, 0);
    const mcc_checksum_t *other = mcc_checksums_item(list, 1);
    CHECK("own_checksum_is_first", own != NULL && own->sum == sum_here && own->entries == entries &&
                                       strcmp(mcc_checksums_member(list, 0), "one") == 0);
    CHECK("members_checksum_is_second", other != NULL && other->sum == sum_here && other->entries == entries &&
                                            strcmp(mcc_checksums_member(list, 1), "two") == 0);
    CHECK("checksum_out_of_range", mcc_checksums_item(list, 2) == NULL && mcc_checksums_member(list, 2) == NULL);
    mcc_checksums_free(list);
    MUST(put_text(here, "a", "changed") == MCC_OK && mcc_checksum(here, &sum_there, NULL) == MCC_OK);
    CHECK("other_contents_other_checksum", sum_there != sum_here);
}

static int64_t counter(const mcc_stats_t *stats, const char *wanted) {
    for (size_t i = 0; i < mcc_stats_count(stats); i++) {
        const char *name;
        int64_t value;
        if (mcc_stats_item(stats, i, &name, NULL, &value) == MCC_OK && strcmp(name, wanted) == 0) {
            return value;
        }
    }
    return -1;
}

static void metrics(mcc_node_t *one) {
    mcc_cluster_metrics_t *list = NULL;
    CHECK("cluster_metrics", mcc_node_cluster_metrics(one, PATIENCE_MS, &list) == MCC_OK && mcc_cluster_metrics_count(list) == 2 &&
                                 strcmp(mcc_cluster_metrics_member(list, 0), "one") == 0 &&
                                 strcmp(mcc_cluster_metrics_member(list, 1), "two") == 0);
    CHECK("members_counters", counter(mcc_cluster_metrics_item(list, 0), "updates_sent") > 0 &&
                                  counter(mcc_cluster_metrics_item(list, 1), "updates_applied") > 0);
    const char *help = NULL;
    CHECK("members_counters_have_help", mcc_stats_item(mcc_cluster_metrics_item(list, 1), 0, NULL, &help, NULL) == MCC_OK &&
                                            help != NULL && strlen(help) > 3);
    CHECK("cluster_metrics_out_of_range", mcc_cluster_metrics_item(list, 2) == NULL && mcc_cluster_metrics_member(list, 2) == NULL);
    mcc_cluster_metrics_free(list);
}

int main(void) {
    mcc_node_t *one = private_node("one");
    mcc_node_t *two = private_node("two");
    mcc_cache_t *here = open_cache(one, "shared");
    mcc_cache_t *there = open_cache(two, "shared");
    CHECK("ready", mcc_node_wait_ready(one, PATIENCE_MS) == MCC_OK && mcc_node_wait_ready(two, PATIENCE_MS) == MCC_OK);
    members(one, "two");
    members(two, "one");
    replication(here, there);
    checksums(here, there);
    metrics(one);
    CHECK("clear_reaches_the_other", mcc_clear(here) == MCC_OK && mcc_sync(here, PATIENCE_MS) == MCC_OK &&
                                         mcc_contains(there, "b", 1) == MCC_NOT_FOUND);
    MUST(put_text(here, "before", "join") == MCC_OK);
    mcc_node_t *three = private_node("three");
    mcc_cache_t *late = open_cache(three, "shared");
    MUST(mcc_node_wait_ready(three, PATIENCE_MS) == MCC_OK);
    WAIT_FOR(mcc_contains(late, "before", 6) == MCC_OK);
    CHECK("who_joins_late_receives_what_is_there", holds_text(late, "before", "join"));
    mcc_node_close(three);
    mcc_free(late);
    mcc_node_free(three);
    mcc_node_close(one);
    mcc_node_close(two);
    mcc_free(here);
    mcc_free(there);
    mcc_node_free(one);
    mcc_node_free(two);
    return finish();
}
