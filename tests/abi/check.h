// What the programs of this folder share. Each prints `ok NAME` for what it checked and held, `FAILED NAME: ...` for
// what did not, and ends with `return finish();`.

#ifndef CHECK_H
#define CHECK_H

#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Longer than anything takes, under valgrind on a busy machine too.
#define PATIENCE_MS 60000

static int failed_checks;

static inline void check_at(const char *name, int held, const char *condition, const char *file, int line) {
    if (held) {
        printf("ok %s\n", name);
    } else {
        printf("FAILED %s: %s (%s:%d; last error: %s)\n", name, condition, file, line, mcc_last_error());
        failed_checks++;
    }
    fflush(stdout);
}

#define CHECK(name, condition) check_at(name, (condition) ? 1 : 0, #condition, __FILE__, __LINE__)

// For what the rest of the program stands on.
#define MUST(condition)                                                                                       \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            printf("FAILED setup: %s (%s:%d; last error: %s)\n", #condition, __FILE__, __LINE__, mcc_last_error()); \
            exit(2);                                                                                          \
        }                                                                                                     \
    } while (0)

static inline int finish(void) {
    return failed_checks == 0 ? 0 : 1;
}

// Settings of a cluster that exists in this run of this program alone.
static inline mcc_config_t *private_config(const char *node_name) {
    char cluster[64];
    snprintf(cluster, sizeof cluster, "abi-%ld", (long)getpid());
    mcc_config_t *config;
    MUST(mcc_config_new_empty(&config) == MCC_OK);
    MUST(mcc_config_set(config, "cluster", cluster) == MCC_OK);
    MUST(mcc_config_set(config, "node_name", node_name) == MCC_OK);
    return config;
}

static inline mcc_node_t *private_node(const char *node_name) {
    mcc_config_t *config = private_config(node_name);
    mcc_node_t *node;
    MUST(mcc_node_open(config, &node) == MCC_OK);
    mcc_config_free(config);
    return node;
}

static inline mcc_cache_t *open_cache(mcc_node_t *node, const char *name) {
    mcc_cache_t *cache;
    MUST(mcc_open(node, name, NULL, &cache) == MCC_OK);
    return cache;
}

static inline mcc_status_t put_text(mcc_cache_t *cache, const char *key, const char *value) {
    return mcc_put(cache, key, strlen(key), value, strlen(value), MCC_TTL_DEFAULT);
}

// Whether the cache has exactly these bytes.
static inline int holds(mcc_cache_t *cache, const void *key, size_t key_len, const void *value, size_t value_len) {
    mcc_value_t *found;
    if (mcc_get(cache, key, key_len, &found) != MCC_OK) {
        return 0;
    }
    int same = found->len == value_len && (value_len == 0 || memcmp(found->data, value, value_len) == 0);
    mcc_value_free(found);
    return same;
}

static inline int holds_text(mcc_cache_t *cache, const char *key, const char *value) {
    return holds(cache, key, strlen(key), value, strlen(value));
}

static inline int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits until a condition holds, or PATIENCE_MS are over.
#define WAIT_FOR(condition)                                              \
    do {                                                                 \
        int64_t deadline_ = now_ms() + PATIENCE_MS;                      \
        struct timespec pause_ = {0, 5000000};                           \
        while (!(condition) && now_ms() < deadline_) {                   \
            nanosleep(&pause_, NULL);                                    \
        }                                                                \
    } while (0)

#endif
