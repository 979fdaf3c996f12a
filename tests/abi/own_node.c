// The process's own node, started by the first mcc_open(NULL, ...), and what a forked child makes of it.

#include "check.h"

#include <sys/wait.h>

// What the child finds, by its exit code.
static int child(mcc_node_t *own, mcc_cache_t *cache, const mcc_value_t *inherited) {
    if (inherited->len != 6 || memcmp(inherited->data, "parent", 6) != 0) {
        return 10;
    }
    // A node of the child's own is opened now; whom it has not met yet, mcc_sync() does not wait for.
    if (mcc_node_wait_ready(own, PATIENCE_MS) != MCC_OK) {
        fprintf(stderr, "wait in the child: %s\n", mcc_last_error());
        return 15;
    }
    // Ready is also who has heard nobody for a while, as on a busy machine: the parent is met later then.
    WAIT_FOR(holds_text(cache, "k", "parent"));
    if (!holds_text(cache, "k", "parent")) {
        return 16;
    }
    if (put_text(cache, "child", "writes") != MCC_OK) {
        fprintf(stderr, "put in the child: %s\n", mcc_last_error());
        return 11;
    }
    if (!holds_text(cache, "child", "writes")) {
        return 12;
    }
    if (mcc_sync(cache, PATIENCE_MS) != MCC_OK) {
        fprintf(stderr, "sync in the child: %s\n", mcc_last_error());
        return 13;
    }
    return mcc_close(cache) == MCC_OK ? 0 : 14;
}

int main(void) {
    char cluster[64];
    snprintf(cluster, sizeof cluster, "abi-own-%ld", (long)getpid());
    setenv("MCCACHE_CLUSTER", cluster, 1);
    unsetenv("MCCACHE_CONFIG");
    mcc_cache_t *cache;
    MUST(mcc_open(NULL, "own", NULL, &cache) == MCC_OK);
    CHECK("own_node_from_the_environment", put_text(cache, "k", "parent") == MCC_OK && holds_text(cache, "k", "parent"));
    mcc_node_t *own;
    mcc_node_t *of_cache;
    MUST(mcc_node_own(&own) == MCC_OK && mcc_node_of(cache, &of_cache) == MCC_OK);
    CHECK("own_node_is_one", strcmp(mcc_node_name(own), mcc_node_name(of_cache)) == 0);
    CHECK("own_node_is_ready", mcc_node_wait_ready(own, PATIENCE_MS) == MCC_OK);
    mcc_cache_t *same = open_cache(own, "own");
    CHECK("own_node_has_the_cache", holds_text(same, "k", "parent"));
    mcc_free(same);
    mcc_node_free(of_cache);

    mcc_value_t *value = NULL;
    MUST(mcc_get(cache, "k", 1, &value) == MCC_OK);
    fflush(stdout);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        char command[16];
        snprintf(command, sizeof command, "exit %d", child(own, cache, value));
        // Not _exit(): a memory checker would blame the child for the memory of its parent's threads.
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    MUST(waitpid(pid, &status, 0) == pid);
    CHECK("child_uses_inherited_handles", WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        printf("the child ended with %d\n", WEXITSTATUS(status));
    }
    WAIT_FOR(holds_text(cache, "child", "writes"));
    CHECK("parent_reads_what_the_child_wrote", holds_text(cache, "child", "writes"));
    CHECK("parents_handles_still_work", put_text(cache, "k", "again") == MCC_OK && holds_text(cache, "k", "again"));
    mcc_value_free(value);

    mcc_node_close(own);
    CHECK("closed_own_node", mcc_contains(cache, "k", 1) == MCC_CLOSED);
    mcc_free(cache);
    CHECK("a_closed_own_node_is_replaced", mcc_open(NULL, "own", NULL, &cache) == MCC_OK && put_text(cache, "k", "new") == MCC_OK);
    mcc_free(cache);
    mcc_node_free(own);
    MUST(mcc_node_own(&own) == MCC_OK);
    mcc_node_close(own);
    mcc_node_free(own);
    return finish();
}
