// One cache, one thread: what is put is what is got, at every length and for every byte.

#include "check.h"

static void basics(mcc_cache_t *cache) {
    mcc_value_t *value;
    CHECK("put_get", put_text(cache, "apple", "red") == MCC_OK && holds_text(cache, "apple", "red"));
    CHECK("put_overwrites", put_text(cache, "apple", "green") == MCC_OK && holds_text(cache, "apple", "green"));
    CHECK("contains", mcc_contains(cache, "apple", 5) == MCC_OK && mcc_contains(cache, "pear", 4) == MCC_NOT_FOUND);
    CHECK("missing_key", mcc_get(cache, "pear", 4, &value) == MCC_NOT_FOUND && value == NULL);
    CHECK("delete_missing", mcc_del(cache, "pear", 4) == MCC_NOT_FOUND);
    CHECK("delete", mcc_del(cache, "apple", 5) == MCC_OK && mcc_contains(cache, "apple", 5) == MCC_NOT_FOUND);
    CHECK("put_after_delete", put_text(cache, "apple", "ripe") == MCC_OK && holds_text(cache, "apple", "ripe"));
    size_t len = 99;
    CHECK("len", mcc_len(cache, &len) == MCC_OK && len == 1);
    CHECK("clear", mcc_clear(cache) == MCC_OK && mcc_len(cache, &len) == MCC_OK && len == 0 &&
                       mcc_contains(cache, "apple", 5) == MCC_NOT_FOUND);
    CHECK("put_after_clear", put_text(cache, "apple", "new") == MCC_OK && holds_text(cache, "apple", "new"));
}

static void any_bytes(mcc_cache_t *cache) {
    CHECK("zero_byte_in_key", mcc_put(cache, "a\0b", 3, "one", 3, 0) == MCC_OK &&
                                  mcc_put(cache, "a\0c", 3, "two", 3, 0) == MCC_OK &&
                                  holds(cache, "a\0b", 3, "one", 3) && holds(cache, "a\0c", 3, "two", 3) &&
                                  mcc_contains(cache, "a", 1) == MCC_NOT_FOUND);
    CHECK("zero_byte_in_value", mcc_put(cache, "z", 1, "x\0y\0", 4, 0) == MCC_OK && holds(cache, "z", 1, "x\0y\0", 4));
    unsigned char all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (unsigned char)i;
    }
    CHECK("all_bytes", mcc_put(cache, all, sizeof all, all, sizeof all, 0) == MCC_OK &&
                           holds(cache, all, sizeof all, all, sizeof all));
    CHECK("empty_key", mcc_put(cache, NULL, 0, "nameless", 8, 0) == MCC_OK && holds(cache, "", 0, "nameless", 8) &&
                           mcc_contains(cache, NULL, 0) == MCC_OK && mcc_del(cache, NULL, 0) == MCC_OK &&
                           mcc_contains(cache, NULL, 0) == MCC_NOT_FOUND);
    mcc_value_t *value = NULL;
    CHECK("empty_value_is_a_value", mcc_put(cache, "e", 1, NULL, 0, 0) == MCC_OK &&
                                        mcc_get(cache, "e", 1, &value) == MCC_OK && value->len == 0 &&
                                        value->data != NULL);
    mcc_value_free(value);
}

static void limits(mcc_node_t *node, mcc_cache_t *cache) {
    mcc_value_t *value;
    char *key = malloc(MCC_KEY_LEN_MAX + 1);
    MUST(key != NULL);
    memset(key, 'k', MCC_KEY_LEN_MAX + 1);
    CHECK("longest_key", mcc_put(cache, key, MCC_KEY_LEN_MAX, "v", 1, 0) == MCC_OK &&
                             holds(cache, key, MCC_KEY_LEN_MAX, "v", 1) && mcc_del(cache, key, MCC_KEY_LEN_MAX) == MCC_OK);
    mcc_metadata_t metadata;
    size_t len;
    size_t over = MCC_KEY_LEN_MAX + 1;
    CHECK("key_too_long", mcc_put(cache, key, over, "v", 1, 0) == MCC_TOO_LARGE &&
                              mcc_get(cache, key, over, &value) == MCC_TOO_LARGE && value == NULL &&
                              mcc_get_into(cache, key, over, NULL, 0, &len, NULL) == MCC_TOO_LARGE &&
                              mcc_del(cache, key, over) == MCC_TOO_LARGE &&
                              mcc_take(cache, key, over, &value) == MCC_TOO_LARGE && value == NULL &&
                              mcc_contains(cache, key, over) == MCC_TOO_LARGE &&
                              mcc_touch(cache, key, over, 1) == MCC_TOO_LARGE &&
                              mcc_metadata(cache, key, over, &metadata) == MCC_TOO_LARGE);
    CHECK("key_too_long_says_the_limit", strstr(mcc_last_error(), "65536") != NULL && strstr(mcc_last_error(), "65535") != NULL);
    CHECK("absurd_lengths", mcc_put(cache, key, SIZE_MAX, "v", 1, 0) == MCC_TOO_LARGE &&
                                mcc_put(cache, "k", 1, "v", SIZE_MAX, 0) == MCC_TOO_LARGE &&
                                mcc_value_new("v", SIZE_MAX, 0, &value) == MCC_TOO_LARGE && value == NULL);
    free(key);

    mcc_config_t *config;
    mcc_cache_t *small;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, "max_value", "1000") == MCC_OK);
    MUST(mcc_open(node, "small", config, &small) == MCC_OK);
    char bytes[1001];
    memset(bytes, 'v', sizeof bytes);
    CHECK("longest_value", mcc_put(small, "k", 1, bytes, 1000, 0) == MCC_OK && holds(small, "k", 1, bytes, 1000));
    CHECK("value_too_long", mcc_put(small, "k", 1, bytes, 1001, 0) == MCC_TOO_LARGE &&
                                strstr(mcc_last_error(), "1001") != NULL && strstr(mcc_last_error(), "1000") != NULL);
    CHECK("refused_put_changes_nothing", holds(small, "k", 1, bytes, 1000));
    mcc_free(small);
    mcc_config_free(config);
}

static void large_value(mcc_cache_t *cache) {
    size_t len = (size_t)1 << 20;
    unsigned char *bytes = malloc(len);
    MUST(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    }
    CHECK("large_value", mcc_put(cache, "large", 5, bytes, len, 0) == MCC_OK && holds(cache, "large", 5, bytes, len));
    free(bytes);
    MUST(mcc_del(cache, "large", 5) == MCC_OK);
}

static void into_a_buffer(mcc_cache_t *cache) {
    char buffer[8] = "#######";
    size_t len = 77;
    MUST(put_text(cache, "word", "hello") == MCC_OK);
    CHECK("get_into", mcc_get_into(cache, "word", 4, buffer, sizeof buffer, &len, NULL) == MCC_OK && len == 5 &&
                          memcmp(buffer, "hello##", 7) == 0);
    CHECK("get_into_exact", mcc_get_into(cache, "word", 4, buffer, 5, &len, NULL) == MCC_OK && len == 5);
    memcpy(buffer, "#######", 8);
    len = 77;
    CHECK("get_into_too_small", mcc_get_into(cache, "word", 4, buffer, 4, &len, NULL) == MCC_BUFFER_TOO_SMALL && len == 5 &&
                                    memcmp(buffer, "#######", 7) == 0);
    CHECK("get_into_asks_the_length", mcc_get_into(cache, "word", 4, NULL, 0, &len, NULL) == MCC_BUFFER_TOO_SMALL && len == 5);
    len = 77;
    CHECK("get_into_missing", mcc_get_into(cache, "none", 4, buffer, 4, &len, NULL) == MCC_NOT_FOUND && len == 77);
}

static void codecs(mcc_cache_t *cache) {
    mcc_value_t *value = NULL;
    mcc_value_t *read = NULL;
    MUST(mcc_value_new("\xa1\x61\x61\x01", 4, MCC_CODEC_CBOR, &value) == MCC_OK);
    CHECK("value_new", value->len == 4 && value->codec == MCC_CODEC_CBOR && memcmp(value->data, "\xa1\x61\x61\x01", 4) == 0);
    CHECK("put_value_keeps_the_codec", mcc_put_value(cache, "map", 3, value, 0) == MCC_OK &&
                                           mcc_get(cache, "map", 3, &read) == MCC_OK && read->codec == MCC_CODEC_CBOR &&
                                           read->len == 4 && memcmp(read->data, value->data, 4) == 0);
    mcc_value_free(value);
    CHECK("put_value_of_a_get", mcc_put_value(cache, "copy", 4, read, 0) == MCC_OK && holds(cache, "copy", 4, read->data, 4));
    mcc_value_free(read);
    MUST(put_text(cache, "raw", "x") == MCC_OK && mcc_get(cache, "raw", 3, &read) == MCC_OK);
    CHECK("put_is_raw", read->codec == MCC_CODEC_RAW);
    mcc_value_free(read);
    MUST(mcc_put_as(cache, "own", 3, "x", 1, 200, 0) == MCC_OK && mcc_get(cache, "own", 3, &read) == MCC_OK);
    CHECK("put_as_keeps_an_unknown_codec", read->codec == 200);
    mcc_value_free(read);
    char byte;
    size_t len;
    uint8_t codec = 0;
    CHECK("get_into_tells_the_codec", mcc_get_into(cache, "own", 3, &byte, 1, &len, &codec) == MCC_OK && codec == 200);
}

static void new_and_take(mcc_cache_t *cache) {
    mcc_value_t *first = NULL;
    mcc_value_t *second = NULL;
    mcc_value_t *taken = NULL;
    MUST(mcc_value_new("first", 5, MCC_CODEC_TEXT, &first) == MCC_OK);
    MUST(mcc_value_new("second", 6, MCC_CODEC_TEXT, &second) == MCC_OK);
    CHECK("put_new_where_none_is", mcc_put_new(cache, "new", 3, first, 0) == MCC_OK && holds_text(cache, "new", "first"));
    CHECK("put_new_where_one_is", mcc_put_new(cache, "new", 3, second, 0) == MCC_EXISTS && holds_text(cache, "new", "first"));
    CHECK("put_new_as_where_one_is",
          mcc_put_new_as(cache, "new", 3, "second", 6, MCC_CODEC_TEXT, 0) == MCC_EXISTS && holds_text(cache, "new", "first"));
    CHECK("take", mcc_take(cache, "new", 3, &taken) == MCC_OK && taken->len == 5 && memcmp(taken->data, "first", 5) == 0 &&
                      taken->codec == MCC_CODEC_TEXT && mcc_contains(cache, "new", 3) == MCC_NOT_FOUND);
    mcc_value_free(taken);
    CHECK("take_missing", mcc_take(cache, "new", 3, &taken) == MCC_NOT_FOUND && taken == NULL);
    CHECK("put_new_after_take", mcc_put_new(cache, "new", 3, second, 0) == MCC_OK && holds_text(cache, "new", "second"));
    mcc_metadata_t metadata;
    CHECK("put_new_as", mcc_put_new_as(cache, "new as", 6, "third", 5, MCC_CODEC_TEXT, 60000) == MCC_OK &&
                            holds_text(cache, "new as", "third") && mcc_metadata(cache, "new as", 6, &metadata) == MCC_OK &&
                            metadata.codec == MCC_CODEC_TEXT && metadata.ttl_remaining_ms <= 60000);
    CHECK("put_new_as_of_nothing", mcc_put_new_as(cache, "none", 4, NULL, 0, MCC_CODEC_RAW, 0) == MCC_OK &&
                                       mcc_del(cache, "new as", 6) == MCC_OK && mcc_del(cache, "none", 4) == MCC_OK);
    mcc_value_free(first);
    mcc_value_free(second);
}

static void time_to_live(mcc_cache_t *cache) {
    mcc_metadata_t metadata;
    int64_t put_at = now_ms();
    MUST(mcc_put(cache, "short", 5, "v", 1, 300) == MCC_OK);
    WAIT_FOR(mcc_contains(cache, "short", 5) == MCC_NOT_FOUND);
    int64_t lasted = now_ms() - put_at;
    CHECK("ttl_ends", mcc_contains(cache, "short", 5) == MCC_NOT_FOUND && lasted >= 290);
    MUST(mcc_put(cache, "long", 4, "v", 1, 3600000) == MCC_OK);
    CHECK("ttl_remaining", mcc_metadata(cache, "long", 4, &metadata) == MCC_OK && metadata.ttl_remaining_ms > 3000000 &&
                               metadata.ttl_remaining_ms <= 3600000);
    CHECK("touch_for_ever", mcc_touch(cache, "long", 4, MCC_TTL_FOREVER) == MCC_OK &&
                                mcc_metadata(cache, "long", 4, &metadata) == MCC_OK &&
                                metadata.ttl_remaining_ms == MCC_TTL_FOREVER && holds_text(cache, "long", "v"));
    CHECK("touch_shorter", mcc_touch(cache, "long", 4, 1) == MCC_OK);
    WAIT_FOR(mcc_contains(cache, "long", 4) == MCC_NOT_FOUND);
    CHECK("touched_entry_ends", mcc_contains(cache, "long", 4) == MCC_NOT_FOUND);
    CHECK("touch_missing", mcc_touch(cache, "none", 4, 1000) == MCC_NOT_FOUND);
    MUST(mcc_put(cache, "kept", 4, "v", 1, MCC_TTL_FOREVER) == MCC_OK);
    CHECK("ttl_forever", mcc_metadata(cache, "kept", 4, &metadata) == MCC_OK && metadata.ttl_remaining_ms == MCC_TTL_FOREVER);
    CHECK("ttl_longer_than_time", mcc_put(cache, "long", 4, "v", 1, INT64_MAX - 1) == MCC_OK &&
                                      mcc_metadata(cache, "long", 4, &metadata) == MCC_OK && metadata.ttl_remaining_ms > 0);
    CHECK("ttl_negative", mcc_put(cache, "k", 1, "v", 1, -1) == MCC_INVALID_ARGUMENT &&
                              strstr(mcc_last_error(), "ttl_ms") != NULL &&
                              mcc_touch(cache, "kept", 4, INT64_MIN) == MCC_INVALID_ARGUMENT);
}

static void metadata_of_an_entry(mcc_cache_t *cache) {
    mcc_metadata_t first;
    mcc_metadata_t second;
    memset(&first, 0xff, sizeof first);
    int64_t wall_ms = (int64_t)time(NULL) * 1000;
    MUST(mcc_put_as(cache, "meta", 4, "12345", 5, MCC_CODEC_TEXT, 0) == MCC_OK);
    CHECK("metadata", mcc_metadata(cache, "meta", 4, &first) == MCC_OK && first.size == 5 && first.weight >= 9 &&
                          first.codec == MCC_CODEC_TEXT && first.age_ms >= 0 && first.age_ms < PATIENCE_MS);
    CHECK("metadata_written", first.written_ms > wall_ms - 5000 && first.written_ms < wall_ms + PATIENCE_MS);
    CHECK("metadata_room_is_zero", first.reserved[0] == 0 && first.reserved[3] == 0);
    MUST(put_text(cache, "meta", "123456") == MCC_OK && mcc_metadata(cache, "meta", 4, &second) == MCC_OK);
    CHECK("version_rises", second.version_clock > first.version_clock && second.version_origin == first.version_origin);
    CHECK("metadata_of_a_missing_key", mcc_metadata(cache, "none", 4, &first) == MCC_NOT_FOUND);
}

int main(void) {
    mcc_node_t *node = private_node("entries");
    mcc_cache_t *cache = open_cache(node, "entries");
    basics(cache);
    any_bytes(cache);
    limits(node, cache);
    large_value(cache);
    into_a_buffer(cache);
    codecs(cache);
    new_and_take(cache);
    time_to_live(cache);
    metadata_of_an_entry(cache);
    mcc_node_close(node);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
