// Invalidation in two steps, around a transaction of the database that a cache is loaded from.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_INVALIDATION_HPP
#define MCCACHE_INVALIDATION_HPP

#include <mccache/arguments.hpp>
#include <mccache/error.hpp>
#include <mccache/records.hpp>

#include <initializer_list>
#include <utility>

namespace mccache {

/// A begun invalidation of some keys, from cache::invalidating(): until it ends they are misses on every member, and what is
/// loaded of them is not put. It ends with commit() or abort(), and as with commit() when it is destroyed: whoever does not
/// know what became of the transaction has invalidated.
class invalidation {
public:
    /// Takes over a handle of the C functions, which was begun.
    invalidation(mcc_invalidation_t* owned, bool complete) noexcept
        : handle_(owned, mcc_invalidation_free), complete_(complete) {}

    /// Whether every live member has answered in time. If not, some may show what was before the transaction until they hear
    /// of the end, as after any erase().
    bool complete() const noexcept { return complete_; }

    /// Ends it after the transaction was committed. False if its limit had passed: then members may have loaded what was before
    /// it, and have shown it until now. errc::closed; errc::invalid_argument if it has ended before.
    result<bool> try_commit() {
        const detail::owned<mcc_invalidation_t> ending = std::exchange(handle_, {nullptr, mcc_invalidation_free});
        std::int32_t in_time = 0;
        const mcc_status_t status = mcc_invalidation_commit(ending.get(), &in_time);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        return in_time != 0;
    }
    /// Ends it after the transaction was rolled back for certain. errc::invalid_argument if it has ended before.
    result<void> try_abort() {
        const detail::owned<mcc_invalidation_t> ending = std::exchange(handle_, {nullptr, mcc_invalidation_free});
        return detail::outcome(mcc_invalidation_abort(ending.get()));
    }
#if MCCACHE_EXCEPTIONS
    /// As try_commit(). Throws closed_error, invalid_argument_error.
    bool commit() { return try_commit().value(); }
    /// As try_abort(). Throws invalid_argument_error.
    void abort() { try_abort().value(); }
#endif

private:
    detail::owned<mcc_invalidation_t> handle_;
    bool complete_;
};

namespace detail {

inline result<invalidation> begun_invalidation(mcc_cache_t* of, std::initializer_list<key_view> keys, timeout limit,
                                               timeout longest) {
    if (limit.count() == 0) {
        return failure(errc::invalid_argument, "limit: it must be above zero, and ten minutes at most");
    }
    mcc_invalidation_t* made = nullptr;
    if (const mcc_status_t status = mcc_invalidation_new(of, &made); status != MCC_OK) {
        return failure::of(status);
    }
    owned<mcc_invalidation_t> begins(made, mcc_invalidation_free);
    for (const key_view& key : keys) {
        if (const mcc_status_t status = mcc_invalidation_add(made, key.data(), key.size()); status != MCC_OK) {
            return failure::of(status);
        }
    }
    std::int32_t complete = 0;
    if (const mcc_status_t status = mcc_invalidation_begin(made, limit.count(), longest.count(), &complete);
        status != MCC_OK) {
        return failure::of(status);
    }
    return invalidation(begins.release(), complete != 0);
}

} // namespace detail

} // namespace mccache

#endif
