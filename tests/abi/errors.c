// Bad input: a status and a message that say what is wrong and what to do.

#include "check.h"

#include <pthread.h>

static int says(const char *part) {
    return strstr(mcc_last_error(), part) != NULL;
}

static void identity(void) {
    int major = -1;
    int minor = -1;
    int patch = -1;
    CHECK("version", sscanf(mcc_version(), "%d.%d.%d", &major, &minor, &patch) == 3 && major >= 0);
    CHECK("abi_version", mcc_abi_version() == MCC_ABI_VERSION);
    CHECK("no_error_yet", mcc_last_error()[0] == '\0');
}

static void statuses(void) {
    int good = 1;
    for (int32_t status = MCC_OK; status <= MCC_END; status++) {
        good &= mcc_strerror(status) != NULL && strlen(mcc_strerror(status)) > 3;
        good &= strcmp(mcc_strerror(status), mcc_strerror(9999)) != 0;
        for (int32_t other = MCC_OK; other < status; other++) {
            good &= strcmp(mcc_strerror(status), mcc_strerror(other)) != 0;
        }
    }
    CHECK("each_status_has_its_own_text", good);
    CHECK("unknown_status_has_a_text", strlen(mcc_strerror(-1)) > 3 && strlen(mcc_strerror(INT32_MIN)) > 3);
}

static void settings(void) {
    mcc_config_t *config = private_config("settings");
    CHECK("unknown_setting", mcc_config_set(config, "cache_ttll", "1") == MCC_CONFIG && says("cache_ttll"));
    CHECK("unknown_setting_has_a_hint", says("cache_ttl`"));
    CHECK("bad_setting", mcc_config_set(config, "cache_ttl", "soon") == MCC_CONFIG && says("cache_ttl") && says("soon") &&
                             says("expected"));
    CHECK("setting_not_utf8", mcc_config_set(config, "cluster", "a\xff") == MCC_INVALID_ARGUMENT && says("UTF-8") && says("value"));
    CHECK("setting_name_not_utf8", mcc_config_set(config, "\xc3\x28", "1") == MCC_INVALID_ARGUMENT && says("UTF-8") && says("name"));
    CHECK("missing_file", mcc_config_load(config, "/nonexistent/mccache.toml") == MCC_CONFIG && says("/nonexistent/mccache.toml"));
    char path[] = "/tmp/mccache-abi-XXXXXX";
    int file = mkstemp(path);
    MUST(file >= 0 && write(file, "cache_ttl = [", 13) == 13);
    CHECK("broken_file", mcc_config_load(config, path) == MCC_CONFIG && says(path));
    MUST(ftruncate(file, 0) == 0 && pwrite(file, "no_such_thing = 1\n", 18, 0) == 18);
    CHECK("unknown_setting_in_a_file", mcc_config_load(config, path) == MCC_CONFIG && says("no_such_thing") && says(path));
    MUST(ftruncate(file, 0) == 0 && pwrite(file, "cache_ttl = 900\n", 16, 0) == 16);
    CHECK("good_file", mcc_config_load(config, path) == MCC_OK);
    close(file);
    unlink(path);
    mcc_config_free(config);
}

static void environment(void) {
    mcc_config_t *config;
    setenv("MCCACHE_CONFIG", "/nonexistent/mccache.toml", 1);
    CHECK("environment_names_a_missing_file", mcc_config_new(&config) == MCC_CONFIG && config == NULL &&
                                                  says("/nonexistent/mccache.toml"));
    mcc_node_t *node;
    CHECK("node_of_a_wrong_environment", mcc_node_open(NULL, &node) == MCC_CONFIG && node == NULL);
    mcc_cache_t *cache;
    CHECK("own_node_of_a_wrong_environment", mcc_open(NULL, "x", NULL, &cache) == MCC_CONFIG && cache == NULL);
    unsetenv("MCCACHE_CONFIG");
    CHECK("environment", mcc_config_new(&config) == MCC_OK && config != NULL);
    mcc_config_free(config);
}

static void names(mcc_node_t *node) {
    mcc_cache_t *cache;
    CHECK("cache_name_not_utf8", mcc_open(node, "caf\xe9", NULL, &cache) == MCC_INVALID_ARGUMENT && cache == NULL &&
                                     says("name") && says("UTF-8"));
    CHECK("cache_name_empty", mcc_open(node, "", NULL, &cache) == MCC_INVALID_ARGUMENT && cache == NULL);
    cache = open_cache(node, "caf\xc3\xa9 \xf0\x9f\x8d\x8e");
    CHECK("cache_name_beyond_ascii", strcmp(mcc_name(cache), "caf\xc3\xa9 \xf0\x9f\x8d\x8e") == 0);
    mcc_free(cache);
}

static void other_settings(mcc_node_t *node) {
    mcc_cache_t *cache = open_cache(node, "same");
    mcc_cache_t *other;
    mcc_config_t *config;
    MUST(mcc_config_new_empty(&config) == MCC_OK && mcc_config_set(config, "cache_ttl", "77") == MCC_OK);
    mcc_status_t status = mcc_open(node, "same", config, &other);
    CHECK("open_with_other_settings", (status == MCC_CONFIG || status == MCC_INVALID_ARGUMENT) && other == NULL);
    mcc_config_free(config);
    mcc_free(cache);
}

static void times(mcc_node_t *node, mcc_cache_t *cache) {
    mcc_cluster_metrics_t *metrics;
    mcc_checksums_t *checksums;
    mcc_events_t *events;
    mcc_event_t event;
    MUST(mcc_events_new(node, NULL, &events) == MCC_OK);
    CHECK("negative_timeouts", mcc_node_wait_ready(node, -1) == MCC_INVALID_ARGUMENT && says("timeout_ms") &&
                                   mcc_sync(cache, INT64_MIN) == MCC_INVALID_ARGUMENT &&
                                   mcc_node_cluster_metrics(node, -1, &metrics) == MCC_INVALID_ARGUMENT && metrics == NULL &&
                                   mcc_cluster_checksum(cache, -5, &checksums) == MCC_INVALID_ARGUMENT && checksums == NULL &&
                                   mcc_events_next(events, -1, &event) == MCC_INVALID_ARGUMENT);
    CHECK("wait_for_ever_for_what_comes", mcc_node_wait_ready(node, MCC_WAIT_FOREVER) == MCC_OK &&
                                              mcc_sync(cache, MCC_WAIT_FOREVER) == MCC_OK);
    mcc_events_free(events);
}

static void *other_thread(void *argument) {
    int *good = argument;
    *good = mcc_last_error()[0] == '\0';
    *good &= mcc_del(NULL, "k", 1) == MCC_INVALID_ARGUMENT && says("cache");
    return NULL;
}

static void messages_of_threads(mcc_cache_t *cache) {
    int good = 0;
    pthread_t thread;
    CHECK("failure_has_a_message", mcc_put(cache, "k", 1, "v", 1, -44) == MCC_INVALID_ARGUMENT && says("-44"));
    MUST(pthread_create(&thread, NULL, other_thread, &good) == 0 && pthread_join(thread, NULL) == 0);
    CHECK("each_thread_has_its_own_message", good && says("-44"));
    mcc_value_t *value;
    MUST(put_text(cache, "k", "v") == MCC_OK && mcc_get(cache, "none", 4, &value) == MCC_NOT_FOUND);
    CHECK("success_and_answers_leave_the_message", says("-44"));
}

int main(void) {
    identity();
    statuses();
    settings();
    environment();
    mcc_node_t *node = private_node("errors");
    mcc_cache_t *cache = open_cache(node, "errors");
    names(node);
    other_settings(node);
    times(node, cache);
    messages_of_threads(cache);
    mcc_node_close(node);
    mcc_free(cache);
    mcc_node_free(node);
    return finish();
}
