// A value of any kind: what CBOR carries, held by value.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_OBJECT_HPP
#define MCCACHE_OBJECT_HPP

#include <mccache/arguments.hpp>
#include <mccache/times.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

namespace mccache {

class object;

/// How a type crosses as a value. Specialise it for a type of your own:
///
///     template <> struct mccache::converter<point> {
///         static object to_object(const point& p) { return object::list{p.x, p.y}; }
///         static result<point> from_object(const object& o);   // failure(errc::codec, "...") if it is no point
///     };
///
/// `put`, `get<T>`, `get_or_load` and `object` then take it, inside vectors, maps and optionals too.
template <class T, class = void>
struct converter {};

/// What an `object` holds.
enum class kind : std::uint8_t {
    null,
    boolean,
    integer,
    big_integer,
    real,
    text,
    byte_string,
    list,
    map,
    date_time,
    date,
    tagged,
};

/// An integer of any size: a sign and a magnitude. An `object` made of one that fits 64 bits holds an integer instead.
class big_integer {
public:
    /// Zero.
    big_integer() = default;
    /// magnitude: big-endian, with or without zero bytes in front. Zero is never negative.
    big_integer(bool negative, bytes magnitude) : negative_(negative), magnitude_(std::move(magnitude)) {
        const auto first = std::find_if(magnitude_.begin(), magnitude_.end(), [](std::uint8_t b) { return b != 0; });
        magnitude_.erase(magnitude_.begin(), first);
        negative_ = negative_ && !magnitude_.empty();
    }
    /// Of a magnitude of 64 bits.
    static big_integer of(bool negative, std::uint64_t magnitude) {
        bytes digits;
        for (int shift = 56; shift >= 0; shift -= 8) {
            digits.push_back(static_cast<std::uint8_t>(magnitude >> shift));
        }
        return big_integer(negative, std::move(digits));
    }

    /// Whether it is less than 0.
    bool negative() const noexcept { return negative_; }
    /// Big-endian, without zero bytes in front; empty for 0.
    const bytes& magnitude() const noexcept { return magnitude_; }
    /// The magnitude, if 64 bits hold it.
    std::optional<std::uint64_t> small_magnitude() const noexcept {
        if (magnitude_.size() > 8) {
            return std::nullopt;
        }
        std::uint64_t number = 0;
        for (const std::uint8_t digit : magnitude_) {
            number = number << 8 | digit;
        }
        return number;
    }

    friend bool operator==(const big_integer& a, const big_integer& b) noexcept {
        return a.negative_ == b.negative_ && a.magnitude_ == b.magnitude_;
    }
    friend bool operator!=(const big_integer& a, const big_integer& b) noexcept { return !(a == b); }
    friend bool operator<(const big_integer& a, const big_integer& b) noexcept {
        if (a.negative_ != b.negative_) {
            return a.negative_;
        }
        const big_integer& small = a.negative_ ? b : a;
        const big_integer& large = a.negative_ ? a : b;
        return small.magnitude_.size() != large.magnitude_.size() ? small.magnitude_.size() < large.magnitude_.size()
                                                                 : small.magnitude_ < large.magnitude_;
    }

private:
    bool negative_ = false;
    bytes magnitude_;
};

namespace detail {

// Integers that are meant as numbers: neither bool nor a character.
template <class T>
inline constexpr bool is_number_type =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
#if defined(__cpp_char8_t)
    !std::is_same_v<T, char8_t> &&
#endif
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;

template <class T>
inline constexpr bool is_real_type = std::is_same_v<T, double> || std::is_same_v<T, float>;

template <class T, class = void>
inline constexpr bool has_converter = false;
template <class T>
inline constexpr bool has_converter<T, std::void_t<decltype(converter<T>::to_object(std::declval<const T&>()))>> = true;

// A value behind a pointer that is copied with its owner: what may not be complete where it is named.
template <class T>
class box {
public:
    explicit box(T value) : held_(new T(std::move(value))) {}
    box(const box& other) : held_(new T(*other.held_)) {}
    // The other is left with nothing in it, which only its destruction and an assignment may meet: see object's moves.
    box(box&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    box& operator=(box other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~box() { delete held_; }

    T& operator*() const noexcept { return *held_; }

private:
    // No unique_ptr: its constexpr members ask for the complete type where they are named.
    T* held_;
};

} // namespace detail

/// A value of any kind: null, bool, integer, floating-point number, text, bytes, list, map, date and time, date, or
/// something with a tag of CBOR that has no type of its own here. A value type: copies are deep, moves are cheap and
/// leave null behind. One object may be read by any threads at once.
///
/// Equal are objects that are written as the same bytes: 1 is not 1.0, -0.0 is not 0.0, text is not bytes; every NaN is
/// equal to every other.
class object {
public:
    /// A list, in order.
    using list = std::vector<object>;
    /// A map; keys of any kind, in the order of `operator<`.
    using map = std::map<object, object>;
    /// Something that a tag says more of.
    struct tagged_type;

    /// Null.
    object() noexcept = default;
    object(std::nullptr_t) noexcept {}
    object(list items) : state_(std::move(items)) {}
    inline object(map entries);
    inline object(tagged_type content);
    /// One that fits 64 bits becomes an integer.
    object(const big_integer& number) { set_integer(number); }
    object(const date& day) : state_(day) {}
    object(const date_time& time) : state_(time) {}
    /// Of text (literals, std::string, std::string_view). UTF-8; what is not is refused when it is written. A null
    /// `const char*` becomes null.
    template <class T, std::enable_if_t<detail::is_text<T>, int> = 0>
    object(const T& text) {
        if constexpr (std::is_pointer_v<T>) {
            if (text == nullptr) {
                return;
            }
        }
        state_ = std::string(std::string_view(text));
    }
    /// Of bytes (vectors, arrays and spans of uint8_t or std::byte).
    template <class T, std::enable_if_t<!detail::is_text<T> && detail::is_byte_range<T>, int> = 0>
    object(const T& range) : state_(bytes_view(range).copy()) {}
    /// Of bool, integers up to 64 bits, float and double. Characters are none of these.
    template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    object(T truth) noexcept : state_(truth) {}
    template <class T, std::enable_if_t<detail::is_number_type<T>, int> = 0, class = void>
    object(T number) noexcept {
        if constexpr (std::is_unsigned_v<T>) {
            set_integer(static_cast<std::uint64_t>(number));
        } else {
            state_ = static_cast<std::int64_t>(number);
        }
    }
    template <class T, std::enable_if_t<detail::is_real_type<T>, int> = 0, class = void, class = void>
    object(T number) noexcept : state_(static_cast<double>(number)) {}
    /// Of what `converter` knows: vectors, maps, optionals, times of the system's clock, and types of yours.
    template <class T, std::enable_if_t<detail::has_converter<T>, int> = 0, class = void, class = void, class = void>
    object(const T& value) : object(converter<T>::to_object(value)) {}

    object(const object&) = default;
    object& operator=(const object&) = default;
    object(object&& other) noexcept : state_(std::move(other.state_)) { other.state_ = nullptr; }
    object& operator=(object&& other) noexcept {
        if (this != &other) {
            state_ = std::move(other.state_);
            other.state_ = nullptr;
        }
        return *this;
    }
    ~object() = default;

    /// What it holds.
    inline mccache::kind kind() const noexcept;
    /// "null", "integer", "text" and so on.
    inline const char* kind_name() const noexcept;
    bool is_null() const noexcept { return std::holds_alternative<std::nullptr_t>(state_); }

    /// What it holds, if it holds just that; else null. T: bool, std::int64_t, std::uint64_t (integers above
    /// 9,223,372,036,854,775,807 only), big_integer, double, std::string, bytes, object::list, object::map, date_time,
    /// date, object::tagged_type.
    template <class T>
    const T* get_if() const noexcept;
    template <class T>
    T* get_if() noexcept {
        return const_cast<T*>(static_cast<const object*>(this)->get_if<T>());
    }

    /// As another type: bool; integers, where the number fits; double and float, of integers too where nothing is lost;
    /// std::string of text; bytes; date; date_time; std::vector, std::map, std::optional (of null: nothing) of these;
    /// what `converter` knows. errc::codec if it is nothing of the kind.
    template <class T>
    result<T> try_as() const;
#if MCCACHE_EXCEPTIONS
    /// As try_as(). Throws codec_error.
    template <class T>
    T as() const {
        return try_as<T>().value();
    }
#endif

    /// How many items a list or entries a map has; 0 for what is neither.
    inline std::size_t size() const noexcept;
    /// The value of a key of a map; null pointer if there is none, or if this is no map.
    inline const object* find(const object& key) const;
    /// The item of a list; null pointer if there is none, or if this is no list.
    const object* item(std::size_t at) const noexcept {
        const list* items = get_if<list>();
        return items != nullptr && at < items->size() ? &(*items)[at] : nullptr;
    }
    /// The value of a key, made null if there is none. What is no map becomes an empty one before.
    inline object& operator[](const object& key);
    /// Adds an item. What is no list becomes an empty one before.
    void push_back(object item) {
        if (get_if<list>() == nullptr) {
            state_ = list();
        }
        std::get_if<list>(&state_)->push_back(std::move(item));
    }

    friend bool operator==(const object& a, const object& b) { return compare(a, b) == 0; }
    friend bool operator!=(const object& a, const object& b) { return compare(a, b) != 0; }
    /// A total order: by kind, then by value; integers among themselves by number.
    friend bool operator<(const object& a, const object& b) { return compare(a, b) < 0; }

private:
    using state = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, big_integer, double, std::string, bytes,
                               list, detail::box<map>, date_time, date, detail::box<tagged_type>>;

    void set_integer(std::uint64_t number) noexcept {
        if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            state_ = static_cast<std::int64_t>(number);
        } else {
            state_ = number;
        }
    }
    void set_integer(const big_integer& number) {
        const std::optional<std::uint64_t> small = number.small_magnitude();
        constexpr std::uint64_t lowest = std::uint64_t{1} << 63;
        if (small && !number.negative()) {
            set_integer(*small);
        } else if (small && *small <= lowest) {
            // Negated within the signed range: the lowest number has no positive counterpart.
            state_ = -static_cast<std::int64_t>(*small - 1) - 1;
        } else {
            state_ = number;
        }
    }

    static inline int compare(const object& a, const object& b);
    static inline int compare_same_kind(const object& a, const object& b);
    static inline int compare_lists(const list& a, const list& b);
    static inline int compare_maps(const map& a, const map& b);

    state state_ = nullptr;
};

/// Something that a tag of CBOR says more of, where the tag has no type of its own here. Read and written as it is.
struct object::tagged_type {
    /// The tag's number, see IANA's registry of CBOR tags.
    std::uint64_t tag = 0;
    /// What it is about.
    object content;
};

inline object::object(map entries) : state_(detail::box<map>(std::move(entries))) {}
inline object::object(tagged_type content) : state_(detail::box<tagged_type>(std::move(content))) {}

inline mccache::kind object::kind() const noexcept {
    constexpr mccache::kind kinds[] = {mccache::kind::null,    mccache::kind::boolean,     mccache::kind::integer,
                                       mccache::kind::integer, mccache::kind::big_integer, mccache::kind::real,
                                       mccache::kind::text,    mccache::kind::byte_string,       mccache::kind::list,
                                       mccache::kind::map,     mccache::kind::date_time,   mccache::kind::date,
                                       mccache::kind::tagged};
    return kinds[state_.index()];
}

inline const char* object::kind_name() const noexcept {
    constexpr const char* names[] = {"null",  "a bool", "an integer",         "an integer beyond 64 bits",
                                     "a floating-point number", "text",       "bytes",
                                     "a list", "a map", "a date and time", "a date", "a tagged item"};
    return names[static_cast<std::size_t>(kind())];
}

template <class T>
const T* object::get_if() const noexcept {
    if constexpr (std::is_same_v<T, map> || std::is_same_v<T, tagged_type>) {
        const detail::box<T>* boxed = std::get_if<detail::box<T>>(&state_);
        return boxed != nullptr ? &**boxed : nullptr;
    } else {
        return std::get_if<T>(&state_);
    }
}

inline std::size_t object::size() const noexcept {
    if (const list* items = get_if<list>()) {
        return items->size();
    }
    const map* entries = get_if<map>();
    return entries != nullptr ? entries->size() : 0;
}

inline const object* object::find(const object& key) const {
    const map* entries = get_if<map>();
    if (entries == nullptr) {
        return nullptr;
    }
    const auto found = entries->find(key);
    return found != entries->end() ? &found->second : nullptr;
}

inline object& object::operator[](const object& key) {
    if (get_if<map>() == nullptr) {
        state_ = detail::box<map>(map());
    }
    return (*get_if<map>())[key];
}

namespace detail {

template <class T>
int three_way(const T& a, const T& b) {
    return a < b ? -1 : b < a ? 1 : 0;
}

// Numbers by size, -0.0 before 0.0, and NaN, of which there is one, after all.
inline int three_way_reals(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) {
        return (std::isnan(a) ? 1 : 0) - (std::isnan(b) ? 1 : 0);
    }
    if (a == 0 && b == 0) {
        return (std::signbit(a) ? 0 : 1) - (std::signbit(b) ? 0 : 1);
    }
    return three_way(a, b);
}

} // namespace detail

inline int object::compare(const object& a, const object& b) {
    if (a.kind() != b.kind()) {
        return a.kind() < b.kind() ? -1 : 1;
    }
    // Of integers the unsigned alternative holds those above all of the signed one.
    if (a.state_.index() != b.state_.index()) {
        return a.state_.index() < b.state_.index() ? -1 : 1;
    }
    return compare_same_kind(a, b);
}

// One look at each item: `<` and then `>` on each would double the work with every level of nesting.
inline int object::compare_lists(const list& a, const list& b) {
    for (std::size_t at = 0; at < a.size() && at < b.size(); at++) {
        if (const int order = compare(a[at], b[at])) {
            return order;
        }
    }
    return detail::three_way(a.size(), b.size());
}

inline int object::compare_maps(const map& a, const map& b) {
    for (auto one = a.begin(), other = b.begin(); one != a.end() && other != b.end(); ++one, ++other) {
        if (const int order = compare(one->first, other->first)) {
            return order;
        }
        if (const int order = compare(one->second, other->second)) {
            return order;
        }
    }
    return detail::three_way(a.size(), b.size());
}

inline int object::compare_same_kind(const object& a, const object& b) {
    switch (a.kind()) {
    case mccache::kind::null: return 0;
    case mccache::kind::boolean: return detail::three_way(*a.get_if<bool>(), *b.get_if<bool>());
    case mccache::kind::integer:
        return a.get_if<std::int64_t>() != nullptr
                   ? detail::three_way(*a.get_if<std::int64_t>(), *b.get_if<std::int64_t>())
                   : detail::three_way(*a.get_if<std::uint64_t>(), *b.get_if<std::uint64_t>());
    case mccache::kind::big_integer: return detail::three_way(*a.get_if<big_integer>(), *b.get_if<big_integer>());
    case mccache::kind::real: return detail::three_way_reals(*a.get_if<double>(), *b.get_if<double>());
    case mccache::kind::text: return a.get_if<std::string>()->compare(*b.get_if<std::string>());
    case mccache::kind::byte_string: return detail::three_way(*a.get_if<bytes>(), *b.get_if<bytes>());
    case mccache::kind::list: return compare_lists(*a.get_if<list>(), *b.get_if<list>());
    case mccache::kind::map: return compare_maps(*a.get_if<map>(), *b.get_if<map>());
    case mccache::kind::date_time: return detail::three_way(*a.get_if<date_time>(), *b.get_if<date_time>());
    case mccache::kind::date: return detail::three_way(*a.get_if<date>(), *b.get_if<date>());
    case mccache::kind::tagged: break;
    }
    const tagged_type& one = *a.get_if<tagged_type>();
    const tagged_type& other = *b.get_if<tagged_type>();
    return one.tag != other.tag ? detail::three_way(one.tag, other.tag) : compare(one.content, other.content);
}

} // namespace mccache

#endif
