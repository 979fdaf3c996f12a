// Objects to CBOR (RFC 8949) and back, item by item through the core.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that. What is written and read, and why: docs/VALUES.md.

#ifndef MCCACHE_CBOR_HPP
#define MCCACHE_CBOR_HPP

#include <mccache/object.hpp>

namespace mccache {

/// How deep lists and maps may nest in a value, and how many tags one within another. Deeper ones are refused, both ways.
inline constexpr unsigned nesting_max = 200;

namespace detail {

// The tags that have a type here.
inline constexpr std::uint64_t tag_date_time_text = 0;
inline constexpr std::uint64_t tag_date_time_seconds = 1;
inline constexpr std::uint64_t tag_positive = 2;
inline constexpr std::uint64_t tag_negative = 3;
inline constexpr std::uint64_t tag_date_days = 100;
inline constexpr std::uint64_t tag_date_text = 1004;
// Says that what follows is CBOR, and no more.
inline constexpr std::uint64_t tag_self_described = 55799;

inline constexpr std::uint64_t simple_false = 20;
inline constexpr std::uint64_t simple_true = 21;
inline constexpr std::uint64_t simple_null = 22;
inline constexpr std::uint64_t simple_undefined = 23;
// The count of what has no length.
inline constexpr std::uint64_t indefinite = std::numeric_limits<std::uint64_t>::max();

inline mcc_cbor_item_t cbor_head(mcc_cbor_kind_t kind, std::uint64_t number) noexcept {
    mcc_cbor_item_t item = {};
    item.kind = kind;
    item.number = number;
    return item;
}
inline mcc_cbor_item_t cbor_real(double number) noexcept {
    mcc_cbor_item_t item = cbor_head(MCC_CBOR_FLOAT, 0);
    item.real = number;
    return item;
}
inline mcc_cbor_item_t cbor_string(mcc_cbor_kind_t kind, bytes_view of) noexcept {
    mcc_cbor_item_t item = cbor_head(kind, 0);
    item.data = of.data();
    item.len = of.size();
    return item;
}
inline mcc_cbor_item_t cbor_integer(std::int64_t number) noexcept {
    // -1 - number, which no number overflows.
    return number < 0 ? cbor_head(MCC_CBOR_NEGATIVE, ~static_cast<std::uint64_t>(number))
                      : cbor_head(MCC_CBOR_UNSIGNED, static_cast<std::uint64_t>(number));
}

// Writes one object. `problem` says why if that fails.
class cbor_writer {
public:
    bool object(const mccache::object& value, unsigned depth = 0) {
        switch (value.kind()) {
        case kind::null: return item(cbor_head(MCC_CBOR_SIMPLE, simple_null));
        case kind::boolean: return item(cbor_head(MCC_CBOR_SIMPLE, *value.get_if<bool>() ? simple_true : simple_false));
        case kind::integer:
            return value.get_if<std::int64_t>() != nullptr
                       ? item(cbor_integer(*value.get_if<std::int64_t>()))
                       : item(cbor_head(MCC_CBOR_UNSIGNED, *value.get_if<std::uint64_t>()));
        case kind::big_integer: return big(*value.get_if<big_integer>());
        case kind::real: return item(cbor_real(*value.get_if<double>()));
        case kind::text: return text(*value.get_if<std::string>());
        case kind::byte_string: return item(cbor_string(MCC_CBOR_BYTES, *value.get_if<bytes>()));
        case kind::list: return list(*value.get_if<mccache::object::list>(), depth);
        case kind::map: return map(*value.get_if<mccache::object::map>(), depth);
        case kind::date_time: return time(*value.get_if<date_time>());
        case kind::date: return day(*value.get_if<date>());
        case kind::tagged: break;
        }
        const auto& tagged = *value.get_if<mccache::object::tagged_type>();
        if (tags_++ == nesting_max) {
            return refuse("tags nest deeper than " + std::to_string(nesting_max));
        }
        const bool written = item(cbor_head(MCC_CBOR_TAG, tagged.tag)) && object(tagged.content, depth);
        tags_--;
        return written;
    }

    // What was written.
    bytes take() {
        buffer_.resize(length_);
        return std::move(buffer_);
    }
    failure problem() const { return failure(kind_, "not to be written as CBOR: " + problem_); }

private:
    bool item(const mcc_cbor_item_t& head) {
        std::size_t offset = length_;
        mcc_status_t status = mcc_cbor_write(buffer_.data(), buffer_.size(), &offset, &head);
        if (status == MCC_BUFFER_TOO_SMALL) {
            buffer_.resize(std::max({offset, buffer_.size() * 2, std::size_t{64}}));
            offset = length_;
            status = mcc_cbor_write(buffer_.data(), buffer_.size(), &offset, &head);
        }
        if (status != MCC_OK) {
            return refuse(mcc_last_error());
        }
        length_ = offset;
        return true;
    }
    bool text(std::string_view of) {
        if (item(cbor_string(MCC_CBOR_TEXT, bytes_view::of(of)))) {
            return true;
        }
        // It is not UTF-8: that is the caller's, wherever it stands.
        kind_ = errc::invalid_argument;
        return false;
    }
    bool list(const mccache::object::list& items, unsigned depth) {
        if (depth == nesting_max) {
            return too_deep();
        }
        if (!item(cbor_head(MCC_CBOR_ARRAY, items.size()))) {
            return false;
        }
        for (const mccache::object& one : items) {
            if (!object(one, depth + 1)) {
                return false;
            }
        }
        return true;
    }
    bool map(const mccache::object::map& entries, unsigned depth) {
        if (depth == nesting_max) {
            return too_deep();
        }
        if (!item(cbor_head(MCC_CBOR_MAP, entries.size()))) {
            return false;
        }
        for (const auto& entry : entries) {
            if (!object(entry.first, depth + 1) || !object(entry.second, depth + 1)) {
                return false;
            }
        }
        return true;
    }
    bool big(const big_integer& number) {
        // A negative integer n is written as -1 - n: the magnitude less one.
        bytes magnitude = number.magnitude();
        if (number.negative()) {
            for (auto digit = magnitude.rbegin(); digit != magnitude.rend() && (*digit)-- == 0; ++digit) {
            }
        }
        const big_integer written(false, std::move(magnitude));
        if (const auto small = written.small_magnitude()) {
            return item(cbor_head(number.negative() ? MCC_CBOR_NEGATIVE : MCC_CBOR_UNSIGNED, *small));
        }
        return item(cbor_head(MCC_CBOR_TAG, number.negative() ? tag_negative : tag_positive)) &&
               item(cbor_string(MCC_CBOR_BYTES, written.magnitude()));
    }
    bool time(const date_time& of) {
        if (!of.is_valid()) {
            return refuse("a date and time is of the years 0 to 9999, with an offset of less than a day");
        }
        return item(cbor_head(MCC_CBOR_TAG, tag_date_time_text)) && text(of.to_string());
    }
    bool day(const date& of) {
        if (!of.is_valid()) {
            return refuse("a date is a day of the years 0 to 9999");
        }
        return item(cbor_head(MCC_CBOR_TAG, tag_date_text)) && text(of.to_string());
    }
    bool too_deep() { return refuse("lists and maps nest deeper than " + std::to_string(nesting_max)); }
    bool refuse(std::string why) {
        problem_ = std::move(why);
        return false;
    }

    bytes buffer_;
    std::size_t length_ = 0;
    unsigned tags_ = 0;
    errc kind_ = errc::codec;
    std::string problem_;
};

// Reads one object, which must be all there is. `problem` says why if that fails.
class cbor_reader {
public:
    explicit cbor_reader(bytes_view from) noexcept : from_(from) {}

    bool whole(mccache::object& into) {
        mcc_cbor_item_t head;
        if (!next(head) || !object(head, into, 0)) {
            return false;
        }
        return offset_ == from_.size() || refuse("more bytes follow the item");
    }
    const std::string& problem() const noexcept { return problem_; }

private:
    bool next(mcc_cbor_item_t& head) {
        const mcc_status_t status = mcc_cbor_read(from_.data(), from_.size(), &offset_, &head);
        if (status == MCC_END) {
            return refuse("it ends where an item is due");
        }
        return status == MCC_OK || refuse(mcc_last_error());
    }
    bool object(const mcc_cbor_item_t& head, mccache::object& into, unsigned depth) {
        if (depth == nesting_max && (head.kind == MCC_CBOR_ARRAY || head.kind == MCC_CBOR_MAP)) {
            return refuse("lists and maps nest deeper than " + std::to_string(nesting_max));
        }
        switch (head.kind) {
        case MCC_CBOR_UNSIGNED: into = mccache::object(head.number); return true;
        case MCC_CBOR_NEGATIVE: negative(head.number, into); return true;
        case MCC_CBOR_BYTES: return bytes_of(head, into);
        case MCC_CBOR_TEXT: return text_of(head, into);
        case MCC_CBOR_ARRAY: return list(head.number, into, depth);
        case MCC_CBOR_MAP: return map(head.number, into, depth);
        case MCC_CBOR_TAG: return tagged(head.number, into, depth);
        case MCC_CBOR_SIMPLE: return simple(head.number, into);
        case MCC_CBOR_FLOAT: into = mccache::object(head.real); return true;
        case MCC_CBOR_BREAK: return refuse("an end of something that was not begun");
        default: return refuse("an item of a kind that is not known here");
        }
    }
    static void negative(std::uint64_t number, mccache::object& into) {
        if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            into = mccache::object(-1 - static_cast<std::int64_t>(number));
            return;
        }
        into = mccache::object(less_one(big_integer::of(false, number).magnitude()));
    }
    // -1 - n, of n's magnitude.
    static big_integer less_one(const bytes& magnitude) {
        bytes digits(1, 0);
        digits.insert(digits.end(), magnitude.begin(), magnitude.end());
        for (auto digit = digits.rbegin(); digit != digits.rend() && ++*digit == 0; ++digit) {
        }
        return big_integer(true, std::move(digits));
    }
    bool simple(std::uint64_t number, mccache::object& into) {
        switch (number) {
        case simple_false: into = mccache::object(false); return true;
        case simple_true: into = mccache::object(true); return true;
        case simple_null:
        case simple_undefined: into = mccache::object(); return true;
        default: return refuse("the simple value " + std::to_string(number) + " means nothing here");
        }
    }
    // A string as it is, or the pieces of one without a length put together.
    template <class Append>
    bool string(const mcc_cbor_item_t& head, const Append& append) {
        if (head.data != nullptr || head.number != indefinite) {
            append(bytes_view(head.data, head.len));
            return true;
        }
        mcc_cbor_item_t piece;
        while (next(piece)) {
            if (piece.kind == MCC_CBOR_BREAK) {
                return true;
            }
            if (piece.kind != head.kind || piece.data == nullptr) {
                return refuse("a string in pieces has a piece of another kind");
            }
            append(bytes_view(piece.data, piece.len));
        }
        return false;
    }
    bool bytes_of(const mcc_cbor_item_t& head, mccache::object& into) {
        bytes whole;
        if (!string(head, [&whole](bytes_view piece) { whole.insert(whole.end(), piece.begin(), piece.end()); })) {
            return false;
        }
        into = mccache::object(whole);
        return true;
    }
    bool text_of(const mcc_cbor_item_t& head, mccache::object& into) {
        std::string whole;
        if (!string(head, [&whole](bytes_view piece) { whole.append(piece.chars()); })) {
            return false;
        }
        into = mccache::object(whole);
        return true;
    }
    // Whether another item of `count` comes, whose head is read then. `ok` is false if that failed.
    bool another(std::uint64_t count, std::uint64_t taken, mcc_cbor_item_t& head, bool& ok) {
        if (count != indefinite && taken == count) {
            return false;
        }
        ok = next(head);
        return ok && (count != indefinite || head.kind != MCC_CBOR_BREAK);
    }
    // An item takes a byte at least: a count beyond what is left is a lie, and is found before anything is reserved.
    bool holds(std::uint64_t count, std::uint64_t items_each) {
        return count == indefinite || count <= (from_.size() - offset_) / items_each ||
               refuse("fewer items follow than were announced");
    }
    bool list(std::uint64_t count, mccache::object& into, unsigned depth) {
        mccache::object::list items;
        mcc_cbor_item_t head;
        bool ok = holds(count, 1);
        while (ok && another(count, items.size(), head, ok)) {
            items.emplace_back();
            ok = object(head, items.back(), depth + 1);
        }
        if (ok) {
            into = mccache::object(std::move(items));
        }
        return ok;
    }
    bool map(std::uint64_t count, mccache::object& into, unsigned depth) {
        mccache::object::map entries;
        mcc_cbor_item_t head;
        std::uint64_t taken = 0;
        bool ok = holds(count, 2);
        while (ok && another(count, taken, head, ok)) {
            mccache::object key;
            mccache::object value;
            ok = object(head, key, depth + 1) && next(head) && object(head, value, depth + 1);
            if (ok) {
                entries.insert_or_assign(std::move(key), std::move(value));
            }
            taken++;
        }
        if (ok) {
            into = mccache::object(std::move(entries));
        }
        return ok;
    }
    bool tagged(std::uint64_t tag, mccache::object& into, unsigned depth) {
        mcc_cbor_item_t head;
        mccache::object content;
        // They count for themselves: a date in the innermost list is a tag.
        if (tags_++ == nesting_max) {
            return refuse("tags nest deeper than " + std::to_string(nesting_max));
        }
        if (!next(head) || !object(head, content, depth)) {
            return false;
        }
        tags_--;
        switch (tag) {
        case tag_date_time_text: return date_time_of(content, into);
        case tag_date_time_seconds: return instant(content, into);
        case tag_positive:
        case tag_negative: return big(tag == tag_negative, content, into);
        case tag_date_days: return day_of(content, into);
        case tag_date_text: return date_of(content, into);
        case tag_self_described: into = std::move(content); return true;
        default: into = mccache::object(mccache::object::tagged_type{tag, std::move(content)}); return true;
        }
    }
    bool big(bool negative, const mccache::object& content, mccache::object& into) {
        const bytes* magnitude = content.get_if<bytes>();
        if (magnitude == nullptr) {
            return refuse("a big integer is bytes, not " + std::string(content.kind_name()));
        }
        into = mccache::object(negative ? less_one(*magnitude) : big_integer(false, *magnitude));
        return true;
    }
    bool date_time_of(const mccache::object& content, mccache::object& into) {
        const std::string* text = content.get_if<std::string>();
        const std::optional<date_time> time = text != nullptr ? date_time::parse(*text) : std::nullopt;
        if (!time) {
            return refuse("what is tagged as a date and time is none");
        }
        into = mccache::object(*time);
        return true;
    }
    bool instant(const mccache::object& content, mccache::object& into) {
        date_time time;
        if (const std::int64_t* seconds = content.get_if<std::int64_t>()) {
            time.seconds = *seconds;
        } else if (const double* real = content.get_if<double>()) {
            const double whole = std::floor(*real);
            // Far within the range of integers, and beyond the years that pass below. NaN fails it too.
            if (!(std::fabs(whole) < 1e15)) {
                return refuse("an instant beyond the years 0 to 9999");
            }
            time.seconds = static_cast<std::int64_t>(whole);
            // To microseconds: of today's instants a double knows no more.
            time.nanoseconds = static_cast<std::int32_t>(std::lround((*real - whole) * 1e6)) * 1000;
            if (time.nanoseconds == 1000000000) {
                time.seconds++;
                time.nanoseconds = 0;
            }
        } else {
            return refuse("an instant is a number, not " + std::string(content.kind_name()));
        }
        if (!time.is_valid()) {
            return refuse("an instant beyond the years 0 to 9999");
        }
        into = mccache::object(time);
        return true;
    }
    bool date_of(const mccache::object& content, mccache::object& into) {
        const std::string* text = content.get_if<std::string>();
        const std::optional<date> day = text != nullptr ? date::parse(*text) : std::nullopt;
        if (!day) {
            return refuse("what is tagged as a date is none");
        }
        into = mccache::object(*day);
        return true;
    }
    bool day_of(const mccache::object& content, mccache::object& into) {
        const std::int64_t* days = content.get_if<std::int64_t>();
        const std::optional<date> day = days != nullptr ? date::from_days_since_1970(*days) : std::nullopt;
        if (!day) {
            return refuse("what is tagged as a date, in days since 1970, is none");
        }
        into = mccache::object(*day);
        return true;
    }
    bool refuse(std::string why) {
        problem_ = std::move(why) + ", at byte " + std::to_string(offset_);
        return false;
    }

    bytes_view from_;
    std::size_t offset_ = 0;
    unsigned tags_ = 0;
    std::string problem_;
};

} // namespace detail

/// The CBOR of an object. errc::invalid_argument for text that is not UTF-8; errc::codec for a date out of range, or
/// nesting beyond `nesting_max`.
inline result<bytes> try_to_cbor(const object& value) {
    detail::cbor_writer writer;
    if (!writer.object(value)) {
        return writer.problem();
    }
    return writer.take();
}

/// The object of one item of CBOR, which must be all there is. errc::codec if it is malformed or nests too deep.
inline result<object> try_from_cbor(bytes_view cbor) {
    detail::cbor_reader reader(cbor);
    object value;
    if (!reader.whole(value)) {
        return failure(errc::codec, "not readable as CBOR: " + reader.problem());
    }
    return value;
}

#if MCCACHE_EXCEPTIONS
/// As try_to_cbor(). Throws invalid_argument_error, codec_error.
inline bytes to_cbor(const object& value) {
    return try_to_cbor(value).value();
}
/// As try_from_cbor(). Throws codec_error.
inline object from_cbor(bytes_view cbor) {
    return try_from_cbor(cbor).value();
}
#endif

} // namespace mccache

#endif
