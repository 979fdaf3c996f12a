// Tags: entries that are put with names go all at once.

#include "check.h"

#define TAGGED(cache, key, value, tags)                                                                            \
    mcc_put_tagged(cache, key, strlen(key), value, strlen(value), MCC_CODEC_TEXT, MCC_TTL_DEFAULT, tags, sizeof(tags) - 1)

static void one_process(mcc_cache_t *cache) {
    MUST(TAGGED(cache, "a", "1", "user:7\0prices") == MCC_OK);
    MUST(TAGGED(cache, "b", "2", "prices") == MCC_OK);
    MUST(TAGGED(cache, "c", "3", "user:8") == MCC_OK);
    MUST(mcc_put_tagged(cache, "d", 1, "4", 1, MCC_CODEC_TEXT, MCC_TTL_DEFAULT, NULL, 0) == MCC_OK);
    CHECK("tagged_values_are_read_as_others", holds_text(cache, "a", "1") && holds_text(cache, "d", "4"));
    CHECK("a_tag_is_invalidated", mcc_invalidate_tag(cache, "prices", 6) == MCC_OK);
    CHECK("its_entries_are_gone", mcc_contains(cache, "a", 1) == MCC_NOT_FOUND && mcc_contains(cache, "b", 1) == MCC_NOT_FOUND);
    CHECK("others_are_not", holds_text(cache, "c", "3") && holds_text(cache, "d", "4"));
    CHECK("what_is_put_afterwards_is_read", TAGGED(cache, "b", "5", "prices") == MCC_OK && holds_text(cache, "b", "5"));
}

static void loads(mcc_cache_t *cache) {
    mcc_value_t *value;
    mcc_lease_t *lease;
    MUST(mcc_get_lease(cache, "k", 1, 0, &value, &lease) == MCC_NOT_FOUND);
    MUST(mcc_invalidate_tag(cache, "prices", 6) == MCC_OK);
    CHECK("a_tag_overtakes_a_load",
          mcc_fill_tagged(lease, "old", 3, MCC_CODEC_TEXT, 0, "prices", 6) == MCC_OVERTAKEN &&
              mcc_contains(cache, "k", 1) == MCC_NOT_FOUND);
    mcc_lease_free(lease);
    MUST(mcc_get_lease(cache, "k", 1, 0, &value, &lease) == MCC_NOT_FOUND);
    CHECK("fill_with_tags", mcc_fill_tagged(lease, "new", 3, MCC_CODEC_TEXT, 0, "prices", 6) == MCC_OK &&
                                holds_text(cache, "k", "new"));
    CHECK("fill_with_tags_once",
          mcc_fill_tagged(lease, "again", 5, MCC_CODEC_TEXT, 0, "prices", 6) == MCC_INVALID_ARGUMENT);
    mcc_lease_free(lease);
    CHECK("a_filled_value_goes_with_its_tag",
          mcc_invalidate_tag(cache, "prices", 6) == MCC_OK && mcc_contains(cache, "k", 1) == MCC_NOT_FOUND);
}

static void refusals(mcc_cache_t *cache) {
    static const char many[] = "a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p\0q";
    char tag[256];
    memset(tag, 't', sizeof tag);
    MUST(put_text(cache, "kept", "v") == MCC_OK);
    CHECK("sixteen_tags", mcc_put_tagged(cache, "16", 2, "v", 1, 0, 0, many, sizeof many - 3) == MCC_OK);
    CHECK("seventeen_tags", mcc_put_tagged(cache, "kept", 4, "w", 1, 0, 0, many, sizeof many - 1) == MCC_INVALID_ARGUMENT &&
                                strstr(mcc_last_error(), "17") != NULL);
    CHECK("an_empty_tag", TAGGED(cache, "kept", "w", "a\0") == MCC_INVALID_ARGUMENT &&
                              TAGGED(cache, "kept", "w", "\0") == MCC_INVALID_ARGUMENT);
    CHECK("a_long_tag", mcc_invalidate_tag(cache, tag, 255) == MCC_OK &&
                            mcc_invalidate_tag(cache, tag, 256) == MCC_INVALID_ARGUMENT &&
                            mcc_put_tagged(cache, "kept", 4, "w", 1, 0, 0, tag, 256) == MCC_INVALID_ARGUMENT);
    CHECK("no_tag_or_two", mcc_invalidate_tag(cache, NULL, 0) == MCC_INVALID_ARGUMENT &&
                               mcc_invalidate_tag(cache, "a\0b", 3) == MCC_INVALID_ARGUMENT);
    CHECK("nothing_was_changed", holds_text(cache, "kept", "v"));
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
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(NULL, caches[1], &events) == MCC_OK);
    MUST(TAGGED(caches[0], "k", "v", "t") == MCC_OK && mcc_sync(caches[0], PATIENCE_MS) == MCC_OK);
    CHECK("tagged_values_travel", holds_text(caches[1], "k", "v"));
    MUST(mcc_invalidate_tag(caches[1], "t", 1) == MCC_OK && mcc_sync(caches[1], PATIENCE_MS) == MCC_OK);
    CHECK("a_tag_is_invalidated_everywhere", mcc_contains(caches[0], "k", 1) == MCC_NOT_FOUND);
    do {
        MUST(mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK);
    } while (event.kind != MCC_EVENT_TAG_INVALIDATED);
    CHECK("it_is_an_event_of_its_own", event.key_len == 1 && event.key[0] == 't' && event.local);
    mcc_events_free(events);
    for (int i = 0; i < 2; i++) {
        mcc_free(caches[i]);
        MUST(mcc_node_close(nodes[i]) == MCC_OK);
        mcc_node_free(nodes[i]);
    }
}

int main(void) {
    mcc_node_t *node = private_node("tags");
    mcc_cache_t *cache = open_cache(node, "c");
    one_process(cache);
    loads(cache);
    refusals(cache);
    mcc_free(cache);
    MUST(mcc_node_close(node) == MCC_OK);
    mcc_node_free(node);
    two_members();
    return finish();
}
