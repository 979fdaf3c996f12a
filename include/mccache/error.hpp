// What can go wrong: the codes, the result type that carries them, and the exceptions that throw them.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_ERROR_HPP
#define MCCACHE_ERROR_HPP

#include <mccache.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

/// 1 where the functions that throw exist beside those that return a `result`; 0 where only the latter do. Follows the
/// compiler's own setting (-fno-exceptions); define it to 0 before including to do without them anyway. All parts of a
/// program that pass objects of this header to one another must agree on it.
#ifndef MCCACHE_EXCEPTIONS
#  if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#    define MCCACHE_EXCEPTIONS 1
#  else
#    define MCCACHE_EXCEPTIONS 0
#  endif
#endif

// Lets clang warn of a view that outlives what it looks into.
#if defined(__has_cpp_attribute)
#  if __has_cpp_attribute(clang::lifetimebound)
#    define MCCACHE_LIFETIMEBOUND [[clang::lifetimebound]]
#  endif
#endif
#ifndef MCCACHE_LIFETIMEBOUND
#  define MCCACHE_LIFETIMEBOUND
#endif

namespace mccache {

/// What kind of failure it was. The numbers are those of mcc_status_t; `codec` is this header's own.
enum class errc : std::int32_t {
    /// The key has no value.
    not_found = MCC_NOT_FOUND,
    /// The key has a value already.
    exists = MCC_EXISTS,
    /// An argument is out of range, null where it may not be, or no UTF-8 where text is asked. Nothing was changed.
    invalid_argument = MCC_INVALID_ARGUMENT,
    /// The key or the value is longer than accepted. Nothing was changed.
    too_large = MCC_TOO_LARGE,
    /// The cache, node or queue was closed, by this or by another thread.
    closed = MCC_CLOSED,
    /// The time allowed ran out. What was waited for may still happen.
    timeout = MCC_TIMEOUT,
    /// A setting or a configuration file is wrong.
    config = MCC_CONFIG,
    /// The network could not be set up or used.
    network = MCC_NETWORK,
    /// A promise of the library did not hold: a bug in it. Also the wrong library, see `check_library`.
    internal = MCC_INTERNAL,
    /// The key was written or deleted since the lease was given.
    overtaken = MCC_OVERTAKEN,
    /// A value cannot be written, or not be read, as what was asked: malformed, of another type, nested too deep, or
    /// of a codec that is not known here.
    codec = 256,
};

/// A failure: its kind, and a text that says what went wrong and what to do about it.
class failure {
public:
    /// With a text of its own; UTF-8.
    failure(errc code, std::string message) : code_(code), message_(std::move(message)) {}

    /// What the library has to say about a status that it returned to this thread just now. `status` is not MCC_OK.
    static failure of(mcc_status_t status) {
        const bool answer = status == MCC_NOT_FOUND || status == MCC_EXISTS || status == MCC_OVERTAKEN;
        // An answer leaves mcc_last_error() as it was: it would tell of another call.
        const char* message = answer ? "" : mcc_last_error();
        return failure(static_cast<errc>(status), *message != '\0' ? message : mcc_strerror(status));
    }

    /// What kind of failure.
    errc code() const noexcept { return code_; }
    /// What went wrong, UTF-8.
    const std::string& message() const noexcept { return message_; }

private:
    errc code_;
    std::string message_;
};

#if MCCACHE_EXCEPTIONS

/// The base of all exceptions of this header. `what()` says what went wrong and what to do about it.
class error : public std::runtime_error {
public:
    explicit error(const failure& failed) : std::runtime_error(failed.message()), code_(failed.code()) {}

    /// What kind of failure.
    errc code() const noexcept { return code_; }

private:
    errc code_;
};

/// `cache::at` found no value.
class not_found_error : public error {
public:
    using error::error;
};
/// An argument is out of range, null, or no UTF-8 where text is asked. Nothing was changed.
class invalid_argument_error : public error {
public:
    using error::error;
};
/// The key or the value is longer than accepted. Nothing was changed.
class too_large_error : public error {
public:
    using error::error;
};
/// The cache, node or queue was closed, by this or by another thread.
class closed_error : public error {
public:
    using error::error;
};
/// The time allowed ran out. What was waited for may still happen.
class timeout_error : public error {
public:
    using error::error;
};
/// A setting or a configuration file is wrong; the text names it and what is accepted.
class config_error : public error {
public:
    using error::error;
};
/// The network could not be set up or used; the text has the system's answer.
class network_error : public error {
public:
    using error::error;
};
/// A value cannot be written, or not be read, as what was asked. `value::bytes()` reads any.
class codec_error : public error {
public:
    using error::error;
};
/// A bug of the library, or a library that does not belong to this header.
class internal_error : public error {
public:
    using error::error;
};

#endif

namespace detail {

#if MCCACHE_EXCEPTIONS
[[noreturn]] inline void raise(const failure& failed) {
    switch (failed.code()) {
    case errc::not_found: throw not_found_error(failed);
    case errc::invalid_argument: throw invalid_argument_error(failed);
    case errc::too_large: throw too_large_error(failed);
    case errc::closed: throw closed_error(failed);
    case errc::timeout: throw timeout_error(failed);
    case errc::config: throw config_error(failed);
    case errc::network: throw network_error(failed);
    case errc::codec: throw codec_error(failed);
    case errc::internal: throw internal_error(failed);
    case errc::exists:
    case errc::overtaken: break;
    }
    throw error(failed);
}
#else
[[noreturn]] inline void raise(const failure&) {
    std::abort();
}
#endif

} // namespace detail

/// A value, or the failure that there is instead of one. What every function named `try_...` returns.
///
/// Reading the value of a failure throws its exception; without exceptions it ends the program.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    /// A success.
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    /// A failure.
    result(failure failed) : state_(std::in_place_index<1>, std::move(failed)) {}

    /// Whether there is a value.
    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value.
    T& value() & {
        require();
        return *std::get_if<0>(&state_);
    }
    const T& value() const& {
        require();
        return *std::get_if<0>(&state_);
    }
    T&& value() && {
        require();
        return std::move(*std::get_if<0>(&state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    /// The value, or another in place of a failure.
    template <class U>
    T value_or(U&& other) const& {
        return has_value() ? value() : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    T value_or(U&& other) && {
        return has_value() ? std::move(*this).value() : static_cast<T>(std::forward<U>(other));
    }

    /// The failure. Ends the program if there is none.
    const failure& error() const& {
        if (has_value()) {
            std::abort();
        }
        return *std::get_if<1>(&state_);
    }
    /// Whether it is a failure of this kind.
    bool failed_with(errc code) const noexcept { return !has_value() && std::get_if<1>(&state_)->code() == code; }

private:
    void require() const {
        if (!has_value()) {
            detail::raise(*std::get_if<1>(&state_));
        }
    }

    std::variant<T, failure> state_;
};

/// Success, or a failure.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    /// A success.
    result() = default;
    /// A failure.
    result(failure failed) : failure_(std::move(failed)) {}

    /// Whether it succeeded.
    bool has_value() const noexcept { return !failure_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// Throws the failure's exception, if it is one.
    void value() const {
        if (failure_) {
            detail::raise(*failure_);
        }
    }

    /// The failure. Ends the program if there is none.
    const failure& error() const& {
        if (!failure_) {
            std::abort();
        }
        return *failure_;
    }
    /// Whether it is a failure of this kind.
    bool failed_with(errc code) const noexcept { return failure_.has_value() && failure_->code() == code; }

private:
    std::optional<failure> failure_;
};

namespace detail {

// Success, or what the library has to say.
inline result<void> outcome(mcc_status_t status) {
    if (status == MCC_OK) {
        return {};
    }
    return failure::of(status);
}

// Whether it was so: `yes` is true, `no` is false, anything else a failure.
inline result<bool> answer(mcc_status_t status, mcc_status_t no) {
    if (status == MCC_OK || status == no) {
        return status == MCC_OK;
    }
    return failure::of(status);
}

} // namespace detail

/// Whether a library of this ABI is the one that this header was made for: MCC_ABI_VERSION. All that opens something
/// asks this first, so that a program started with another libmccache is refused with both numbers in the text.
inline result<void> check_library(std::int32_t abi_version = mcc_abi_version()) {
    if (abi_version == MCC_ABI_VERSION) {
        return {};
    }
    return failure(errc::internal, "this program was built for libmccache with ABI " + std::to_string(MCC_ABI_VERSION) +
                                       ", and runs with one with ABI " + std::to_string(abi_version) +
                                       ": install the library that belongs to <mccache.hpp>, or build the program again");
}

/// The version of the library in use, such as "0.1.0".
inline const char* version() noexcept {
    return mcc_version();
}

} // namespace mccache

#endif
