// The cluster's key is changed while two nodes run.

#include "check.h"

#define OLD_KEY "7:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NEW_KEY "8:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static int says(const char *part) {
    return strstr(mcc_last_error(), part) != NULL;
}

static mcc_node_t *open_node(void) {
    mcc_config_t *config = private_config("keys");
    mcc_node_t *node;
    MUST(mcc_config_set(config, "crypto_key", OLD_KEY) == MCC_OK);
    MUST(mcc_config_set(config, "interface", "host") == MCC_OK);
    MUST(mcc_node_open(config, &node) == MCC_OK);
    mcc_config_free(config);
    return node;
}

// The key of this id as the node lists it; its id is -1 if there is none.
static mcc_key_t listed(mcc_node_t *node, int32_t id) {
    mcc_key_t keys[MCC_KEYS_MAX];
    mcc_key_t none = {-1, MCC_KEY_DECRYPT_ONLY, -1};
    size_t count = 0;
    MUST(mcc_node_keys_list(node, keys, MCC_KEYS_MAX, &count) == MCC_OK);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id == id) {
            return keys[i];
        }
    }
    return none;
}

static void rotation(mcc_node_t *a, mcc_node_t *b) {
    mcc_cache_t *from, *to;
    mcc_value_t *value = NULL;
    MUST(mcc_open(a, "c", NULL, &from) == MCC_OK && mcc_open(b, "c", NULL, &to) == MCC_OK);
    MUST(mcc_node_wait_ready(a, 10000) == MCC_OK && mcc_node_wait_ready(b, 10000) == MCC_OK);
    MUST(mcc_node_keys_add(a, NEW_KEY) == MCC_OK && mcc_node_keys_add(b, NEW_KEY) == MCC_OK);
    CHECK("keys_added", listed(a, 7).role == MCC_KEY_PRIMARY && listed(a, 8).role == MCC_KEY_DECRYPT_ONLY);
    MUST(mcc_node_keys_set_primary(a, 8) == MCC_OK && mcc_node_keys_set_primary(b, 8) == MCC_OK);
    CHECK("keys_primary", listed(a, 7).role == MCC_KEY_RETIRED && listed(a, 8).role == MCC_KEY_PRIMARY);
    MUST(mcc_put(from, "k", 1, "v", 1, MCC_TTL_DEFAULT) == MCC_OK && mcc_sync(from, 10000) == MCC_OK);
    CHECK("keys_members", listed(b, 8).members == 1 && listed(b, 7).members == 0);
    MUST(mcc_node_keys_remove(a, 7) == MCC_OK && mcc_node_keys_remove(b, 7) == MCC_OK);
    CHECK("keys_removed", listed(a, 7).id == -1 && listed(a, 8).id == 8);
    CHECK("keys_changed_cluster_works", mcc_put(from, "k", 1, "w", 1, MCC_TTL_DEFAULT) == MCC_OK &&
                                            mcc_sync(from, 10000) == MCC_OK && mcc_get(to, "k", 1, &value) == MCC_OK &&
                                            value->len == 1 && value->data[0] == 'w');
    mcc_value_free(value);
    mcc_free(from);
    mcc_free(to);
}

static void refusals(mcc_node_t *node) {
    mcc_key_t keys[1];
    size_t count = 77;
    CHECK("keys_malformed", mcc_node_keys_add(node, "9:secretsecret") == MCC_INVALID_ARGUMENT && !says("secretsecret"));
    CHECK("keys_other_of_same_id", mcc_node_keys_add(node, "8:" "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") ==
                                           MCC_INVALID_ARGUMENT && says("id 8") && !says("AAECAwQF"));
    CHECK("keys_primary_stays", mcc_node_keys_remove(node, 8) == MCC_INVALID_ARGUMENT && says("primary"));
    CHECK("keys_unknown", mcc_node_keys_set_primary(node, 99) == MCC_INVALID_ARGUMENT && says("no key 99"));
    CHECK("keys_id_out_of_range", mcc_node_keys_remove(node, 256) == MCC_INVALID_ARGUMENT &&
                                      mcc_node_keys_remove(node, -1) == MCC_INVALID_ARGUMENT && says("1 to 255"));
    CHECK("keys_null", mcc_node_keys_add(node, NULL) == MCC_INVALID_ARGUMENT &&
                           mcc_node_keys_add(NULL, NEW_KEY) == MCC_INVALID_ARGUMENT &&
                           mcc_node_keys_list(node, NULL, 1, &count) == MCC_INVALID_ARGUMENT && count == 77 &&
                           mcc_node_keys_list(node, keys, 1, NULL) == MCC_INVALID_ARGUMENT);
    MUST(mcc_node_keys_add(node, OLD_KEY) == MCC_OK);
    CHECK("keys_too_small", mcc_node_keys_list(node, keys, 1, &count) == MCC_BUFFER_TOO_SMALL && count == 2);
    CHECK("keys_asks_the_count", mcc_node_keys_list(node, NULL, 0, &count) == MCC_BUFFER_TOO_SMALL && count == 2);
}

int main(void) {
    mcc_node_t *a = open_node();
    mcc_node_t *b = open_node();
    rotation(a, b);
    refusals(a);
    mcc_node_close(a);
    CHECK("keys_closed", mcc_node_keys_add(a, NEW_KEY) == MCC_CLOSED);
    mcc_node_close(b);
    mcc_node_free(a);
    mcc_node_free(b);
    return finish();
}
