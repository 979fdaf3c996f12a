// Many threads in one cache, and one that closes it under them.

#include "check.h"

#include <pthread.h>

#define WORKERS 4
#define KEYS 50

struct work {
    mcc_cache_t *cache;
    int number;
    int bad;    // statuses that none of the calls may return
    int closed; // whether it came to an end by MCC_CLOSED
    long calls;
};

// Puts, gets, deletes and iterates until the cache is closed.
static void *worker(void *argument) {
    struct work *work = argument;
    unsigned int random = (unsigned int)work->number * 7919u + 1u;
    char key[16];
    while (!work->closed && !work->bad) {
        random = random * 1664525u + 1013904223u;
        size_t len = (size_t)snprintf(key, sizeof key, "key-%u", (random >> 8) % KEYS);
        mcc_status_t status;
        mcc_value_t *value = NULL;
        mcc_iter_t *iter = NULL;
        const uint8_t *found;
        size_t found_len;
        switch ((random >> 20) % 6) {
        case 0:
        case 1:
            status = mcc_put(work->cache, key, len, key, len, MCC_TTL_DEFAULT);
            break;
        case 2:
            status = mcc_del(work->cache, key, len);
            break;
        case 3:
            status = mcc_iter_new(work->cache, &iter);
            while (status == MCC_OK) {
                status = mcc_iter_next(iter, &found, &found_len);
                if (status == MCC_OK && (found_len < 5 || memcmp(found, "key-", 4) != 0)) {
                    work->bad = 1;
                }
            }
            mcc_iter_free(iter);
            break;
        default:
            status = mcc_get(work->cache, key, len, &value);
            if (status == MCC_OK && (value->len != len || memcmp(value->data, key, len) != 0)) {
                work->bad = 1;
            }
            mcc_value_free(value);
        }
        work->closed = status == MCC_CLOSED;
        work->bad |= status != MCC_OK && status != MCC_NOT_FOUND && status != MCC_END && status != MCC_CLOSED;
        __atomic_fetch_add(&work->calls, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void close_under_workers(mcc_node_t *node) {
    mcc_cache_t *cache = open_cache(node, "busy");
    struct work work[WORKERS];
    pthread_t threads[WORKERS];
    memset(work, 0, sizeof work);
    for (int i = 0; i < WORKERS; i++) {
        work[i].cache = cache;
        work[i].number = i;
        MUST(pthread_create(&threads[i], NULL, worker, &work[i]) == 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        WAIT_FOR(__atomic_load_n(&work[i].calls, __ATOMIC_RELAXED) > 200);
    }
    CHECK("close_under_threads", mcc_close(cache) == MCC_OK);
    int good = 1;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        good &= work[i].closed && !work[i].bad && work[i].calls > 200;
    }
    CHECK("threads_end_by_closed", good);
    mcc_free(cache);
}

static void *waiter(void *argument) {
    mcc_event_t event;
    mcc_status_t status;
    do {
        status = mcc_events_next(argument, MCC_WAIT_FOREVER, &event);
    } while (status == MCC_OK);
    return (void *)(intptr_t)status;
}

static void wake_and_close_a_waiting_queue(mcc_node_t *node, mcc_cache_t *cache) {
    mcc_events_t *events;
    pthread_t thread;
    void *result;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK);
    MUST(pthread_create(&thread, NULL, waiter, events) == 0);
    mcc_events_wake(events);
    MUST(pthread_join(thread, &result) == 0);
    CHECK("wake_ends_a_wait", (mcc_status_t)(intptr_t)result == MCC_TIMEOUT);
    MUST(pthread_create(&thread, NULL, waiter, events) == 0);
    MUST(mcc_events_close(events) == MCC_OK && pthread_join(thread, &result) == 0);
    CHECK("close_ends_a_wait", (mcc_status_t)(intptr_t)result == MCC_CLOSED);
    mcc_events_free(events);

    MUST(mcc_events_new(node, NULL, &events) == MCC_OK);
    MUST(pthread_create(&thread, NULL, waiter, events) == 0);
    MUST(mcc_node_close(node) == MCC_OK && pthread_join(thread, &result) == 0);
    CHECK("closing_the_node_ends_a_wait", (mcc_status_t)(intptr_t)result == MCC_CLOSED);
    mcc_events_free(events);
}

struct claim {
    mcc_cache_t *cache;
    int won;
};

static void *claimer(void *argument) {
    struct claim *claim = argument;
    char key[16];
    mcc_value_t *value;
    if (mcc_value_new("mine", 4, MCC_CODEC_TEXT, &value) != MCC_OK) {
        return NULL;
    }
    for (int i = 0; i < 200; i++) {
        size_t len = (size_t)snprintf(key, sizeof key, "lot-%d", i);
        claim->won += mcc_put_new(claim->cache, key, len, value, 0) == MCC_OK;
    }
    mcc_value_free(value);
    return NULL;
}

static void one_thread_wins_each(mcc_cache_t *cache) {
    struct claim claims[WORKERS];
    pthread_t threads[WORKERS];
    int won = 0;
    for (int i = 0; i < WORKERS; i++) {
        claims[i].cache = cache;
        claims[i].won = 0;
        MUST(pthread_create(&threads[i], NULL, claimer, &claims[i]) == 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        won += claims[i].won;
    }
    CHECK("put_new_has_one_winner", won == 200);
}

static void *releaser(void *argument) {
    for (int i = 0; i < 1000; i++) {
        mcc_value_t *value = mcc_value_ref(argument);
        if (value->len != 6) {
            return argument;
        }
        mcc_value_free(value);
    }
    mcc_value_free(argument);
    return NULL;
}

static void a_value_in_many_threads(mcc_cache_t *cache) {
    pthread_t threads[WORKERS];
    mcc_value_t *value = NULL;
    int good = 1;
    MUST(put_text(cache, "shared", "shared") == MCC_OK && mcc_get(cache, "shared", 6, &value) == MCC_OK);
    for (int i = 0; i < WORKERS; i++) {
        MUST(pthread_create(&threads[i], NULL, releaser, mcc_value_ref(value)) == 0);
    }
    mcc_value_free(value);
    for (int i = 0; i < WORKERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        good &= result == NULL;
    }
    CHECK("value_is_shared_by_threads", good);
}

int main(void) {
    mcc_node_t *node = private_node("threads");
    mcc_cache_t *cache = open_cache(node, "threads");
    close_under_workers(node);
    one_thread_wins_each(cache);
    a_value_in_many_threads(cache);
    wake_and_close_a_waiting_queue(node, cache);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
