// The queue of events: what comes, in which order, and when nothing does.

#include "check.h"

// The next event of a kind, others passed over; 0 if none comes.
static int next_of(mcc_events_t *events, mcc_event_kind_t kind, mcc_event_t *event) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (now_ms() < deadline) {
        mcc_status_t status = mcc_events_next(events, 1000, event);
        if (status == MCC_OK && event->kind == kind) {
            return 1;
        }
        if (status != MCC_OK && status != MCC_TIMEOUT) {
            return 0;
        }
    }
    return 0;
}

static int about(const mcc_event_t *event, const char *cache, const char *key, const char *member) {
    return strcmp(event->cache, cache) == 0 && event->key_len == strlen(key) && event->key != NULL &&
           memcmp(event->key, key, event->key_len) == 0 && strcmp(event->member, member) == 0;
}

static void own_writes(mcc_cache_t *cache) {
    mcc_events_t *events;
    mcc_event_t event;
    mcc_metadata_t metadata;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK);
    CHECK("nothing_yet", mcc_events_next(events, 0, &event) == MCC_TIMEOUT);
    mcc_events_wake(events);
    CHECK("wake_before_the_wait", mcc_events_next(events, MCC_WAIT_FOREVER, &event) == MCC_TIMEOUT);
    MUST(put_text(cache, "apple", "red") == MCC_OK && mcc_metadata(cache, "apple", 5, &metadata) == MCC_OK);
    CHECK("own_put", next_of(events, MCC_EVENT_PUT, &event) && about(&event, "orchard", "apple", "one") && event.local &&
                         event.dropped == 0);
    CHECK("event_has_the_version", event.version_clock == metadata.version_clock && event.version_origin == metadata.version_origin);
    MUST(mcc_del(cache, "apple", 5) == MCC_OK);
    CHECK("own_delete", next_of(events, MCC_EVENT_DELETE, &event) && about(&event, "orchard", "apple", "one") && event.local);
    MUST(mcc_put(cache, "fleeting", 8, "v", 1, 1) == MCC_OK);
    CHECK("expiry", next_of(events, MCC_EVENT_EXPIRE, &event) && about(&event, "orchard", "fleeting", event.member));
    MUST(mcc_clear(cache) == MCC_OK);
    CHECK("own_clear", next_of(events, MCC_EVENT_CLEAR, &event) && event.key_len == 0 && event.local);
    CHECK("close_the_queue", mcc_events_close(events) == MCC_OK && mcc_events_close(events) == MCC_OK &&
                                 mcc_events_next(events, 0, &event) == MCC_CLOSED);
    CHECK("closed_queue_does_not_wait", mcc_events_next(events, MCC_WAIT_FOREVER, &event) == MCC_CLOSED);
    mcc_events_free(events);
}

static void writes_of_another(mcc_node_t *one) {
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(one, NULL, &events) == MCC_OK);
    mcc_node_t *two = private_node("two");
    CHECK("member_joined", next_of(events, MCC_EVENT_MEMBER_JOINED, &event) && about(&event, "", "", "two") && !event.local);
    mcc_cache_t *there = open_cache(two, "orchard");
    MUST(mcc_node_wait_ready(two, PATIENCE_MS) == MCC_OK);
    MUST(put_text(there, "pear", "green") == MCC_OK && mcc_sync(there, PATIENCE_MS) == MCC_OK);
    CHECK("put_of_another", next_of(events, MCC_EVENT_PUT, &event) && about(&event, "orchard", "pear", "two") && !event.local);
    MUST(mcc_del(there, "pear", 4) == MCC_OK && mcc_sync(there, PATIENCE_MS) == MCC_OK);
    CHECK("delete_of_another", next_of(events, MCC_EVENT_DELETE, &event) && about(&event, "orchard", "pear", "two"));
    MUST(mcc_node_close(two) == MCC_OK);
    CHECK("member_left", next_of(events, MCC_EVENT_MEMBER_LEFT, &event) && about(&event, "", "", "two"));
    mcc_free(there);
    mcc_node_free(two);
    mcc_events_free(events);
}

// Only changes of what was read lately.
static void changes_of_lookups(mcc_cache_t *cache) {
    mcc_events_t *events;
    mcc_event_t event;
    mcc_value_t *value;
    MUST(put_text(cache, "read", "1") == MCC_OK && put_text(cache, "unread", "1") == MCC_OK);
    MUST(holds_text(cache, "read", "1"));
    CHECK("a_negative_window", mcc_events_of_lookups(cache, -1, &events) == MCC_INVALID_ARGUMENT && events == NULL);
    MUST(mcc_events_of_lookups(cache, MCC_WINDOW_DEFAULT, &events) == MCC_OK);
    MUST(put_text(cache, "read", "2") == MCC_OK && mcc_clear(cache) == MCC_OK);
    CHECK("reads_before_are_not_known", mcc_events_next(events, 0, &event) == MCC_TIMEOUT);
    MUST(put_text(cache, "read", "3") == MCC_OK && put_text(cache, "unread", "3") == MCC_OK);
    CHECK("what_was_not_read_is_not_told", mcc_events_next(events, 0, &event) == MCC_TIMEOUT);
    mcc_events_free(events);
    MUST(mcc_events_of_lookups(cache, PATIENCE_MS, &events) == MCC_OK);
    char buffer[8];
    size_t len;
    MUST(mcc_get_into(cache, "read", 4, buffer, sizeof buffer, &len, NULL) == MCC_OK);
    MUST(mcc_get(cache, "missing", 7, &value) == MCC_NOT_FOUND && put_text(cache, "missing", "1") == MCC_OK);
    MUST(put_text(cache, "unread", "4") == MCC_OK && put_text(cache, "read", "4") == MCC_OK);
    CHECK("what_was_read_is_told", mcc_events_next(events, PATIENCE_MS, &event) == MCC_OK &&
                                       event.kind == MCC_EVENT_PUT && about(&event, "orchard", "read", "one") && event.local);
    MUST(mcc_del(cache, "read", 4) == MCC_OK);
    CHECK("until_the_window_is_over_each_time", mcc_events_next(events, 0, &event) == MCC_OK && event.kind == MCC_EVENT_DELETE);
    MUST(mcc_clear(cache) == MCC_OK);
    CHECK("a_clear_is_told", mcc_events_next(events, 0, &event) == MCC_OK && event.kind == MCC_EVENT_CLEAR);
    mcc_events_free(events);
    MUST(mcc_events_of_lookups(cache, 1, &events) == MCC_OK);
    MUST(put_text(cache, "once", "5") == MCC_OK && holds_text(cache, "once", "5"));
    struct timespec pause = {0, 50000000}; // longer than the window, whose end is what is tested
    nanosleep(&pause, NULL);
    MUST(put_text(cache, "once", "6") == MCC_OK);
    CHECK("a_read_of_long_ago_is_not_told", mcc_events_next(events, 0, &event) == MCC_TIMEOUT);
    mcc_events_free(events);
}

// Nobody empties the queue: it stays bounded, and says what is missing.
static void overflow(mcc_cache_t *cache) {
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(NULL, cache, &events) == MCC_OK);
    const int64_t written = 70000; // more than a queue holds
    char key[24];
    for (int64_t i = 0; i < written; i++) {
        size_t len = (size_t)snprintf(key, sizeof key, "%ld", (long)(i % 100));
        MUST(mcc_put(cache, key, len, "v", 1, 0) == MCC_OK);
    }
    int64_t told = 0;
    int64_t dropped = 0;
    while (mcc_events_next(events, 1000, &event) == MCC_OK) {
        if (event.kind == MCC_EVENT_OVERFLOW) {
            dropped += event.dropped;
        } else {
            told++;
        }
    }
    CHECK("overflow_is_told", dropped > 0 && told > 0 && told + dropped == written);
    mcc_events_free(events);
}

int main(void) {
    mcc_node_t *one = private_node("one");
    mcc_cache_t *cache = open_cache(one, "orchard");
    MUST(mcc_node_wait_ready(one, PATIENCE_MS) == MCC_OK);
    own_writes(cache);
    changes_of_lookups(cache);
    writes_of_another(one);
    overflow(cache);
    mcc_node_close(one);
    mcc_free(cache);
    mcc_node_free(one);
    return finish();
}
