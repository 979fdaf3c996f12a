// What happens in caches and to members: a queue to take events from, and a thread that does so.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_EVENTS_HPP
#define MCCACHE_EVENTS_HPP

#include <mccache/records.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <thread>

#if defined(_WIN32)
#  include <process.h>
#else
#  include <unistd.h>
#endif

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

inline std::int64_t process_id() {
#if defined(_WIN32)
    return _getpid();
#else
    return getpid();
#endif
}

} // namespace detail

/// A queue of events, from when it was made on. It holds a bounded number: the oldest are dropped and told of by
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
#if MCCACHE_EXCEPTIONS
/// Called with what an event_handler threw, on the listener's thread. Must not throw itself.
using exception_handler = std::function<void(std::exception_ptr)>;
#endif

namespace detail {

// What is said of an empty std::function: called, it would throw on a thread where nobody catches.
inline failure no_listener() {
    return failure(errc::invalid_argument, "there is no function to call with events: the std::function is empty");
}

} // namespace detail

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
        : running_(std::make_shared<running>(std::move(from), std::move(on_event))) {
        if (!running_->on_event) {
            detail::raise(detail::no_listener());
        }
        running_->on_exception = std::move(on_exception);
        start();
    }
#else
    /// `on_event` is a function: cache::try_listen checks that.
    listener(events from, event_handler on_event)
        : running_(std::make_shared<running>(std::move(from), std::move(on_event))) {
        start();
    }
#endif
    listener(listener&&) noexcept = default;
    listener& operator=(listener&& other) noexcept {
        if (this != &other) {
            stop();
            running_ = std::move(other.running_);
            thread_ = std::move(other.thread_);
        }
        return *this;
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener() { stop(); }

    /// Stops it and waits for a call that is going on; events that are still queued are dropped. Stopping again does
    /// nothing. By one thread at a time.
    void stop() noexcept {
        if (!running_) {
            return;
        }
        if (running_->process != detail::process_id()) {
            // The thread is the parent's. Nothing here is joined or freed that a thread of this process might now use:
            // it is left where it is.
            static_cast<void>(new std::thread(std::move(thread_)));
            static_cast<void>(new std::shared_ptr<running>(std::move(running_)));
            return;
        }
        running_->stopped = true;
        running_->queue.close();
        if (thread_.get_id() == std::this_thread::get_id()) {
            // Called by the function itself: the thread ends by itself, and its share of `running` keeps what it uses.
            thread_.detach();
        } else {
            thread_.join();
        }
        running_.reset();
    }

private:
    struct running {
        running(events from, event_handler handler) : queue(std::move(from)), on_event(std::move(handler)) {}

        events queue;
        event_handler on_event;
#if MCCACHE_EXCEPTIONS
        exception_handler on_exception;
#endif
        std::atomic<bool> stopped{false};
        std::int64_t process = detail::process_id();
    };

    void start() {
        thread_ = std::thread([state = running_] { drain(*state); });
    }
    static void drain(running& state) {
        mcc_event_t raw;
        while (!state.stopped) {
            const mcc_status_t status = mcc_events_next(state.queue.handle(), MCC_WAIT_FOREVER, &raw);
            if (status == MCC_OK && !state.stopped) {
                call(state, detail::event_of(raw));
            } else if (status != MCC_OK && status != MCC_TIMEOUT) {
                return;
            }
        }
    }
    static void call(running& state, const event& happened) {
#if MCCACHE_EXCEPTIONS
        if (state.on_exception) {
            try {
                state.on_event(happened);
            } catch (...) {
                state.on_exception(std::current_exception());
            }
            return;
        }
#endif
        state.on_event(happened);
    }

    std::shared_ptr<running> running_;
    std::thread thread_;
};

} // namespace mccache

#endif
