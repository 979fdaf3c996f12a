// Loading what a cache does not have: who runs the loader, who waits for it, and what is served if it fails or takes long.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_LOADS_HPP
#define MCCACHE_LOADS_HPP

#include <mccache/config.hpp>
#include <mccache/records.hpp>

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

namespace mccache {

/// The right, and the duty, to load the value of a key: whoever holds it is the only one of this process that does.
/// Movable. The destructor gives it up, and one of those that wait gets the next.
class lease {
public:
    /// Takes over a handle of the C functions.
    explicit lease(mcc_lease_t* owned) noexcept : handle_(owned, mcc_lease_free) {}

    /// Puts what was loaded, and ends the lease, whatever comes of it. False: the key was written or deleted, or the
    /// cache cleared, since the lease was given, here or on another member; nothing was put then. errc::codec,
    /// errc::too_large, errc::closed; errc::invalid_argument if it has ended before.
    /// With tags, also if one of them was invalidated since.
    template <class T>
    result<bool> try_fill(const T& loaded, time_to_live ttl = {}, const tags& names = {}) {
        const detail::owned<mcc_lease_t> ending = std::exchange(handle_, {nullptr, mcc_lease_free});
        detail::encoded encoded;
        if (result<void> done = encoded.set(loaded); !done) {
            return done.error();
        }
        return detail::answer(mcc_fill_tagged(ending.get(), encoded.data(), encoded.size(), encoded.codec(), ttl.count(),
                                              names.data(), names.size()),
                              MCC_OVERTAKEN);
    }
    /// Says that the value could not be loaded, and ends the lease: it is counted, and told as event_kind::load_failed.
    /// On one that has ended it does nothing.
    void load_failed() noexcept {
        const detail::owned<mcc_lease_t> ending = std::exchange(handle_, {nullptr, mcc_lease_free});
        if (ending) {
            static_cast<void>(mcc_load_failed(ending.get()));
        }
    }
#if MCCACHE_EXCEPTIONS
    /// As try_fill(). Throws codec_error, too_large_error, closed_error, invalid_argument_error.
    template <class T>
    bool fill(const T& loaded, time_to_live ttl = {}, const tags& names = {}) {
        return try_fill(loaded, ttl, names).value();
    }
#endif

private:
    detail::owned<mcc_lease_t> handle_;
};

/// What get_or_lease found: a value, or else the right to load it.
struct lookup {
    /// The value, if there is one.
    std::optional<mccache::value> value;
    /// Otherwise the lease.
    std::optional<mccache::lease> lease;
};

/// How values of a cache are loaded: what its settings say, with others over them. From cache::load_policy(). Copies
/// share one; any threads may use it, before and after the cache is closed.
class load_policy {
public:
    /// What the settings of whichever cache it is used with say.
    load_policy() noexcept = default;
    /// Takes over a handle of the C functions.
    explicit load_policy(mcc_load_policy_t* owned) : handle_(owned, mcc_load_policy_free) {}

    /// The handle, still this object's; null if it was made of nothing.
    const mcc_load_policy_t* handle() const noexcept { return handle_.get(); }

private:
    std::shared_ptr<mcc_load_policy_t> handle_;
};

/// How cache::get_or_load_with loads.
struct load_options {
    /// How long what was loaded lives.
    time_to_live ttl = {};
    /// How long to wait for another's load.
    timeout longest = std::chrono::seconds(30);
    /// What is served if a load fails or takes long, and when it is begun early: the cache's settings, unless given.
    load_policy policy = {};
    /// What it is put with, so that cache::invalidate_tag() can take it.
    mccache::tags tags = {};
};

namespace detail {

// With what a loaded value is put.
struct fill_terms {
    time_to_live ttl;
    mccache::tags names;
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_std_function = false;
template <class R, class... A>
inline constexpr bool is_std_function<std::function<R(A...)>> = true;

template <class T>
struct unwrapped {
    using type = T;
};
template <class T>
struct unwrapped<result<T>> {
    using type = T;
};

// Whether a function is none: a null pointer, or an empty std::function.
template <class F>
bool is_null_function(const F& function) {
    if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) {
        return function == nullptr;
    } else if constexpr (is_std_function<F>) {
        return !function;
    } else {
        return false;
    }
}

inline failure no_loader() {
    return failure(errc::invalid_argument, "there is no function to load with: the pointer is null");
}

// What may be kept of one: a text of its own of a view or a literal.
template <class T>
using own_type =
    std::conditional_t<is_text<T>, std::string, std::conditional_t<std::is_same_v<T, bytes_view>, bytes, T>>;

template <class T, class From>
T own_copy(From&& from) {
    if constexpr (std::is_same_v<bare<From>, T>) {
        return std::forward<From>(from);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return std::string(std::string_view(from));
    } else {
        return from.copy();
    }
}

// What of a loader's result is kept.
template <class Loader>
using loaded_type = own_type<typename unwrapped<bare<std::invoke_result_t<Loader&>>>::type>;

// --- Beginning a load ---------------------------------------------------------------------------------------------

// What a load begins with.
struct begun {
    mcc_load_t load;
    // To be served: now, without a lease; with one, if the load fails or takes long.
    std::optional<mccache::value> held;
    std::optional<mccache::lease> given;

    // Whether the value is a live one, which is loaded anew before its time.
    bool is_refresh() const noexcept { return load.state == MCC_LOAD_REFRESH; }
};

// Has it counted, and told as an event, that the wait for another's load ended with nothing, if the policy ended it.
inline void note_timed_out(mcc_cache_t* cache, const mcc_load_policy_t* policy, key_view key, timeout longest) {
    mcc_load_policy_t* own = nullptr;
    if (policy == nullptr && mcc_load_policy_new(cache, nullptr, &own) != MCC_OK) {
        return;
    }
    const std::int64_t patience = mcc_load_policy_patience(policy != nullptr ? policy : own, false);
    mcc_load_policy_free(own);
    if (patience != MCC_WAIT_FOREVER && patience <= longest.count()) {
        static_cast<void>(mcc_load_note(cache, key.data(), key.size(), MCC_LOAD_NOTE_TIMED_OUT));
    }
}

inline result<begun> begin_load(mcc_cache_t* cache, const mcc_load_policy_t* policy, key_view key, timeout longest) {
    mcc_value_t* held = nullptr;
    mcc_lease_t* given = nullptr;
    begun found = {};
    const mcc_status_t status =
        mcc_load_begin(cache, policy, key.data(), key.size(), longest.count(), &held, &given, &found.load);
    if (status != MCC_OK && status != MCC_NOT_FOUND) {
        failure failed = failure::of(status);
        if (status == MCC_TIMEOUT) {
            note_timed_out(cache, policy, key, longest);
        }
        return failed;
    }
    if (held != nullptr) {
        found.held.emplace(held);
    }
    if (given != nullptr) {
        found.given.emplace(given);
    }
    if (found.load.state == MCC_LOAD_SLOW) {
        static_cast<void>(mcc_load_note(cache, key.data(), key.size(), MCC_LOAD_NOTE_SLOW));
    }
    return found;
}

// --- Running a loader ---------------------------------------------------------------------------------------------

// What came of a load.
template <class T>
struct load_outcome {
    std::optional<T> loaded;
    // Otherwise one of these.
    std::optional<failure> failed;
    std::exception_ptr thrown;
    // Whether it was the loader that failed: what it loaded and cannot be put has no value served in its place.
    bool is_loaders = false;
};

// Puts what was loaded, and keeps it: a text or bytes of its own where the loader gave a view.
template <class T, class From>
void fill_with(lease& given, From&& from, const fill_terms& terms, load_outcome<T>& outcome) {
    if constexpr (std::is_pointer_v<std::decay_t<From>>) {
        if (from == nullptr) {
            outcome.failed.emplace(errc::invalid_argument, "the loader returned a null pointer, which is no text");
            return;
        }
    }
    T loaded = own_copy<T>(std::forward<From>(from));
    if (result<bool> put = given.try_fill(loaded, terms.ttl, terms.names); put) {
        outcome.loaded.emplace(std::move(loaded));
    } else {
        outcome.failed.emplace(put.error());
    }
}

// Calls a loader. Its lease has ended then, one way or the other, unless a text was null.
template <class T, class Loader>
void run_loader(lease& given, Loader& load, const fill_terms& terms, load_outcome<T>& outcome) {
    if constexpr (is_result<bare<std::invoke_result_t<Loader&>>>) {
        auto loaded = std::invoke(load);
        if (loaded) {
            fill_with(given, *std::move(loaded), terms, outcome);
        } else {
            given.load_failed();
            outcome.is_loaders = true;
            outcome.failed.emplace(loaded.error());
        }
    } else {
        fill_with(given, std::invoke(load), terms, outcome);
    }
}

template <class T, class Loader>
load_outcome<T> outcome_of(lease& given, Loader& load, const fill_terms& terms) {
    load_outcome<T> outcome;
#if MCCACHE_EXCEPTIONS
    try {
        run_loader(given, load, terms, outcome);
    } catch (...) {
        given.load_failed();
        outcome.is_loaders = true;
        outcome.thrown = std::current_exception();
    }
#else
    run_loader(given, load, terms, outcome);
#endif
    return outcome;
}

// What whoever asked gets: what was loaded, or what is held in its place, or what went wrong.
template <class T>
result<T> settled(mcc_cache_t* cache, key_view key, const begun& found, load_outcome<T> outcome) {
    if (outcome.loaded) {
        return *std::move(outcome.loaded);
    }
    if (outcome.is_loaders && found.held) {
        // One of another type is none.
        if (result<T> held = found.held->template try_as<T>(); held) {
            if (!found.is_refresh()) {
                static_cast<void>(mcc_load_note(cache, key.data(), key.size(), MCC_LOAD_NOTE_STALE));
            }
            return held;
        }
    }
#if MCCACHE_EXCEPTIONS
    if (outcome.thrown) {
        std::rethrow_exception(std::move(outcome.thrown));
    }
#endif
    return *std::move(outcome.failed);
}

// --- In the background --------------------------------------------------------------------------------------------

// A load in a thread of its own, which owns all it needs: nobody need be there any more when it ends.
template <class T, class Loader>
struct background_load {
    background_load(lease from, Loader with, fill_terms put_with)
        : given(std::move(from)), load(std::move(with)), terms(std::move(put_with)) {}

    void run() {
        load_outcome<T> outcome = outcome_of<T>(given, *load, terms);
        // Before it is told: who waited to the end can rely on it that nothing the loader holds is in use any more.
        load.reset();
        done.set_value(std::move(outcome));
    }

    lease given;
    std::optional<Loader> load;
    fill_terms terms;
    std::promise<load_outcome<T>> done;
};

// Without a thread the lease ends, and the next caller tries again.
template <class T, class Loader>
result<std::future<load_outcome<T>>> load_in_background(lease given, Loader load, fill_terms terms) {
    auto work = std::make_shared<background_load<T, Loader>>(std::move(given), std::move(load), std::move(terms));
    std::future<load_outcome<T>> outcome = work->done.get_future();
#if MCCACHE_EXCEPTIONS
    try {
        std::thread([work] { work->run(); }).detach();
    } catch (const std::system_error& problem) {
        return failure(errc::internal, std::string("no thread for a loader: ") + problem.what());
    }
#else
    std::thread([work] { work->run(); }).detach();
#endif
    return outcome;
}

// What whoever does not wait any longer gets.
template <class T>
result<T> late(mcc_cache_t* cache, key_view key, const begun& found) {
    const std::int32_t note = found.held ? MCC_LOAD_NOTE_SLOW : MCC_LOAD_NOTE_TIMED_OUT;
    static_cast<void>(mcc_load_note(cache, key.data(), key.size(), note));
    if (found.held) {
        return found.held->template try_as<T>();
    }
    return failure(errc::timeout, "timed out after " + std::to_string(found.load.patience_ms) +
                                      " ms: the loader, which goes on");
}

} // namespace detail

} // namespace mccache

#endif
