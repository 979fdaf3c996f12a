// Dates, and dates with times, as values.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that. The calendar's arithmetic is Howard Hinnant's ("chrono-Compatible Low-Level
// Date Algorithms"), for the proleptic Gregorian calendar.

#ifndef MCCACHE_TIMES_HPP
#define MCCACHE_TIMES_HPP

#include <mccache/error.hpp>

#include <chrono>
#include <cstdio>
#include <string_view>
#include <tuple>

namespace mccache {

/// A day, without a time and without a zone. Crosses as tag 1004 (RFC 8943).
struct date {
    /// 0 to 9999.
    std::int32_t year = 1970;
    /// 1 to 12.
    std::int32_t month = 1;
    /// 1 to 31.
    std::int32_t day = 1;

    /// Whether there is such a day.
    bool is_valid() const noexcept {
        constexpr std::int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1) {
            return false;
        }
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
    }

    /// Days since 1970-01-01. The day must be valid.
    std::int64_t days_since_1970() const noexcept {
        const std::int64_t y = month <= 2 ? year - 1 : year;
        const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
        const std::int64_t year_of_era = y - era * 400;
        const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        return era * 146097 + day_of_era - 719468;
    }

    /// The day so many days after 1970-01-01. Nothing if its year is not 0 to 9999.
    static std::optional<date> from_days_since_1970(std::int64_t days) noexcept {
        // The first day of the year 0 and the last one of 9999.
        if (days < -719528 || days > 2932896) {
            return std::nullopt;
        }
        const std::int64_t z = days + 719468;
        const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
        const std::int64_t day_of_era = z - era * 146097;
        const std::int64_t year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        const std::int64_t shifted = (5 * day_of_year + 2) / 153;
        date found;
        found.day = static_cast<std::int32_t>(day_of_year - (153 * shifted + 2) / 5 + 1);
        found.month = static_cast<std::int32_t>(shifted < 10 ? shifted + 3 : shifted - 9);
        found.year = static_cast<std::int32_t>(year_of_era + era * 400 + (found.month <= 2 ? 1 : 0));
        return found;
    }

    /// "2026-11-25". The day must be valid.
    std::string to_string() const {
        char text[40];
        const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02d", static_cast<int>(year),
                                         static_cast<int>(month), static_cast<int>(day));
        return std::string(text, static_cast<std::size_t>(length));
    }

    /// Reads "2026-11-25". Nothing if it is not a valid day in this form.
    static std::optional<date> parse(std::string_view text) noexcept;

    friend bool operator==(const date& a, const date& b) noexcept { return a.tied() == b.tied(); }
    friend bool operator!=(const date& a, const date& b) noexcept { return !(a == b); }
    friend bool operator<(const date& a, const date& b) noexcept { return a.tied() < b.tied(); }

private:
    std::tuple<std::int32_t, std::int32_t, std::int32_t> tied() const noexcept { return {year, month, day}; }
};

/// An instant, and the offset from UTC that it was told with. Crosses as tag 0, text as in RFC 3339.
///
/// Equal are those of the same instant and the same offset; compare `seconds` and `nanoseconds` for the instant alone.
struct date_time {
    /// Since 1970-01-01T00:00:00Z, without leap seconds. Years 0 to 9999 can be written.
    std::int64_t seconds = 0;
    /// Beyond that, 0 to 999,999,999.
    std::int32_t nanoseconds = 0;
    /// What local clocks showed beyond UTC, minutes, -1,439 to 1,439; 0 is UTC.
    std::int32_t offset_minutes = 0;

    date_time() = default;
    date_time(std::int64_t seconds_since_1970, std::int32_t nanoseconds_beyond, std::int32_t offset_minutes_of_utc = 0)
        : seconds(seconds_since_1970), nanoseconds(nanoseconds_beyond), offset_minutes(offset_minutes_of_utc) {}
    /// Of the system's clock, in UTC.
    template <class Duration>
    date_time(const std::chrono::time_point<std::chrono::system_clock, Duration>& time) {
        const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
        seconds = whole.count();
        nanoseconds = static_cast<std::int32_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch() - whole).count());
    }

    /// As a time of the system's clock, to its own precision. Years beyond the clock's range (of 64 bits of nanoseconds,
    /// with most compilers: 1678 to 2261) overflow.
    std::chrono::system_clock::time_point to_time_point() const {
        const auto whole = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
        return whole + std::chrono::floor<std::chrono::system_clock::duration>(std::chrono::nanoseconds(nanoseconds));
    }

    /// Whether it can be written.
    bool is_valid() const noexcept {
        return nanoseconds >= 0 && nanoseconds < 1000000000 && offset_minutes > -1440 && offset_minutes < 1440 &&
               seconds >= -62167305600 && seconds <= 253402387200 && local_day().has_value();
    }

    /// "2026-11-25T12:34:56.789123Z", "2026-11-25T12:34:56+05:30": with six digits behind the point, or nine if six are
    /// not enough, or none if all are zero. It must be valid.
    std::string to_string() const {
        const std::optional<date> day = local_day();
        const auto of_day = static_cast<int>(local_seconds() - (day ? day->days_since_1970() : 0) * 86400);
        char text[64];
        int length = std::snprintf(text, sizeof text, "T%02d:%02d:%02d", of_day / 3600, of_day / 60 % 60, of_day % 60);
        std::string whole = (day ? day->to_string() : std::string()) + std::string(text, static_cast<std::size_t>(length));
        if (nanoseconds != 0) {
            const bool micro = nanoseconds % 1000 == 0;
            length = std::snprintf(text, sizeof text, micro ? ".%06d" : ".%09d",
                                   static_cast<int>(micro ? nanoseconds / 1000 : nanoseconds));
            whole.append(text, static_cast<std::size_t>(length));
        }
        if (offset_minutes == 0) {
            return whole + "Z";
        }
        const int offset = static_cast<int>(offset_minutes < 0 ? -offset_minutes : offset_minutes);
        length = std::snprintf(text, sizeof text, "%c%02d:%02d", offset_minutes < 0 ? '-' : '+', offset / 60, offset % 60);
        return whole.append(text, static_cast<std::size_t>(length));
    }

    /// Reads what RFC 3339 allows: any number of digits behind the point (those beyond nine are dropped), a leap second
    /// as the second after it, small letters. Nothing if it is not a valid time in this form.
    static std::optional<date_time> parse(std::string_view text) noexcept;

    friend bool operator==(const date_time& a, const date_time& b) noexcept { return a.tied() == b.tied(); }
    friend bool operator!=(const date_time& a, const date_time& b) noexcept { return !(a == b); }
    friend bool operator<(const date_time& a, const date_time& b) noexcept { return a.tied() < b.tied(); }

private:
    std::tuple<std::int64_t, std::int32_t, std::int32_t> tied() const noexcept {
        return {seconds, nanoseconds, offset_minutes};
    }
    std::int64_t local_seconds() const noexcept { return seconds + std::int64_t{60} * offset_minutes; }
    std::optional<date> local_day() const noexcept {
        const std::int64_t local = local_seconds();
        return date::from_days_since_1970((local >= 0 ? local : local - 86399) / 86400);
    }
};

namespace detail {

// Takes numbers and marks from the front of a text.
class scanner {
public:
    explicit scanner(std::string_view text) noexcept : rest_(text) {}

    // A number of exactly so many digits.
    bool digits(std::size_t count, std::int32_t& number) noexcept {
        if (rest_.size() < count) {
            return false;
        }
        number = 0;
        for (std::size_t at = 0; at < count; at++) {
            if (!is_digit(rest_[at])) {
                return false;
            }
            number = number * 10 + (rest_[at] - '0');
        }
        rest_.remove_prefix(count);
        return true;
    }
    // One of two characters.
    bool mark(char one, char other) noexcept {
        if (rest_.empty() || (rest_[0] != one && rest_[0] != other)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    bool mark(char one) noexcept { return mark(one, one); }
    // One digit or more behind a point, as nanoseconds.
    bool fraction(std::int32_t& nanoseconds) noexcept {
        std::int32_t weight = 100000000;
        std::size_t count = 0;
        for (nanoseconds = 0; count < rest_.size() && is_digit(rest_[count]); count++, weight /= 10) {
            nanoseconds += (rest_[count] - '0') * weight;
        }
        rest_.remove_prefix(count);
        return count > 0;
    }
    bool day(date& found) noexcept {
        return digits(4, found.year) && mark('-') && digits(2, found.month) && mark('-') && digits(2, found.day) &&
               found.is_valid();
    }
    bool at_end() const noexcept { return rest_.empty(); }

private:
    static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

    std::string_view rest_;
};

} // namespace detail

inline std::optional<date> date::parse(std::string_view text) noexcept {
    detail::scanner scan(text);
    date found;
    if (scan.day(found) && scan.at_end()) {
        return found;
    }
    return std::nullopt;
}

inline std::optional<date_time> date_time::parse(std::string_view text) noexcept {
    detail::scanner scan(text);
    date day;
    std::int32_t hour = 0;
    std::int32_t minute = 0;
    std::int32_t second = 0;
    date_time found;
    if (!scan.day(day) || !scan.mark('T', 't') || !scan.digits(2, hour) || !scan.mark(':') || !scan.digits(2, minute) ||
        !scan.mark(':') || !scan.digits(2, second) || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    if (scan.mark('.') && !scan.fraction(found.nanoseconds)) {
        return std::nullopt;
    }
    if (!scan.mark('Z', 'z')) {
        const bool east = scan.mark('+');
        std::int32_t offset_hour = 0;
        std::int32_t offset_minute = 0;
        if ((!east && !scan.mark('-')) || !scan.digits(2, offset_hour) || !scan.mark(':') ||
            !scan.digits(2, offset_minute) || offset_hour > 23 || offset_minute > 59) {
            return std::nullopt;
        }
        found.offset_minutes = (offset_hour * 60 + offset_minute) * (east ? 1 : -1);
    }
    found.seconds = day.days_since_1970() * 86400 + hour * 3600 + minute * 60 + second -
                    std::int64_t{60} * found.offset_minutes;
    if (!scan.at_end() || !found.is_valid()) {
        return std::nullopt;
    }
    return found;
}

} // namespace mccache

#endif
