// What swig/ruby.i uses of values.c and cbor.c: how a Ruby object becomes a key or a value, and back.
//
// Invariants. Functions here may raise, so none of them is called while a handle of the library is held, but under
// rb_ensure. What they hand out points into Ruby strings and the caller's own structure, and is valid while the caller
// keeps both and the GVL.

#ifndef MCCACHE_GLUE_H
#define MCCACHE_GLUE_H

#include <ruby.h>
#include <ruby/encoding.h>
#include <stdbool.h>
#include <mccache.h>

// Containers within containers: what every binding writes and reads.
#define MCCACHE_RB_DEPTH_MAX 200

// The bytes of a value that is about to be put.
typedef struct {
    const void *data;
    size_t len;
    uint8_t codec;
    VALUE owner;         // the string that holds the bytes; keep it on the stack until the call is over
    uint8_t scalar[16];  // holds them if they are one of CBOR's short items: a head of 1 byte and up to 8 more
} mccache_rb_value_t;

// Of values.c.

// _bind(errors, codec_error, codec): exception classes by status, and the Ruby half of the codec.
VALUE mccache_rb_bind(VALUE module, VALUE errors, VALUE codec_error, VALUE codec);
// Raises what a status stands for, with mcc_last_error().
NORETURN(void mccache_rb_raise(mcc_status_t status));
// Raises KeyError as Hash#fetch does.
NORETURN(void mccache_rb_raise_missing(VALUE cache, VALUE key));
// Raises CodecError.
NORETURN(void mccache_rb_raise_codec(const char *format, ...));
// Raises InvalidArgumentError.
NORETURN(void mccache_rb_raise_argument(const char *format, ...));

// The string whose bytes are the key, of any object: itself, a symbol's name, or a copy in UTF-8.
VALUE mccache_rb_any_key(VALUE object);
// A key as iteration gives it: UTF-8 text where it is that, else binary.
VALUE mccache_rb_key_object(const uint8_t *data, size_t len);
// The string whose bytes are the text, in UTF-8 or binary; *codec tells which of them.
VALUE mccache_rb_text(VALUE string, uint8_t *codec, const char *what);
// A frozen string in UTF-8 whose bytes end with a NUL, and have none before: a name or a setting.
VALUE mccache_rb_utf8_text(VALUE string);
// The numbers of three encodings, which Ruby tells by functions only. Set by _bind.
extern int mccache_rb_binary, mccache_rb_utf_8, mccache_rb_us_ascii;

// The codec of a string whose flags say that its bytes are to be taken as they are; -1 for all else, which is to be looked
// at more closely. Most keys and values are such strings, and then nothing can raise.
static inline int mccache_rb_plain(VALUE object) {
    if (!RB_TYPE_P(object, T_STRING))
        return -1;
    int encoding = RB_ENCODING_GET_INLINED(object), range = (int)RB_ENC_CODERANGE(object);
    if (encoding == mccache_rb_binary)
        return MCC_CODEC_RAW;
    bool text = encoding == mccache_rb_utf_8 || encoding == mccache_rb_us_ascii;
    return text && (range == ENC_CODERANGE_7BIT || range == ENC_CODERANGE_VALID) ? MCC_CODEC_TEXT : -1;
}

// As mccache_rb_any_key().
static inline VALUE mccache_rb_key(VALUE object) {
    return mccache_rb_plain(object) >= 0 ? object : mccache_rb_any_key(object);
}
// The bytes of any value. owner: the cache, whose @marshal says whether Marshal may be used.
void mccache_rb_value(VALUE owner, VALUE object, mccache_rb_value_t *value);
// The object of a value's bytes. owner: as above; nil for none.
VALUE mccache_rb_object(VALUE owner, const uint8_t *data, size_t len, uint8_t codec);
// Text, checked.
VALUE mccache_rb_utf8(const uint8_t *data, size_t len);

// Of cbor.c.

// One head (RFC 8949, section 3) into at least 9 bytes; answers its length.
size_t mccache_rb_cbor_head(uint8_t *at, unsigned major, uint64_t number);
// 9 bytes.
size_t mccache_rb_cbor_double(uint8_t *at, double number);
// A string of CBOR; or nil, and *refused is the object that CBOR does not carry, or Qundef for one nested too deeply.
VALUE mccache_rb_cbor_write(VALUE codec, VALUE object, VALUE *refused);
// The object.
VALUE mccache_rb_cbor_read(VALUE codec, const uint8_t *data, size_t len);

#endif
