// CBOR item by item: a program without a library for it reads and writes what the other languages do.

#include "check.h"


static mcc_cbor_item_t item_of(mcc_cbor_kind_t kind, uint64_t number) {
    mcc_cbor_item_t item = {0, 0, 0, NULL, 0};
    item.kind = kind;
    item.number = number;
    return item;
}

static mcc_cbor_item_t text_of(const char *text) {
    mcc_cbor_item_t item = item_of(MCC_CBOR_TEXT, 0);
    item.data = (const uint8_t *)text;
    item.len = strlen(text);
    return item;
}

// {"list": [1, -1, 1.5, null]}, and a date.
static size_t write_document(uint8_t *buffer, size_t capacity, mcc_status_t *status) {
    mcc_cbor_item_t items[] = {
        item_of(MCC_CBOR_ARRAY, 2), item_of(MCC_CBOR_MAP, 1),    text_of("list"),
        item_of(MCC_CBOR_ARRAY, 4), item_of(MCC_CBOR_UNSIGNED, 1), item_of(MCC_CBOR_NEGATIVE, 0),
        item_of(MCC_CBOR_FLOAT, 0), item_of(MCC_CBOR_SIMPLE, 22), item_of(MCC_CBOR_TAG, 1004),
        text_of("2026-11-25"),
    };
    items[6].real = 1.5;
    size_t offset = 0;
    *status = MCC_OK;
    for (size_t i = 0; i < sizeof items / sizeof items[0] && *status == MCC_OK; i++) {
        *status = mcc_cbor_write(buffer, capacity, &offset, &items[i]);
    }
    return offset;
}

static int next_is(const uint8_t *data, size_t len, size_t *offset, mcc_cbor_kind_t kind, uint64_t number) {
    mcc_cbor_item_t item;
    return mcc_cbor_read(data, len, offset, &item) == MCC_OK && item.kind == kind && item.number == number;
}

static void document(void) {
    static const char expected[] = "\x82\xa1\x64list\x84\x01\x20\xfb\x3f\xf8\0\0\0\0\0\0\xf6\xd9\x03\xec\x6a" "2026-11-25";
    uint8_t buffer[64];
    mcc_status_t status;
    size_t len = write_document(buffer, sizeof buffer, &status);
    CHECK("cbor_write", status == MCC_OK && len == sizeof expected - 1 && memcmp(buffer, expected, len) == 0);
    size_t at = 0;
    mcc_cbor_item_t item;
    CHECK("cbor_read_heads", next_is(buffer, len, &at, MCC_CBOR_ARRAY, 2) && next_is(buffer, len, &at, MCC_CBOR_MAP, 1));
    CHECK("cbor_read_text", mcc_cbor_read(buffer, len, &at, &item) == MCC_OK && item.kind == MCC_CBOR_TEXT &&
                                item.len == 4 && memcmp(item.data, "list", 4) == 0);
    CHECK("cbor_read_numbers", next_is(buffer, len, &at, MCC_CBOR_ARRAY, 4) &&
                                   next_is(buffer, len, &at, MCC_CBOR_UNSIGNED, 1) &&
                                   next_is(buffer, len, &at, MCC_CBOR_NEGATIVE, 0));
    CHECK("cbor_read_float", mcc_cbor_read(buffer, len, &at, &item) == MCC_OK && item.kind == MCC_CBOR_FLOAT &&
                                 item.real > 1.4 && item.real < 1.6);
    CHECK("cbor_read_tag", next_is(buffer, len, &at, MCC_CBOR_SIMPLE, 22) && next_is(buffer, len, &at, MCC_CBOR_TAG, 1004));
    CHECK("cbor_end", mcc_cbor_read(buffer, len, &at, &item) == MCC_OK && at == len &&
                          mcc_cbor_read(buffer, len, &at, &item) == MCC_END);
    size_t short_of = write_document(buffer, 7, &status);
    CHECK("cbor_buffer_too_small", status == MCC_BUFFER_TOO_SMALL && short_of == 8);
}

static void bad_input(void) {
    mcc_cbor_item_t item;
    size_t at = 2;
    CHECK("cbor_offset_beyond_the_end", mcc_cbor_read("\xf6", 1, &at, &item) == MCC_INVALID_ARGUMENT && at == 2);
    at = 1;
    CHECK("cbor_truncated", mcc_cbor_read("\x81\x19\x01", 3, &at, &item) == MCC_INVALID_ARGUMENT && at == 1 &&
                                strstr(mcc_last_error(), "byte 1") != NULL);
    at = 0;
    CHECK("cbor_text_that_is_not_utf8", mcc_cbor_read("\x61\xff", 2, &at, &item) == MCC_INVALID_ARGUMENT);
    at = 0;
    CHECK("cbor_length_beyond_memory",
          mcc_cbor_read("\x5b\xff\xff\xff\xff\xff\xff\xff\xfe", 9, &at, &item) == MCC_INVALID_ARGUMENT);
    // Every start byte, with whatever follows: an answer, never a crash.
    int answers = 0;
    for (int first = 0; first < 256; first++) {
        uint8_t bytes[12];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)(first + (int)i * 37);
        }
        bytes[0] = (uint8_t)first;
        at = 0;
        mcc_status_t status = mcc_cbor_read(bytes, sizeof bytes, &at, &item);
        answers += (status == MCC_OK && at > 0 && at <= sizeof bytes) || (status == MCC_INVALID_ARGUMENT && at == 0);
    }
    CHECK("cbor_any_first_byte", answers == 256);
    item = item_of(77, 0);
    at = 0;
    CHECK("cbor_unknown_kind", mcc_cbor_write(NULL, 0, &at, &item) == MCC_INVALID_ARGUMENT && at == 0);
}

int main(void) {
    document();
    bad_input();
    return finish();
}
