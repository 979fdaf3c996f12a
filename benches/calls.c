// What a call costs from C. Prints WHAT, OP and nanoseconds a call, tab-separated: of the passes over all keys in a third
// of a second the one that took least. Keys of 16 bytes, 1,000 of them; values of 100 bytes and 64 KiB; a cache of this
// process alone.
//
// get copies the value out (mcc_get_into), view does not (mcc_get); as "mcc_get" a handle's get of 100 bytes is there, too.
// `cargo xtask calls` builds and runs it.

#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MEASURED_NS 3e8
#define KEYS 1000
#define KEY_LEN 16
#define SMALL 100
#define LARGE 65536

static mcc_cache_t *cache;
static char keys[KEYS][KEY_LEN + 1];
static char value[LARGE];

static void must(mcc_status_t status) {
    if (status != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
        exit(1);
    }
}

static void get(const char *key, size_t len) {
    char buffer[LARGE];
    size_t found;
    must(mcc_get_into(cache, key, KEY_LEN, buffer, len, &found, NULL));
}

static void view(const char *key, size_t len) {
    mcc_value_t *found;
    (void)len;
    must(mcc_get(cache, key, KEY_LEN, &found));
    mcc_value_free(found);
}

static void put(const char *key, size_t len) {
    must(mcc_put(cache, key, KEY_LEN, value, len, MCC_TTL_DEFAULT));
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *what, const char *op, void (*call)(const char *, size_t), size_t len) {
    double least = 0, begun = now_ns(), now = begun;
    do {
        double before = now;
        for (int i = 0; i < KEYS; i++) {
            call(keys[i], len);
        }
        now = now_ns();
        if (least == 0 || now - before < least) {
            least = now - before;
        }
    } while (now - begun < MEASURED_NS);
    printf("%s\t%s\t%.1f\n", what, op, least / KEYS);
    fflush(stdout);
}

int main(void) {
    char cluster[64];
    mcc_config_t *config;
    mcc_node_t *node;
    snprintf(cluster, sizeof cluster, "calls-c-%ld", (long)getpid());
    must(mcc_config_new_empty(&config));
    must(mcc_config_set(config, "cluster", cluster));
    must(mcc_config_set(config, "cache_mode", "local"));
    must(mcc_config_set(config, "cache_size", "256 MiB"));
    must(mcc_node_open(config, &node));
    must(mcc_open(node, "calls", NULL, &cache));
    mcc_config_free(config);
    memset(value, 'v', sizeof value);
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%012d", i);
    }
    measure("mccache", "put_100", put, SMALL);
    measure("mccache", "get_100", get, SMALL);
    measure("mcc_get", "get_100", view, SMALL);
    measure("mccache", "put_64k", put, LARGE);
    measure("mccache", "get_64k", get, LARGE);
    measure("mccache", "view_64k", view, LARGE);
    mcc_node_close(node);
    mcc_free(cache);
    mcc_node_free(node);
    return 0;
}
