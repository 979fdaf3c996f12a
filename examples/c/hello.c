// The smallest program: open a cache, put, get, delete. Run it twice at once, and the two share the cache.
// Build: cc hello.c -lmccache -o hello

#include <mccache.h>
#include <stdio.h>

int main(void) {
    mcc_cache_t *cache;
    if (mcc_open(NULL, "prices", NULL, &cache) != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
        return 1;
    }
    if (mcc_put(cache, "apple", 5, "1.20", 4, MCC_TTL_DEFAULT) != MCC_OK) {
        fprintf(stderr, "mccache: %s\n", mcc_last_error());
    }
    mcc_value_t *value;
    if (mcc_get(cache, "apple", 5, &value) == MCC_OK) {
        printf("apple: %.*s\n", (int)value->len, (const char *)value->data);
        mcc_value_free(value);
    }
    mcc_del(cache, "apple", 5);
    if (mcc_get(cache, "apple", 5, &value) == MCC_NOT_FOUND) {
        printf("apple: no price\n");
    }
    mcc_close(cache);
    mcc_free(cache);
    return 0;
}
