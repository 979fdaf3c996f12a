// What goes into calls: bytes, keys, texts, times to live, timeouts.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_ARGUMENTS_HPP
#define MCCACHE_ARGUMENTS_HPP

#include <mccache/error.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <string_view>
#include <vector>

namespace mccache {

class value;

/// Bytes of one's own.
using bytes = std::vector<std::uint8_t>;

namespace detail {

template <class T>
using bare = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T>
inline constexpr bool is_byte = std::is_same_v<T, unsigned char> || std::is_same_v<T, std::byte>;

// What converts to a string_view: literals, std::string, std::string_view. Not nullptr, and thus not 0.
template <class T>
inline constexpr bool is_text =
    std::is_convertible_v<const T&, std::string_view> && !std::is_null_pointer_v<std::decay_t<T>>;

// What has data() and size() of bytes: vectors, arrays and spans of unsigned char (uint8_t) or std::byte.
template <class T, class = void>
inline constexpr bool is_byte_range = false;
template <class T>
inline constexpr bool is_byte_range<
    T, std::void_t<decltype(std::data(std::declval<const T&>())), decltype(std::size(std::declval<const T&>()))>> =
    is_byte<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T&>()))>>>;

// A value has bytes and a codec: it is not its bytes alone.
template <>
inline constexpr bool is_byte_range<value, void> = false;

} // namespace detail

/// Bytes that somebody else owns: a pointer and a length. Valid as long as their owner leaves them alone.
class bytes_view {
public:
    using value_type = std::uint8_t;
    using iterator = const std::uint8_t*;
    using const_iterator = iterator;

    constexpr bytes_view() noexcept = default;
    /// `data` may be null if `size` is 0.
    constexpr bytes_view(const std::uint8_t* data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// Of vectors, arrays and spans of uint8_t or std::byte.
    template <class T, std::enable_if_t<detail::is_byte_range<T> && !std::is_same_v<T, bytes_view>, int> = 0>
    bytes_view(const T& range MCCACHE_LIFETIMEBOUND) noexcept
        : data_(reinterpret_cast<const std::uint8_t*>(std::data(range))), size_(std::size(range)) {}
    /// The bytes of a text, for what is no text though it is held as one.
    static bytes_view of(std::string_view text MCCACHE_LIFETIMEBOUND) noexcept {
        return bytes_view(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    }

    constexpr const std::uint8_t* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr iterator begin() const noexcept { return data_; }
    constexpr iterator end() const noexcept { return data_ + size_; }
    constexpr std::uint8_t operator[](std::size_t at) const noexcept { return data_[at]; }
    /// The same bytes as characters.
    std::string_view chars() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
    /// A copy.
    bytes copy() const { return bytes(begin(), end()); }

    friend bool operator==(bytes_view a, bytes_view b) noexcept {
        return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
    }
    friend bool operator!=(bytes_view a, bytes_view b) noexcept { return !(a == b); }

private:
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A key, as calls take it: 0 to 65,535 bytes of text (literals, std::string, std::string_view) or bytes (vectors,
/// arrays and spans of uint8_t or std::byte). A text and its bytes are one key. Only looked at during the call.
///
/// A literal ends at its first zero byte: write `"a\0b"sv` for a key with one. A null `const char*` is an
/// invalid_argument.
class key_view {
public:
    template <class T, std::enable_if_t<detail::is_text<T>, int> = 0>
    key_view(const T& text) noexcept {
        if constexpr (std::is_pointer_v<T>) {
            // A null pointer with a length: the library refuses it, and says so.
            set(text, text == nullptr ? 1 : std::char_traits<char>::length(text));
        } else {
            const std::string_view view = text;
            set(view.data(), view.size());
        }
    }
    template <class T, std::enable_if_t<!detail::is_text<T> && detail::is_byte_range<T>, int> = 0>
    key_view(const T& range) noexcept {
        set(std::data(range), std::size(range));
    }

    /// The key's bytes.
    const void* data() const noexcept { return data_; }
    /// How many.
    std::size_t size() const noexcept { return size_; }

private:
    void set(const void* data, std::size_t size) noexcept {
        data_ = data;
        size_ = size;
    }

    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

/// No end: as a time to live, an entry that stays until it is deleted or evicted; as a timeout, a wait without end.
inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

namespace detail {

// In milliseconds, rounded up, so that what is longer than nothing stays so. What is too long to count is `forever`;
// what is negative or no number is negative.
template <class Rep, class Period>
std::int64_t milliseconds_of(const std::chrono::duration<Rep, Period>& time) {
    if constexpr (std::is_integral_v<Rep> && Period::den == 1) {
        // Seconds and longer, the usual ones.
        constexpr std::int64_t factor = Period::num * 1000;
        if (time.count() < 0) {
            return -1;
        }
        const auto count = static_cast<std::uint64_t>(time.count());
        return count > static_cast<std::uint64_t>(forever.count() / factor) ? forever.count()
                                                                          : static_cast<std::int64_t>(count) * factor;
    }
    using real = std::chrono::duration<long double, std::milli>;
    if (std::chrono::duration<Rep, Period>(time) == std::chrono::duration<Rep, Period>::max()) {
        return forever.count();
    }
    const long double count = std::ceil(real(time).count());
    if (!(count >= 0)) {
        return -1;
    }
    return count >= static_cast<long double>(forever.count()) ? forever.count() : static_cast<std::int64_t>(count);
}

} // namespace detail

/// How long an entry lives: the cache's setting (`cache_ttl`) by default, any duration of `std::chrono` longer than 0,
/// or `forever`. Rounded up to milliseconds. 0 and less are an invalid_argument.
class time_to_live {
public:
    /// What the cache's settings say.
    constexpr time_to_live() noexcept = default;
    template <class Rep, class Period>
    time_to_live(const std::chrono::duration<Rep, Period>& time) : count_(detail::milliseconds_of(time)) {
        // 0 would be the setting, which nobody means who computes a time.
        count_ = count_ == 0 ? -1 : count_;
    }

    /// As the C functions take it, ms.
    constexpr std::int64_t count() const noexcept { return count_; }

private:
    std::int64_t count_ = MCC_TTL_DEFAULT;
};

/// How long a call may wait: any duration of `std::chrono`, rounded up to milliseconds, or `forever`. 0 does not wait;
/// less is an invalid_argument.
class timeout {
public:
    template <class Rep, class Period>
    timeout(const std::chrono::duration<Rep, Period>& time) : count_(detail::milliseconds_of(time)) {}

    /// As the C functions take it, ms.
    constexpr std::int64_t count() const noexcept { return count_; }

private:
    std::int64_t count_;
};

namespace detail {

// Whether it is UTF-8. The core decides for all but short ASCII: it is asked to write the text where nothing fits.
inline bool is_utf8(std::string_view text) {
    if (text.size() <= 32) {
        bool ascii = true;
        for (const char c : text) {
            ascii = ascii && static_cast<unsigned char>(c) < 0x80;
        }
        if (ascii) {
            return true;
        }
    }
    mcc_cbor_item_t item = {};
    item.kind = MCC_CBOR_TEXT;
    item.data = reinterpret_cast<const std::uint8_t*>(text.data());
    item.len = text.size();
    std::size_t offset = 0;
    return mcc_cbor_write(nullptr, 0, &offset, &item) == MCC_BUFFER_TOO_SMALL;
}

// A text that ends with a NUL, as the C functions take names. One with a zero byte in it would be cut there.
inline result<std::string> c_text(const char* what, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return failure(errc::invalid_argument, std::string(what) + " has a zero byte in it");
    }
    return std::string(text);
}

} // namespace detail

} // namespace mccache

#endif
