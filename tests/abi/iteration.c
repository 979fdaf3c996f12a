// Iterations over keys, while others write and when the cache is closed under them.

#include "check.h"

#include <pthread.h>

#define KEYS 3000

static char seen[KEYS];

// Walks over all keys; the number of "fixed-N" keys that came exactly once, or -1 if anything else is wrong.
static int walk(mcc_cache_t *cache, mcc_status_t *last) {
    mcc_iter_t *iter;
    const uint8_t *key;
    size_t len;
    int once = 0;
    memset(seen, 0, sizeof seen);
    MUST(mcc_iter_new(cache, &iter) == MCC_OK);
    while ((*last = mcc_iter_next(iter, &key, &len)) == MCC_OK) {
        char text[32];
        if (len >= sizeof text) {
            return -1;
        }
        memcpy(text, key, len);
        text[len] = '\0';
        int number;
        if (sscanf(text, "fixed-%d", &number) == 1) {
            if (number < 0 || number >= KEYS || seen[number]) {
                return -1;
            }
            seen[number] = 1;
            once++;
        }
    }
    mcc_status_t again = mcc_iter_next(iter, &key, &len);
    if (*last == MCC_END && again != MCC_END) {
        return -1;
    }
    mcc_iter_free(iter);
    return once;
}

struct writer {
    mcc_cache_t *cache;
    int stop;
    long writes;
};

static void *write_meanwhile(void *argument) {
    struct writer *writer = argument;
    char key[32];
    for (int i = 0; !__atomic_load_n(&writer->stop, __ATOMIC_RELAXED); i++) {
        size_t len = (size_t)snprintf(key, sizeof key, "moving-%d", i % 2000);
        if (i % 3 == 0) {
            mcc_del(writer->cache, key, len);
        } else {
            mcc_put(writer->cache, key, len, "v", 1, 0);
        }
        __atomic_fetch_add(&writer->writes, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

// Walks over keys and values together; how many entries had the value they should.
static int walk_entries(mcc_cache_t *cache) {
    mcc_iter_t *iter;
    const uint8_t *key;
    size_t len;
    mcc_value_t *value;
    int good = 0;
    MUST(mcc_iter_new(cache, &iter) == MCC_OK);
    while (mcc_iter_next_entry(iter, &key, &len, &value) == MCC_OK) {
        good += len > 6 && memcmp(key, "fixed-", 6) == 0 && value->len == 1 && *value->data == 'v';
        mcc_value_free(value);
    }
    good = value == NULL ? good : -1;
    mcc_iter_free(iter);
    return good;
}

int main(void) {
    mcc_node_t *node = private_node("iteration");
    mcc_cache_t *cache = open_cache(node, "iteration");
    mcc_status_t last;
    CHECK("empty", walk(cache, &last) == 0 && last == MCC_END);
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        size_t len = (size_t)snprintf(key, sizeof key, "fixed-%d", i);
        MUST(mcc_put(cache, key, len, "v", 1, 0) == MCC_OK);
    }
    CHECK("each_key_once", walk(cache, &last) == KEYS && last == MCC_END);

    mcc_cache_stats_t before;
    mcc_cache_stats_t after;
    MUST(mcc_cache_stats(cache, &before) == MCC_OK);
    CHECK("each_entry_once", walk_entries(cache) == KEYS);
    CHECK("walking_is_not_reading", mcc_cache_stats(cache, &after) == MCC_OK && before.hits == after.hits && before.misses == after.misses);

    struct writer writer = {cache, 0, 0};
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, write_meanwhile, &writer) == 0);
    WAIT_FOR(__atomic_load_n(&writer.writes, __ATOMIC_RELAXED) > 100);
    CHECK("each_key_once_while_others_are_written", walk(cache, &last) == KEYS && last == MCC_END);
    __atomic_store_n(&writer.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);

    // A program may delete what it walks over.
    MUST(mcc_clear(cache) == MCC_OK && mcc_put(cache, "a\0b", 3, "v", 1, 0) == MCC_OK && mcc_put(cache, "", 0, "v", 1, 0) == MCC_OK);
    mcc_iter_t *iter;
    const uint8_t *found;
    size_t len;
    int deleted = 0;
    MUST(mcc_iter_new(cache, &iter) == MCC_OK);
    while (mcc_iter_next(iter, &found, &len) == MCC_OK) {
        deleted += found != NULL && (len == 0 || (len == 3 && memcmp(found, "a\0b", 3) == 0)) && mcc_del(cache, found, len) == MCC_OK;
    }
    mcc_iter_free(iter);
    CHECK("delete_while_walking", deleted == 2 && mcc_len(cache, &len) == MCC_OK && len == 0);

    MUST(put_text(cache, "k", "v") == MCC_OK && mcc_iter_new(cache, &iter) == MCC_OK);
    MUST(mcc_close(cache) == MCC_OK);
    CHECK("closed_while_walking", mcc_iter_next(iter, &found, &len) == MCC_CLOSED);
    mcc_iter_free(iter);
    mcc_node_close(node);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
