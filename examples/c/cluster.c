// Some processes on this host that agree: each writes, waits until all have everything, and compares checksums.
// Build: cc cluster.c -lmccache -o cluster     Run: ./cluster [processes, 3 unless told]

#define _POSIX_C_SOURCE 200809L
#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define KEYS_EACH 500

static void must(mcc_status_t status, const char *what) {
    if (status != MCC_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, mcc_strerror(status), mcc_last_error());
        exit(1);
    }
}

// Waits until every member has put this key.
static void meet(mcc_cache_t *cache, const char *place, int members, int number) {
    char key[64];
    snprintf(key, sizeof key, "%s-%d", place, number);
    must(mcc_put(cache, key, strlen(key), "", 0, MCC_TTL_FOREVER), "put");
    for (int i = 0, waited_ms = 0; i < members;) {
        snprintf(key, sizeof key, "%s-%d", place, i);
        if (mcc_contains(cache, key, strlen(key)) == MCC_OK) {
            i++;
        } else if (waited_ms >= PATIENCE_MS) {
            fprintf(stderr, "member %d: %s did not come\n", number, key);
            exit(1);
        } else {
            struct timespec pause = {0, 10 * 1000 * 1000};
            nanosleep(&pause, NULL);
            waited_ms += 10;
        }
    }
}

static int compare(mcc_cache_t *cache, int members, int number) {
    mcc_checksums_t *list;
    must(mcc_cluster_checksum(cache, PATIENCE_MS, &list), "checksum");
    const mcc_checksum_t *own = mcc_checksums_item(list, 0);
    int agree = own != NULL && mcc_checksums_count(list) == (size_t)members;
    for (size_t i = 0; i < mcc_checksums_count(list); i++) {
        const mcc_checksum_t *other = mcc_checksums_item(list, i);
        agree = agree && other != NULL && other->sum == own->sum && other->entries == own->entries;
    }
    printf("member %d: %lld entries, %s\n", number, own == NULL ? -1 : (long long)own->entries, agree ? "all agree" : "DIFFERENT");
    mcc_checksums_free(list);
    return agree;
}

static int member(int members, int number) {
    mcc_cache_t *cache;
    mcc_cache_t *places;
    must(mcc_open(NULL, "numbers", NULL, &cache), "open");
    must(mcc_open(NULL, "places", NULL, &places), "open");
    meet(places, "start", members, number);
    for (int i = 0; i < KEYS_EACH; i++) {
        char key[64];
        // Half of the keys are written by all members: the last one wins, everywhere.
        snprintf(key, sizeof key, "%d-%d", i % 2 == 0 ? number : -1, i);
        must(mcc_put(cache, key, strlen(key), &number, sizeof number, MCC_TTL_FOREVER), "put");
    }
    must(mcc_sync(cache, PATIENCE_MS), "sync");
    meet(places, "written", members, number);
    int agree = compare(cache, members, number);
    // Nobody leaves while another still asks.
    meet(places, "compared", members, number);
    must(mcc_sync(places, PATIENCE_MS), "sync");
    mcc_node_t *node;
    must(mcc_node_own(&node), "node");
    mcc_node_close(node);
    mcc_node_free(node);
    mcc_free(places);
    mcc_free(cache);
    return agree ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 3) {
        return member(atoi(argv[1]), atoi(argv[2]));
    }
    int members = argc == 2 ? atoi(argv[1]) : 3;
    if (members < 1 || members > 100) {
        fprintf(stderr, "usage: %s [processes, 1 to 100]\n", argv[0]);
        return 2;
    }
    // A cluster of this run alone; the members inherit the environment.
    char text[64];
    char number[16];
    snprintf(text, sizeof text, "example-%ld", (long)getpid());
    setenv("MCCACHE_CLUSTER", text, 1);
    snprintf(text, sizeof text, "%d", members);
    for (int i = 0; i < members; i++) {
        snprintf(number, sizeof number, "%d", i);
        if (fork() == 0) {
            execl("/proc/self/exe", argv[0], text, number, (char *)NULL);
            execlp(argv[0], argv[0], text, number, (char *)NULL);
            _exit(127);
        }
    }
    int failed = 0;
    int status;
    while (wait(&status) > 0) {
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    printf("%d of %d members agree\n", members - failed, members);
    return failed == 0 ? 0 : 1;
}
