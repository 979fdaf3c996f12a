// Java: the proxies' ownership, the typemaps of mccache.i, and by hand the calls that are hot.
//
// Every class here is package-private and named Native...: what users see is bindings/java's facade. Text crosses as
// UTF-8 in byte arrays, because JNI's own strings are modified UTF-8. The library never calls Java from a thread of its
// own, so none is ever attached: events wait in a queue for a thread that Java owns.

%module(jniclassname="NativeCalls") Native

// The facade has classes of the names that mccache.i gives.
#define Config NativeConfig
#define Node NativeNode
#define Cache NativeCache
#define Value NativeValue
#define Iter NativeIter
#define Keys NativeKeys
#define Lease NativeLease
#define Events NativeEvents
#define Logs NativeLogs
#define LoadPolicy NativeLoadPolicy
#define Invalidation NativeInvalidation
#define Members NativeMembers
#define Member NativeMember
#define Counters NativeCounters
#define ClusterMetrics NativeClusterMetrics
#define Checksums NativeChecksums
#define Checksum NativeChecksum
// These come as arrays, or not at all.
#define CacheStats $ignore
#define Metadata $ignore
#define Token $ignore

%{
#include <limits.h>
#include <string.h>
#include <mccache.h>

// What C calls in Java: looked up once, by HotCalls.bind().
static struct {
    jclass failure;
    jmethodID failure_of;
    jmethodID event_set;
    jmethodID log_set;
} mccache_java;

// ---- Bytes --------------------------------------------------------------------------------------------------------

// Bytes of a Java array, copied: short ones to the C stack.
typedef struct {
    const void *data;
    size_t len;
    void *allocated;
    uint8_t near[256];
} mccache_java_bytes_t;

static void mccache_java_out_of_memory(JNIEnv *env) {
    jclass error = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
    if (error)
        (*env)->ThrowNew(env, error, "no native memory for a copy of an array");
}

// False with an exception pending. The facade passes no null.
static bool mccache_java_take(JNIEnv *env, jbyteArray array, mccache_java_bytes_t *bytes) {
    jsize len = (*env)->GetArrayLength(env, array);
    void *into = bytes->near;
    bytes->allocated = NULL;
    if ((size_t)len > sizeof bytes->near) {
        into = bytes->allocated = malloc((size_t)len);
        if (!into) {
            mccache_java_out_of_memory(env);
            return false;
        }
    }
    (*env)->GetByteArrayRegion(env, array, 0, len, into);
    bytes->data = into;
    bytes->len = (size_t)len;
    return true;
}

static void mccache_java_done(mccache_java_bytes_t *bytes) {
    free(bytes->allocated);
}

// NULL with an exception pending where there is no memory.
static jbyteArray mccache_java_array(JNIEnv *env, const void *data, size_t len) {
    jbyteArray array;
    if (len > INT_MAX) {
        mccache_java_out_of_memory(env);
        return NULL;
    }
    array = (*env)->NewByteArray(env, (jsize)len);
    if (array)
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)len, data);
    return array;
}

static jbyteArray mccache_java_text(JNIEnv *env, const char *text) {
    return text ? mccache_java_array(env, text, strlen(text)) : NULL;
}

static jlongArray mccache_java_longs(JNIEnv *env, const jlong *fields, jsize count) {
    jlongArray array = (*env)->NewLongArray(env, count);
    if (array)
        (*env)->SetLongArrayRegion(env, array, 0, count, fields);
    return array;
}

// ---- Failures and events ------------------------------------------------------------------------------------------

// Leaves the exception of a status pending, unless there is one already.
static void mccache_java_raise(JNIEnv *env, mcc_status_t status) {
    jbyteArray text;
    jobject failure;
    if ((*env)->ExceptionCheck(env))
        return;
    if (status == MCCACHE_NO_MEMORY) {
        jclass error = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
        if (error)
            (*env)->ThrowNew(env, error, "no memory for an answer of mccache");
        return;
    }
    text = mccache_java_text(env, status == MCC_NOT_FOUND ? mcc_strerror(status) : mcc_last_error());
    if (!text)
        return;
    failure = (*env)->CallStaticObjectMethod(env, mccache_java.failure, mccache_java.failure_of, (jint)status, text);
    if ((*env)->ExceptionCheck(env) || !failure)
        return;
    (*env)->Throw(env, failure);
}

static void mccache_java_event(JNIEnv *env, jobject slot, const mcc_event_t *event) {
    jbyteArray cache = mccache_java_text(env, event->cache);
    jbyteArray key = cache ? mccache_java_array(env, event->key, event->key_len) : NULL;
    jbyteArray member = key ? mccache_java_text(env, event->member) : NULL;
    if (member)
        (*env)->CallVoidMethod(env, slot, mccache_java.event_set, (jint)event->kind, (jboolean)event->local, cache, key, member,
                               (jlong)event->version_clock, (jlong)event->version_origin, (jlong)event->dropped);
}

static void mccache_java_log(JNIEnv *env, jobject slot, const mcc_log_record_t *record) {
    jbyteArray target = mccache_java_text(env, record->target);
    jbyteArray message = target ? mccache_java_text(env, record->message) : NULL;
    if (message)
        (*env)->CallVoidMethod(env, slot, mccache_java.log_set, (jint)record->level, (jlong)record->time_ms, target, message,
                               (jlong)record->dropped);
}

// ---- Hot calls ----------------------------------------------------------------------------------------------------
//
// Short keys and values cross in a block of native memory that each Java thread has (Scratch.java): no JNI function is
// called at all. `self` keeps the proxy, and so the handle, alive during the call.

// Where the value begins in a block; what fits before is the key. Scratch.java has the same numbers.
#define MCCACHE_JAVA_KEY_MAX 256
#define MCCACHE_JAVA_VALUE_MAX 2048
// Answers of getInto() that are no value.
#define MCCACHE_JAVA_ABSENT (-1)
#define MCCACHE_JAVA_LONG (-2)
#define MCCACHE_JAVA_RAISED (-3)

#define MCCACHE_JAVA_CACHE(cache) ((mcc_cache_t *)(intptr_t)(cache))
#define MCCACHE_JAVA_HOT(type, name) JNIEXPORT type JNICALL Java_io_github_mccache_HotCalls_##name

MCCACHE_JAVA_HOT(void, bind)(JNIEnv *env, jclass self) {
    jclass failure = (*env)->FindClass(env, "io/github/mccache/MccacheException");
    jclass slot = failure ? (*env)->FindClass(env, "io/github/mccache/EventSlot") : NULL;
    jclass log = slot ? (*env)->FindClass(env, "io/github/mccache/LogSlot") : NULL;
    (void)self;
    if (!log)
        return;
    mccache_java.failure_of =
        (*env)->GetStaticMethodID(env, failure, "of", "(I[B)Lio/github/mccache/MccacheException;");
    if (!mccache_java.failure_of)
        return;
    mccache_java.event_set = (*env)->GetMethodID(env, slot, "set", "(IZ[B[B[BJJJ)V");
    mccache_java.log_set = mccache_java.event_set ? (*env)->GetMethodID(env, log, "set", "(IJ[B[BJ)V") : NULL;
    if (mccache_java.log_set)
        mccache_java.failure = (*env)->NewGlobalRef(env, failure);
}

MCCACHE_JAVA_HOT(jlong, address)(JNIEnv *env, jclass type, jobject buffer) {
    (void)type;
    return (jlong)(intptr_t)(*env)->GetDirectBufferAddress(env, buffer);
}

// The value's length times 256 plus its codec, or one of the answers above.
MCCACHE_JAVA_HOT(jlong, getInto)(JNIEnv *env, jclass type, jobject self, jlong cache, jlong block, jint key_len) {
    uint8_t *key = (uint8_t *)(intptr_t)block;
    size_t len;
    uint8_t codec;
    mcc_status_t status = mcc_get_into(MCCACHE_JAVA_CACHE(cache), key, (size_t)key_len, key + MCCACHE_JAVA_KEY_MAX,
                                       MCCACHE_JAVA_VALUE_MAX, &len, &codec);
    (void)type, (void)self;
    if (status == MCC_OK)
        return (jlong)len << 8 | codec;
    if (status == MCC_NOT_FOUND)
        return MCCACHE_JAVA_ABSENT;
    if (status == MCC_BUFFER_TOO_SMALL)
        return MCCACHE_JAVA_LONG;
    mccache_java_raise(env, status);
    return MCCACHE_JAVA_RAISED;
}

static jbyteArray mccache_java_value(JNIEnv *env, mcc_status_t status, mcc_value_t *value, jbyteArray codec) {
    jbyteArray array = NULL;
    if (status == MCC_OK) {
        array = mccache_java_array(env, value->data, value->len);
        if (array)
            (*env)->SetByteArrayRegion(env, codec, 0, 1, (const jbyte *)&value->codec);
        mcc_value_free(value);
    } else if (status != MCC_NOT_FOUND) {
        mccache_java_raise(env, status);
    }
    return array;
}

// Values and keys of any length; null if there is none. The codec is written into an array of one.
MCCACHE_JAVA_HOT(jbyteArray, get)(JNIEnv *env, jclass type, jobject self, jlong cache, jbyteArray key, jbyteArray codec) {
    mccache_java_bytes_t bytes;
    mcc_value_t *value = NULL;
    mcc_status_t status;
    (void)type, (void)self;
    if (!mccache_java_take(env, key, &bytes))
        return NULL;
    status = mcc_get(MCCACHE_JAVA_CACHE(cache), bytes.data, bytes.len, &value);
    mccache_java_done(&bytes);
    return mccache_java_value(env, status, value, codec);
}

MCCACHE_JAVA_HOT(jbyteArray, take)(JNIEnv *env, jclass type, jobject self, jlong cache, jbyteArray key, jbyteArray codec) {
    mccache_java_bytes_t bytes;
    mcc_value_t *value = NULL;
    mcc_status_t status;
    (void)type, (void)self;
    if (!mccache_java_take(env, key, &bytes))
        return NULL;
    status = mcc_take(MCCACHE_JAVA_CACHE(cache), bytes.data, bytes.len, &value);
    mccache_java_done(&bytes);
    return mccache_java_value(env, status, value, codec);
}

// The bytes themselves, and their value into an array of one: it must outlive every buffer of them. Null if there is none.
MCCACHE_JAVA_HOT(jobject, view)(JNIEnv *env, jclass type, jobject self, jlong cache, jbyteArray key, jlongArray owner) {
    mccache_java_bytes_t bytes;
    mcc_value_t *value = NULL;
    mcc_status_t status;
    jobject buffer = NULL;
    (void)type, (void)self;
    if (!mccache_java_take(env, key, &bytes))
        return NULL;
    status = mcc_get(MCCACHE_JAVA_CACHE(cache), bytes.data, bytes.len, &value);
    mccache_java_done(&bytes);
    if (status == MCC_OK) {
        jlong pointer = (jlong)(intptr_t)value;
        buffer = (*env)->NewDirectByteBuffer(env, (void *)value->data, (jlong)value->len);
        if (buffer)
            (*env)->SetLongArrayRegion(env, owner, 0, 1, &pointer);
        else
            mcc_value_free(value);
    } else if (status != MCC_NOT_FOUND) {
        mccache_java_raise(env, status);
    }
    return buffer;
}

// What a load begins with: see Loading.java, which has the same number.
#define MCCACHE_JAVA_BUSY (-1)

// The value as get() has it, live or expired; and what was found and the lease, or 0, in an array of two.
MCCACHE_JAVA_HOT(jbyteArray, beginLoad)(JNIEnv *env, jclass type, jobject self, jlong cache, jobject policy, jlong rules,
                                        jbyteArray key, jlong timeout_ms, jbyteArray codec, jlongArray answer) {
    mccache_java_bytes_t bytes;
    mcc_value_t *value = NULL;
    mcc_lease_t *lease = NULL;
    mcc_load_t load = {MCC_LOAD_FRESH, 0, {0}};
    mcc_status_t status;
    jbyteArray array;
    jlong told[2];
    (void)type, (void)self, (void)policy;
    if (!mccache_java_take(env, key, &bytes))
        return NULL;
    status = mcc_load_begin(MCCACHE_JAVA_CACHE(cache), (const mcc_load_policy_t *)(intptr_t)rules, bytes.data, bytes.len,
                            timeout_ms, &value, &lease, &load);
    mccache_java_done(&bytes);
    if (status != MCC_OK && status != MCC_NOT_FOUND && status != MCC_TIMEOUT) {
        mccache_java_raise(env, status);
        return NULL;
    }
    array = value ? mccache_java_value(env, MCC_OK, value, codec) : NULL;
    told[0] = status == MCC_TIMEOUT ? MCCACHE_JAVA_BUSY : (jlong)load.state;
    told[1] = (jlong)(intptr_t)lease;
    // Where there was no memory for the value nobody gets the lease.
    if ((*env)->ExceptionCheck(env))
        mcc_lease_free(lease);
    else
        (*env)->SetLongArrayRegion(env, answer, 0, 2, told);
    return array;
}

// Key and value are in the block.
MCCACHE_JAVA_HOT(void, putFrom)(JNIEnv *env, jclass type, jobject self, jlong cache, jlong block, jint key_len, jint len,
                                jint codec, jlong ttl_ms) {
    uint8_t *key = (uint8_t *)(intptr_t)block;
    mcc_status_t status = mcc_put_as(MCCACHE_JAVA_CACHE(cache), key, (size_t)key_len, key + MCCACHE_JAVA_KEY_MAX, (size_t)len,
                                     (uint8_t)codec, ttl_ms);
    (void)type, (void)self;
    if (status != MCC_OK)
        mccache_java_raise(env, status);
}

// The value's bytes are read where Java has them, and copied once, into the cache: the core blocks on nothing that
// waits for Java, and takes a few microseconds for 64 KiB, so the collector may wait that long.
MCCACHE_JAVA_HOT(void, put)(JNIEnv *env, jclass type, jobject self, jlong cache, jbyteArray key, jbyteArray value,
                            jint codec, jlong ttl_ms) {
    mccache_java_bytes_t bytes;
    jsize len = (*env)->GetArrayLength(env, value);
    void *data;
    mcc_status_t status;
    (void)type, (void)self;
    if (!mccache_java_take(env, key, &bytes))
        return;
    data = (*env)->GetPrimitiveArrayCritical(env, value, NULL);
    if (!data) {
        mccache_java_done(&bytes);
        return;
    }
    status = mcc_put_as(MCCACHE_JAVA_CACHE(cache), bytes.data, bytes.len, data, (size_t)len, (uint8_t)codec, ttl_ms);
    (*env)->ReleasePrimitiveArrayCritical(env, value, data, JNI_ABORT);
    mccache_java_done(&bytes);
    if (status != MCC_OK)
        mccache_java_raise(env, status);
}
%}

// ---- Ownership ----------------------------------------------------------------------------------------------------

// SWIG's finalize() would free on whatever thread, and after a resurrection: a Cleaner that knows the pointer alone
// does it once. delete() is for what no other thread can see.
%typemap(javabody) SWIGTYPE %{
  final long swigCPtr;
  private final java.lang.ref.Cleaner.Cleanable freeing;

  $javaclassname(long pointer, boolean owned) {
    this.swigCPtr = pointer;
    this.freeing = owned ? NativeLibrary.CLEANER.register(this, () -> NativeCalls.delete_$javaclassname(pointer)) : null;
  }

  static long getCPtr($javaclassname object) {
    return object == null ? 0 : object.swigCPtr;
  }
%}

// A member belongs to its list.
%typemap(javabody) mcc_member_t %{
  final long swigCPtr;

  $javaclassname(long pointer, boolean owned) {
    this.swigCPtr = pointer;
  }

  static long getCPtr($javaclassname object) {
    return object == null ? 0 : object.swigCPtr;
  }
%}

%typemap(javafinalize) SWIGTYPE ""
%typemap(javadestruct, methodname="delete", methodmodifiers="", parameters="") SWIGTYPE {
    if (freeing != null) {
      freeing.clean();
    }
  }
%typemap(javadestruct, methodname="delete", methodmodifiers="", parameters="") mcc_member_t ""
%typemap(javaclassmodifiers) SWIGTYPE "final class"
%pragma(java) moduleclassmodifiers="final class"
%pragma(java) jniclassclassmodifiers="final class"

// ---- Typemaps -----------------------------------------------------------------------------------------------------

%typemap(jni) (const void *key, size_t key_len), (const void *data, size_t data_len) "jbyteArray"
%typemap(jtype) (const void *key, size_t key_len), (const void *data, size_t data_len) "byte[]"
%typemap(jstype) (const void *key, size_t key_len), (const void *data, size_t data_len) "byte[]"
%typemap(javain) (const void *key, size_t key_len), (const void *data, size_t data_len) "$javainput"
%typemap(in) (const void *key, size_t key_len) (mccache_java_bytes_t bytes), (const void *data, size_t data_len) (mccache_java_bytes_t bytes) {
    if (!mccache_java_take(jenv, $input, &bytes))
        return $null;
    $1 = (void *)bytes.data;
    $2 = bytes.len;
}
%typemap(freearg) (const void *key, size_t key_len), (const void *data, size_t data_len) "mccache_java_done(&bytes$argnum);"

// Text of Java comes with a zero byte at its end, and with none inside: Text.terminated() refuses that.
%typemap(jni) const char *, char * "jbyteArray"
%typemap(jtype) const char *, char * "byte[]"
%typemap(jstype) const char *, char * "String"
%typemap(javain) const char * "Text.terminated($javainput)"
%typemap(javaout) const char *, char * {
    return Text.ofOrNull($jnicall);
  }
%typemap(in) const char * (mccache_java_bytes_t bytes) {
    if (!mccache_java_take(jenv, $input, &bytes))
        return $null;
    $1 = (char *)bytes.data;
}
%typemap(freearg) const char * "mccache_java_done(&bytes$argnum);"
%typemap(out) const char *, char * "$result = mccache_java_text(jenv, $1);"
%typemap(newfree) char * "free($1);"

// Sums and origins are 64 bits to compare and print, not numbers to count with.
%apply long long { uint64_t };

// A key, into an array of one.
%typemap(jni) (const uint8_t **key, size_t *key_len) "jobjectArray"
%typemap(jtype) (const uint8_t **key, size_t *key_len) "byte[][]"
%typemap(jstype) (const uint8_t **key, size_t *key_len) "byte[][]"
%typemap(javain) (const uint8_t **key, size_t *key_len) "$javainput"
%typemap(in) (const uint8_t **key, size_t *key_len) (const uint8_t *key = NULL, size_t key_len = 0) {
    $1 = (uint8_t **)&key;
    $2 = &key_len;
}
%typemap(argout) (const uint8_t **key, size_t *key_len) {
    if (*$1) {
        jbyteArray bytes = mccache_java_array(jenv, *$1, *$2);
        if (bytes)
            (*jenv)->SetObjectArrayElement(jenv, $input, 0, bytes);
    }
}

%typemap(jni) mcc_event_t *event "jobject"
%typemap(jtype) mcc_event_t *event "EventSlot"
%typemap(jstype) mcc_event_t *event "EventSlot"
%typemap(javain) mcc_event_t *event "$javainput"
%typemap(in) mcc_event_t *event (mcc_event_t event) "$1 = &event;"
%typemap(argout) mcc_event_t *event {
    if (result)
        mccache_java_event(jenv, $input, $1);
}

%typemap(jni) mcc_log_record_t *record "jobject"
%typemap(jtype) mcc_log_record_t *record "LogSlot"
%typemap(jstype) mcc_log_record_t *record "LogSlot"
%typemap(javain) mcc_log_record_t *record "$javainput"
%typemap(in) mcc_log_record_t *record (mcc_log_record_t record) "$1 = &record;"
%typemap(argout) mcc_log_record_t *record {
    if (result)
        mccache_java_log(jenv, $input, $1);
}

// Nothing follows but frees: the exception is thrown when the call returns.
%typemap(argout) mcc_status_t *status {
    if (*$1 != MCC_OK)
        mccache_java_raise(jenv, *$1);
}

%typemap(in, numinputs = 0) JNIEnv *jenv "$1 = jenv;"

// ---- Classes ------------------------------------------------------------------------------------------------------

// Java would ask the library for each of its numbers, in a public class: the facade has those that it needs.
%rename("$ignore", %$isconstant) "";

// Replaced by hot calls, and by the fields in one array below.
%ignore mcc_cache_t::get;
%ignore mcc_cache_t::take;
%ignore mcc_cache_t::put;
%ignore mcc_cache_t::metadata;
%ignore mcc_cache_t::stats;
%ignore mcc_cache_t::checksum;
%ignore mcc_cache_t::put_token;
%ignore mcc_cache_t::remove_token;

%include "mccache.i"

%extend mcc_cache_t {
    // In the structure's order; nothing if the key has no value.
    jlongArray metadata_fields(JNIEnv *jenv, const void *key, size_t key_len, mcc_status_t *status) {
        mcc_metadata_t known = {0};
        *status = mcc_metadata($self, key, key_len, &known);
        if (*status != MCC_OK) {
            mccache_answer(status, MCC_NOT_FOUND);
            return NULL;
        }
        jlong fields[] = {known.written_ms, known.age_ms, known.ttl_remaining_ms, known.size, known.weight,
                          known.version_clock, (jlong)known.version_origin, known.codec};
        return mccache_java_longs(jenv, fields, sizeof fields / sizeof *fields);
    }

    // In the structure's order.
    jlongArray put_token_fields(JNIEnv *jenv, const void *key, size_t key_len, const void *data, size_t data_len,
                                uint8_t codec, int64_t ttl_ms, mcc_status_t *status) {
        mcc_token_t token = {0};
        *status = mcc_put_token($self, key, key_len, data, data_len, codec, ttl_ms, &token);
        if (*status != MCC_OK)
            return NULL;
        jlong fields[] = {token.version_clock, (jlong)token.version_origin, token.position};
        return mccache_java_longs(jenv, fields, sizeof fields / sizeof *fields);
    }

    // In the structure's order, whether or not there was a value.
    jlongArray remove_token_fields(JNIEnv *jenv, const void *key, size_t key_len, mcc_status_t *status) {
        mcc_token_t token = {0};
        *status = mcc_del_token($self, key, key_len, &token);
        if (*status != MCC_OK && !mccache_answer(status, MCC_NOT_FOUND))
            return NULL;
        jlong fields[] = {token.version_clock, (jlong)token.version_origin, token.position};
        return mccache_java_longs(jenv, fields, sizeof fields / sizeof *fields);
    }

    // In the structure's order.
    jlongArray stats_fields(JNIEnv *jenv, mcc_status_t *status) {
        mcc_cache_stats_t stats = {0};
        *status = mcc_cache_stats($self, &stats);
        if (*status != MCC_OK)
            return NULL;
        jlong fields[] = {stats.entries, stats.bytes, stats.tombstones, stats.hits, stats.misses,
                          stats.evictions, stats.expirations, stats.puts, stats.deletes};
        return mccache_java_longs(jenv, fields, sizeof fields / sizeof *fields);
    }

    // The sum and the entries in it.
    jlongArray checksum_fields(JNIEnv *jenv, mcc_status_t *status) {
        uint64_t sum = 0;
        int64_t entries = 0;
        *status = mcc_checksum($self, &sum, &entries);
        if (*status != MCC_OK)
            return NULL;
        jlong fields[] = {(jlong)sum, entries};
        return mccache_java_longs(jenv, fields, sizeof fields / sizeof *fields);
    }
}

%extend mcc_value_t {
    // A copy of the bytes.
    jbyteArray bytes(JNIEnv *jenv) {
        return mccache_java_array(jenv, $self->data, $self->len);
    }
}
