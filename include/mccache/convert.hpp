// Between C++ types and values: which type is written with which codec, and what is read back.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_CONVERT_HPP
#define MCCACHE_CONVERT_HPP

#include <mccache/cbor.hpp>

#include <functional>
#include <unordered_map>

namespace mccache {

namespace detail {

template <class T>
inline constexpr bool dependent_false = false;

// What an object can be made of.
template <class T>
inline constexpr bool is_value_type = std::is_same_v<T, object> || std::is_same_v<T, object::list> ||
                                      std::is_same_v<T, object::map> || std::is_same_v<T, object::tagged_type> || is_text<T> || is_byte_range<T> ||
                                      std::is_same_v<T, bool> || is_number_type<T> || is_real_type<T> ||
                                      std::is_null_pointer_v<T> || std::is_same_v<T, date> ||
                                      std::is_same_v<T, date_time> || std::is_same_v<T, big_integer> || has_converter<T>;

inline failure not_a(const char* wanted, const object& found) {
    return failure(errc::codec, "the value is " + std::string(found.kind_name()) + ", not " + wanted);
}

template <class T>
result<T> number_as(const object& from) {
    constexpr const char* wanted = "an integer that fits the type asked for";
    if (const std::int64_t* number = from.get_if<std::int64_t>()) {
        if constexpr (std::is_unsigned_v<T>) {
            if (*number >= 0 && static_cast<std::uint64_t>(*number) <= std::numeric_limits<T>::max()) {
                return static_cast<T>(*number);
            }
        } else if (*number >= std::numeric_limits<T>::min() && *number <= std::numeric_limits<T>::max()) {
            return static_cast<T>(*number);
        }
    } else if (const std::uint64_t* large = from.get_if<std::uint64_t>()) {
        if constexpr (std::is_unsigned_v<T>) {
            if (*large <= std::numeric_limits<T>::max()) {
                return static_cast<T>(*large);
            }
        }
    }
    return not_a(wanted, from);
}

template <class T>
result<T> real_as(const object& from) {
    if (const double* number = from.get_if<double>()) {
        // A float only where nothing is lost. Beyond its range there is no cast.
        if (!std::isfinite(*number) || (std::fabs(*number) <= static_cast<double>(std::numeric_limits<T>::max()) &&
                                        static_cast<double>(static_cast<T>(*number)) == *number)) {
            return static_cast<T>(*number);
        }
    } else if (const std::int64_t* integer = from.get_if<std::int64_t>()) {
        constexpr std::int64_t exact = std::int64_t{1} << std::numeric_limits<T>::digits;
        if (*integer >= -exact && *integer <= exact) {
            return static_cast<T>(*integer);
        }
    }
    return not_a("a floating-point number that fits the type asked for", from);
}

template <class T>
result<T> alternative_as(const object& from, const char* wanted) {
    if (const T* found = from.get_if<T>()) {
        return *found;
    }
    return not_a(wanted, from);
}

template <class T>
result<T> bytes_as(const object& from) {
    const bytes* found = from.get_if<bytes>();
    if (found == nullptr) {
        return not_a("bytes", from);
    }
    const auto* begin = reinterpret_cast<const typename T::value_type*>(found->data());
    return T(begin, begin + found->size());
}

template <class T>
inline constexpr bool is_byte_vector = false;
template <class B, class A>
inline constexpr bool is_byte_vector<std::vector<B, A>> = is_byte<B>;

} // namespace detail

template <class T>
result<T> object::try_as() const {
    if constexpr (std::is_same_v<T, object>) {
        return *this;
    } else if constexpr (std::is_same_v<T, bool>) {
        return detail::alternative_as<T>(*this, "a bool");
    } else if constexpr (detail::is_number_type<T>) {
        return detail::number_as<T>(*this);
    } else if constexpr (detail::is_real_type<T>) {
        return detail::real_as<T>(*this);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return detail::alternative_as<T>(*this, "text");
    } else if constexpr (detail::is_byte_vector<T>) {
        return detail::bytes_as<T>(*this);
    } else if constexpr (std::is_same_v<T, list>) {
        return detail::alternative_as<T>(*this, "a list");
    } else if constexpr (std::is_same_v<T, map>) {
        return detail::alternative_as<T>(*this, "a map");
    } else if constexpr (std::is_same_v<T, date>) {
        return detail::alternative_as<T>(*this, "a date");
    } else if constexpr (std::is_same_v<T, date_time>) {
        return detail::alternative_as<T>(*this, "a date and time");
    } else if constexpr (std::is_same_v<T, big_integer>) {
        if (const auto* small = get_if<std::int64_t>()) {
            return big_integer::of(*small < 0, *small < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(*small)
                                                          : static_cast<std::uint64_t>(*small));
        }
        if (const auto* large = get_if<std::uint64_t>()) {
            return big_integer::of(false, *large);
        }
        return detail::alternative_as<T>(*this, "an integer");
    } else if constexpr (detail::has_converter<T>) {
        return converter<T>::from_object(*this);
    } else {
        static_assert(detail::dependent_false<T>,
                      "mccache: no value is read as this type. Read std::string, mccache::bytes, bool, integers, "
                      "double, date, date_time, vectors, maps and optionals of these, mccache::object, or specialise "
                      "mccache::converter");
    }
}

/// Lists of one type. (A vector of object is a list itself, one of uint8_t or std::byte is bytes.)
template <class T, class A>
struct converter<std::vector<T, A>, std::enable_if_t<detail::is_value_type<T> && !std::is_same_v<T, object> &&
                                                     !detail::is_byte<T>>> {
    static object to_object(const std::vector<T, A>& items) {
        object::list list;
        list.reserve(items.size());
        for (const auto& item : items) {
            list.emplace_back(static_cast<const T&>(item));
        }
        return object(std::move(list));
    }
    static result<std::vector<T, A>> from_object(const object& from) {
        const object::list* list = from.get_if<object::list>();
        if (list == nullptr) {
            return detail::not_a("a list", from);
        }
        std::vector<T, A> items;
        for (const object& item : *list) {
            result<T> one = item.try_as<T>();
            if (!one) {
                return one.error();
            }
            items.push_back(*std::move(one));
        }
        return items;
    }
};

namespace detail {

template <class M>
struct map_converter {
    using key = typename M::key_type;
    using mapped = typename M::mapped_type;

    static object to_object(const M& entries) {
        object::map map;
        for (const auto& entry : entries) {
            map.emplace(object(entry.first), object(entry.second));
        }
        return object(std::move(map));
    }
    static result<M> from_object(const object& from) {
        const object::map* map = from.get_if<object::map>();
        if (map == nullptr) {
            return not_a("a map", from);
        }
        M entries;
        for (const auto& entry : *map) {
            result<key> first = entry.first.template try_as<key>();
            if (!first) {
                return first.error();
            }
            result<mapped> second = entry.second.template try_as<mapped>();
            if (!second) {
                return second.error();
            }
            entries.insert_or_assign(*std::move(first), *std::move(second));
        }
        return entries;
    }
};

template <class K, class V>
inline constexpr bool is_map_of =
    is_value_type<K> && is_value_type<V> && !(std::is_same_v<K, object> && std::is_same_v<V, object>);

} // namespace detail

/// Maps. (One of object to object is a map itself.)
template <class K, class V, class C, class A>
struct converter<std::map<K, V, C, A>, std::enable_if_t<detail::is_map_of<K, V>>>
    : detail::map_converter<std::map<K, V, C, A>> {};
template <class K, class V, class H, class E, class A>
struct converter<std::unordered_map<K, V, H, E, A>, std::enable_if_t<detail::is_map_of<K, V>>>
    : detail::map_converter<std::unordered_map<K, V, H, E, A>> {};

/// Something, or null.
template <class T>
struct converter<std::optional<T>, std::enable_if_t<detail::is_value_type<T>>> {
    static object to_object(const std::optional<T>& value) { return value ? object(*value) : object(); }
    static result<std::optional<T>> from_object(const object& from) {
        if (from.is_null()) {
            return std::optional<T>();
        }
        result<T> found = from.try_as<T>();
        if (!found) {
            return found.error();
        }
        return std::optional<T>(*std::move(found));
    }
};

/// Times of the system's clock, in UTC.
template <class D>
struct converter<std::chrono::time_point<std::chrono::system_clock, D>, void> {
    using time_point = std::chrono::time_point<std::chrono::system_clock, D>;

    static object to_object(const time_point& time) { return object(date_time(time)); }
    static result<time_point> from_object(const object& from) {
        const date_time* time = from.get_if<date_time>();
        if (time == nullptr) {
            return detail::not_a("a date and time", from);
        }
        return std::chrono::floor<D>(time->to_time_point());
    }
};

namespace detail {

// What the name of a codec is, for messages.
inline std::string codec_name(std::uint8_t codec) {
    const char* name = "";
    switch (codec) {
    case MCC_CODEC_RAW: name = "raw bytes"; break;
    case MCC_CODEC_TEXT: name = "text"; break;
    case MCC_CODEC_CBOR: name = "CBOR"; break;
    case MCC_CODEC_PICKLE: name = "Python's pickle"; break;
    case MCC_CODEC_MARSHAL: name = "Ruby's Marshal"; break;
    case MCC_CODEC_JAVA: name = "Java serialization"; break;
    case MCC_CODEC_DOTNET: name = ".NET's BinaryFormatter"; break;
    default: return "codec " + std::to_string(codec);
    }
    return "codec " + std::to_string(codec) + " (" + name + ")";
}

// A value about to be written: its bytes and its codec. Neither copied nor moved: `data` may point into it, or into
// what it was made of, which must outlive it.
class encoded {
public:
    encoded() = default;
    encoded(const encoded&) = delete;
    encoded& operator=(const encoded&) = delete;

    template <class T>
    result<void> set(const T& from) {
        if constexpr (is_text<T>) {
            return set_text(from);
        } else if constexpr (is_byte_range<T>) {
            point_to(std::data(from), std::size(from), MCC_CODEC_RAW);
            return {};
        } else if constexpr (std::is_same_v<T, bool>) {
            return set_item(cbor_head(MCC_CBOR_SIMPLE, from ? simple_true : simple_false));
        } else if constexpr (std::is_null_pointer_v<T>) {
            return set_item(cbor_head(MCC_CBOR_SIMPLE, simple_null));
        } else if constexpr (is_number_type<T> && std::is_unsigned_v<T>) {
            return set_item(cbor_head(MCC_CBOR_UNSIGNED, from));
        } else if constexpr (is_number_type<T>) {
            return set_item(cbor_integer(from));
        } else if constexpr (is_real_type<T>) {
            return set_item(cbor_real(static_cast<double>(from)));
        } else if constexpr (std::is_same_v<T, value>) {
            point_to(from.data(), from.size(), from.codec());
            return {};
        } else if constexpr (std::is_same_v<T, object>) {
            return set_object(from);
        } else if constexpr (is_value_type<T>) {
            // Its text or its bytes may be in the object, which must therefore stay.
            held_ = object(from);
            return set_object(held_);
        } else {
            static_assert(dependent_false<T>,
                          "mccache: this type cannot be a value. Values are text, bytes, nullptr, bool, integers, "
                          "float, double, date, date_time, vectors, maps and optionals of these, mccache::object and "
                          "mccache::value; for another type, specialise mccache::converter. A char is none: make a "
                          "text or a number of it");
        }
    }

    const void* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    std::uint8_t codec() const noexcept { return codec_; }

private:
    void point_to(const void* data, std::size_t size, std::uint8_t codec) noexcept {
        data_ = data;
        size_ = size;
        codec_ = codec;
    }
    template <class T>
    result<void> set_text(const T& from) {
        if constexpr (std::is_pointer_v<T>) {
            if (from == nullptr) {
                return failure(errc::invalid_argument, "a null pointer is no text; put nullptr for null");
            }
        }
        const std::string_view text = from;
        if (!is_utf8(text)) {
            return failure(errc::invalid_argument, "a text is UTF-8, and this is not: put it as bytes (bytes_view::of)");
        }
        point_to(text.data(), text.size(), MCC_CODEC_TEXT);
        return {};
    }
    result<void> set_item(const mcc_cbor_item_t& item) {
        std::size_t length = 0;
        const mcc_status_t status = mcc_cbor_write(scalar_, sizeof scalar_, &length, &item);
        point_to(scalar_, length, MCC_CODEC_CBOR);
        return outcome(status);
    }
    result<void> set_object(const object& from) {
        if (const std::string* text = from.get_if<std::string>()) {
            return set_text(*text);
        }
        if (const bytes* raw = from.get_if<bytes>()) {
            point_to(raw->data(), raw->size(), MCC_CODEC_RAW);
            return {};
        }
        result<bytes> cbor = try_to_cbor(from);
        if (!cbor) {
            return cbor.error();
        }
        cbor_ = *std::move(cbor);
        point_to(cbor_.data(), cbor_.size(), MCC_CODEC_CBOR);
        return {};
    }

    const void* data_ = nullptr;
    std::size_t size_ = 0;
    std::uint8_t codec_ = MCC_CODEC_RAW;
    // A head and eight bytes, the longest scalar.
    std::uint8_t scalar_[9] = {};
    object held_;
    bytes cbor_;
};

// A value's bytes as an object.
inline result<object> decode(bytes_view data, std::uint8_t codec) {
    switch (codec) {
    case MCC_CODEC_RAW: return object(data);
    case MCC_CODEC_TEXT:
        if (!is_utf8(data.chars())) {
            return failure(errc::codec, "the value is marked as text, and is not UTF-8: read its bytes()");
        }
        return object(data.chars());
    case MCC_CODEC_CBOR: return try_from_cbor(data);
    default:
        return failure(errc::codec, "the value has " + codec_name(codec) + ", which C++ cannot read: its bytes() can");
    }
}

} // namespace detail

} // namespace mccache

#endif
