// Settings of a node or of a cache.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that. All settings: docs/CONFIGURATION.md.

#ifndef MCCACHE_CONFIG_HPP
#define MCCACHE_CONFIG_HPP

#include <mccache/arguments.hpp>

#include <chrono>
#include <initializer_list>
#include <limits>
#include <locale>
#include <sstream>

namespace mccache {

/// One setting: its name, the same as in the file, and its value: text as in the file, a bool, a number, or a duration.
struct setting {
    /// Such as "cluster" or "cache_ttl".
    std::string name;
    /// As text.
    std::string value;

    setting(std::string_view name_, std::string_view value_) : name(name_), value(value_) {}
    setting(std::string_view name_, const char* value_) : setting(name_, std::string_view(value_)) {}
    /// A duration goes with its unit, whatever the setting's own; rounded up to milliseconds.
    template <class Rep, class Period>
    setting(std::string_view name_, std::chrono::duration<Rep, Period> value_)
        : name(name_), value(std::to_string(std::chrono::ceil<std::chrono::milliseconds>(value_).count()) + "ms") {}
    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
    setting(std::string_view name_, T value_) : name(name_) {
        if constexpr (std::is_same_v<T, bool>) {
            value = value_ ? "true" : "false";
        } else if constexpr (std::is_floating_point_v<T>) {
            // Not std::to_string: it has six decimals, after a comma in the locale of many a program.
            std::ostringstream text;
            text.imbue(std::locale::classic());
            text.precision(std::numeric_limits<T>::digits10);
            text << value_;
            value = text.str();
        } else {
            value = std::to_string(value_);
        }
    }
};

/// Settings, in an order: a later one of the same name counts.
using settings = std::vector<setting>;

/// Settings being gathered, for `node::open`. Movable. One at a time may change it; nodes keep a copy of their own.
class config {
public:
    config(config&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    config& operator=(config&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    config(const config&) = delete;
    config& operator=(const config&) = delete;
    ~config() { mcc_config_free(handle_); }

    /// Those of the process: the file (which MCCACHE_CONFIG names, else ./mccache.toml, else [tool.mccache] of
    /// ./pyproject.toml), then the environment (MCCACHE_CACHE_TTL=900), then these. errc::config if one is wrong.
    static result<config> try_of_process(const settings& more = {}) { return made(mcc_config_new, more); }
    /// These alone: neither a file nor the environment is read. errc::config if one is wrong.
    static result<config> try_empty(const settings& more = {}) { return made(mcc_config_new_empty, more); }

    /// Sets one, over those gathered so far. errc::config if there is none of that name, or the value is out of range.
    result<void> try_set(const setting& one) {
        result<std::string> name = detail::c_text("the setting's name", one.name);
        result<std::string> value = detail::c_text("the setting's value", one.value);
        if (!name || !value) {
            return name ? value.error() : name.error();
        }
        return detail::outcome(mcc_config_set(handle_, name->c_str(), value->c_str()));
    }
    /// Takes in the settings of a TOML file, over those gathered so far. errc::config if it cannot be read or is wrong.
    result<void> try_load(std::string_view path) {
        result<std::string> text = detail::c_text("the path", path);
        return text ? detail::outcome(mcc_config_load(handle_, text->c_str())) : text.error();
    }

#if MCCACHE_EXCEPTIONS
    /// As try_of_process(). Throws config_error.
    explicit config(const settings& more = {}) : config(try_of_process(more).value()) {}
    config(std::initializer_list<setting> more) : config(settings(more)) {}
    /// As try_empty(). Throws config_error.
    static config empty(const settings& more = {}) { return try_empty(more).value(); }
    /// As try_set(). Throws config_error.
    config& set(std::string_view name, std::string_view value) { return set(setting(name, value)); }
    config& set(const setting& one) {
        try_set(one).value();
        return *this;
    }
    /// As try_load(). Throws config_error.
    config& load(std::string_view path) {
        try_load(path).value();
        return *this;
    }
#endif

    /// The handle, still this object's; null if it was moved from.
    const mcc_config_t* handle() const noexcept { return handle_; }

private:
    explicit config(mcc_config_t* owned) noexcept : handle_(owned) {}

    static result<config> made(mcc_status_t (*make)(mcc_config_t**), const settings& more) {
        if (result<void> library = check_library(); !library) {
            return library.error();
        }
        mcc_config_t* handle = nullptr;
        if (const mcc_status_t status = make(&handle); status != MCC_OK) {
            return failure::of(status);
        }
        config gathered(handle);
        for (const setting& one : more) {
            if (result<void> set = gathered.try_set(one); !set) {
                return set.error();
            }
        }
        return gathered;
    }

    mcc_config_t* handle_;
};

} // namespace mccache

#endif
