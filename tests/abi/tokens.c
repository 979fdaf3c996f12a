// Tokens: what a write leaves, to be waited for where it was written and asked for where it is read.

#include "check.h"

static int reads(mcc_cache_t *cache, const mcc_token_t *token, const char *expected) {
    mcc_value_t *value = NULL;
    mcc_status_t status = mcc_get_at_least(cache, "k", 1, token, &value);
    int same = expected == NULL ? status == MCC_NOT_FOUND && value == NULL
                                : status == MCC_OK && value->len == strlen(expected) &&
                                      memcmp(value->data, expected, value->len) == 0;
    mcc_value_free(value);
    return same;
}

static mcc_token_t put(mcc_cache_t *cache, const char *text) {
    mcc_token_t token;
    MUST(mcc_put_token(cache, "k", 1, text, strlen(text), MCC_CODEC_TEXT, 0, &token) == MCC_OK);
    return token;
}

static void one_node(mcc_cache_t *cache) {
    mcc_token_t older = put(cache, "older");
    mcc_token_t newer = put(cache, "newer");
    mcc_metadata_t metadata;
    CHECK("token_has_the_version", mcc_metadata(cache, "k", 1, &metadata) == MCC_OK &&
                                       metadata.version_clock == newer.version_clock &&
                                       metadata.version_origin == newer.version_origin);
    CHECK("token_of_an_older_write_is_content_with_a_newer", reads(cache, &older, "newer") && reads(cache, &newer, "newer"));
    mcc_token_t later = newer;
    later.version_clock++;
    CHECK("older_than_asked_for_is_none", reads(cache, &later, NULL));
    mcc_token_t gone;
    CHECK("del_token", mcc_del_token(cache, "k", 1, &gone) == MCC_OK && reads(cache, &older, NULL));
    CHECK("del_token_of_nothing", mcc_del_token(cache, "k", 1, &gone) == MCC_NOT_FOUND &&
                                      gone.version_clock > newer.version_clock);
    mcc_token_t wrong = newer;
    wrong.position = -1;
    CHECK("negative_position", mcc_sync_token(cache, &wrong, MCC_SYNC_ALL, 0) == MCC_INVALID_ARGUMENT);
    wrong.position = INT64_MAX;
    CHECK("position_that_never_was", mcc_sync_token(cache, &wrong, MCC_SYNC_ALL, 0) == MCC_INVALID_ARGUMENT);
    CHECK("negative_members", mcc_sync_token(cache, &newer, -1, 0) == MCC_INVALID_ARGUMENT);
    CHECK("negative_timeout_of_sync_token", mcc_sync_token(cache, &newer, MCC_SYNC_ALL, -1) == MCC_INVALID_ARGUMENT);
}

static void two_nodes(mcc_cache_t *here, mcc_cache_t *there) {
    mcc_token_t token = put(here, "travels");
    CHECK("sync_token_one", mcc_sync_token(here, &token, MCC_SYNC_ONE, PATIENCE_MS) == MCC_OK &&
                                reads(there, &token, "travels"));
    token = put(here, "again");
    CHECK("sync_token_all", mcc_sync_token(here, &token, MCC_SYNC_ALL, PATIENCE_MS) == MCC_OK &&
                                reads(there, &token, "again"));
    CHECK("sync_token_again", mcc_sync_token(here, &token, MCC_SYNC_ONE, PATIENCE_MS) == MCC_OK);
    CHECK("sync_token_of_more_than_there_are", mcc_sync_token(here, &token, 2, 20) == MCC_TIMEOUT);
    CHECK("sync_token_of_another", mcc_sync_token(there, &token, MCC_SYNC_ALL, 0) == MCC_INVALID_ARGUMENT &&
                                       strstr(mcc_last_error(), "another process") != NULL);
}

int main(void) {
    mcc_node_t *one = private_node("one");
    mcc_node_t *two = private_node("two");
    mcc_cache_t *here = open_cache(one, "shared");
    mcc_cache_t *there = open_cache(two, "shared");
    one_node(here);
    two_nodes(here, there);
    mcc_node_close(one);
    mcc_node_close(two);
    mcc_free(here);
    mcc_free(there);
    mcc_node_free(one);
    mcc_node_free(two);
    return finish();
}
