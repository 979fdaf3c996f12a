// What happens in caches and to members: a queue to take events from, and a thread that does so.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_EVENTS_HPP
#define MCCACHE_EVENTS_HPP

#include <mccache/delivery.hpp>
#include <mccache/records.hpp>

namespace mccache {

/// What happened. Later versions may add some: pass over what you do not know.
enum class event_kind : std::int32_t {
    /// A key got a value, here or on another member.
    put = MCC_EVENT_PUT,
    /// A key was deleted, here or on another member.
    erase = MCC_EVENT_DELETE,
    /// All entries of a cache were deleted, here or on another member.
    clear = MCC_EVENT_CLEAR,
    /// An entry was taken out here, to keep the cache's limits or because its writer no longer has it.
    evict = MCC_EVENT_EVICT,
    /// An entry was taken out here because its time was over.
    expire = MCC_EVENT_EXPIRE,
    /// A member joined.
    member_joined = MCC_EVENT_MEMBER_JOINED,
    /// A member said goodbye.
    member_left = MCC_EVENT_MEMBER_LEFT,
    /// A member was not heard for so long that it counts as gone.
    member_failed = MCC_EVENT_MEMBER_FAILED,
    /// The queue was full, and events were dropped.
    overflow = MCC_EVENT_OVERFLOW,
    /// A loader failed.
    load_failed = MCC_EVENT_LOAD_FAILED,
    /// A load took longer than the soft timeout; an expired value was given meanwhile.
    load_slow = MCC_EVENT_LOAD_SLOW,
    /// A load took longer than the hard timeout; who waited for it got an error.
    load_timed_out = MCC_EVENT_LOAD_TIMED_OUT,
    /// An expired value was given in place of a loaded one.
    stale = MCC_EVENT_STALE,
    /// A tag was invalidated, here or on another member; the key is the tag, and empty if this node learned of it late.
    tag_invalidated = MCC_EVENT_TAG_INVALIDATED,
};

/// Something that happened.
struct event {
    /// What.
    event_kind kind = event_kind::put;
    /// Whether this process did it.
    bool local = false;
    /// The cache's name; "" for members.
    std::string cache;
    /// The key's bytes; "" where there is none.
    std::string key;
    /// The name of the member that wrote, joined, left or failed; "" if unknown.
    std::string member;
    /// The update's version; clock 0 for members.
    version_stamp version;
    /// With `overflow` how many events were dropped, else 0.
    std::int64_t dropped = 0;
};

namespace detail {

inline event event_of(const mcc_event_t& raw) {
    event happened;
    happened.kind = static_cast<event_kind>(raw.kind);
    happened.local = raw.local;
    happened.cache = raw.cache;
    happened.key.assign(reinterpret_cast<const char*>(raw.key), raw.key_len);
    happened.member = raw.member;
    happened.version = version_stamp{raw.version_clock, raw.version_origin};
    happened.dropped = raw.dropped;
    return happened;
}

} // namespace detail

/// A queue of events, from when it was made on. It holds 65,536: the oldest are dropped and told of by
/// `overflow`. Movable. next() by one thread at a time; wake() and close() by any, at any time. In a forked child the
/// queues of its parent are closed.
class events {
public:
    /// Takes over a handle of the C functions.
    explicit events(mcc_events_t* owned) noexcept : handle_(owned) {}
    events(events&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    events& operator=(events&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    events(const events&) = delete;
    events& operator=(const events&) = delete;
    ~events() { mcc_events_free(handle_); }

    /// The next event, or nothing if none comes in time or wake() was called. errc::closed once the queue, the cache or
    /// the node is closed and the queue is empty.
    result<std::optional<event>> try_next(timeout longest) {
        mcc_event_t raw;
        const mcc_status_t status = mcc_events_next(handle_, longest.count(), &raw);
        if (status == MCC_OK) {
            return std::optional<event>(detail::event_of(raw));
        }
        if (status == MCC_TIMEOUT) {
            return std::optional<event>();
        }
        return failure::of(status);
    }
#if MCCACHE_EXCEPTIONS
    /// As try_next(). Throws closed_error, invalid_argument_error.
    std::optional<event> next(timeout longest = forever) { return try_next(longest).value(); }
#endif

    /// Makes a call that waits in next() return nothing at once, or the next one if none waits.
    void wake() noexcept { mcc_events_wake(handle_); }
    /// Ends the collecting: next() gives what is queued first, then it is closed. Closing again does nothing.
    void close() noexcept {
        if (handle_ != nullptr) {
            mcc_events_close(handle_);
        }
    }

    /// The handle, still this object's; null if it was moved from.
    mcc_events_t* handle() const noexcept { return handle_; }

private:
    mcc_events_t* handle_;
};

/// Called with each event, on the listener's thread.
using event_handler = std::function<void(const event&)>;

/// A thread that calls a function with each event, one after another, until it is stopped or the cache or the node is
/// closed. Movable. The destructor stops it and waits for a call that is going on, unless that call itself destroys it.
///
/// What the function throws goes to the exception handler, and the thread goes on; without one it ends the program, as
/// in any std::thread. In a forked child there is no such thread: its parent's listeners do nothing there.
class listener {
public:
#if MCCACHE_EXCEPTIONS
    /// Throws invalid_argument_error for an empty function.
    listener(events from, event_handler on_event, exception_handler on_exception = nullptr)
        : delivery_(std::move(from), std::move(on_event)) {
        if (!delivery_.has_function()) {
            detail::raise(detail::no_listener("events"));
        }
        delivery_.catch_with(std::move(on_exception));
        delivery_.start();
    }
#else
    /// `on_event` is a function: cache::try_listen checks that.
    listener(events from, event_handler on_event) : delivery_(std::move(from), std::move(on_event)) {
        delivery_.start();
    }
#endif
    listener(listener&&) noexcept = default;
    listener& operator=(listener&& other) noexcept {
        if (this != &other) {
            delivery_.become(std::move(other.delivery_), detail::at_end::dropped);
        }
        return *this;
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener() { stop(); }

    /// Stops it and waits for a call that is going on; events that are still queued are dropped. Stopping again does
    /// nothing. By one thread at a time.
    void stop() noexcept { delivery_.stop(detail::at_end::dropped); }

private:
    detail::delivery<events, event> delivery_;
};

} // namespace mccache

#endif
