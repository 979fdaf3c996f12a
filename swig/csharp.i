// C#: internal classes of the namespace MCCache.Interop, over which bindings/csharp/src builds what people use.
//
// Bytes go in as a structure of pointer and length, which the facade makes of memory it has pinned: nothing is copied
// on the way. Bytes come out the same way, where they are valid until the next call. Text goes in as UTF-8 with a NUL.
// A failure is told to managed code by a delegate, which makes the exception; SWIG throws it when the call is back.
// The classes are for the facade alone: whoever owns one keeps it alive during its calls, and disposes of it once.

%module Glue

%begin %{
// For dladdr.
#define _GNU_SOURCE
%}

%{
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <mccache.h>

// As MCCache.Interop.Bytes is laid out.
typedef struct {
    const void *data;
    size_t len;
} mccache_cs_bytes_t;

// As MCCache.Interop.Found is laid out: a value's bytes, which the thread's next look-up overwrites, or its handle if they
// are longer or a load may fall back on them; and the lease, if one was given.
typedef struct {
    mcc_value_t *value;
    mcc_lease_t *lease;
    const void *data;
    size_t len;
    uint8_t codec;
} mccache_cs_found_t;

// What a load begins with: see Loading.cs, which has the same number.
#define MCCACHE_CS_BUSY -1

// Values up to this length are copied into memory of the thread: for so few bytes that costs less than a handle, and managed
// code would clear the memory it gave before each call.
#define MCCACHE_CS_SHORT_MAX 1024
static _Thread_local uint8_t mccache_cs_short[MCCACHE_CS_SHORT_MAX];

typedef void(SWIGSTDCALL *mccache_cs_failed_t)(int32_t status, const char *message);

static mccache_cs_failed_t mccache_cs_failed;

// Makes the exception that is thrown when the call is back in managed code.
static void mccache_cs_fail(mcc_status_t status) {
    if (mccache_cs_failed)
        mccache_cs_failed(status, status == MCCACHE_NO_MEMORY ? "no memory for an answer of mccache" : mcc_last_error());
}

SWIGEXPORT void SWIGSTDCALL mccache_csharp_on_failure(mccache_cs_failed_t failed);
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_abi_version(void);
SWIGEXPORT const char *SWIGSTDCALL mccache_csharp_file(void);
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_lookup(mcc_cache_t *cache, const void *key, size_t key_len,
                                                     mccache_cs_found_t *found);
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_lookup_text(mcc_cache_t *cache, const uint16_t *key, int32_t key_len,
                                                          mccache_cs_found_t *found);
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_put(mcc_cache_t *cache, const void *key, size_t key_len, const void *data,
                                                  size_t len, uint8_t codec, int64_t ttl_ms);
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_put_text(mcc_cache_t *cache, const uint16_t *key, int32_t key_len,
                                                       const void *data, size_t len, uint8_t codec, int64_t ttl_ms);

SWIGEXPORT void SWIGSTDCALL mccache_csharp_on_failure(mccache_cs_failed_t failed) {
    mccache_cs_failed = failed;
}

// Asked before anything else, and by a name that no version of SWIG decides.
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_abi_version(void) {
    return mcc_abi_version();
}

// The file this is in: the runtime may have found another than was meant.
SWIGEXPORT const char *SWIGSTDCALL mccache_csharp_file(void) {
    static const char here;
    Dl_info info;
    return dladdr(&here, &info) ? info.dli_fname : NULL;
}

// Of a text's UTF-16 the UTF-8, at most three bytes a unit; its length, or -1 if there is half of a surrogate pair.
static int32_t mccache_cs_utf8(const uint16_t *text, int32_t len, uint8_t *utf8) {
    int32_t at = 0, written = 0;
    // Four units at a time, as long as they are ASCII.
    for (uint64_t units; at + 4 <= len; at += 4) {
        uint32_t bytes;
        memcpy(&units, text + at, sizeof units);
        if (units & UINT64_C(0xff80ff80ff80ff80))
            break;
        units = (units | units >> 8) & UINT64_C(0x0000ffff0000ffff);
        bytes = (uint32_t)(units | units >> 16);
        memcpy(utf8 + at, &bytes, sizeof bytes);
    }
    written = at;
    while (at < len) {
        uint32_t point = text[at++];
        if (point >= 0xd800 && point < 0xe000) {
            if (point >= 0xdc00 || at == len || text[at] < 0xdc00 || text[at] >= 0xe000)
                return -1;
            point = 0x10000 + ((point - 0xd800) << 10) + (text[at++] - 0xdc00u);
        }
        int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        utf8[written++] = (uint8_t)(lead[more] | point >> 6 * more);
        while (more-- > 0)
            utf8[written++] = (uint8_t)(0x80 | (point >> 6 * more & 0x3f));
    }
    return written;
}

// The hot calls, in types that cross as they are: a runtime makes no marshalling code for them, as it does for SWIG's
// handles, structures and booleans. They answer the status; but for MCC_NOT_FOUND the exception of a failure is made. Those
// whose key is text, of at most MCCACHE_CS_TEXT_MAX units, answer MCCACHE_CS_NOT_UNICODE for one that is not Unicode.
#define MCCACHE_CS_TEXT_MAX 256
#define MCCACHE_CS_NOT_UNICODE -1

// One crossing for a value that fits the thread's memory; of a longer one the handle, so that it is copied once.
SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_lookup(mcc_cache_t *cache, const void *key, size_t key_len,
                                                     mccache_cs_found_t *found) {
    uint8_t *data = mccache_cs_short;
    mcc_status_t status;
    found->value = NULL;
    found->lease = NULL;
    found->data = data;
    status = mcc_get_into(cache, key, key_len, data, MCCACHE_CS_SHORT_MAX, &found->len, &found->codec);
    if (status == MCC_BUFFER_TOO_SMALL)
        status = mcc_get(cache, key, key_len, &found->value);
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_cs_fail(status);
    return status;
}

SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_lookup_text(mcc_cache_t *cache, const uint16_t *key, int32_t key_len,
                                                          mccache_cs_found_t *found) {
    uint8_t utf8[MCCACHE_CS_TEXT_MAX * 3];
    int32_t len = mccache_cs_utf8(key, key_len, utf8);
    return len < 0 ? MCCACHE_CS_NOT_UNICODE : mccache_csharp_lookup(cache, utf8, (size_t)len, found);
}

SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_put(mcc_cache_t *cache, const void *key, size_t key_len, const void *data,
                                                  size_t len, uint8_t codec, int64_t ttl_ms) {
    mcc_status_t status = mcc_put_as(cache, key, key_len, data, len, codec, ttl_ms);
    if (status != MCC_OK)
        mccache_cs_fail(status);
    return status;
}

SWIGEXPORT int32_t SWIGSTDCALL mccache_csharp_put_text(mcc_cache_t *cache, const uint16_t *key, int32_t key_len,
                                                       const void *data, size_t len, uint8_t codec, int64_t ttl_ms) {
    uint8_t utf8[MCCACHE_CS_TEXT_MAX * 3];
    int32_t utf8_len = mccache_cs_utf8(key, key_len, utf8);
    return utf8_len < 0 ? MCCACHE_CS_NOT_UNICODE
                        : mccache_csharp_put(cache, utf8, (size_t)utf8_len, data, len, codec, ttl_ms);
}
%}

// ---- Everything is internal ---------------------------------------------------------------------------------------

%pragma(csharp) moduleclassmodifiers = "internal static unsafe class"
%pragma(csharp) imclassclassmodifiers = "internal unsafe class"
%typemap(csclassmodifiers) SWIGTYPE, SWIGTYPE *, SWIGTYPE & "internal unsafe partial class"

// Keeps the delegate: native code calls it as long as the process runs.
%pragma(csharp) imclasscode = %{
  internal static readonly FailureListener failures = Failure.Listen();
%}

// What the garbage collector finds is freed and never waited for. At the end of the process it also finds what other
// threads still use: that is left alone.
%typemap(csdispose) SWIGTYPE %{
  ~$csclassname() {
    if (!global::System.Environment.HasShutdownStarted)
      Dispose(false);
  }

  public void Dispose() {
    Dispose(true);
    global::System.GC.SuppressFinalize(this);
  }
%}

// ---- Types --------------------------------------------------------------------------------------------------------

%typemap(ctype) size_t "size_t"
%typemap(imtype) size_t "global::System.UIntPtr"
%typemap(cstype) size_t "ulong"
%typemap(csin) size_t "(global::System.UIntPtr)$csinput"
%typemap(in) size_t "$1 = $input;"
%typemap(out) size_t "$result = $1;"
%typemap(csout, excode = SWIGEXCODE) size_t {
    ulong ret = (ulong)$imcall;$excode
    return ret;
  }
%typemap(csvarout, excode = SWIGEXCODE2) size_t %{
    get {
      ulong ret = (ulong)$imcall;$excode
      return ret;
    } %}

%typemap(ctype) const char * "const char *"
%typemap(imtype, out = "global::System.IntPtr") const char * "byte[]"
%typemap(cstype) const char * "string"
%typemap(csin) const char * "Text.WithNul($csinput)"
%typemap(in) const char * "$1 = (char *)$input;"
%typemap(out) const char * "$result = $1;"
%typemap(freearg) const char * ""
%typemap(csout, excode = SWIGEXCODE) const char * {
    string ret = Text.OfNative($imcall);$excode
    return ret;
  }
%typemap(csvarout, excode = SWIGEXCODE2) const char * %{
    get {
      string ret = Text.OfNative($imcall);$excode
      return ret;
    } %}

%define MCCACHE_CS_BYTES_IN(ARGUMENTS)
%typemap(ctype) ARGUMENTS "mccache_cs_bytes_t"
%typemap(imtype) ARGUMENTS "Bytes"
%typemap(cstype) ARGUMENTS "Bytes"
%typemap(csin) ARGUMENTS "$csinput"
%typemap(in) ARGUMENTS {
    $1 = (void *)$input.data;
    $2 = $input.len;
}
%enddef
MCCACHE_CS_BYTES_IN((const void *key, size_t key_len))
MCCACHE_CS_BYTES_IN((const void *data, size_t data_len))
MCCACHE_CS_BYTES_IN((const void *data, size_t len))
MCCACHE_CS_BYTES_IN((void *buffer, size_t capacity))

%typemap(ctype) (const uint8_t **key, size_t *key_len) "mccache_cs_bytes_t *"
%typemap(imtype) (const uint8_t **key, size_t *key_len) "out Bytes"
%typemap(cstype) (const uint8_t **key, size_t *key_len) "out Bytes"
%typemap(csin) (const uint8_t **key, size_t *key_len) "out $csinput"
%typemap(in) (const uint8_t **key, size_t *key_len) (const uint8_t *data = NULL, size_t len = 0) {
    $1 = (uint8_t **)&data;
    $2 = &len;
}
%typemap(argout) (const uint8_t **key, size_t *key_len) {
    $input->data = data$argnum;
    $input->len = len$argnum;
}

// Structures that both sides lay out alike.
%define MCCACHE_CS_STRUCTURE(TYPE, NAME, CSTYPE)
%typemap(ctype) TYPE *NAME "TYPE *"
%typemap(imtype) TYPE *NAME "CSTYPE *"
%typemap(cstype) TYPE *NAME "CSTYPE *"
%typemap(csin) TYPE *NAME "$csinput"
%typemap(in) TYPE *NAME "$1 = $input;"
%enddef
MCCACHE_CS_STRUCTURE(mcc_event_t, event, RawEvent)
MCCACHE_CS_STRUCTURE(mcc_log_record_t, record, RawLogRecord)
MCCACHE_CS_STRUCTURE(mccache_cs_found_t, found, Found)
MCCACHE_CS_STRUCTURE(mcc_cbor_item_t, items, CborItem)
MCCACHE_CS_STRUCTURE(mcc_cbor_item_t, item, CborItem)
MCCACHE_CS_STRUCTURE(size_t, offset, global::System.UIntPtr)

// A handle whose object would live for one call only.
%apply void *VOID_INT_PTR { void *value_handle }

%typemap(argout, canthrow = 1) mcc_status_t *status {
    if (*$1 != MCC_OK)
        mccache_cs_fail(*$1);
}

// ---- Classes ------------------------------------------------------------------------------------------------------

// setting() answers with memory that somebody would have to free, get() with an object more.
%ignore mcc_node_t::setting;
%ignore mcc_cache_t::get;

%include "mccache.i"

%extend mcc_node_t {
    // False for a secret that is set. Else the length is written, and the text if it fits with the NUL at its end.
    bool setting_into(const char *name, void *buffer, size_t capacity, size_t *offset, mcc_status_t *status) {
        *status = mcc_node_setting($self, name, buffer, capacity, offset);
        mccache_answer(status, MCC_BUFFER_TOO_SMALL);
        return !mccache_answer(status, MCC_NOT_FOUND);
    }
}

%extend mcc_cache_t {
    // The handle of a value, which is the caller's; NULL if there is none.
    void *value_handle(const void *key, size_t key_len, mcc_status_t *status) {
        mcc_value_t *value = NULL;
        *status = mcc_get($self, key, key_len, &value);
        mccache_answer(status, MCC_NOT_FOUND);
        return value;
    }

    // What a load begins with: an MCC_LOAD_ number, or MCCACHE_CS_BUSY if another was loading for all that time. A value to
    // be served at once is told as by mccache_csharp_lookup(); any other by its handle, since the loader looks things up, too.
    int begin_load(const mcc_load_policy_t *policy, const void *key, size_t key_len, int64_t timeout_ms,
                   mccache_cs_found_t *found, mcc_status_t *status) {
        mcc_load_t load = {MCC_LOAD_FRESH, 0, {0}};
        found->value = NULL;
        found->lease = NULL;
        found->data = mccache_cs_short;
        *status = mcc_load_begin($self, policy, key, key_len, timeout_ms, &found->value, &found->lease, &load);
        if (*status == MCC_OK && (load.state == MCC_LOAD_FRESH || load.state == MCC_LOAD_PAUSED)
            && found->value->len <= MCCACHE_CS_SHORT_MAX) {
            found->len = found->value->len;
            found->codec = found->value->codec;
            memcpy(mccache_cs_short, found->value->data, found->len);
            mcc_value_free(found->value);
            found->value = NULL;
        }
        mccache_answer(status, MCC_NOT_FOUND);
        return mccache_answer(status, MCC_TIMEOUT) ? MCCACHE_CS_BUSY : (int)load.state;
    }
}

%inline %{
// Reads the heads of several items in one crossing. Fewer than the capacity: the end, or what is wrong comes with the
// next call.
size_t cbor_read(const void *data, size_t len, size_t *offset, mcc_cbor_item_t *items, size_t capacity,
                 mcc_status_t *status) {
    size_t count = 0;
    while (count < capacity && *status == MCC_OK) {
        *status = mcc_cbor_read(data, len, offset, &items[count]);
        count += *status == MCC_OK;
    }
    if (count > 0 || *status == MCC_END)
        *status = MCC_OK;
    return count;
}

// False if there is no room: then the offset is what is needed.
bool cbor_write(void *buffer, size_t capacity, size_t *offset, mcc_cbor_item_t *item, mcc_status_t *status) {
    *status = mcc_cbor_write(buffer, capacity, offset, item);
    return !mccache_answer(status, MCC_BUFFER_TOO_SMALL);
}
%}
