// Invalidation in two steps, around a transaction of the database that a cache is loaded from.

#include "check.h"

static mcc_invalidation_t *made(mcc_cache_t *cache, const char *key) {
    mcc_invalidation_t *invalidation;
    MUST(mcc_invalidation_new(cache, &invalidation) == MCC_OK);
    MUST(mcc_invalidation_add(invalidation, key, strlen(key)) == MCC_OK);
    return invalidation;
}

static mcc_invalidation_t *begun(mcc_cache_t *cache, const char *key, int64_t limit_ms) {
    mcc_invalidation_t *invalidation = made(cache, key);
    int32_t complete = 0;
    MUST(mcc_invalidation_begin(invalidation, limit_ms, PATIENCE_MS, &complete) == MCC_OK && complete == 1);
    return invalidation;
}

static mcc_lease_t *leased(mcc_cache_t *cache, const char *key) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    MUST(mcc_get_lease(cache, key, strlen(key), 0, &value, &lease) == MCC_NOT_FOUND);
    return lease;
}

static mcc_status_t filled(mcc_lease_t *lease) {
    mcc_status_t status = mcc_fill(lease, "loaded", 6, MCC_CODEC_TEXT, MCC_TTL_DEFAULT);
    mcc_lease_free(lease);
    return status;
}

static void one_process(mcc_cache_t *cache) {
    MUST(put_text(cache, "a", "before") == MCC_OK && put_text(cache, "b", "before") == MCC_OK);
    mcc_invalidation_t *invalidation = made(cache, "a");
    MUST(mcc_invalidation_add(invalidation, "b", 1) == MCC_OK);
    CHECK("nothing_happens_before_it_is_begun", holds_text(cache, "a", "before"));
    CHECK("what_is_not_begun_does_not_end", mcc_invalidation_commit(invalidation, NULL) == MCC_INVALID_ARGUMENT &&
                                                mcc_invalidation_abort(invalidation) == MCC_INVALID_ARGUMENT);
    CHECK("it_begins", mcc_invalidation_begin(invalidation, MCC_LIMIT_DEFAULT, PATIENCE_MS, NULL) == MCC_OK);
    CHECK("its_keys_are_misses", mcc_contains(cache, "a", 1) == MCC_NOT_FOUND && mcc_contains(cache, "b", 1) == MCC_NOT_FOUND);
    CHECK("it_begins_once", mcc_invalidation_begin(invalidation, 0, 0, NULL) == MCC_INVALID_ARGUMENT &&
                                mcc_invalidation_add(invalidation, "c", 1) == MCC_INVALID_ARGUMENT);
    mcc_lease_t *leases[2] = {leased(cache, "a"), leased(cache, "a")};
    CHECK("what_is_loaded_meanwhile_is_not_put", filled(leases[0]) == MCC_OVERTAKEN);
    int32_t in_time = 0;
    CHECK("it_ends_in_time", mcc_invalidation_commit(invalidation, &in_time) == MCC_OK && in_time == 1);
    CHECK("it_ends_once", mcc_invalidation_commit(invalidation, NULL) == MCC_INVALID_ARGUMENT &&
                              mcc_invalidation_abort(invalidation) == MCC_INVALID_ARGUMENT);
    mcc_invalidation_free(invalidation);
    CHECK("nor_what_began_to_be_loaded", filled(leases[1]) == MCC_OVERTAKEN);
    CHECK("what_is_loaded_afterwards_is_put", filled(leased(cache, "a")) == MCC_OK && holds_text(cache, "a", "loaded"));

    invalidation = begun(cache, "a", MCC_LIMIT_DEFAULT);
    CHECK("it_is_aborted", mcc_invalidation_abort(invalidation) == MCC_OK && filled(leased(cache, "a")) == MCC_OK);
    mcc_invalidation_free(invalidation);

    invalidation = begun(cache, "a", MCC_LIMIT_DEFAULT);
    MUST(put_text(cache, "a", "meanwhile") == MCC_OK);
    mcc_invalidation_free(invalidation);
    CHECK("freeing_ends_it_as_a_commit_does", mcc_contains(cache, "a", 1) == MCC_NOT_FOUND && filled(leased(cache, "a")) == MCC_OK);

    invalidation = made(cache, "a");
    MUST(mcc_invalidation_begin(invalidation, 1, PATIENCE_MS, NULL) == MCC_OK);
    WAIT_FOR(filled(leased(cache, "a")) == MCC_OK);
    CHECK("who_is_late_is_told", mcc_invalidation_commit(invalidation, &in_time) == MCC_OK && in_time == 0);
    CHECK("and_what_was_put_too_early_is_gone", mcc_contains(cache, "a", 1) == MCC_NOT_FOUND);
    mcc_invalidation_free(invalidation);
    mcc_invalidation_free(NULL);
}

static void refusals(mcc_cache_t *cache) {
    mcc_invalidation_t *invalidation;
    MUST(mcc_invalidation_new(cache, &invalidation) == MCC_OK);
    CHECK("without_a_key", mcc_invalidation_begin(invalidation, 0, 0, NULL) == MCC_INVALID_ARGUMENT);
    MUST(mcc_invalidation_add(invalidation, NULL, 0) == MCC_OK);
    CHECK("a_limit_out_of_range", mcc_invalidation_begin(invalidation, -1, 0, NULL) == MCC_INVALID_ARGUMENT &&
                                      mcc_invalidation_begin(invalidation, 600001, 0, NULL) == MCC_INVALID_ARGUMENT);
    CHECK("a_negative_timeout", mcc_invalidation_begin(invalidation, 0, -1, NULL) == MCC_INVALID_ARGUMENT);
    CHECK("too_long_a_key", mcc_invalidation_add(invalidation, "k", MCC_KEY_LEN_MAX + 1) == MCC_TOO_LARGE);
    for (int i = 0; i < 64; i++) {
        MUST(mcc_invalidation_add(invalidation, "k", 1) == MCC_OK);
    }
    CHECK("more_than_64_keys", mcc_invalidation_begin(invalidation, 0, 0, NULL) == MCC_INVALID_ARGUMENT &&
                                   strstr(mcc_last_error(), "65") != NULL);
    mcc_invalidation_free(invalidation);
    invalidation = made(cache, "k");
    CHECK("a_limit_of_ten_minutes", mcc_invalidation_begin(invalidation, 600000, PATIENCE_MS, NULL) == MCC_OK);
    MUST(mcc_close(cache) == MCC_OK);
    CHECK("a_closed_cache", mcc_invalidation_commit(invalidation, NULL) == MCC_CLOSED);
    mcc_invalidation_free(invalidation);
}

static void two_members(void) {
    mcc_node_t *nodes[2] = {private_node("one"), private_node("two")};
    mcc_cache_t *caches[2];
    for (int i = 0; i < 2; i++) {
        caches[i] = open_cache(nodes[i], "c");
    }
    for (int i = 0; i < 2; i++) {
        MUST(mcc_node_wait_ready(nodes[i], PATIENCE_MS) == MCC_OK);
    }
    MUST(put_text(caches[0], "k", "before") == MCC_OK && mcc_sync(caches[0], PATIENCE_MS) == MCC_OK);
    MUST(holds_text(caches[1], "k", "before"));
    mcc_invalidation_t *invalidation = begun(caches[0], "k", MCC_LIMIT_DEFAULT);
    CHECK("members_hold_nothing", mcc_contains(caches[1], "k", 1) == MCC_NOT_FOUND);
    CHECK("members_put_nothing", filled(leased(caches[1], "k")) == MCC_OVERTAKEN);
    MUST(mcc_invalidation_commit(invalidation, NULL) == MCC_OK);
    mcc_invalidation_free(invalidation);
    WAIT_FOR(filled(leased(caches[1], "k")) == MCC_OK);
    CHECK("members_put_again", holds_text(caches[1], "k", "loaded"));

    // Its node goes, and says nothing of it.
    invalidation = begun(caches[0], "k", MCC_LIMIT_DEFAULT);
    MUST(mcc_node_close(nodes[0]) == MCC_OK);
    CHECK("who_is_gone_is_waited_for", filled(leased(caches[1], "k")) == MCC_OVERTAKEN);
    CHECK("who_is_gone_tells_nothing_more", mcc_invalidation_commit(invalidation, NULL) == MCC_CLOSED);
    mcc_invalidation_free(invalidation);
    MUST(mcc_node_close(nodes[1]) == MCC_OK);
    for (int i = 0; i < 2; i++) {
        mcc_free(caches[i]);
        mcc_node_free(nodes[i]);
    }
}

int main(void) {
    mcc_node_t *node = private_node("invalidation");
    mcc_cache_t *cache = open_cache(node, "c");
    MUST(mcc_node_wait_ready(node, PATIENCE_MS) == MCC_OK);
    one_process(cache);
    refusals(cache);
    mcc_free(cache);
    MUST(mcc_node_close(node) == MCC_OK);
    mcc_node_free(node);
    two_members();
    return finish();
}
