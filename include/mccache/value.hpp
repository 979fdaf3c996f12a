// A value in the cache: a view of bytes that stay, and ways to read them.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_VALUE_HPP
#define MCCACHE_VALUE_HPP

#include <mccache/convert.hpp>

namespace mccache {

namespace detail {

/// Bytes of a codec as a type: see value::try_as.
template <class T>
result<T> read_as(bytes_view data, std::uint8_t codec) {
    if constexpr (is_byte_vector<T>) {
        if (codec == MCC_CODEC_RAW) {
            const auto* begin = reinterpret_cast<const typename T::value_type*>(data.data());
            return T(begin, begin + data.size());
        }
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (codec == MCC_CODEC_TEXT && is_utf8(data.chars())) {
            return std::string(data.chars());
        }
    }
    result<object> found = decode(data, codec);
    if (!found) {
        return found.error();
    }
    return found->template try_as<T>();
}

/// A short value on the stack: copying it there costs less than a handle.
struct short_value {
    std::uint8_t data[512];
    std::size_t length;
    std::uint8_t codec;

    /// MCC_BUFFER_TOO_SMALL for a longer one.
    mcc_status_t read(mcc_cache_t* from, key_view key) noexcept {
        return mcc_get_into(from, key.data(), key.size(), data, sizeof data, &length, &codec);
    }
    bytes_view bytes() const noexcept { return {data, length}; }
};

} // namespace detail

/// A value: bytes that do not change, and how to read them. Holding one keeps its bytes, in place and without a copy,
/// whatever becomes of the entry, the cache and the node. Copies share the bytes. One that was moved from is empty.
/// Any threads may read one at once.
class value {
public:
    /// Takes over a reference to a value of the C functions.
    explicit value(mcc_value_t* owned) noexcept : handle_(owned) {}
    value(const value& other) noexcept : handle_(mcc_value_ref(other.handle_)) {}
    value(value&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    value& operator=(value other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~value() { mcc_value_free(handle_); }

    /// Makes a value of anything that `cache::put` takes, to put it several times. errc::codec if it cannot be one.
    template <class T>
    static result<value> try_of(const T& from) {
        detail::encoded encoded;
        if (result<void> done = encoded.set(from); !done) {
            return done.error();
        }
        mcc_value_t* made = nullptr;
        const mcc_status_t status = mcc_value_new(encoded.data(), encoded.size(), encoded.codec(), &made);
        return status == MCC_OK ? result<value>(value(made)) : failure::of(status);
    }
    /// Makes a value of bytes that are to be read by another codec than raw.
    static result<value> try_of(bytes_view data, std::uint8_t codec) {
        mcc_value_t* made = nullptr;
        const mcc_status_t status = mcc_value_new(data.data(), data.size(), codec, &made);
        return status == MCC_OK ? result<value>(value(made)) : failure::of(status);
    }

    /// The bytes as they are, whatever the codec; not followed by a NUL.
    const std::uint8_t* data() const noexcept { return handle_ != nullptr ? handle_->data : nullptr; }
    /// How many.
    std::size_t size() const noexcept { return handle_ != nullptr ? handle_->len : 0; }
    /// How to read them: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that a writer chose.
    std::uint8_t codec() const noexcept {
        return handle_ != nullptr ? handle_->codec : static_cast<std::uint8_t>(MCC_CODEC_RAW);
    }
    /// A view of the bytes as they are, whatever the codec. Valid as long as a copy of this value is.
    bytes_view bytes() const noexcept MCCACHE_LIFETIMEBOUND { return {data(), size()}; }
    /// The same as characters, whatever the codec; not necessarily text.
    std::string_view chars() const noexcept MCCACHE_LIFETIMEBOUND { return bytes().chars(); }

    /// A view of a text. errc::codec if the value is none. Valid as long as a copy of this value is.
    result<std::string_view> try_text() const MCCACHE_LIFETIMEBOUND {
        if (codec() != MCC_CODEC_TEXT) {
            return failure(errc::codec, "the value has " + detail::codec_name(codec()) + ", and is no text");
        }
        if (!detail::is_utf8(chars())) {
            return failure(errc::codec, "the value is marked as text, and is not UTF-8: read its bytes()");
        }
        return chars();
    }

    /// As another type: what `object::try_as` makes; mccache::object for what it is; mccache::value for itself.
    /// errc::codec if it is nothing of the kind, malformed, or of a codec that is not known here.
    template <class T>
    result<T> try_as() const {
        if constexpr (std::is_same_v<T, value>) {
            return *this;
        } else {
            return detail::read_as<T>(bytes(), codec());
        }
    }

#if MCCACHE_EXCEPTIONS
    /// As try_of(). Throws codec_error, too_large_error.
    template <class T>
    static value of(const T& from) {
        return try_of(from).value();
    }
    static value of(bytes_view data, std::uint8_t codec) { return try_of(data, codec).value(); }
    /// As try_text(). Throws codec_error.
    std::string_view text() const MCCACHE_LIFETIMEBOUND { return try_text().value(); }
    /// As try_as(). Throws codec_error.
    template <class T>
    T as() const {
        return try_as<T>().value();
    }
#endif

    /// Whether bytes and codec are the same.
    friend bool operator==(const value& a, const value& b) noexcept {
        return a.codec() == b.codec() && a.bytes() == b.bytes();
    }
    friend bool operator!=(const value& a, const value& b) noexcept { return !(a == b); }

    /// The handle, still this object's; null if it was moved from.
    mcc_value_t* handle() const noexcept { return handle_; }

private:
    mcc_value_t* handle_;
};

} // namespace mccache

#endif
