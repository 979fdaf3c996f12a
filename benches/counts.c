// What is counted by `cargo xtask counts`: each operation in a function of its own, so that valgrind's callgrind tells what
// a call costs in instructions, whatever else the machine does. Prints nothing but what fails.
//
// Keys of 16 bytes, values of 100 bytes. Two nodes of one cluster on this host, so that the members' side is counted too.

#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS 20000
#define KEYS 1000
#define ROOM 10000
#define PORTION 200
#define KEY_LEN 16
#define VALUE_LEN 100
#define PATIENCE_MS 120000
#define COUNTED __attribute__((noinline))

static char keys[CALLS][KEY_LEN + 1];
static char value[VALUE_LEN];

static void must(mcc_status_t status) {
    if (status != MCC_OK) {
        fprintf(stderr, "counts: %s\n", mcc_last_error());
        exit(1);
    }
}

static mcc_node_t *node(const char *cluster, const char *name) {
    mcc_config_t *config;
    mcc_node_t *opened;
    must(mcc_config_new_empty(&config));
    must(mcc_config_set(config, "cluster", cluster));
    must(mcc_config_set(config, "node_name", name));
    must(mcc_config_set(config, "interface", "host"));
    must(mcc_node_open(config, &opened));
    mcc_config_free(config);
    return opened;
}

static mcc_cache_t *cache(mcc_node_t *owner, const char *name, const char *mode, const char *entries) {
    mcc_config_t *config;
    mcc_cache_t *opened;
    must(mcc_config_new_empty(&config));
    must(mcc_config_set(config, "cache_mode", mode));
    must(mcc_config_set(config, "cache_max", entries));
    must(mcc_open(owner, name, config, &opened));
    mcc_config_free(config);
    return opened;
}

static void put(mcc_cache_t *in, int key) {
    must(mcc_put(in, keys[key], KEY_LEN, value, VALUE_LEN, MCC_TTL_DEFAULT));
}

COUNTED static void count_put_new(mcc_cache_t *in, int to) {
    for (int i = 0; i < to; i++) {
        put(in, i);
    }
}

COUNTED static void count_put_over(mcc_cache_t *in) {
    for (int i = 0; i < CALLS; i++) {
        put(in, i % KEYS);
    }
}

COUNTED static void count_put_evicting(mcc_cache_t *in, int from) {
    for (int i = from; i < CALLS; i++) {
        put(in, i);
    }
}

// In portions that are sent and applied before the next: the members' side is not to meet a key twice.
COUNTED static void count_put_replicated(mcc_cache_t *in) {
    for (int i = 0; i < CALLS; i++) {
        put(in, i);
        if (i % PORTION == PORTION - 1) {
            must(mcc_sync(in, PATIENCE_MS));
        }
    }
}

COUNTED static void count_get(mcc_cache_t *in) {
    for (int i = 0; i < CALLS; i++) {
        mcc_value_t *found;
        must(mcc_get(in, keys[i % KEYS], KEY_LEN, &found));
        mcc_value_free(found);
    }
}

COUNTED static void count_get_into(mcc_cache_t *in) {
    for (int i = 0; i < CALLS; i++) {
        char buffer[VALUE_LEN];
        size_t len;
        must(mcc_get_into(in, keys[i % KEYS], KEY_LEN, buffer, sizeof buffer, &len, NULL));
    }
}

COUNTED static void count_miss(mcc_cache_t *in) {
    for (int i = 0; i < CALLS; i++) {
        mcc_value_t *found;
        if (mcc_get(in, "nobody's key ...", KEY_LEN, &found) != MCC_NOT_FOUND) {
            must(MCC_INTERNAL);
        }
    }
}

COUNTED static void count_delete(mcc_cache_t *in) {
    for (int i = 0; i < KEYS; i++) {
        must(mcc_del(in, keys[i], KEY_LEN));
    }
}

int main(void) {
    char cluster[64];
    snprintf(cluster, sizeof cluster, "counts-%ld", (long)getpid());
    for (int i = 0; i < CALLS; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%012d", i);
    }
    memset(value, 'v', sizeof value);
    mcc_node_t *here = node(cluster, "here");
    mcc_cache_t *local = cache(here, "local", "local", "100000");
    count_put_new(local, KEYS);
    count_put_over(local);
    count_get(local);
    count_get_into(local);
    count_miss(local);
    count_delete(local);
    mcc_cache_t *full = cache(here, "full", "local", "10000");
    count_put_new(full, ROOM);
    count_put_evicting(full, ROOM);

    mcc_node_t *there = node(cluster, "there");
    mcc_cache_t *sent = cache(here, "sent", "replicate", "100000");
    mcc_cache_t *received = cache(there, "sent", "replicate", "100000");
    must(mcc_node_wait_ready(here, PATIENCE_MS));
    must(mcc_node_wait_ready(there, PATIENCE_MS));
    count_put_replicated(sent);

    mcc_node_close(there);
    mcc_node_close(here);
    mcc_cache_t *caches[] = {local, full, sent, received};
    for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
        mcc_free(caches[i]);
    }
    mcc_node_free(there);
    mcc_node_free(here);
    return 0;
}
