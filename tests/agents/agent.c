// A member of a cluster of programs in several languages: does what the lines of its standard input say, and answers
// each with one line. `cargo xtask polyglot` starts it. Settings come from the environment. Usage: agent CACHE

#include "../abi/matrix.h"

#include <inttypes.h>
#include <time.h>

#define KEYS 100

static mcc_cache_t *cache;
static mcc_node_t *node;

static void answer(const char *text) {
    printf("%s\n", text);
    fflush(stdout);
}

// An answer is one line.
static void answer_error(const char *text) {
    printf("error: ");
    for (; *text != '\0'; text++) {
        putchar(*text == '\n' ? ' ' : *text);
    }
    answer("");
}

// Whether a call succeeded; if not, that is the answer.
static int worked(mcc_status_t status) {
    if (status != MCC_OK) {
        answer_error(*mcc_last_error() != '\0' ? mcc_last_error() : mcc_strerror(status));
    }
    return status == MCC_OK;
}

static void put(const char *key, const matrix_case_t *native) {
    const uint8_t *data;
    size_t len;
    if (!matrix_bytes(native, &data, &len)) {
        answer_error(mcc_last_error());
    } else if (worked(mcc_put_as(cache, key, strlen(key), data, len, native->codec, MCC_TTL_DEFAULT))) {
        answer("ok");
    }
}

static void check(const char *key, const matrix_case_t *native) {
    mcc_value_t *value;
    mcc_status_t status = mcc_get(cache, key, strlen(key), &value);
    if (status == MCC_NOT_FOUND) {
        answer("missing");
    } else if (!worked(status)) {
        return;
    } else if (matrix_equal(native, value->data, value->len, value->codec)) {
        answer("equal");
    } else {
        printf("differs: %zu bytes of codec %d, beginning with ", value->len, value->codec);
        for (size_t i = 0; i < value->len && i < 32; i++) {
            printf("%02x", value->data[i]);
        }
        answer("");
    }
    mcc_value_free(value);
}

// xorshift64* (Vigna).
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static mcc_status_t one_step(uint64_t *state) {
    char key[16];
    char text[64];
    mcc_value_t *value = NULL;
    size_t key_len = (size_t)snprintf(key, sizeof key, "w%" PRIu64, next_random(state) % KEYS);
    uint64_t what = next_random(state) % 100;
    size_t len = (size_t)snprintf(text, sizeof text, "c-%016" PRIx64, next_random(state));
    mcc_status_t status;
    if (what < 55) {
        status = mcc_get(cache, key, key_len, &value);
    } else if (what < 75) {
        status = mcc_put_as(cache, key, key_len, text, len, MCC_CODEC_TEXT, MCC_TTL_DEFAULT);
    } else if (what < 95) {
        // Changed, not only replaced: the first eight bytes of what was there, and something new.
        status = mcc_get(cache, key, key_len, &value);
        if (status == MCC_OK && value->codec == MCC_CODEC_TEXT && value->len >= 8) {
            memcpy(text + len, value->data, 8);
            len += 8;
        }
        if (status == MCC_OK || status == MCC_NOT_FOUND) {
            status = mcc_put_as(cache, key, key_len, text, len, MCC_CODEC_TEXT, MCC_TTL_DEFAULT);
        }
    } else {
        status = mcc_del(cache, key, key_len);
    }
    mcc_value_free(value);
    return status == MCC_NOT_FOUND ? MCC_OK : status;
}

static void work(int64_t ms, uint64_t seed) {
    // Never 0, which stays 0; near seeds apart from one another.
    uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    int64_t deadline = now_ms() + ms;
    long ops = 0;
    for (; now_ms() < deadline; ops++) {
        if (!worked(one_step(&state))) {
            return;
        }
    }
    printf("ok %ld\n", ops);
    fflush(stdout);
}

static void sync_within(int64_t ms) {
    mcc_status_t status = mcc_sync(cache, ms);
    if (status == MCC_TIMEOUT) {
        answer("timeout");
    } else if (worked(status)) {
        answer("ok");
    }
}

static void sum(void) {
    uint64_t total;
    int64_t entries;
    if (worked(mcc_checksum(cache, &total, &entries))) {
        printf("%" PRIu64 " %" PRId64 "\n", total, entries);
        fflush(stdout);
    }
}

static void members(void) {
    mcc_members_t *list;
    if (worked(mcc_node_members(node, &list))) {
        printf("%zu\n", mcc_members_count(list));
        fflush(stdout);
        mcc_members_free(list);
    }
}

static void obey(const char *verb, const char *first, const char *second) {
    int one_key = strcmp(verb, "put") == 0 || strcmp(verb, "check") == 0;
    const matrix_case_t *native = one_key && second != NULL ? matrix_find(second) : NULL;
    if (one_key && native == NULL) {
        answer_error("no such case");
    } else if (strcmp(verb, "put") == 0) {
        put(first, native);
    } else if (one_key) {
        check(first, native);
    } else if (strcmp(verb, "work") == 0 && second != NULL) {
        work(strtoll(first, NULL, 10), strtoull(second, NULL, 10));
    } else if (strcmp(verb, "sync") == 0 && first != NULL) {
        sync_within(strtoll(first, NULL, 10));
    } else if (strcmp(verb, "sum") == 0) {
        sum();
    } else if (strcmp(verb, "members") == 0) {
        members();
    } else if (strcmp(verb, "clear") == 0) {
        if (worked(mcc_clear(cache))) {
            answer("ok");
        }
    } else {
        answer_error("no such command");
    }
}

int main(int argc, char **argv) {
    char line[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: %s CACHE\n", argv[0]);
        return 2;
    }
    if (mcc_open(NULL, argv[1], NULL, &cache) != MCC_OK || mcc_node_own(&node) != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
        return 1;
    }
    answer("ready c");
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *verb = strtok(line, " \n");
        const char *first = verb == NULL ? NULL : strtok(NULL, " \n");
        const char *second = first == NULL ? NULL : strtok(NULL, " \n");
        if (verb != NULL && strcmp(verb, "quit") == 0) {
            break;
        }
        obey(verb == NULL ? "" : verb, first, second);
    }
    mcc_node_close(node);
    mcc_node_free(node);
    mcc_free(cache);
    answer("bye");
    return 0;
}
