// Two nodes in one process, as if they were two hosts: what one puts, the other reads; what one deletes, the other misses.
// Build: cc two_nodes.c -lmccache -o two_nodes

#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static void must(mcc_status_t status) {
    if (status != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
        exit(1);
    }
}

static mcc_node_t *open_node(const char *cluster, const char *name) {
    mcc_config_t *config;
    mcc_node_t *node;
    must(mcc_config_new(&config)); // file and environment, then what follows
    must(mcc_config_set(config, "cluster", cluster));
    must(mcc_config_set(config, "node_name", name));
    must(mcc_node_open(config, &node));
    mcc_config_free(config);
    return node;
}

int main(void) {
    // A cluster of this run alone. Most programs need no node of their own: NULL in mcc_open().
    char cluster[64];
    snprintf(cluster, sizeof cluster, "two-nodes-%ld", (long)getpid());
    mcc_node_t *one = open_node(cluster, "one");
    mcc_node_t *two = open_node(cluster, "two");
    mcc_cache_t *here;
    mcc_cache_t *there;
    must(mcc_open(one, "prices", NULL, &here));
    must(mcc_open(two, "prices", NULL, &there));

    must(mcc_put_as(here, "apple", 5, "1.20", 4, MCC_CODEC_TEXT, MCC_TTL_DEFAULT));
    must(mcc_sync(here, PATIENCE_MS)); // until every live member has it
    mcc_value_t *value;
    must(mcc_get(there, "apple", 5, &value));
    printf("two reads: apple costs %.*s\n", (int)value->len, (const char *)value->data);
    mcc_value_free(value);

    must(mcc_del(there, "apple", 5));
    must(mcc_sync(there, PATIENCE_MS));
    mcc_status_t status = mcc_contains(here, "apple", 5);
    printf("one reads: apple %s\n", status == MCC_NOT_FOUND ? "is gone" : "is still there");

    mcc_node_close(one);
    mcc_node_close(two);
    mcc_free(here);
    mcc_free(there);
    mcc_node_free(one);
    mcc_node_free(two);
    return status == MCC_NOT_FOUND ? 0 : 1;
}
