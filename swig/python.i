// Python's own part: the extension module `mccache._mccache`, in C mode with -builtin.
//
// Four things live here: the typemaps that mccache.i asks for; how a Python object becomes a key or a value and back;
// the slots of `Cache` that must be fast (`c[k]`, `c[k] = v`, `del c[k]`, `k in c`, `len(c)`, iteration, `get`); and the
// ties to the facade (`_bind`), which knows the exception classes, CBOR and pickle. What a user reads lives in the facade.
//
// Invariant: nothing here waits while it holds the GIL. The few methods that wait release it (%thread); all others are
// so short that releasing it would cost more than the call.

// SWIG puts an underscore before the name: `_mccache`.
%module(package = "mccache") mccache

%begin %{
#define PY_SSIZE_T_CLEAN
%}

%{
#include <stdbool.h>
#include <string.h>
#include <mccache.h>

// ---- Ties to the facade -------------------------------------------------------------------------------------------

// Exception classes by status. Set by _bind, before any object can exist.
#define MCCACHE_PY_STATUSES 16
static PyObject *mccache_py_errors[MCCACHE_PY_STATUSES];
static PyObject *mccache_py_codec_error;
static PyObject *mccache_py_dumps;
static PyObject *mccache_py_loads;
static PyObject *mccache_py_pickle_dumps;
static PyObject *mccache_py_pickle_loads;
static PyObject *mccache_py_resume;

// Set in a forked child that has threads to start again; the first call that uses a cache does it. A child that only
// calls exec() or _exit() thus starts nothing.
static int mccache_py_pending;

// _bind(errors: dict[int, type], codec_error, dumps, loads, pickle_dumps, pickle_loads, resume)
static PyObject *mccache_py_bind(PyObject *self, PyObject *args) {
    PyObject **places[] = {&mccache_py_codec_error, &mccache_py_dumps, &mccache_py_loads, &mccache_py_pickle_dumps,
                           &mccache_py_pickle_loads, &mccache_py_resume};
    PyObject *given[6], *errors, *status, *error;
    Py_ssize_t at = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!OOOOOO:_bind", &PyDict_Type, &errors, &given[0], &given[1], &given[2], &given[3],
                          &given[4], &given[5]))
        return NULL;
    while (PyDict_Next(errors, &at, &status, &error)) {
        long number = PyLong_AsLong(status);
        if (number == -1 && PyErr_Occurred())
            return NULL;
        if (number < 0 || number >= MCCACHE_PY_STATUSES)
            return PyErr_Format(PyExc_ValueError, "no status %ld", number);
        Py_INCREF(error);
        Py_XSETREF(mccache_py_errors[number], error);
    }
    for (size_t each = 0; each < sizeof given / sizeof *given; each++) {
        Py_INCREF(given[each]);
        Py_XSETREF(*places[each], given[each]);
    }
    Py_RETURN_NONE;
}

// _set_pending(): the next use of any cache calls resume() first.
static PyObject *mccache_py_set_pending(PyObject *self, PyObject *args) {
    (void)self;
    if (!PyArg_ParseTuple(args, ":_set_pending"))
        return NULL;
    mccache_py_pending = 1;
    Py_RETURN_NONE;
}

static int mccache_py_do_pending(void) {
    PyObject *done;
    mccache_py_pending = 0;
    if (!mccache_py_resume)
        return 0;
    done = PyObject_CallObject(mccache_py_resume, NULL);
    if (!done)
        return -1;
    Py_DECREF(done);
    return 0;
}

static inline int mccache_py_ready(void) {
    return mccache_py_pending ? mccache_py_do_pending() : 0;
}

// Py_NewRef came with Python 3.10.
static inline PyObject *mccache_py_new_ref(PyObject *object) {
    Py_INCREF(object);
    return object;
}

static void mccache_py_raise(mcc_status_t status) {
    PyObject *error = status >= 0 && status < MCCACHE_PY_STATUSES ? mccache_py_errors[status] : NULL;
    // Answers leave mcc_last_error() as it was: it would tell of another call.
    bool answer = status == MCC_NOT_FOUND || status == MCC_EXISTS || status == MCC_END;
    const char *message = answer ? "" : mcc_last_error();
    if (status == MCCACHE_NO_MEMORY)
        PyErr_NoMemory();
    else
        PyErr_SetString(error ? error : PyExc_RuntimeError, *message ? message : mcc_strerror(status));
}

// What a call on a key answered: a missing key is a KeyError with that key, as in a dict.
static void mccache_py_raise_for(mcc_status_t status, PyObject *key) {
    if (status == MCC_NOT_FOUND)
        PyErr_SetObject(PyExc_KeyError, key);
    else
        mccache_py_raise(status);
}

// ---- Keys ---------------------------------------------------------------------------------------------------------

typedef struct {
    const char *data;
    Py_ssize_t len;
} mccache_py_key_t;

static int mccache_py_bad_key(PyObject *object) {
    PyErr_Format(PyExc_TypeError, "keys are str or bytes, not %.200s: make one, such as str(key) or ':'.join(...)",
                 Py_TYPE(object)->tp_name);
    return -1;
}

// Borrows the bytes of a key for as long as the caller holds the object.
static inline int mccache_py_key(PyObject *object, mccache_py_key_t *key) {
    if (mccache_py_ready() < 0)
        return -1;
    if (PyUnicode_Check(object)) {
        if (PyUnicode_IS_COMPACT_ASCII(object)) {
            key->data = (const char *)PyUnicode_DATA(object);
            key->len = PyUnicode_GET_LENGTH(object);
            return 0;
        }
        key->data = PyUnicode_AsUTF8AndSize(object, &key->len);
        return key->data ? 0 : -1;
    }
    if (PyBytes_Check(object)) {
        key->data = PyBytes_AS_STRING(object);
        key->len = PyBytes_GET_SIZE(object);
        return 0;
    }
    return mccache_py_bad_key(object);
}

// Text where the bytes are UTF-8, else bytes: in either form the key finds its entry again.
static PyObject *mccache_py_key_object(const uint8_t *data, size_t len) {
    PyObject *text = PyUnicode_DecodeUTF8((const char *)data, (Py_ssize_t)len, NULL);
    if (text || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return text;
    PyErr_Clear();
    return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
}

// ---- Values: to bytes ---------------------------------------------------------------------------------------------

typedef struct {
    const void *data;
    Py_ssize_t len;
    uint8_t codec;
    PyObject *owner;     // holds the bytes, or NULL
    Py_buffer view;      // holds them if view.obj is set
    uint8_t scalar[16];  // holds them if they are one of CBOR's short items: a head of 1 byte and up to 8 more
} mccache_py_value_t;

static void mccache_py_value_done(mccache_py_value_t *value) {
    Py_CLEAR(value->owner);
    if (value->view.obj)
        PyBuffer_Release(&value->view);
}

static void mccache_py_value_bytes(mccache_py_value_t *value, const void *data, Py_ssize_t len, uint8_t codec) {
    value->data = data;
    value->len = len;
    value->codec = codec;
}

// One CBOR head (RFC 8949, section 3): the major type in 3 bits, then the shortest form of the number, big-endian.
static void mccache_py_cbor_head(mccache_py_value_t *value, unsigned major, uint64_t number) {
    uint8_t *at = value->scalar;
    int width = number < 24 ? 0 : number <= 0xff ? 1 : number <= 0xffff ? 2 : number <= 0xffffffff ? 4 : 8;
    int info = width == 0 ? (int)number : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
    *at++ = (uint8_t)(major << 5 | (unsigned)info);
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(number >> shift);
    mccache_py_value_bytes(value, value->scalar, at - value->scalar, MCC_CODEC_CBOR);
}

static void mccache_py_cbor_simple(mccache_py_value_t *value, uint8_t item) {
    value->scalar[0] = item;
    mccache_py_value_bytes(value, value->scalar, 1, MCC_CODEC_CBOR);
}

#define MCCACHE_PY_DOUBLE_LEN 9

static void mccache_py_cbor_put_double(uint8_t *into, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    into[0] = 0xfb;
    for (int at = 0; at < 8; at++)
        into[1 + at] = (uint8_t)(bits >> (56 - 8 * at));
}

static void mccache_py_cbor_double(mccache_py_value_t *value, double number) {
    mccache_py_cbor_put_double(value->scalar, number);
    mccache_py_value_bytes(value, value->scalar, MCCACHE_PY_DOUBLE_LEN, MCC_CODEC_CBOR);
}

// Copies items, floating-point numbers of 16 and 32 bits as 64, and tells how many bytes that takes; where `into` is NULL
// it only tells. 0 if there is something that is no item.
static size_t mccache_py_cbor_widen(const uint8_t *data, size_t len, uint8_t *into) {
    size_t offset = 0, written = 0;
    while (offset < len) {
        size_t from = offset;
        mcc_cbor_item_t item;
        if (mcc_cbor_read(data, len, &offset, &item) != MCC_OK)
            return 0;
        if (item.kind == MCC_CBOR_FLOAT) {
            if (into)
                mccache_py_cbor_put_double(into + written, item.real);
            written += MCCACHE_PY_DOUBLE_LEN;
        } else {
            if (into)
                memcpy(into + written, data + from, offset - from);
            written += offset - from;
        }
    }
    return written;
}

// All languages write the same bytes for the same value, and floating-point numbers in 64 bits: cbor2 writes NaN and the
// infinities in 16. Takes the bytes, and returns them or others in their place.
static PyObject *mccache_py_wide_floats(PyObject *bytes) {
    const uint8_t *data = (const uint8_t *)PyBytes_AS_STRING(bytes);
    size_t len = (size_t)PyBytes_GET_SIZE(bytes), wide_len;
    PyObject *wide;
    if (!memchr(data, 0xf9, len) && !memchr(data, 0xfa, len))
        return bytes;
    wide_len = mccache_py_cbor_widen(data, len, NULL);
    if (wide_len <= len)
        return bytes;
    wide = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)wide_len);
    if (wide)
        mccache_py_cbor_widen(data, len, (uint8_t *)PyBytes_AS_STRING(wide));
    Py_DECREF(bytes);
    return wide;
}

// Containers within containers: what every binding's decoder reads (ciborium stops at 256, cbor2 at 400). It is checked
// here because cbor2 6.2's encoder knows no limit and overflows the C stack.
#define MCCACHE_PY_DEPTH_MAX 200

static int mccache_py_depth(PyObject *object, int depth);

static int mccache_py_depth_of_items(PyObject *container, int depth) {
    PyObject *item, *items = PyObject_GetIter(container);
    int result = items ? 0 : -1;
    while (result == 0 && (item = PyIter_Next(items)) != NULL) {
        result = mccache_py_depth(item, depth);
        Py_DECREF(item);
    }
    Py_XDECREF(items);
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}

static int mccache_py_depth_of_entries(PyObject *dict, int depth) {
    PyObject *key, *item;
    Py_ssize_t at = 0;
    int result = 0;
    while (result == 0 && PyDict_Next(dict, &at, &key, &item)) {
        // Held, since a container of a class of one's own may run code that changes the dict.
        Py_INCREF(key);
        Py_INCREF(item);
        if (mccache_py_depth(key, depth) < 0 || mccache_py_depth(item, depth) < 0)
            result = -1;
        Py_DECREF(key);
        Py_DECREF(item);
    }
    return result;
}

// -1 and an exception if the object is nested too deeply, as one that contains itself is.
static int mccache_py_depth(PyObject *object, int depth) {
    bool dict = PyDict_Check(object);
    if (!dict && !PyList_Check(object) && !PyTuple_Check(object) && !PyAnySet_Check(object) &&
        strcmp(Py_TYPE(object)->tp_name, "collections.deque") != 0)
        return 0;
    if (depth == MCCACHE_PY_DEPTH_MAX) {
        PyErr_Format(mccache_py_codec_error, "a value cannot be stored: its containers are nested deeper than %d, or it "
                     "contains itself", MCCACHE_PY_DEPTH_MAX);
        return -1;
    }
    return dict ? mccache_py_depth_of_entries(object, depth + 1) : mccache_py_depth_of_items(object, depth + 1);
}

// Whether the cache was opened with native=True: pickles are written, and read, in no other.
static bool mccache_py_pickles(PyObject *cache) {
    PyObject *flag = PyObject_GetAttrString(cache, "_pickles");
    bool pickles = flag == Py_True;
    Py_XDECREF(flag);
    // One that was never initialized has no such attribute.
    PyErr_Clear();
    return pickles;
}

// What is no scalar: CBOR, or else, where the cache has it, pickle.
static int mccache_py_any_object(PyObject *cache, PyObject *object, mccache_py_value_t *value) {
    bool pickles = mccache_py_pickles(cache);
    uint8_t codec = MCC_CODEC_CBOR;
    PyObject *bytes = NULL;
    if (mccache_py_depth(object, 0) == 0)
        bytes = PyObject_CallFunctionObjArgs(mccache_py_dumps, object, NULL);
    if (!bytes && pickles && (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(mccache_py_codec_error))) {
        PyErr_Clear();
        codec = MCC_CODEC_PICKLE;
        bytes = PyObject_CallFunctionObjArgs(mccache_py_pickle_dumps, object, NULL);
    }
    if (!bytes)
        return -1;
    if (!PyBytes_Check(bytes)) {
        Py_DECREF(bytes);
        PyErr_SetString(PyExc_TypeError, "the encoder did not return bytes");
        return -1;
    }
    if (codec == MCC_CODEC_CBOR && !(bytes = mccache_py_wide_floats(bytes)))
        return -1;
    value->owner = bytes;
    mccache_py_value_bytes(value, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes), codec);
    return 0;
}

static int mccache_py_buffer(PyObject *object, mccache_py_value_t *value) {
    if (PyMemoryView_Check(object) && !PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(object), 'C')) {
        value->owner = PyBytes_FromObject(object);
        if (!value->owner)
            return -1;
        mccache_py_value_bytes(value, PyBytes_AS_STRING(value->owner), PyBytes_GET_SIZE(value->owner), MCC_CODEC_RAW);
        return 0;
    }
    if (PyObject_GetBuffer(object, &value->view, PyBUF_SIMPLE) < 0)
        return -1;
    mccache_py_value_bytes(value, value->view.buf, value->view.len, MCC_CODEC_RAW);
    return 0;
}

static int mccache_py_scalar_or_object(PyObject *cache, PyObject *object, mccache_py_value_t *value) {
    if (object == Py_None || object == Py_True || object == Py_False) {
        mccache_py_cbor_simple(value, object == Py_None ? 0xf6 : object == Py_True ? 0xf5 : 0xf4);
        return 0;
    }
    if (PyFloat_CheckExact(object)) {
        mccache_py_cbor_double(value, PyFloat_AS_DOUBLE(object));
        return 0;
    }
    if (PyLong_CheckExact(object)) {
        int overflow = 0;
        long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
        if (!overflow) {
            if (number == -1 && PyErr_Occurred())
                return -1;
            mccache_py_cbor_head(value, number < 0 ? 1 : 0, number < 0 ? ~(uint64_t)number : (uint64_t)number);
            return 0;
        }
    }
    return mccache_py_any_object(cache, object, value);
}

// Borrows or makes the bytes of a value for this cache, until mccache_py_value_done.
static inline int mccache_py_value(PyObject *cache, PyObject *object, mccache_py_value_t *value) {
    value->owner = NULL;
    value->view.obj = NULL;
    if (PyBytes_Check(object)) {
        mccache_py_value_bytes(value, PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object), MCC_CODEC_RAW);
        return 0;
    }
    if (PyUnicode_Check(object)) {
        Py_ssize_t len;
        const char *text = PyUnicode_AsUTF8AndSize(object, &len);
        if (!text)
            return -1;
        mccache_py_value_bytes(value, text, len, MCC_CODEC_TEXT);
        return 0;
    }
    if (PyByteArray_Check(object) || PyMemoryView_Check(object))
        return mccache_py_buffer(object, value);
    return mccache_py_scalar_or_object(cache, object, value);
}

// ---- Values: from bytes -------------------------------------------------------------------------------------------

static PyObject *mccache_py_cbor_number(unsigned major, uint64_t number) {
    PyObject *positive, *negative;
    if (major == 0)
        return PyLong_FromUnsignedLongLong(number);
    if (number <= (uint64_t)INT64_MAX)
        return PyLong_FromLongLong(-1 - (int64_t)number);
    positive = PyLong_FromUnsignedLongLong(number);
    negative = positive ? PyNumber_Invert(positive) : NULL;
    Py_XDECREF(positive);
    return negative;
}

// Whether items of its own follow: those of a list or a map, or the pieces of a string.
static bool mccache_py_cbor_opens(const mcc_cbor_item_t *item) {
    bool string = item->kind == MCC_CBOR_BYTES || item->kind == MCC_CBOR_TEXT;
    return item->kind == MCC_CBOR_ARRAY || item->kind == MCC_CBOR_MAP || (string && !item->data);
}

// How many, UINT64_MAX until the break. A count that no value has room for is left to run into the value's end.
static uint64_t mccache_py_cbor_items(const mcc_cbor_item_t *item) {
    if (item->kind != MCC_CBOR_MAP || item->number == UINT64_MAX)
        return item->number;
    return item->number < UINT64_MAX / 2 ? item->number * 2 : UINT64_MAX - 1;
}

// Reads a container's items without making objects of them, so that all languages agree on what is refused: more or less
// than one item, and lists and maps nested deeper than what is written. cbor2 reads the first item and 400 levels.
static int mccache_py_cbor_check(const uint8_t *data, size_t len, bool *undefined) {
    uint64_t left[MCCACHE_PY_DEPTH_MAX + 1];  // items to come at each level; UINT64_MAX: until the break
    size_t offset = 0;
    int depth = 0;
    left[0] = 1;
    *undefined = false;
    for (;;) {
        mcc_cbor_item_t item;
        mcc_status_t status;
        while (left[depth] == 0) {
            if (depth-- == 0)
                return offset == len ? 0 : -1;
        }
        status = mcc_cbor_read(data, len, &offset, &item);
        if (status != MCC_OK)
            return -1;
        if (item.kind == MCC_CBOR_TAG)
            continue;
        if (item.kind == MCC_CBOR_BREAK) {
            if (depth == 0 || left[depth] != UINT64_MAX)
                return -1;
            left[depth] = 0;
            continue;
        }
        if (left[depth] != UINT64_MAX)
            left[depth]--;
        *undefined |= item.kind == MCC_CBOR_SIMPLE && item.number == 23;
        if (mccache_py_cbor_opens(&item)) {
            if (depth == MCCACHE_PY_DEPTH_MAX)
                return -2;
            left[++depth] = mccache_py_cbor_items(&item);
        }
    }
}

static PyObject *mccache_py_from_cbor_object(const uint8_t *data, size_t len) {
    PyObject *bytes, *object;
    bool undefined;
    int checked = mccache_py_cbor_check(data, len, &undefined);
    if (checked == -2)
        return PyErr_Format(mccache_py_codec_error, "a value of %zu bytes is not read: its lists and maps are nested deeper "
                            "than %d; view(key) gives its bytes", len, MCCACHE_PY_DEPTH_MAX);
    if (checked < 0)
        return PyErr_Format(mccache_py_codec_error, "a value of %zu bytes is not readable CBOR: it is not one well-formed "
                            "item; view(key) gives its bytes", len);
    bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    if (!bytes)
        return NULL;
    object = PyObject_CallFunctionObjArgs(mccache_py_loads, bytes, undefined ? Py_True : Py_False, NULL);
    Py_DECREF(bytes);
    return object;
}

// The scalars that C writes are read in C; everything else goes to cbor2.
static PyObject *mccache_py_from_cbor(const uint8_t *data, size_t len) {
    uint64_t number = 0;
    // "Self-described" CBOR (RFC 8949, 3.4.6): the tag says nothing of the value, and cbor2 makes a tuple of its list.
    while (len > 3 && memcmp(data, "\xd9\xd9\xf7", 3) == 0) {
        data += 3;
        len -= 3;
    }
    if (len == 1 && data[0] >= 0xf4 && data[0] <= 0xf7)
        return mccache_py_new_ref(data[0] == 0xf4 ? Py_False : data[0] == 0xf5 ? Py_True : Py_None);
    if (len == 1 && (data[0] & 0xdf) < 24)
        return mccache_py_cbor_number(data[0] >> 5, data[0] & 0x1f);
    if (len > 1 && len <= 9) {
        unsigned info = data[0] & 0x1f;
        for (size_t at = 1; at < len; at++)
            number = number << 8 | data[at];
        if ((data[0] >> 5) < 2 && info >= 24 && info <= 27 && len == 1 + ((size_t)1 << (info - 24)))
            return mccache_py_cbor_number(data[0] >> 5, number);
        if (data[0] == 0xfb && len == 9) {
            double real;
            memcpy(&real, &number, sizeof real);
            return PyFloat_FromDouble(real);
        }
    }
    return mccache_py_from_cbor_object(data, len);
}

static PyObject *mccache_py_from_text(const uint8_t *data, size_t len) {
    PyObject *text = PyUnicode_DecodeUTF8((const char *)data, (Py_ssize_t)len, NULL);
    if (!text && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        PyErr_Format(mccache_py_codec_error, "a value of %zu bytes was put as text but is not UTF-8; "
                     "view(key) gives its bytes", len);
    }
    return text;
}

// A pickle runs code of whoever made it: it is read where native=True asked for that.
static PyObject *mccache_py_from_native(PyObject *cache, const uint8_t *data, size_t len, uint8_t codec) {
    static const char *const names[] = {"pickle", "Ruby's Marshal", "Java's serialization", ".NET's BinaryFormatter"};
    PyObject *bytes, *object;
    if (codec < MCC_CODEC_PICKLE || codec > MCC_CODEC_DOTNET)
        return PyErr_Format(mccache_py_codec_error, "a value was put with codec %d, which this version cannot read; "
                            "view(key) gives its bytes", (int)codec);
    if (codec != MCC_CODEC_PICKLE)
        return PyErr_Format(mccache_py_codec_error, "a value was put with codec %d (%s), which Python cannot read; "
                            "view(key) gives its bytes", (int)codec, names[codec - MCC_CODEC_PICKLE]);
    if (!mccache_py_pickles(cache))
        return PyErr_Format(mccache_py_codec_error, "a value was put with codec %d (%s), and the cache was not opened with "
                            "native=True; open it so to read pickles, which run code of whoever wrote them; view(key) "
                            "gives its bytes", (int)codec, names[0]);
    bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    if (!bytes)
        return NULL;
    object = PyObject_CallFunctionObjArgs(mccache_py_pickle_loads, bytes, NULL);
    Py_DECREF(bytes);
    return object;
}

static inline PyObject *mccache_py_from_bytes(PyObject *cache, const uint8_t *data, size_t len, uint8_t codec) {
    switch (codec) {
    case MCC_CODEC_RAW:
        return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    case MCC_CODEC_TEXT:
        return mccache_py_from_text(data, len);
    case MCC_CODEC_CBOR:
        return mccache_py_from_cbor(data, len);
    default:
        return mccache_py_from_native(cache, data, len, codec);
    }
}

static inline PyObject *mccache_py_object(PyObject *cache, const mcc_value_t *value) {
    return mccache_py_from_bytes(cache, value->data, value->len, value->codec);
}

// ---- Slots --------------------------------------------------------------------------------------------------------

// What a proxy points to; NULL, which every function of the library refuses, before __init__.
#define MCCACHE_PY_SELF(type, self) ((type *)((SwigPyObject *)(self))->ptr)

// Values up to this length are read into the C stack: a copy of so few bytes costs less than a handle.
#define MCCACHE_PY_SHORT_MAX 1024

static mcc_status_t mccache_py_lookup_long(PyObject *self, const mccache_py_key_t *key, PyObject **object) {
    mcc_value_t *value;
    mcc_status_t status = mcc_get(MCCACHE_PY_SELF(mcc_cache_t, self), key->data, (size_t)key->len, &value);
    if (status == MCC_OK) {
        *object = mccache_py_object(self, value);
        mcc_value_free(value);
    }
    return status;
}

static inline mcc_status_t mccache_py_lookup(PyObject *self, PyObject *key, PyObject **object) {
    mccache_py_key_t bytes;
    uint8_t data[MCCACHE_PY_SHORT_MAX];
    size_t len;
    uint8_t codec;
    mcc_status_t status;
    *object = NULL;
    if (mccache_py_key(key, &bytes) < 0)
        return MCC_INTERNAL;
    status = mcc_get_into(MCCACHE_PY_SELF(mcc_cache_t, self), bytes.data, (size_t)bytes.len, data, sizeof data, &len, &codec);
    if (status == MCC_OK)
        *object = mccache_py_from_bytes(self, data, len, codec);
    else if (status == MCC_BUFFER_TOO_SMALL)
        status = mccache_py_lookup_long(self, &bytes, object);
    if (status != MCC_OK && status != MCC_NOT_FOUND)
        mccache_py_raise(status);
    return status;
}

static PyObject *mccache_py_subscript(PyObject *self, PyObject *key) {
    PyObject *object;
    if (mccache_py_lookup(self, key, &object) == MCC_NOT_FOUND)
        mccache_py_raise_for(MCC_NOT_FOUND, key);
    return object;
}

static int mccache_py_assign(PyObject *self, PyObject *key, PyObject *object) {
    mccache_py_key_t bytes;
    mccache_py_value_t value;
    mcc_status_t status;
    if (mccache_py_key(key, &bytes) < 0)
        return -1;
    if (!object) {
        status = mcc_del(MCCACHE_PY_SELF(mcc_cache_t, self), bytes.data, (size_t)bytes.len);
    } else {
        if (mccache_py_value(self, object, &value) < 0)
            return -1;
        status = mcc_put_as(MCCACHE_PY_SELF(mcc_cache_t, self), bytes.data, (size_t)bytes.len, value.data,
                            (size_t)value.len, value.codec, MCC_TTL_DEFAULT);
        mccache_py_value_done(&value);
    }
    if (status == MCC_OK)
        return 0;
    mccache_py_raise_for(status, key);
    return -1;
}

static int mccache_py_contains(PyObject *self, PyObject *key) {
    mccache_py_key_t bytes;
    mcc_status_t status;
    if (mccache_py_key(key, &bytes) < 0)
        return -1;
    status = mcc_contains(MCCACHE_PY_SELF(mcc_cache_t, self), bytes.data, (size_t)bytes.len);
    if (status == MCC_OK || status == MCC_NOT_FOUND)
        return status == MCC_OK;
    mccache_py_raise(status);
    return -1;
}

static Py_ssize_t mccache_py_length(PyObject *self) {
    size_t len = 0;
    mcc_status_t status;
    if (mccache_py_ready() < 0)
        return -1;
    status = mcc_len(MCCACHE_PY_SELF(mcc_cache_t, self), &len);
    if (status == MCC_OK)
        return (Py_ssize_t)len;
    mccache_py_raise(status);
    return -1;
}

static PyObject *mccache_py_iter(PyObject *self) {
    mcc_iter_t *iter = NULL;
    mcc_status_t status;
    if (mccache_py_ready() < 0)
        return NULL;
    status = mcc_iter_new(MCCACHE_PY_SELF(mcc_cache_t, self), &iter);
    if (status == MCC_OK)
        return SWIG_NewPointerObj(iter, SWIGTYPE_p_mcc_iter_t, SWIG_POINTER_OWN);
    mccache_py_raise(status);
    return NULL;
}

static PyObject *mccache_py_iternext(PyObject *self) {
    const uint8_t *key = NULL;
    size_t len = 0;
    mcc_status_t status = mcc_iter_next(MCCACHE_PY_SELF(mcc_iter_t, self), &key, &len);
    if (status == MCC_OK)
        return mccache_py_key_object(key, len);
    if (status != MCC_END)
        mccache_py_raise(status);
    return NULL;
}

// (key, value) of the next entry, or None after the last: one step, so that nothing can go in between.
static PyObject *mccache_py_entry(mcc_iter_t *iter, PyObject *cache) {
    const uint8_t *data = NULL;
    size_t len = 0;
    mcc_value_t *value = NULL;
    PyObject *key, *object, *entry = NULL;
    mcc_status_t status = mcc_iter_next_entry(iter, &data, &len, &value);
    if (status == MCC_END)
        return mccache_py_new_ref(Py_None);
    if (status != MCC_OK) {
        mccache_py_raise(status);
        return NULL;
    }
    // The key first: making the object may run Python code, which may step this iteration on.
    key = mccache_py_key_object(data, len);
    object = key ? mccache_py_object(cache, value) : NULL;
    mcc_value_free(value);
    if (object)
        entry = PyTuple_Pack(2, key, object);
    Py_XDECREF(key);
    Py_XDECREF(object);
    return entry;
}

// The bytes of a value without a copy, read-only; the proxy, and so the value, lives as long as the view.
static int mccache_py_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    mcc_value_t *value = MCCACHE_PY_SELF(mcc_value_t, self);
    if (!value) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "no value here");
        return -1;
    }
    return PyBuffer_FillInfo(view, self, (void *)value->data, (Py_ssize_t)value->len, 1, flags);
}

// get(key, default=None, /): put on the facade's class by _install, since SWIG's own methods cannot take METH_FASTCALL.
static PyObject *mccache_py_get(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    PyObject *object;
    if (count < 1 || count > 2)
        return PyErr_Format(PyExc_TypeError, "get expected 1 or 2 arguments, got %zd", count);
    if (mccache_py_lookup(self, args[0], &object) == MCC_NOT_FOUND)
        return mccache_py_new_ref(count == 2 ? args[1] : Py_None);
    return object;
}

// What a lease's wait came to: (True, value), (False, lease), or (False, None) if another caller still loads.
static PyObject *mccache_py_lookup_result(PyObject *self, mcc_value_t *value, mcc_lease_t *lease) {
    PyObject *found = value ? Py_True : Py_False, *object, *result;
    if (value) {
        object = mccache_py_object(self, value);
        mcc_value_free(value);
    } else if (lease) {
        object = SWIG_NewPointerObj(lease, SWIGTYPE_p_mcc_lease_t, SWIG_POINTER_OWN);
        if (!object)
            mcc_lease_free(lease);
    } else {
        object = mccache_py_new_ref(Py_None);
    }
    result = object ? PyTuple_Pack(2, found, object) : NULL;
    Py_XDECREF(object);
    return result;
}

// _lease(key, timeout_ms, /): at once if there is a value or nobody loads it, else waits, and lets other threads run.
static PyObject *mccache_py_lease(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    mcc_cache_t *cache = MCCACHE_PY_SELF(mcc_cache_t, self);
    mccache_py_key_t key;
    mcc_value_t *value = NULL;
    mcc_lease_t *lease = NULL;
    mcc_status_t status;
    long long timeout_ms;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "_lease expected 2 arguments, got %zd", count);
    timeout_ms = PyLong_AsLongLong(args[1]);
    if ((timeout_ms == -1 && PyErr_Occurred()) || mccache_py_key(args[0], &key) < 0)
        return NULL;
    status = mcc_get_lease(cache, key.data, (size_t)key.len, 0, &value, &lease);
    if (status == MCC_TIMEOUT && timeout_ms > 0) {
        Py_BEGIN_ALLOW_THREADS
        status = mcc_get_lease(cache, key.data, (size_t)key.len, timeout_ms, &value, &lease);
        Py_END_ALLOW_THREADS
    }
    if (status == MCC_OK || status == MCC_NOT_FOUND || status == MCC_TIMEOUT)
        return mccache_py_lookup_result(self, value, lease);
    mccache_py_raise(status);
    return NULL;
}

// What a load is waited for and begun with: see _loads.py, which has the same numbers.
#define MCCACHE_PY_BUSY -1
#define MCCACHE_PY_LEASE_WITH_EXPIRED 5

// _begin(key, policy, timeout_ms, /): (state, value or None, lease or None), at once if nobody loads the key.
static PyObject *mccache_py_begin(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    mcc_cache_t *cache = MCCACHE_PY_SELF(mcc_cache_t, self);
    mccache_py_key_t key;
    void *policy = NULL;
    mcc_value_t *value = NULL;
    mcc_lease_t *lease = NULL;
    mcc_load_t load = {MCC_LOAD_FRESH, 0, {0}};
    mcc_status_t status;
    PyObject *object = NULL, *right = NULL, *result = NULL;
    long long timeout_ms;
    long state;
    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "_begin expected 3 arguments, got %zd", count);
    timeout_ms = PyLong_AsLongLong(args[2]);
    if ((timeout_ms == -1 && PyErr_Occurred()) || mccache_py_key(args[0], &key) < 0)
        return NULL;
    if (!SWIG_IsOK(SWIG_ConvertPtr(args[1], &policy, SWIGTYPE_p_mcc_load_policy_t, 0)) || !policy)
        return PyErr_Format(PyExc_TypeError, "_begin expected a LoadPolicy");
    status = mcc_load_begin(cache, policy, key.data, (size_t)key.len, 0, &value, &lease, &load);
    if (timeout_ms > 0 && (status == MCC_TIMEOUT || (status == MCC_OK && load.state == MCC_LOAD_SLOW))) {
        mcc_value_free(value);
        Py_BEGIN_ALLOW_THREADS
        status = mcc_load_begin(cache, policy, key.data, (size_t)key.len, timeout_ms, &value, &lease, &load);
        Py_END_ALLOW_THREADS
    }
    if (status != MCC_OK && status != MCC_NOT_FOUND && status != MCC_TIMEOUT) {
        mccache_py_raise(status);
        return NULL;
    }
    state = status == MCC_TIMEOUT ? MCCACHE_PY_BUSY
            : status == MCC_NOT_FOUND && value ? MCCACHE_PY_LEASE_WITH_EXPIRED : (long)load.state;
    object = value ? mccache_py_object(self, value) : mccache_py_new_ref(Py_None);
    mcc_value_free(value);
    right = lease ? SWIG_NewPointerObj(lease, SWIGTYPE_p_mcc_lease_t, SWIG_POINTER_OWN) : mccache_py_new_ref(Py_None);
    if (lease && !right)
        mcc_lease_free(lease);
    if (object && right)
        result = Py_BuildValue("(lOO)", state, object, right);
    Py_XDECREF(object);
    Py_XDECREF(right);
    return result;
}

// (whether it was put, the object as every reader gets it). Ends the lease.
static PyObject *mccache_py_fill(mcc_lease_t *lease, PyObject *cache, PyObject *object, int64_t ttl_ms,
                                 const void *tags, size_t tags_len) {
    mccache_py_value_t value;
    mcc_status_t status;
    PyObject *stored, *result = NULL;
    if (mccache_py_value(cache, object, &value) < 0)
        return NULL;
    status = mcc_fill_tagged(lease, value.data, (size_t)value.len, value.codec, ttl_ms, tags, tags_len);
    if (status == MCC_OK || status == MCC_OVERTAKEN) {
        stored = mccache_py_from_bytes(cache, value.data, (size_t)value.len, value.codec);
        result = stored ? PyTuple_Pack(2, status == MCC_OK ? Py_True : Py_False, stored) : NULL;
        Py_XDECREF(stored);
    } else {
        mccache_py_raise(status);
    }
    mccache_py_value_done(&value);
    return result;
}

// _put_as(key, bytes, codec, /): bytes as they are, to be read as the codec says.
static PyObject *mccache_py_put_as(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    mccache_py_key_t key;
    mcc_status_t status;
    long codec;
    if (count != 3 || !PyBytes_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "_put_as expects a key, bytes and a codec");
    codec = PyLong_AsLong(args[2]);
    if (codec == -1 && PyErr_Occurred())
        return NULL;
    if (codec < 0 || codec > UINT8_MAX)
        return PyErr_Format(PyExc_ValueError, "codec: expected 0 to 255, not %ld", codec);
    if (mccache_py_key(args[0], &key) < 0)
        return NULL;
    status = mcc_put_as(MCCACHE_PY_SELF(mcc_cache_t, self), key.data, (size_t)key.len, PyBytes_AS_STRING(args[1]),
                        (size_t)PyBytes_GET_SIZE(args[1]), (uint8_t)codec, MCC_TTL_DEFAULT);
    if (status == MCC_OK)
        Py_RETURN_NONE;
    mccache_py_raise(status);
    return NULL;
}

static PyMethodDef mccache_py_methods[] = {
    {"get", (PyCFunction)(void (*)(void))mccache_py_get, METH_FASTCALL,
     "get($self, key, default=None, /)\n--\n\nReturns the value of a key, or the default if it has none."},
    {"_lease", (PyCFunction)(void (*)(void))mccache_py_lease, METH_FASTCALL,
     "_lease($self, key, timeout_ms, /)\n--\n\nReturns a value, or the lease of its load, or neither in time."},
    {"_begin", (PyCFunction)(void (*)(void))mccache_py_begin, METH_FASTCALL,
     "_begin($self, key, policy, timeout_ms, /)\n--\n\nReturns what a load begins with: state, value, lease."},
    {"_put_as", (PyCFunction)(void (*)(void))mccache_py_put_as, METH_FASTCALL,
     "_put_as($self, key, data, codec, /)\n--\n\nPuts bytes that are to be read as the codec says."},
};

// Not by the class's own metaclass: SWIG's lets nobody add to a class.
static int mccache_py_add_method(PyTypeObject *type, PyMethodDef *definition) {
    PyObject *method = PyDescr_NewMethod(type, definition);
    PyObject *name = PyUnicode_InternFromString(definition->ml_name);
    int result = method && name ? PyType_Type.tp_setattro((PyObject *)type, name, method) : -1;
    Py_XDECREF(method);
    Py_XDECREF(name);
    return result;
}

// _install(cls)
static PyObject *mccache_py_install(PyObject *self, PyObject *args) {
    PyTypeObject *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!:_install", &PyType_Type, &type))
        return NULL;
    if (!PyType_IsSubtype(type, ((SwigPyClientData *)SWIGTYPE_p_mcc_cache_t->clientdata)->pytype))
        return PyErr_Format(PyExc_TypeError, "%.200s is no Cache", type->tp_name);
    for (size_t at = 0; at < sizeof mccache_py_methods / sizeof *mccache_py_methods; at++) {
        if (mccache_py_add_method(type, &mccache_py_methods[at]) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}
%}

// ---- Typemaps -----------------------------------------------------------------------------------------------------

%typemap(in) (const void *key, size_t key_len) (mccache_py_key_t key) {
    if (mccache_py_key($input, &key) < 0)
        SWIG_fail;
    $1 = (void *)key.data;
    $2 = (size_t)key.len;
}

%typemap(in) (const void *data, size_t data_len, uint8_t codec) (mccache_py_value_t value = {0}) {
    if (mccache_py_value(self, $input, &value) < 0)
        SWIG_fail;
    $1 = (void *)value.data;
    $2 = (size_t)value.len;
    $3 = value.codec;
}
%typemap(freearg) (const void *data, size_t data_len, uint8_t codec) "mccache_py_value_done(&value$argnum);"

// SWIG's own would cut text at a zero byte.
%typemap(in) const char * {
    Py_ssize_t len = 0;
    $1 = (char *)PyUnicode_AsUTF8AndSize($input, &len);
    if (!$1)
        SWIG_fail;
    if ((size_t)len != strlen($1)) {
        PyErr_SetString(PyExc_ValueError, "text here cannot contain a zero byte");
        SWIG_fail;
    }
}
%typemap(freearg) const char * ""

%typemap(argout) mcc_status_t *status {
    if (*$1 != MCC_OK) {
        Py_XDECREF($result);
        mccache_py_raise(*$1);
        SWIG_fail;
    }
}

// (kind, local, cache, key, member, version_clock, version_origin, dropped), or None.
%typemap(in, numinputs = 0) mcc_event_t *event (mcc_event_t event) "$1 = &event;"
%typemap(argout) mcc_event_t *event {
    Py_XDECREF($result);
    if (!result) {
        $result = mccache_py_new_ref(Py_None);
    } else {
        PyObject *key = mccache_py_key_object($1->key, $1->key_len);
        $result = key ? Py_BuildValue("(iNsNsLKL)", (int)$1->kind, PyBool_FromLong($1->local), $1->cache, key, $1->member,
                                      (long long)$1->version_clock, (unsigned long long)$1->version_origin,
                                      (long long)$1->dropped)
                      : NULL;
        if (!$result)
            SWIG_fail;
    }
}

// (level, time_ms, target, message, dropped), or None.
%typemap(in, numinputs = 0) mcc_log_record_t *record (mcc_log_record_t record) "$1 = &record;"
%typemap(argout) mcc_log_record_t *record {
    Py_XDECREF($result);
    $result = result ? Py_BuildValue("(iLssL)", (int)$1->level, (long long)$1->time_ms, $1->target, $1->message,
                                     (long long)$1->dropped)
                     : mccache_py_new_ref(Py_None);
    if (!$result)
        SWIG_fail;
}

// ---- Classes ------------------------------------------------------------------------------------------------------

%feature("python:mp_subscript", "mccache_py_subscript") mcc_cache_t;
%feature("python:mp_ass_subscript", "mccache_py_assign") mcc_cache_t;
%feature("python:mp_length", "mccache_py_length") mcc_cache_t;
%feature("python:sq_contains", "mccache_py_contains") mcc_cache_t;
%feature("python:tp_iter", "mccache_py_iter") mcc_cache_t;
%feature("python:tp_iter", "PyObject_SelfIter") mcc_iter_t;
%feature("python:tp_iternext", "mccache_py_iternext") mcc_iter_t;
%feature("python:bf_getbuffer", "mccache_py_getbuffer") mcc_value_t;

// Replaced by slots, and by get() and _lease() above.
%ignore mcc_cache_t::remove;
%ignore mcc_cache_t::contains;
%ignore mcc_cache_t::len;
%ignore mcc_lease_t::fill;
%ignore mcc_iter_t::next;
%ignore mcc_iter_t::next_entry;

// Names of Python's own functions, which SWIG warns of.
%rename(assign) mcc_config_t::set;
%rename(help_text) mcc_stats_t::help;
%rename(key_id) mccache_keys_t::id;
%rename(poll) mcc_events_t::next;
%rename(poll) mcc_logs_t::next;

// The facade derives its Cache from this one, and gives these names to its own methods.
%rename(_name) mcc_cache_t::name;
%rename(_value) mcc_cache_t::get;
%rename(_take) mcc_cache_t::take;
%rename(_put) mcc_cache_t::put;
%rename(_put_new) mcc_cache_t::put_new;
%rename(_put_tagged) mcc_cache_t::put_tagged;
%rename(_invalidate_tag) mcc_cache_t::invalidate_tag;
%rename(_touch) mcc_cache_t::touch;
%rename(_metadata) mcc_cache_t::metadata;
%rename(_iter) mcc_cache_t::keys;
%rename(_events) mcc_cache_t::events;
%rename(_events_of_lookups) mcc_cache_t::events_of_lookups;
%rename(_clear) mcc_cache_t::clear;
%rename(_sync) mcc_cache_t::sync;
%rename(_put_token) mcc_cache_t::put_token;
%rename(_remove_token) mcc_cache_t::remove_token;
%rename(_get_at_least) mcc_cache_t::get_at_least;
%rename(_sync_token) mcc_cache_t::sync_token;
%rename(_stats) mcc_cache_t::stats;
%rename(_checksum) mcc_cache_t::checksum;
%rename(_cluster_checksum) mcc_cache_t::cluster_checksum;
%rename(_close) mcc_cache_t::close;
%rename(_note_load) mcc_cache_t::note_load;

// What waits, or reads every entry, lets other threads run.
%nothread;
%thread mcc_node_t::mcc_node_t;
%thread mcc_node_t::own;
%thread mcc_node_t::wait_ready;
%thread mcc_node_t::members;
%thread mcc_node_t::add_key;
%thread mcc_node_t::set_primary_key;
%thread mcc_node_t::remove_key;
%thread mcc_node_t::keys;
%thread mcc_node_t::cluster_metrics;
%thread mcc_node_t::close;
%thread mcc_cache_t::mcc_cache_t;
%thread mcc_cache_t::clear;
%thread mcc_cache_t::sync;
%thread mcc_cache_t::sync_token;
%thread mcc_cache_t::checksum;
%thread mcc_cache_t::cluster_checksum;
%thread mcc_cache_t::close;
%thread mcc_invalidation_t::begin;
%thread mcc_invalidation_t::commit;
%thread mcc_events_t::next;
%thread mcc_logs_t::next;

%native(_bind) PyObject *mccache_py_bind(PyObject *self, PyObject *args);
%native(_set_pending) PyObject *mccache_py_set_pending(PyObject *self, PyObject *args);
%native(_install) PyObject *mccache_py_install(PyObject *self, PyObject *args);

%include "mccache.i"

%extend mcc_value_t {
    // The object it stands for in this cache.
    PyObject *decode(PyObject *cache) {
        return mccache_py_object(cache, $self);
    }
}

%extend mcc_iter_t {
    // (key, value) of the next entry, or None.
    PyObject *entry(PyObject *cache) {
        return mccache_py_entry($self, cache);
    }
}

%extend mcc_lease_t {
    // Ends it. Whether the object was put, and the object as every reader gets it.
    PyObject *fill_object(PyObject *cache, PyObject *object, int64_t ttl_ms, const void *tags, size_t tags_len) {
        return mccache_py_fill($self, cache, object, ttl_ms, tags, tags_len);
    }

    // Ends it if it has not ended; an object may outlive that in a traceback.
    void give_up() {
        // Whatever the answer, and here it is one: the lease ends.
        (void)mcc_fill($self, NULL, 0, MCC_CODEC_RAW, -1);
    }
}
