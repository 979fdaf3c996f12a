// The library's log in a log of one's own: a thread takes record after record from a queue, and writes them its own way, here
// as lines of JSON. Whoever only wants a file needs no code: the settings `log_filename` and `log_level`.
// Build: cc log.c -lmccache -lpthread -o log

#define _POSIX_C_SOURCE 200809L
#include <mccache.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static void must(mcc_status_t status) {
    if (status != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
        exit(1);
    }
}

// Text between quotes, as JSON wants it.
static void print_text(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            printf("\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            printf("\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            putchar(*text);
        }
    }
    putchar('"');
}

static void print_record(const mcc_log_record_t *record) {
    static const char *const levels[] = {"?", "error", "warn", "info", "debug", "trace"};
    const int level = record->level >= MCC_LOG_ERROR && record->level <= MCC_LOG_TRACE ? (int)record->level : 0;
    const time_t seconds = (time_t)(record->time_ms / 1000);
    struct tm utc;
    char stamp[32];
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    printf("{\"time\": \"%s.%03dZ\", \"level\": \"%s\", \"target\": ", stamp, (int)(record->time_ms % 1000), levels[level]);
    print_text(record->target);
    printf(", \"message\": ");
    print_text(record->message);
    if (record->dropped > 0) {
        // This thread was too slow: a queue holds 1,024 records.
        printf(", \"dropped before\": %lld", (long long)record->dropped);
    }
    printf("}\n");
}

typedef struct {
    mcc_logs_t *logs;
    int joins; // read when the thread has ended
} listener_t;

// Until the queue is closed and empty. The library waits for nobody's log: what this thread does holds up no cache.
static void *listen(void *of) {
    listener_t *listener = of;
    mcc_log_record_t record;
    while (mcc_logs_next(listener->logs, MCC_WAIT_FOREVER, &record) == MCC_OK) {
        listener->joins += strncmp(record.message, "member joined", 13) == 0;
        print_record(&record);
    }
    return NULL;
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
    // First of all, so that nothing is missed.
    listener_t listener = {NULL, 0};
    pthread_t thread;
    must(mcc_logs_new(MCC_LOG_INFO, &listener.logs));
    if (pthread_create(&thread, NULL, listen, &listener) != 0) {
        fprintf(stderr, "no thread for the log\n");
        return 1;
    }

    // Something to tell: two members of a cluster of this run alone, as if they were two hosts.
    char cluster[64];
    snprintf(cluster, sizeof cluster, "log-%ld", (long)getpid());
    mcc_node_t *one = open_node(cluster, "one");
    mcc_node_t *two = open_node(cluster, "two");
    must(mcc_node_wait_ready(one, PATIENCE_MS));
    must(mcc_node_wait_ready(two, PATIENCE_MS));
    mcc_node_close(two);
    mcc_node_close(one);
    mcc_node_free(two);
    mcc_node_free(one);

    // Last of all: the thread gets what is queued, and ends.
    mcc_logs_close(listener.logs);
    pthread_join(thread, NULL);
    mcc_logs_free(listener.logs);
    return listener.joins > 0 ? 0 : 1;
}
