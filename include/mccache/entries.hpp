// Iteration over the keys or the entries of a cache.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_ENTRIES_HPP
#define MCCACHE_ENTRIES_HPP

#include <mccache/value.hpp>

namespace mccache {

/// An entry met by an iteration. Stays what it is when the cache changes.
struct entry {
    /// The key's bytes.
    std::string key;
    /// The value.
    mccache::value value;
};

/// A walk over a cache, in no order, each step by next(). Movable; one thread at a time.
///
/// Others may write meanwhile: a key that is there all the time comes exactly once, one that comes or goes at most
/// once, one that goes and comes back may come twice. Nothing of this counts as a use of an entry.
class walk {
public:
    /// Takes over a handle of the C functions.
    explicit walk(mcc_iter_t* owned) noexcept : handle_(owned, mcc_iter_free) {}

    /// The next key; nothing after the last one. errc::closed, once, if the cache was closed meanwhile.
    result<std::optional<std::string>> try_next_key() {
        const std::uint8_t* key = nullptr;
        std::size_t length = 0;
        const mcc_status_t status = mcc_iter_next(handle_.get(), &key, &length);
        if (status == MCC_OK) {
            return std::optional<std::string>(std::in_place, reinterpret_cast<const char*>(key), length);
        }
        if (status == MCC_END) {
            return std::optional<std::string>();
        }
        return failure::of(status);
    }
    /// The next entry; nothing after the last one. errc::closed, once, if the cache was closed meanwhile.
    result<std::optional<entry>> try_next() {
        const std::uint8_t* key = nullptr;
        std::size_t length = 0;
        mcc_value_t* found = nullptr;
        const mcc_status_t status = mcc_iter_next_entry(handle_.get(), &key, &length, &found);
        if (status == MCC_OK) {
            return std::optional<entry>(entry{std::string(reinterpret_cast<const char*>(key), length), value(found)});
        }
        if (status == MCC_END) {
            return std::optional<entry>();
        }
        return failure::of(status);
    }

private:
    std::unique_ptr<mcc_iter_t, void (*)(mcc_iter_t*)> handle_;
};

#if MCCACHE_EXCEPTIONS

namespace detail {

// Takes what a walk gives, one after another.
template <class T>
class walk_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    // The end.
    walk_iterator() = default;
    explicit walk_iterator(std::shared_ptr<walk> over) : state_(std::make_shared<state>()) {
        state_->over = std::move(over);
        step();
    }

    T& operator*() const { return *state_->at; }
    T* operator->() const { return &*state_->at; }
    walk_iterator& operator++() {
        step();
        return *this;
    }
    // What `*i++` reads: the item that was.
    class previous {
    public:
        explicit previous(T item) : item_(std::move(item)) {}
        T& operator*() { return item_; }

    private:
        T item_;
    };
    previous operator++(int) {
        previous was(std::move(*state_->at));
        step();
        return was;
    }

    friend bool operator==(const walk_iterator& a, const walk_iterator& b) noexcept { return a.state_ == b.state_; }
    friend bool operator!=(const walk_iterator& a, const walk_iterator& b) noexcept { return !(a == b); }

private:
    struct state {
        std::shared_ptr<walk> over;
        std::optional<T> at;
    };

    void step() {
        if constexpr (std::is_same_v<T, entry>) {
            state_->at = state_->over->try_next().value();
        } else {
            state_->at = state_->over->try_next_key().value();
        }
        if (!state_->at) {
            state_.reset();
        }
    }

    std::shared_ptr<state> state_;
};

} // namespace detail

/// A walk as a range, to be gone through once. T: entry, or std::string for keys alone. Steps throw closed_error if the
/// cache was closed meanwhile.
template <class T>
class walk_range {
public:
    using iterator = detail::walk_iterator<T>;
    using const_iterator = iterator;

    explicit walk_range(walk over) : walk_(std::make_shared<walk>(std::move(over))) {}

    iterator begin() const { return iterator(walk_); }
    iterator end() const { return iterator(); }

private:
    std::shared_ptr<walk> walk_;
};

#endif

} // namespace mccache

#endif
