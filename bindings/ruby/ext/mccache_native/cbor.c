// CBOR (RFC 8949) from and to Ruby objects, as every binding of mccache writes it: integers in their shortest form, floats
// with 64 bits, bignums as tags 2 and 3. Times, dates and all other tags are made by MCCache::Codec, in Ruby.
//
// The cbor gem was looked at and not taken: it writes times without fractions and zone, floats with 16 bits, takes broken
// text for text, and compiles regular expressions that others sent.
//
// Invariants. The reader looks at no byte outside of what it was given, reserves no memory that the bytes do not fill,
// and goes no deeper than MCCACHE_RB_DEPTH_MAX containers and as many tags. All memory here is the garbage collector's:
// an exception leaks nothing.

#include "glue.h"

#include <math.h>
#include <string.h>

enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

// The low 5 bits of a head's first byte that mean "no length".
#define INDEFINITE 31
#define BREAK 0xff
#define TAG_BIGNUM 2
#define TAG_NEGATIVE_BIGNUM 3
// Room made for an array before its items are read: a head of five bytes must not reserve gigabytes.
#define RESERVED_MAX 1024

// ---- Writing --------------------------------------------------------------------------------------------------------

typedef struct {
    VALUE codec;
    VALUE out;
    VALUE refused;
    int depth;
    int tags;
} writer_t;

size_t mccache_rb_cbor_head(uint8_t *at, unsigned major, uint64_t number) {
    int width = number < 24 ? 0 : number <= 0xff ? 1 : number <= 0xffff ? 2 : number <= 0xffffffff ? 4 : 8;
    int info = width == 0 ? (int)number : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
    *at++ = (uint8_t)(major << 5 | (unsigned)info);
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(number >> shift);
    return 1 + (size_t)width;
}

size_t mccache_rb_cbor_double(uint8_t *at, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    at[0] = 0xfb;
    for (int byte = 0; byte < 8; byte++)
        at[1 + byte] = (uint8_t)(bits >> (56 - 8 * byte));
    return 9;
}

static void put(writer_t *writer, const void *data, size_t len) {
    rb_str_cat(writer->out, data, (long)len);
}

static void put_head(writer_t *writer, unsigned major, uint64_t number) {
    uint8_t head[9];
    put(writer, head, mccache_rb_cbor_head(head, major, number));
}

static void put_string(writer_t *writer, VALUE string) {
    uint8_t codec;
    string = mccache_rb_text(string, &codec, "text");
    put_head(writer, codec == MCC_CODEC_RAW ? BYTES : TEXT, (uint64_t)RSTRING_LEN(string));
    put(writer, RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
    RB_GC_GUARD(string);
}

static void put_bignum(writer_t *writer, VALUE number) {
    bool negative = rb_big_cmp(number, INT2FIX(0)) == INT2FIX(-1);
    // -1 - number, as CBOR has it.
    VALUE magnitude = negative ? rb_funcall(number, '~', 0) : number;
    size_t len = rb_absint_size(magnitude, NULL);
    if (len <= 8) {
        put_head(writer, negative ? NEGATIVE : UNSIGNED, NUM2ULL(magnitude));
        return;
    }
    VALUE bytes = rb_str_new(NULL, (long)len);
    rb_integer_pack(magnitude, RSTRING_PTR(bytes), len, 1, 0, INTEGER_PACK_BIG_ENDIAN);
    put_head(writer, TAG, negative ? TAG_NEGATIVE_BIGNUM : TAG_BIGNUM);
    put_head(writer, BYTES, len);
    put(writer, RSTRING_PTR(bytes), len);
    RB_GC_GUARD(bytes);
}

static bool put_item(writer_t *writer, VALUE object);

// Refuses what is too deep, as an object that contains itself is.
static bool descend(writer_t *writer, int *depth) {
    if (*depth == MCCACHE_RB_DEPTH_MAX) {
        writer->refused = Qundef;
        return false;
    }
    ++*depth;
    return true;
}

NORETURN(static void raise_changed(VALUE container));
static void raise_changed(VALUE container) {
    mccache_rb_raise_codec("a value of type %" PRIsVALUE " was changed while it was written", rb_obj_class(container));
}

static bool put_array(writer_t *writer, VALUE array) {
    long count = RARRAY_LEN(array);
    if (!descend(writer, &writer->depth))
        return false;
    put_head(writer, ARRAY, (uint64_t)count);
    for (long at = 0; at < count; at++) {
        // An item's own code, such as a time's, may have changed it.
        if (RARRAY_LEN(array) != count)
            raise_changed(array);
        if (!put_item(writer, RARRAY_AREF(array, at)))
            return false;
    }
    writer->depth--;
    return true;
}

typedef struct {
    writer_t *writer;
    size_t entries;
    bool ok;
} entries_t;

static int put_entry(VALUE key, VALUE object, VALUE data) {
    entries_t *entries = (entries_t *)data;
    entries->entries++;
    entries->ok = put_item(entries->writer, key) && put_item(entries->writer, object);
    return entries->ok ? ST_CONTINUE : ST_STOP;
}

static bool put_hash(writer_t *writer, VALUE hash) {
    size_t count = RHASH_SIZE(hash);
    entries_t entries = {writer, 0, true};
    if (!descend(writer, &writer->depth))
        return false;
    put_head(writer, MAP, count);
    rb_hash_foreach(hash, put_entry, (VALUE)&entries);
    if (entries.ok && entries.entries != count)
        raise_changed(hash);
    writer->depth--;
    return entries.ok;
}

// What needs Ruby: nil for a type it does not know, [tag, item], or the number of a simple value.
static bool put_other(writer_t *writer, VALUE object) {
    VALUE tagged = rb_funcall(writer->codec, rb_intern("to_tag"), 1, object);
    if (NIL_P(tagged)) {
        writer->refused = object;
        return false;
    }
    if (!RB_TYPE_P(tagged, T_ARRAY)) {
        unsigned number = NUM2UINT(tagged);
        uint8_t head[2] = {(uint8_t)(number < 24 ? 0xe0 | number : 0xf8), (uint8_t)number};
        put(writer, head, number < 24 ? 1 : 2);
        return true;
    }
    put_head(writer, TAG, NUM2ULL(rb_ary_entry(tagged, 0)));
    if (!descend(writer, &writer->tags))
        return false;
    bool ok = put_item(writer, rb_ary_entry(tagged, 1));
    writer->tags--;
    RB_GC_GUARD(tagged);
    return ok;
}

static bool put_item(writer_t *writer, VALUE object) {
    uint8_t bytes[9];
    switch (rb_type(object)) {
    case T_NIL:
        put(writer, "\xf6", 1);
        return true;
    case T_TRUE:
        put(writer, "\xf5", 1);
        return true;
    case T_FALSE:
        put(writer, "\xf4", 1);
        return true;
    case T_FIXNUM: {
        long number = FIX2LONG(object);
        put_head(writer, number < 0 ? NEGATIVE : UNSIGNED, number < 0 ? ~(uint64_t)number : (uint64_t)number);
        return true;
    }
    case T_BIGNUM:
        put_bignum(writer, object);
        return true;
    case T_FLOAT:
        put(writer, bytes, mccache_rb_cbor_double(bytes, RFLOAT_VALUE(object)));
        return true;
    case T_STRING:
        put_string(writer, object);
        return true;
    case T_SYMBOL:
        put_string(writer, rb_sym2str(object));
        return true;
    case T_ARRAY:
        return put_array(writer, object);
    case T_HASH:
        return put_hash(writer, object);
    default:
        return put_other(writer, object);
    }
}

VALUE mccache_rb_cbor_write(VALUE codec, VALUE object, VALUE *refused) {
    writer_t writer = {codec, rb_str_buf_new(64), Qnil, 0, 0};
    if (put_item(&writer, object))
        return writer.out;
    *refused = writer.refused;
    return Qnil;
}

// ---- Reading --------------------------------------------------------------------------------------------------------

typedef struct {
    VALUE codec;
    const uint8_t *data;
    size_t len;
    size_t at;
    int depth;
    int tags;
} reader_t;

NORETURN(static void malformed(const reader_t *reader, const char *what));
static void malformed(const reader_t *reader, const char *what) {
    mccache_rb_raise_codec("a value of %" PRIuSIZE " bytes is not readable CBOR: %s at byte %" PRIuSIZE, reader->len, what,
                           reader->at);
}

static uint8_t peek(const reader_t *reader) {
    if (reader->at >= reader->len)
        malformed(reader, "it ends too early");
    return reader->data[reader->at];
}

// Answers the low 5 bits of the first byte; the number behind it is written, 0 for INDEFINITE.
static unsigned get_head(reader_t *reader, unsigned *major, uint64_t *number) {
    uint8_t first = peek(reader);
    unsigned info = first & 0x1f;
    *major = first >> 5;
    *number = info < 24 ? info : 0;
    if (info >= 28 && info != INDEFINITE)
        malformed(reader, "a reserved head");
    reader->at++;
    if (info >= 24 && info <= 27) {
        size_t width = (size_t)1 << (info - 24);
        if (reader->len - reader->at < width)
            malformed(reader, "it ends too early");
        for (size_t byte = 0; byte < width; byte++)
            *number = *number << 8 | reader->data[reader->at++];
    }
    return info;
}

// The bytes of a string of known length.
static const uint8_t *get_bytes(reader_t *reader, uint64_t len) {
    const uint8_t *data = reader->data + reader->at;
    if (len > reader->len - reader->at)
        malformed(reader, "it ends too early");
    reader->at += (size_t)len;
    return data;
}

static bool at_break(reader_t *reader) {
    if (peek(reader) != BREAK)
        return false;
    reader->at++;
    return true;
}

static VALUE get_chunks(reader_t *reader, unsigned kind) {
    VALUE string = rb_str_buf_new(0);
    while (!at_break(reader)) {
        unsigned major;
        uint64_t len;
        if (get_head(reader, &major, &len) == INDEFINITE || major != kind)
            malformed(reader, "a string's piece that is none");
        rb_str_cat(string, (const char *)get_bytes(reader, len), (long)len);
    }
    return string;
}

static VALUE get_string(reader_t *reader, unsigned kind, unsigned info, uint64_t len) {
    VALUE string = Qnil;
    if (info == INDEFINITE) {
        string = get_chunks(reader, kind);
        if (kind == TEXT)
            string = mccache_rb_utf8((const uint8_t *)RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
    } else {
        const uint8_t *data = get_bytes(reader, len);
        string = kind == TEXT ? mccache_rb_utf8(data, (size_t)len) : rb_str_new((const char *)data, (long)len);
    }
    if (NIL_P(string))
        malformed(reader, "text that is not UTF-8");
    return string;
}

static VALUE get_item(reader_t *reader);

static void enter(reader_t *reader) {
    if (reader->depth == MCCACHE_RB_DEPTH_MAX)
        malformed(reader, "containers nested deeper than 200");
    reader->depth++;
}

static VALUE get_array(reader_t *reader, unsigned info, uint64_t count) {
    VALUE array = rb_ary_new_capa(count < RESERVED_MAX ? (long)count : RESERVED_MAX);
    enter(reader);
    if (info == INDEFINITE) {
        while (!at_break(reader))
            rb_ary_push(array, get_item(reader));
    } else {
        for (; count > 0; count--)
            rb_ary_push(array, get_item(reader));
    }
    reader->depth--;
    return array;
}

static void get_entry(reader_t *reader, VALUE hash) {
    VALUE key = get_item(reader);
    if (RB_TYPE_P(key, T_STRING))
        rb_str_freeze(key);
    rb_hash_aset(hash, key, get_item(reader));
}

static VALUE get_map(reader_t *reader, unsigned info, uint64_t count) {
    VALUE hash = rb_hash_new();
    enter(reader);
    if (info == INDEFINITE) {
        while (!at_break(reader))
            get_entry(reader, hash);
    } else {
        for (; count > 0; count--)
            get_entry(reader, hash);
    }
    reader->depth--;
    return hash;
}

static VALUE get_integer(unsigned major, uint64_t number) {
    if (major == UNSIGNED)
        return ULL2NUM(number);
    if (number <= INT64_MAX)
        return LL2NUM(-1 - (int64_t)number);
    return rb_funcall(ULL2NUM(number), '~', 0);
}

static VALUE get_bignum(reader_t *reader, uint64_t tag) {
    unsigned major;
    uint64_t len;
    unsigned info = get_head(reader, &major, &len);
    if (major != BYTES)
        malformed(reader, "a bignum that is no bytes");
    VALUE bytes = get_string(reader, BYTES, info, len);
    VALUE magnitude = rb_integer_unpack(RSTRING_PTR(bytes), (size_t)RSTRING_LEN(bytes), 1, 0, INTEGER_PACK_BIG_ENDIAN);
    RB_GC_GUARD(bytes);
    return tag == TAG_BIGNUM ? magnitude : rb_funcall(magnitude, '~', 0);
}

static VALUE get_tagged(reader_t *reader, uint64_t tag) {
    if (reader->tags == MCCACHE_RB_DEPTH_MAX)
        malformed(reader, "tags nested deeper than 200");
    if (tag == TAG_BIGNUM || tag == TAG_NEGATIVE_BIGNUM)
        return get_bignum(reader, tag);
    reader->tags++;
    VALUE item = get_item(reader);
    reader->tags--;
    return rb_funcall(reader->codec, rb_intern("from_tag"), 2, ULL2NUM(tag), item);
}

// Half precision (RFC 8949, appendix D).
static double half(unsigned bits) {
    int exponent = (bits >> 10) & 0x1f;
    double mantissa = bits & 0x3ff;
    double number = exponent == 0    ? ldexp(mantissa, -24)
                    : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                    : mantissa == 0  ? (double)INFINITY
                                     : (double)NAN;
    return bits & 0x8000 ? -number : number;
}

static VALUE get_simple(reader_t *reader, unsigned info, uint64_t number) {
    uint32_t bits = (uint32_t)number;
    float single;
    double real;
    switch (info) {
    case 20:
        return Qfalse;
    case 21:
        return Qtrue;
    case 22:  // null
    case 23:  // undefined
        return Qnil;
    case 25:
        return DBL2NUM(half(bits));
    case 26:
        memcpy(&single, &bits, sizeof single);
        return DBL2NUM(single);
    case 27:
        memcpy(&real, &number, sizeof real);
        return DBL2NUM(real);
    case INDEFINITE:
        malformed(reader, "an end of nothing");
    default:
        if (info == 24 && number < 32)
            malformed(reader, "a simple value in two bytes that fits one");
        return rb_funcall(reader->codec, rb_intern("from_simple"), 1, UINT2NUM(bits));
    }
}

static VALUE get_item(reader_t *reader) {
    unsigned major;
    uint64_t number;
    unsigned info = get_head(reader, &major, &number);
    if (info == INDEFINITE && (major <= NEGATIVE || major == TAG))
        malformed(reader, "a reserved head");
    switch (major) {
    case UNSIGNED:
    case NEGATIVE:
        return get_integer(major, number);
    case BYTES:
    case TEXT:
        return get_string(reader, major, info, number);
    case ARRAY:
        return get_array(reader, info, number);
    case MAP:
        return get_map(reader, info, number);
    case TAG:
        return get_tagged(reader, number);
    default:
        return get_simple(reader, info, number);
    }
}

VALUE mccache_rb_cbor_read(VALUE codec, const uint8_t *data, size_t len) {
    reader_t reader = {codec, data, len, 0, 0, 0};
    VALUE object = get_item(&reader);
    if (reader.at != len)
        malformed(&reader, "more than one item");
    return object;
}
