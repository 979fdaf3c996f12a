// What a node says its settings amount to.

#include "check.h"

static int says(const char *part) {
    return strstr(mcc_last_error(), part) != NULL;
}

// Whether the node tells exactly this text.
static int tells(mcc_node_t *node, const char *name, const char *text) {
    char buffer[128];
    size_t len = 0;
    return mcc_node_setting(node, name, buffer, sizeof buffer, &len) == MCC_OK && strcmp(buffer, text) == 0 &&
           len == strlen(text);
}

static void given_and_not(mcc_node_t *node) {
    CHECK("setting_by_the_call", tells(node, "callback_win", "2.5") && tells(node, "node_name", "settings"));
    CHECK("setting_by_a_file", tells(node, "cache_ttl", "900"));
    CHECK("setting_by_default", tells(node, "cache_max", "1000000") && tells(node, "cache_mode", "replicate"));
    CHECK("secret_that_is_not_set_is_empty", tells(node, "crypto_key", ""));
}

static void lengths(mcc_node_t *node) {
    char buffer[9];
    memset(buffer, '#', sizeof buffer);
    size_t len = 77;
    CHECK("setting_too_small", mcc_node_setting(node, "node_name", buffer, 8, &len) == MCC_BUFFER_TOO_SMALL && len == 8 &&
                                   buffer[0] == '#');
    CHECK("setting_exact", mcc_node_setting(node, "node_name", buffer, 9, &len) == MCC_OK && len == 8 &&
                               memcmp(buffer, "settings", 9) == 0);
    len = 77;
    CHECK("setting_asks_the_length", mcc_node_setting(node, "node_name", NULL, 0, &len) == MCC_BUFFER_TOO_SMALL && len == 8);
}

static void refusals(mcc_node_t *node) {
    char buffer[8];
    size_t len = 77;
    CHECK("setting_unknown", mcc_node_setting(node, "callback_wim", buffer, sizeof buffer, &len) == MCC_INVALID_ARGUMENT &&
                                 len == 77 && says("`callback_wim`") && says("`callback_win`"));
    CHECK("setting_name_not_utf8", mcc_node_setting(node, "\xc3\x28", buffer, sizeof buffer, &len) == MCC_INVALID_ARGUMENT &&
                                       len == 77 && says("UTF-8"));
    CHECK("setting_without_effect", mcc_node_setting(node, "daemon_sleep", buffer, sizeof buffer, &len) == MCC_NOT_FOUND &&
                                        len == 77);
}

static void secret(void) {
    mcc_config_t *config = private_config("secret");
    mcc_node_t *node;
    char buffer[128];
    size_t len = 77;
    MUST(mcc_config_set(config, "crypto_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") == MCC_OK);
    MUST(mcc_node_open(config, &node) == MCC_OK);
    mcc_config_free(config);
    CHECK("secret_is_never_told", mcc_node_setting(node, "crypto_key", buffer, sizeof buffer, &len) == MCC_NOT_FOUND &&
                                      len == 77);
    mcc_node_close(node);
    mcc_node_free(node);
}

int main(void) {
    mcc_config_t *config = private_config("settings");
    mcc_node_t *node;
    char path[] = "/tmp/mccache-abi-XXXXXX";
    int file = mkstemp(path);
    MUST(file >= 0 && write(file, "cache_ttl = 900\ncallback_win = 7\n", 33) == 33);
    MUST(mcc_config_load(config, path) == MCC_OK && mcc_config_set(config, "callback_win", "2.5") == MCC_OK);
    close(file);
    unlink(path);
    MUST(mcc_node_open(config, &node) == MCC_OK);
    mcc_config_free(config);
    given_and_not(node);
    lengths(node);
    refusals(node);
    secret();
    mcc_node_close(node);
    CHECK("setting_of_a_closed_node", tells(node, "callback_win", "2.5"));
    mcc_node_free(node);
    return finish();
}
