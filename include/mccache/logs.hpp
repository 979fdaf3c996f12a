// The log of the library: a queue to take its records from, and a thread that does so.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_LOGS_HPP
#define MCCACHE_LOGS_HPP

#include <mccache/delivery.hpp>

namespace mccache {

/// How grave a record is.
enum class log_level : std::int32_t {
    /// Something failed and needs somebody.
    error = MCC_LOG_ERROR,
    /// Something is not as it should be; the text says how to mend it.
    warn = MCC_LOG_WARN,
    /// Members that come and go, and other events of a day.
    info = MCC_LOG_INFO,
    /// What helps to find out why.
    debug = MCC_LOG_DEBUG,
    /// Each step.
    trace = MCC_LOG_TRACE,
};

/// One line of the log.
struct log_record {
    /// How grave it is.
    log_level level = log_level::error;
    /// When it was written.
    std::chrono::system_clock::time_point time;
    /// The part of the library that wrote it: "mccache::protocol::admission".
    std::string target;
    /// What happened, with the fields behind it: "member joined name=b". UTF-8, without a line's end.
    std::string message;
    /// How many records before this one were dropped because the queue was full.
    std::int64_t dropped = 0;
};

/// A queue of what the library logs in this process, whichever node it is of, from when it was made on. It holds 1,024
/// records: the oldest are dropped, and the next one says how many. Movable. next() by one thread at a time; wake() and
/// close() by any, at any time. In a forked child the queues of its parent are closed.
///
/// It stands beside the settings `log_filename` and `log_level`, which need no code.
class logs {
public:
    /// Takes over a handle of the C functions.
    explicit logs(mcc_logs_t* owned) noexcept : handle_(owned) {}
    logs(logs&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    logs& operator=(logs&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    logs(const logs&) = delete;
    logs& operator=(const logs&) = delete;
    ~logs() { mcc_logs_free(handle_); }

    /// Begins to collect records of this level and graver ones.
    static result<logs> try_open(log_level finest) {
        if (result<void> library = check_library(); !library) {
            return library.error();
        }
        mcc_logs_t* handle = nullptr;
        const mcc_status_t status = mcc_logs_new(static_cast<std::int32_t>(finest), &handle);
        return status == MCC_OK ? result<logs>(logs(handle)) : failure::of(status);
    }

    /// The next record, or nothing if none comes in time or wake() was called. errc::closed once the queue is closed
    /// and empty.
    result<std::optional<log_record>> try_next(timeout longest) {
        mcc_log_record_t raw;
        const mcc_status_t status = mcc_logs_next(handle_, longest.count(), &raw);
        if (status == MCC_TIMEOUT) {
            return std::optional<log_record>();
        }
        if (status != MCC_OK) {
            return failure::of(status);
        }
        log_record record;
        record.level = static_cast<log_level>(raw.level);
        record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(raw.time_ms));
        record.target = raw.target;
        record.message = raw.message;
        record.dropped = raw.dropped;
        return std::optional<log_record>(std::move(record));
    }
#if MCCACHE_EXCEPTIONS
    /// As try_open().
    explicit logs(log_level finest) : logs(try_open(finest).value()) {}
    /// As try_next(). Throws closed_error, invalid_argument_error.
    std::optional<log_record> next(timeout longest = forever) { return try_next(longest).value(); }
#endif

    /// Collects records of another level from now on; what is queued stays. Any thread may, at any time. On a queue that is
    /// closed it does nothing.
    result<void> try_set_level(log_level finest) {
        return detail::outcome(mcc_logs_set_level(handle_, static_cast<std::int32_t>(finest)));
    }
#if MCCACHE_EXCEPTIONS
    /// As try_set_level(). Throws invalid_argument_error for a level that there is not.
    void set_level(log_level finest) { try_set_level(finest).value(); }
#endif

    /// Makes a call that waits in next() return nothing at once, or the next one if none waits.
    void wake() noexcept { mcc_logs_wake(handle_); }
    /// Ends the collecting: next() gives what is queued first, then it is closed. Closing again does nothing.
    void close() noexcept {
        if (handle_ != nullptr) {
            mcc_logs_close(handle_);
        }
    }

    /// The handle, still this object's; null if it was moved from.
    mcc_logs_t* handle() const noexcept { return handle_; }

private:
    mcc_logs_t* handle_;
};

/// Called with each record, on the listener's thread.
using log_handler = std::function<void(const log_record&)>;

/// A thread that calls a function with each record of the library's log, one after another:
///
///     mccache::log_listener log(mccache::log_level::info, [](const mccache::log_record& r) { spdlog::info(r.message); });
///
/// Movable. The destructor ends the collecting and waits until the function was called with all that was logged before,
/// unless the function itself destroys it: then the rest follows. To hear the last of a node, close the node first.
///
/// The function may do all that a program does, also with caches: the library waits for nobody's log. What it is too slow
/// for is dropped, and counted in the next record; what it has the library log comes to it, too. What it throws goes to the
/// exception handler, and the thread goes on; without one it ends the program, as in any std::thread. In a forked child
/// there is no such thread: its parent's listeners do nothing there.
class log_listener {
public:
    /// Begins to listen. errc::invalid_argument for an empty function.
    static result<log_listener> try_open(log_level finest, log_handler on_record) {
        if (!on_record) {
            return detail::no_listener("records");
        }
        result<logs> queue = logs::try_open(finest);
        return queue ? result<log_listener>(log_listener(*std::move(queue), std::move(on_record))) : queue.error();
    }
#if MCCACHE_EXCEPTIONS
    /// Begins to listen. Throws invalid_argument_error for an empty function.
    log_listener(log_level finest, log_handler on_record, exception_handler on_exception = nullptr)
        : delivery_(logs(finest), std::move(on_record)) {
        if (!delivery_.has_function()) {
            detail::raise(detail::no_listener("records"));
        }
        delivery_.catch_with(std::move(on_exception));
        delivery_.start();
    }
#endif
    log_listener(log_listener&&) noexcept = default;
    log_listener& operator=(log_listener&& other) noexcept {
        if (this != &other) {
            delivery_.become(std::move(other.delivery_), detail::at_end::delivered);
        }
        return *this;
    }
    log_listener(const log_listener&) = delete;
    log_listener& operator=(const log_listener&) = delete;
    ~log_listener() { stop(); }

    /// Hears records of another level from now on. errc::closed once it was stopped, and in a forked child.
    result<void> try_set_level(log_level finest) {
        logs* queue = delivery_.queue();
        return queue != nullptr ? queue->try_set_level(finest) : failure(errc::closed, "the listener was stopped");
    }
#if MCCACHE_EXCEPTIONS
    /// As try_set_level(). Throws invalid_argument_error, closed_error.
    void set_level(log_level finest) { try_set_level(finest).value(); }
#endif

    /// Ends it, as the destructor does. Stopping again does nothing. By one thread at a time.
    void stop() noexcept { delivery_.stop(detail::at_end::delivered); }

private:
    log_listener(logs queue, log_handler on_record) : delivery_(std::move(queue), std::move(on_record)) {
        delivery_.start();
    }

    detail::delivery<logs, log_record> delivery_;
};

} // namespace mccache

#endif
