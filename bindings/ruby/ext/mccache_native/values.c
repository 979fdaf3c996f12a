// Keys, values and errors: what is common to all of Ruby's calls. What is more than a string, a number or a constant goes
// to cbor.c, and what CBOR does not carry to Marshal, if the cache was opened with it.

#include "glue.h"

#include <stdarg.h>
#include <string.h>

// Exception classes by status. Set once by _bind, before any object can exist.
#define MCCACHE_RB_STATUSES 16
static VALUE errors_by_status[MCCACHE_RB_STATUSES];
static VALUE codec_error;
// MCCache::Codec: the types that need Ruby's own libraries.
static VALUE codec_module;
static ID id_marshal, id_dump, id_load;

int mccache_rb_binary, mccache_rb_utf_8, mccache_rb_us_ascii;

VALUE mccache_rb_bind(VALUE module, VALUE errors, VALUE error, VALUE codec) {
    (void)module;
    mccache_rb_binary = rb_ascii8bit_encindex();
    mccache_rb_utf_8 = rb_utf8_encindex();
    mccache_rb_us_ascii = rb_usascii_encindex();
    id_marshal = rb_intern("@marshal");
    id_dump = rb_intern("marshal_dump_value");
    id_load = rb_intern("marshal_load_value");
    for (int status = 0; status < MCCACHE_RB_STATUSES; status++) {
        VALUE found = rb_hash_aref(errors, INT2FIX(status));
        errors_by_status[status] = NIL_P(found) ? rb_eRuntimeError : found;
        rb_gc_register_mark_object(errors_by_status[status]);
    }
    codec_error = error;
    codec_module = codec;
    rb_gc_register_mark_object(codec_error);
    rb_gc_register_mark_object(codec_module);
    return Qnil;
}

void mccache_rb_raise(mcc_status_t status) {
    VALUE error = status >= 0 && status < MCCACHE_RB_STATUSES ? errors_by_status[status] : rb_eRuntimeError;
    // Answers leave mcc_last_error() as it was: it would tell of another call.
    bool answer = status == MCC_NOT_FOUND || status == MCC_EXISTS || status == MCC_END || status == MCC_OVERTAKEN;
    const char *message = answer ? "" : mcc_last_error();
    VALUE text = rb_utf8_str_new_cstr(*message ? message : mcc_strerror(status));
    rb_exc_raise(rb_exc_new_str(error ? error : rb_eRuntimeError, text));
}

void mccache_rb_raise_missing(VALUE cache, VALUE key) {
    VALUE options = rb_hash_new();
    VALUE arguments[2] = {rb_sprintf("key not found: %+" PRIsVALUE, key), options};
    rb_hash_aset(options, ID2SYM(rb_intern("receiver")), cache);
    rb_hash_aset(options, ID2SYM(rb_intern("key")), key);
    rb_exc_raise(rb_class_new_instance_kw(2, arguments, rb_eKeyError, RB_PASS_KEYWORDS));
}

void mccache_rb_raise_codec(const char *format, ...) {
    va_list arguments;
    VALUE text;
    va_start(arguments, format);
    text = rb_vsprintf(format, arguments);
    va_end(arguments);
    rb_exc_raise(rb_exc_new_str(codec_error, text));
}

void mccache_rb_raise_argument(const char *format, ...) {
    va_list arguments;
    VALUE text;
    va_start(arguments, format);
    text = rb_vsprintf(format, arguments);
    va_end(arguments);
    rb_exc_raise(rb_exc_new_str(errors_by_status[MCC_INVALID_ARGUMENT], text));
}

// ---- Text ----------------------------------------------------------------------------------------------------------

static VALUE transcode(VALUE string) {
    return rb_funcall(string, rb_intern("encode"), 1, rb_enc_from_encoding(rb_utf8_encoding()));
}

static VALUE transcode_failed(VALUE what, VALUE error) {
    mccache_rb_raise_argument("%s cannot be made UTF-8: %" PRIsVALUE "; for bytes use string.b", (const char *)what,
                              rb_funcall(error, rb_intern("message"), 0));
    return Qnil;
}

VALUE mccache_rb_text(VALUE string, uint8_t *codec, const char *what) {
    int encoding = rb_enc_get_index(string);
    if (encoding == mccache_rb_binary) {
        *codec = MCC_CODEC_RAW;
        return string;
    }
    *codec = MCC_CODEC_TEXT;
    if (encoding != mccache_rb_utf_8 && encoding != mccache_rb_us_ascii)
        string = rb_rescue2(transcode, string, transcode_failed, (VALUE)what, rb_eEncodingError, (VALUE)0);
    if (rb_enc_str_coderange(string) == ENC_CODERANGE_BROKEN)
        mccache_rb_raise_argument("%s is marked as %s and is not valid in it; for bytes use string.b", what,
                                  rb_enc_name(rb_enc_get(string)));
    return string;
}

VALUE mccache_rb_utf8_text(VALUE string) {
    uint8_t codec;
    if (!RB_TYPE_P(string, T_STRING))
        rb_raise(rb_eTypeError, "text here is a String, not %" PRIsVALUE, rb_obj_class(string));
    string = mccache_rb_text(string, &codec, "text");
    if (memchr(RSTRING_PTR(string), 0, (size_t)RSTRING_LEN(string)))
        mccache_rb_raise_argument("text here cannot contain a zero byte");
    string = rb_str_new_frozen(string);
    StringValueCStr(string);
    return string;
}

VALUE mccache_rb_utf8(const uint8_t *data, size_t len) {
    VALUE text = rb_utf8_str_new((const char *)data, (long)len);
    if (rb_enc_str_coderange(text) == ENC_CODERANGE_BROKEN)
        return Qnil;
    return text;
}

// ---- Keys ----------------------------------------------------------------------------------------------------------

VALUE mccache_rb_any_key(VALUE object) {
    uint8_t codec;
    if (RB_TYPE_P(object, T_STRING))
        return mccache_rb_text(object, &codec, "a key");
    if (RB_SYMBOL_P(object))
        return mccache_rb_text(rb_sym2str(object), &codec, "a key");
    rb_raise(rb_eTypeError, "keys are String or Symbol, not %" PRIsVALUE ": make one, such as key.to_s",
             rb_obj_class(object));
}

VALUE mccache_rb_key_object(const uint8_t *data, size_t len) {
    VALUE text = mccache_rb_utf8(data, len);
    return NIL_P(text) ? rb_str_new((const char *)data, (long)len) : text;
}

// ---- Values --------------------------------------------------------------------------------------------------------

static void set(mccache_rb_value_t *value, const void *data, size_t len, uint8_t codec) {
    value->data = data;
    value->len = len;
    value->codec = codec;
}

static void set_string(mccache_rb_value_t *value, VALUE string, uint8_t codec) {
    value->owner = string;
    set(value, RSTRING_PTR(string), (size_t)RSTRING_LEN(string), codec);
}

NORETURN(static void raise_unsupported(VALUE object, VALUE refused));
static void raise_unsupported(VALUE object, VALUE refused) {
    if (refused == Qundef)
        mccache_rb_raise_codec("a value of type %" PRIsVALUE " cannot be stored: its containers are nested deeper than %d, "
                               "or it contains itself", rb_obj_class(object), MCCACHE_RB_DEPTH_MAX);
    rb_raise(rb_eTypeError,
             "a value of type %" PRIsVALUE " cannot be stored%s: values are String, Symbol, nil, true, false, Integer, Float, "
             "Time, Date, Array, Hash, Set, Rational and BigDecimal; a cache opened with marshal: true takes any object",
             rb_obj_class(refused), refused == object ? "" : " inside another");
}

static void set_object(VALUE owner, VALUE object, mccache_rb_value_t *value) {
    VALUE refused = Qnil;
    VALUE bytes = mccache_rb_cbor_write(codec_module, object, &refused);
    if (!NIL_P(bytes)) {
        set_string(value, bytes, MCC_CODEC_CBOR);
        return;
    }
    if (!RTEST(rb_attr_get(owner, id_marshal)))
        raise_unsupported(object, refused);
    set_string(value, rb_funcall(codec_module, id_dump, 1, object), MCC_CODEC_MARSHAL);
}

void mccache_rb_value(VALUE owner, VALUE object, mccache_rb_value_t *value) {
    value->owner = Qnil;
    if (RB_TYPE_P(object, T_STRING)) {
        uint8_t codec;
        VALUE string = mccache_rb_text(object, &codec, "a value");
        set_string(value, string, codec);
    } else if (RB_FIXNUM_P(object)) {
        long number = FIX2LONG(object);
        uint64_t magnitude = number < 0 ? ~(uint64_t)number : (uint64_t)number;
        set(value, value->scalar, mccache_rb_cbor_head(value->scalar, number < 0, magnitude), MCC_CODEC_CBOR);
    } else if (NIL_P(object) || object == Qtrue || object == Qfalse) {
        value->scalar[0] = NIL_P(object) ? 0xf6 : object == Qtrue ? 0xf5 : 0xf4;
        set(value, value->scalar, 1, MCC_CODEC_CBOR);
    } else if (RB_FLOAT_TYPE_P(object)) {
        set(value, value->scalar, mccache_rb_cbor_double(value->scalar, RFLOAT_VALUE(object)), MCC_CODEC_CBOR);
    } else if (RB_SYMBOL_P(object)) {
        mccache_rb_value(owner, rb_sym2str(object), value);
    } else {
        set_object(owner, object, value);
    }
}

static VALUE marshalled(VALUE owner, const uint8_t *data, size_t len) {
    if (NIL_P(owner) || !RTEST(rb_attr_get(owner, id_marshal)))
        mccache_rb_raise_codec("a value was put by Ruby's Marshal, which this cache does not read: reading it could run code "
                               "of whoever wrote it. Open the cache with marshal: true to allow that, or view(key) its bytes");
    return rb_funcall(codec_module, id_load, 1, rb_str_new((const char *)data, (long)len));
}

static const char *codec_name(uint8_t codec) {
    switch (codec) {
    case MCC_CODEC_PICKLE:
        return " (Python's pickle)";
    case MCC_CODEC_JAVA:
        return " (Java's object serialization)";
    case MCC_CODEC_DOTNET:
        return " (.NET's BinaryFormatter)";
    default:
        return "";
    }
}

VALUE mccache_rb_object(VALUE owner, const uint8_t *data, size_t len, uint8_t codec) {
    VALUE text;
    switch (codec) {
    case MCC_CODEC_RAW:
        return rb_str_new((const char *)data, (long)len);
    case MCC_CODEC_TEXT:
        text = mccache_rb_utf8(data, len);
        if (NIL_P(text))
            mccache_rb_raise_codec("a value of %" PRIuSIZE " bytes was put as text but is not UTF-8; view(key) gives its bytes",
                                   len);
        return text;
    case MCC_CODEC_CBOR:
        return mccache_rb_cbor_read(codec_module, data, len);
    case MCC_CODEC_MARSHAL:
        return marshalled(owner, data, len);
    default:
        mccache_rb_raise_codec("a value was put with codec %d%s, which Ruby cannot read; view(key) gives its bytes",
                               (int)codec, codec_name(codec));
    }
}
