// A thread that hands on what a queue gives: what listeners are made of.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_DELIVERY_HPP
#define MCCACHE_DELIVERY_HPP

#include <mccache/arguments.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

#if defined(_WIN32)
#  include <process.h>
#else
#  include <unistd.h>
#endif

namespace mccache {

#if MCCACHE_EXCEPTIONS
/// Called with what the function of a listener threw, on the listener's thread. Must not throw itself.
using exception_handler = std::function<void(std::exception_ptr)>;
#endif

namespace detail {

// What is said of an empty std::function: called, it would throw on a thread where nobody catches.
inline failure no_listener(const char* what) {
    return failure(errc::invalid_argument,
                   std::string("there is no function to call with ") + what + ": the std::function is empty");
}

inline std::int64_t process_id() {
#if defined(_WIN32)
    return _getpid();
#else
    return getpid();
#endif
}

// What becomes of the things that are still queued at the end.
enum class at_end { dropped, delivered };

// A thread that calls a function with each thing of a queue, until it is stopped or the queue is closed and empty.
// `Queue` has try_next() and close().
template <class Queue, class Thing>
class delivery {
public:
    using handler = std::function<void(const Thing&)>;

    delivery(Queue from, handler to) : running_(std::make_shared<running>(std::move(from), std::move(to))) {}
    delivery(delivery&&) noexcept = default;
    delivery& operator=(delivery&&) = delete;
    ~delivery() = default;

#if MCCACHE_EXCEPTIONS
    void catch_with(exception_handler on_exception) { running_->on_exception = std::move(on_exception); }
#endif
    bool has_function() const noexcept { return static_cast<bool>(running_->on_thing); }

    // Null once it was stopped, and in a forked child.
    Queue* queue() noexcept {
        return running_ && running_->process == process_id() ? &running_->queue : nullptr;
    }

    void start() {
        thread_ = std::thread([state = running_] { drain(*state); });
    }

    // In place of another, which is stopped. Not of itself.
    void become(delivery&& other, at_end rest) noexcept {
        stop(rest);
        running_ = std::move(other.running_);
        thread_ = std::move(other.thread_);
    }

    void stop(at_end rest) noexcept {
        if (!running_) {
            return;
        }
        if (running_->process != process_id()) {
            // The thread is the parent's. Nothing here is joined or freed that a thread of this process might now use:
            // it is left where it is.
            static_cast<void>(new std::thread(std::move(thread_)));
            static_cast<void>(new std::shared_ptr<running>(std::move(running_)));
            return;
        }
        running_->stopped = rest == at_end::dropped;
        running_->queue.close();
        if (thread_.get_id() == std::this_thread::get_id()) {
            // Called by the function itself: the thread ends by itself, and its share of `running` keeps what it uses.
            thread_.detach();
        } else if (thread_.joinable()) {
            thread_.join();
        }
        running_.reset();
    }

private:
    struct running {
        running(Queue from, handler to) : queue(std::move(from)), on_thing(std::move(to)) {}

        Queue queue;
        handler on_thing;
#if MCCACHE_EXCEPTIONS
        exception_handler on_exception;
#endif
        std::atomic<bool> stopped{false};
        std::int64_t process = process_id();
    };

    static void drain(running& state) {
        while (!state.stopped) {
            const result<std::optional<Thing>> next = state.queue.try_next(forever);
            if (!next) {
                return;
            }
            // None: it was woken.
            if (*next && !state.stopped) {
                call(state, **next);
            }
        }
    }
    static void call(running& state, const Thing& thing) {
#if MCCACHE_EXCEPTIONS
        if (state.on_exception) {
            try {
                state.on_thing(thing);
            } catch (...) {
                state.on_exception(std::current_exception());
            }
            return;
        }
#endif
        state.on_thing(thing);
    }

    std::shared_ptr<running> running_;
    std::thread thread_;
};

} // namespace detail

} // namespace mccache

#endif
