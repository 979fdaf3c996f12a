// The values of tests/values.tsv in C: what each name is, as the items of CBOR that mcc_cbor_read() and mcc_cbor_write()
// know, or as text or bytes; and whether two values are equal, however each was written.

#ifndef MATRIX_H
#define MATRIX_H

#include <mccache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATRIX_ITEMS_MAX 12
#define MATRIX_DEPTH_MAX 200

// A value: the items of one of CBOR, or else the one string that is the whole value.
typedef struct {
    const char *name;
    uint8_t codec;
    size_t count;
    mcc_cbor_item_t items[MATRIX_ITEMS_MAX];
} matrix_case_t;

// --- The items of the table -----------------------------------------------------------------------------------------

#define UINT(n) {MCC_CBOR_UNSIGNED, n, 0.0, NULL, 0}
// Of -1 - n.
#define NEGATIVE(n) {MCC_CBOR_NEGATIVE, n, 0.0, NULL, 0}
#define BYTES(literal) {MCC_CBOR_BYTES, 0, 0.0, (const uint8_t *)(literal), sizeof(literal) - 1}
#define TEXT(literal) {MCC_CBOR_TEXT, 0, 0.0, (const uint8_t *)(literal), sizeof(literal) - 1}
#define ARRAY(n) {MCC_CBOR_ARRAY, n, 0.0, NULL, 0}
#define MAP(n) {MCC_CBOR_MAP, n, 0.0, NULL, 0}
#define TAG(n) {MCC_CBOR_TAG, n, 0.0, NULL, 0}
#define SIMPLE(n) {MCC_CBOR_SIMPLE, n, 0.0, NULL, 0}
#define REAL(x) {MCC_CBOR_FLOAT, 0, x, NULL, 0}
#define FALSE_ITEM SIMPLE(20)
#define TRUE_ITEM SIMPLE(21)
#define NULL_ITEM SIMPLE(22)

#define DATE TAG(1004), TEXT("2026-11-25")
#define DATETIME_UTC TAG(0), TEXT("2026-11-25T12:34:56.789123Z")

// One CBOR item with what is in it; a text; bytes.
#define CBOR(name, count, ...) {name, MCC_CODEC_CBOR, count, {__VA_ARGS__}}
#define WHOLE_TEXT(name, literal) {name, MCC_CODEC_TEXT, 1, {TEXT(literal)}}
#define WHOLE_BYTES(name, literal) {name, MCC_CODEC_RAW, 1, {BYTES(literal)}}

// Longer than a literal may be: filled in by matrix_find().
#define TEXT_LONG_LEN 100004
#define BYTES_LONG_LEN 65536

static matrix_case_t matrix_cases[] = {
    CBOR("null", 1, NULL_ITEM),
    CBOR("true", 1, TRUE_ITEM),
    CBOR("false", 1, FALSE_ITEM),
    CBOR("int_0", 1, UINT(0)),
    CBOR("int_23", 1, UINT(23)),
    CBOR("int_24", 1, UINT(24)),
    CBOR("int_255", 1, UINT(255)),
    CBOR("int_256", 1, UINT(256)),
    CBOR("int_65535", 1, UINT(65535)),
    CBOR("int_65536", 1, UINT(65536)),
    CBOR("int_u32_max", 1, UINT(UINT32_MAX)),
    CBOR("int_u32_max_plus_1", 1, UINT((uint64_t)UINT32_MAX + 1)),
    CBOR("int_2_53_plus_1", 1, UINT(((uint64_t)1 << 53) + 1)),
    CBOR("int_i64_max", 1, UINT(INT64_MAX)),
    CBOR("int_i64_min", 1, NEGATIVE(INT64_MAX)),
    CBOR("int_u64_max", 1, UINT(UINT64_MAX)),
    CBOR("int_minus_1", 1, NEGATIVE(0)),
    CBOR("int_minus_24", 1, NEGATIVE(23)),
    CBOR("int_minus_25", 1, NEGATIVE(24)),
    CBOR("int_minus_256", 1, NEGATIVE(255)),
    CBOR("int_minus_257", 1, NEGATIVE(256)),
    CBOR("big_2_64", 2, TAG(2), BYTES("\1\0\0\0\0\0\0\0\0")),
    CBOR("big_minus_2_64_minus_1", 2, TAG(3), BYTES("\1\0\0\0\0\0\0\0\0")),
    CBOR("float_0", 1, REAL(0.0)),
    CBOR("float_minus_0", 1, REAL(-0.0)),
    CBOR("float_1_5", 1, REAL(1.5)),
    CBOR("float_1e300", 1, REAL(1e300)),
    CBOR("float_tiny", 1, REAL(4.9406564584124654e-324)),
    CBOR("float_nan", 1, REAL(__builtin_nan(""))),
    CBOR("float_inf", 1, REAL(__builtin_inf())),
    CBOR("float_minus_inf", 1, REAL(-__builtin_inf())),
    WHOLE_TEXT("text_empty", ""),
    WHOLE_TEXT("text_ascii", "plain text"),
    WHOLE_TEXT("text_astral", "\xf0\x9f\xa6\x80 \xf0\x9d\x84\x9e \xc3\xa9"),
    WHOLE_TEXT("text_zero", "a\0b"),
    WHOLE_TEXT("text_long", ""),
    WHOLE_BYTES("bytes_empty", ""),
    WHOLE_BYTES("bytes_zero", "\0\1\0\xff"),
    WHOLE_BYTES("bytes_long", ""),
    CBOR("list_empty", 1, ARRAY(0)),
    CBOR("list_nested", 8, ARRAY(3), UINT(1), ARRAY(2), UINT(2), ARRAY(2), UINT(3), ARRAY(0), TEXT("x")),
    CBOR("list_mixed", 7, ARRAY(6), NULL_ITEM, TRUE_ITEM, NEGATIVE(0), REAL(1.5), TEXT("t"), BYTES("\0\xff")),
    CBOR("map_empty", 1, MAP(0)),
    CBOR("map_nested", 11, MAP(3), TEXT("a"), UINT(1), TEXT("b"), ARRAY(2), UINT(1), UINT(2), TEXT("c"), MAP(1), TEXT("d"),
         NULL_ITEM),
    CBOR("map_int_keys", 5, MAP(2), UINT(1), TEXT("one"), NEGATIVE(1), TEXT("minus two")),
    CBOR("datetime_utc", 2, DATETIME_UTC),
    CBOR("datetime_offset", 2, TAG(0), TEXT("2026-11-25T12:34:56+05:30")),
    CBOR("date", 2, DATE),
    CBOR("list_of_dates", 5, ARRAY(2), DATE, DATETIME_UTC),
    CBOR("list_floats", 5, ARRAY(4), REAL(__builtin_nan("")), REAL(__builtin_inf()), REAL(-__builtin_inf()), REAL(-0.0)),
    CBOR("list_int_edges", 4, ARRAY(3), NEGATIVE(INT64_MAX), UINT(INT64_MAX), UINT(UINT64_MAX)),
    CBOR("map_astral", 3, MAP(1), TEXT("\xf0\x9f\xa6\x80"), TEXT("\xf0\x9d\x84\x9e")),
    CBOR("datetime_before_1970", 2, TAG(0), TEXT("1969-12-31T23:59:59.000001Z")),
    CBOR("date_leap", 2, TAG(1004), TEXT("2024-02-29")),
};

static const size_t matrix_count = sizeof matrix_cases / sizeof matrix_cases[0];

// The case of a name; NULL if there is none.
static inline const matrix_case_t *matrix_find(const char *name) {
    static uint8_t text_long[TEXT_LONG_LEN];
    static uint8_t bytes_long[BYTES_LONG_LEN];
    for (size_t i = 0; i < matrix_count; i++) {
        matrix_case_t *found = &matrix_cases[i];
        if (strcmp(found->name, name) != 0) {
            continue;
        }
        if (strcmp(name, "text_long") == 0) {
            memset(text_long, 'x', TEXT_LONG_LEN - 4);
            memcpy(text_long + TEXT_LONG_LEN - 4, "\xf0\x9f\xa6\x80", 4);
            found->items[0].data = text_long;
            found->items[0].len = TEXT_LONG_LEN;
        } else if (strcmp(name, "bytes_long") == 0) {
            for (size_t at = 0; at < BYTES_LONG_LEN; at++) {
                bytes_long[at] = (uint8_t)(at % 251);
            }
            found->items[0].data = bytes_long;
            found->items[0].len = BYTES_LONG_LEN;
        }
        return found;
    }
    return NULL;
}

// --- Writing --------------------------------------------------------------------------------------------------------

// The value's bytes: those of the items, in a buffer that lasts until the next call, or the string itself.
static inline int matrix_bytes(const matrix_case_t *from, const uint8_t **data, size_t *len) {
    static uint8_t buffer[256];
    *data = from->items[0].data;
    *len = from->items[0].len;
    if (from->codec != MCC_CODEC_CBOR) {
        return 1;
    }
    *data = buffer;
    *len = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (mcc_cbor_write(buffer, sizeof buffer, len, &from->items[i]) != MCC_OK) {
            return 0;
        }
    }
    return 1;
}

// --- Reading --------------------------------------------------------------------------------------------------------

// A value being read: where it goes on.
typedef struct {
    const uint8_t *data;
    size_t len;
    size_t offset;
} matrix_cursor_t;

static inline int matrix_next(matrix_cursor_t *at, mcc_cbor_item_t *item) {
    return mcc_cbor_read(at->data, at->len, &at->offset, item) == MCC_OK;
}

// Passes over an item and what is in it. For what has a length.
static inline int matrix_skip(matrix_cursor_t *at, int depth) {
    mcc_cbor_item_t item;
    if (depth > MATRIX_DEPTH_MAX || !matrix_next(at, &item)) {
        return 0;
    }
    uint64_t inside = item.kind == MCC_CBOR_TAG ? 1 : item.kind == MCC_CBOR_ARRAY ? item.number : 0;
    if (item.kind == MCC_CBOR_MAP) {
        inside = item.number > UINT32_MAX ? UINT64_MAX : 2 * item.number;
    }
    for (; inside > 0; inside--) {
        if (!matrix_skip(at, depth + 1)) {
            return 0;
        }
    }
    return 1;
}

static inline int matrix_same(matrix_cursor_t *a, matrix_cursor_t *b, int depth);

// Maps have no order: for each entry of one, one of the other's with an equal key and an equal value is looked for.
static inline int matrix_same_maps(matrix_cursor_t *a, matrix_cursor_t *b, uint64_t count, int depth) {
    const size_t begin = b->offset;
    for (uint64_t i = 0; i < count; i++) {
        int found = 0;
        matrix_cursor_t next = *a;
        b->offset = begin;
        for (uint64_t j = 0; j < count && !found; j++) {
            matrix_cursor_t entry = *b;
            next = *a;
            found = matrix_same(&next, &entry, depth + 1) && matrix_same(&next, &entry, depth + 1);
            if (!found && !(matrix_skip(b, depth + 1) && matrix_skip(b, depth + 1))) {
                return 0;
            }
        }
        if (!found) {
            return 0;
        }
        *a = next;
    }
    b->offset = begin;
    for (uint64_t i = 0; i < 2 * count; i++) {
        if (!matrix_skip(b, depth + 1)) {
            return 0;
        }
    }
    return 1;
}

static inline int matrix_same_reals(double a, double b) {
    // Bit by bit, for the sign of 0; every NaN is equal to every other.
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

// Whether the next item of each, with what is in it, is the same value. Of a date and time the text is compared: all
// languages write one alike.
static inline int matrix_same(matrix_cursor_t *a, matrix_cursor_t *b, int depth) {
    mcc_cbor_item_t one;
    mcc_cbor_item_t other;
    if (depth > MATRIX_DEPTH_MAX || !matrix_next(a, &one) || !matrix_next(b, &other) || one.kind != other.kind) {
        return 0;
    }
    switch (one.kind) {
    case MCC_CBOR_BYTES:
    case MCC_CBOR_TEXT:
        return one.data != NULL && other.data != NULL && one.len == other.len && memcmp(one.data, other.data, one.len) == 0;
    case MCC_CBOR_FLOAT:
        return matrix_same_reals(one.real, other.real);
    case MCC_CBOR_ARRAY:
        for (uint64_t i = 0; one.number == other.number && i < one.number; i++) {
            if (!matrix_same(a, b, depth + 1)) {
                return 0;
            }
        }
        return one.number == other.number;
    case MCC_CBOR_MAP:
        return one.number == other.number && matrix_same_maps(a, b, one.number, depth);
    case MCC_CBOR_TAG:
        return one.number == other.number && matrix_same(a, b, depth + 1);
    default:
        return one.number == other.number;
    }
}

// Whether a value that was read is the case's.
static inline int matrix_equal(const matrix_case_t *expected, const uint8_t *data, size_t len, uint8_t codec) {
    matrix_cursor_t ours = {NULL, 0, 0};
    matrix_cursor_t theirs = {data, len, 0};
    if (codec != expected->codec || !matrix_bytes(expected, &ours.data, &ours.len)) {
        return 0;
    }
    if (codec != MCC_CODEC_CBOR) {
        return len == ours.len && (len == 0 || memcmp(data, ours.data, len) == 0);
    }
    return matrix_same(&ours, &theirs, 0) && ours.offset == ours.len && theirs.offset == len;
}

#endif
