// A cache: a map that every process of a cluster has.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_CACHE_HPP
#define MCCACHE_CACHE_HPP

#include <mccache/config.hpp>
#include <mccache/entries.hpp>
#include <mccache/events.hpp>
#include <mccache/invalidation.hpp>
#include <mccache/loads.hpp>

namespace mccache {

class node;

#if MCCACHE_EXCEPTIONS
class entry_reference;
#endif

/// A cache, by its name: the same name is the same cache in this process and on all members. Reads never leave the
/// process; writes are visible here when the call returns, and go to the other members in the background.
///
/// Movable; any threads may use one at once, but for moving and destroying it. The destructor frees the handle and
/// never waits: it does not close the cache, which other handles of this process may use, and the node runs on as long
/// as anything of it is held. A cache that was moved from fails with errc::invalid_argument.
///
/// Each function is there twice: `try_x` returns a `result` with a failure in it, `x` throws the failure's exception.
/// All may fail with errc::closed (closed_error), errc::too_large (too_large_error, for keys of more than 65,535 bytes),
/// errc::invalid_argument and errc::internal. In an iteration or a put, std::bad_alloc may be thrown, too.
class cache {
public:
    /// Takes over a handle of the C functions.
    explicit cache(mcc_cache_t* owned) noexcept : handle_(owned, mcc_free) {}

    /// Opens a cache of the process's own node, which is started on first use with the settings of file and
    /// environment. `name`: 1 to 255 bytes, UTF-8. `own`: settings of this cache over the node's ("cache_ttl",
    /// "cache_max", ...). errc::config, errc::network; errc::invalid_argument if it is open with other settings.
    static result<cache> try_open(std::string_view name, const settings& own = {}) { return opened(nullptr, name, own); }

    // --- Reading ---------------------------------------------------------------------------------------------------

    /// The value of a key. errc::not_found.
    result<value> try_find(key_view key) const {
        mcc_value_t* found = nullptr;
        const mcc_status_t status = mcc_get(handle_.get(), key.data(), key.size(), &found);
        if (status == MCC_OK) {
            return value(found);
        }
        return failure::of(status);
    }
    /// The value of a key, as a type: see value::try_as. errc::not_found, errc::codec.
    template <class T>
    result<T> try_get(key_view key) const {
        if constexpr (!std::is_same_v<T, value>) {
            detail::short_value found;
            const mcc_status_t status = found.read(handle_.get(), key);
            if (status != MCC_BUFFER_TOO_SMALL) {
                return status == MCC_OK ? detail::read_as<T>(found.bytes(), found.codec) : failure::of(status);
            }
        }
        result<value> found = try_find(key);
        return found ? found->template try_as<T>() : found.error();
    }
    /// The value of a key if it is the one that a token names, which may come from another member, or a newer one: an
    /// older one is as good as none. Nothing is waited for. errc::not_found.
    result<value> try_find_at_least(key_view key, const token& least) const {
        mcc_value_t* found = nullptr;
        const mcc_token_t raw = detail::raw_of(least);
        const mcc_status_t status = mcc_get_at_least(handle_.get(), key.data(), key.size(), &raw, &found);
        if (status == MCC_OK) {
            return value(found);
        }
        return failure::of(status);
    }
    /// Whether there is a value. Does not count as a use of it.
    result<bool> try_contains(key_view key) const {
        return detail::answer(mcc_contains(handle_.get(), key.data(), key.size()), MCC_NOT_FOUND);
    }
    /// How many entries this process holds now. One whose time is over may count until it is taken out.
    result<std::size_t> try_size() const {
        std::size_t length = 0;
        const mcc_status_t status = mcc_len(handle_.get(), &length);
        return status == MCC_OK ? result<std::size_t>(length) : failure::of(status);
    }
    /// What is known of an entry. Does not count as a use of it. errc::not_found.
    result<mccache::metadata> try_metadata(key_view key) const {
        mcc_metadata_t raw;
        const mcc_status_t status = mcc_metadata(handle_.get(), key.data(), key.size(), &raw);
        return status == MCC_OK ? result<mccache::metadata>(detail::metadata_of(raw)) : failure::of(status);
    }
    /// Begins a walk over keys or entries.
    result<walk> try_walk() const {
        mcc_iter_t* iter = nullptr;
        const mcc_status_t status = mcc_iter_new(handle_.get(), &iter);
        return status == MCC_OK ? result<walk>(walk(iter)) : failure::of(status);
    }

    // --- Writing ---------------------------------------------------------------------------------------------------

    /// Puts a value: text, bytes, nullptr, bool, integers, float, double, date, date_time, vectors, maps and optionals
    /// of these, object, value, and types with a `converter`. errc::invalid_argument for text that is not UTF-8;
    /// errc::codec for what CBOR cannot carry; errc::too_large. Of two puts of one key the later one wins, on every member.
    template <class T>
    result<void> try_put(key_view key, const T& what, time_to_live ttl = {}) {
        detail::encoded encoded;
        if (result<void> done = encoded.set(what); !done) {
            return done;
        }
        return detail::outcome(mcc_put_as(handle_.get(), key.data(), key.size(), encoded.data(), encoded.size(),
                                          encoded.codec(), ttl.count()));
    }
    /// As try_put(), with a token of it, for try_sync_token() and, here or on another member, try_find_at_least(). Waits
    /// for nobody.
    template <class T>
    result<token> try_put_token(key_view key, const T& what, time_to_live ttl = {}) {
        detail::encoded encoded;
        if (result<void> done = encoded.set(what); !done) {
            return done.error();
        }
        mcc_token_t raw;
        const mcc_status_t status = mcc_put_token(handle_.get(), key.data(), key.size(), encoded.data(), encoded.size(),
                                                  encoded.codec(), ttl.count(), &raw);
        return status == MCC_OK ? result<token>(detail::token_of(raw)) : failure::of(status);
    }
    /// As try_erase(), with a token of the delete, whether or not a value was known here.
    result<token> try_erase_token(key_view key) {
        mcc_token_t raw;
        const mcc_status_t status = mcc_del_token(handle_.get(), key.data(), key.size(), &raw);
        return status == MCC_OK || status == MCC_NOT_FOUND ? result<token>(detail::token_of(raw)) : failure::of(status);
    }
    /// Puts a value with tags, so that try_invalidate_tag() can take it; else as try_put(). errc::invalid_argument for more
    /// than 16 tags, or for one that has not 1 to 255 bytes.
    template <class T>
    result<void> try_put_tagged(key_view key, const T& what, const tags& names, time_to_live ttl = {}) {
        detail::encoded encoded;
        if (result<void> done = encoded.set(what); !done) {
            return done;
        }
        return detail::outcome(mcc_put_tagged(handle_.get(), key.data(), key.size(), encoded.data(), encoded.size(),
                                              encoded.codec(), ttl.count(), names.data(), names.size()));
    }
    /// Makes every entry that was put or filled with a tag a miss, here at once and on all members soon, however many there
    /// are. errc::invalid_argument for a tag that has not 1 to 255 bytes, or a zero byte.
    result<void> try_invalidate_tag(std::string_view tag) {
        return detail::outcome(mcc_invalidate_tag(handle_.get(), tag.data(), tag.size()));
    }
    /// Begins to invalidate keys, 1 to 64, around a transaction that changes what they are loaded from. From now until the
    /// result ends they are misses on every member, and what is loaded of them is returned and not put. So nobody reads from
    /// the cache what was before the transaction once the database has committed it, even if the process dies before it says so:
    /// the members wait for the end until `limit`, ten minutes at most, and then load anew. Puts pass; it is no lock. Waits for
    /// the members, for `longest` at most: see invalidation::complete(). errc::invalid_argument, errc::too_large, errc::closed.
    result<invalidation> try_invalidating(std::initializer_list<key_view> keys, timeout limit = std::chrono::seconds(30),
                                          timeout longest = std::chrono::seconds(1)) {
        return detail::begun_invalidation(handle_.get(), keys, limit, longest);
    }
    /// Puts a value only if this process knows none for the key; whether it did. Two members may both succeed at the
    /// same time: the later one wins everywhere, as always.
    template <class T>
    result<bool> try_insert(key_view key, const T& what, time_to_live ttl = {}) {
        detail::encoded encoded;
        if (result<void> done = encoded.set(what); !done) {
            return done.error();
        }
        return detail::answer(mcc_put_new_as(handle_.get(), key.data(), key.size(), encoded.data(), encoded.size(),
                                             encoded.codec(), ttl.count()),
                              MCC_EXISTS);
    }
    /// Deletes a key, here and on all members, whether or not a value is known here; whether one was.
    result<bool> try_erase(key_view key) {
        return detail::answer(mcc_del(handle_.get(), key.data(), key.size()), MCC_NOT_FOUND);
    }
    /// Deletes a key and returns its value. Of threads of this process that do so at once one gets it. errc::not_found.
    result<value> try_take(key_view key) {
        mcc_value_t* found = nullptr;
        const mcc_status_t status = mcc_take(handle_.get(), key.data(), key.size(), &found);
        if (status == MCC_OK) {
            return value(found);
        }
        return failure::of(status);
    }
    /// Gives an entry a new time to live from now, here and on all members; whether there is one.
    result<bool> try_touch(key_view key, time_to_live ttl = {}) {
        return detail::answer(mcc_touch(handle_.get(), key.data(), key.size(), ttl.count()), MCC_NOT_FOUND);
    }
    /// Deletes all entries, here and on all members.
    result<void> try_clear() { return detail::outcome(mcc_clear(handle_.get())); }

    // --- Loading ---------------------------------------------------------------------------------------------------

    /// The value of a key, or else the right to load it. While another of this process has that, waits for the end of
    /// it. errc::timeout if that takes too long; a thread that asks again for a key it has the lease of waits for itself.
    result<lookup> try_get_or_lease(key_view key, timeout longest = std::chrono::seconds(30)) {
        mcc_value_t* found = nullptr;
        mcc_lease_t* given = nullptr;
        const mcc_status_t status =
            mcc_get_lease(handle_.get(), key.data(), key.size(), longest.count(), &found, &given);
        lookup answer;
        if (status == MCC_OK) {
            answer.value.emplace(found);
        } else if (status == MCC_NOT_FOUND) {
            answer.lease.emplace(given);
        } else {
            return failure::of(status);
        }
        return answer;
    }
    /// The value of a key, or else what `load()` returns, which is put. One thread of this process loads a key at a
    /// time, the others wait for it; members do not wait for each other. `load` runs without a lock of the library. If
    /// the key is written or deleted meanwhile, what was loaded is returned and not put.
    ///
    /// `load`: returns a T that can be put, or a result<T>, whose failure is passed on and nothing put; a text or
    /// bytes view is returned as std::string or bytes. With std::optional<T> nothing is put as null, and read as
    /// nothing again. `longest`: how long to wait for another's load. errc::timeout; errc::invalid_argument also if `load`
    /// is an empty std::function or a null pointer; errc::codec also if the value there is no T. What `load` throws passes
    /// through, and the next one that waits loads. `names`: tags to put it with, so that try_invalidate_tag() can take it;
    /// it is not put either if one of them was invalidated while `load` ran. errc::invalid_argument as try_put_tagged().
    ///
    /// The cache's settings are heeded as far as a loader can that runs in this thread: with fail_safe an expired value is
    /// returned in place of a failure or an exception of the loader's; an early refresh is waited for; the timeouts hold for
    /// the wait for another's load. try_get_or_load_with() can do more.
    template <class Loader, class T = detail::loaded_type<Loader>>
    result<T> try_get_or_load(key_view key, Loader&& load, time_to_live ttl = {},
                              timeout longest = std::chrono::seconds(30), const tags& names = {}) {
        if (detail::is_null_function(load)) {
            return detail::no_loader();
        }
        result<detail::begun> found = detail::begin_load(handle_.get(), nullptr, key, longest);
        if (!found) {
            return found.error();
        }
        if (!found->given) {
            return found->held->template try_as<T>();
        }
        return detail::settled(handle_.get(), key, *found, detail::outcome_of<T>(*found->given, load, {ttl, names}));
    }
    /// As try_get_or_load(), with options, and with a loader that can be left to a thread of its own, which fills the
    /// cache when it is done: nobody waits for an early refresh (eager_refresh), nor for a load of more than
    /// load_soft_timeout if an expired value is there to be returned (fail_safe), nor of more than load_hard_timeout at all;
    /// that is errc::timeout then, if there is no expired value. Where neither is set, `load` runs in this thread.
    ///
    /// `load` is kept, and must own what it uses, or refer to what lives as long as the process: capture copies and shared
    /// pointers, not references to the caller's own. What it throws when nobody waits any more is counted, and lost.
    /// errc::internal if there is no thread to be had.
    template <class Loader, class T = detail::loaded_type<Loader>>
    result<T> try_get_or_load_with(key_view key, Loader load, const load_options& with = {}) {
        if (detail::is_null_function(load)) {
            return detail::no_loader();
        }
        result<detail::begun> found = detail::begin_load(handle_.get(), with.policy.handle(), key, with.longest);
        if (!found) {
            return found.error();
        }
        if (!found->given) {
            return found->held->template try_as<T>();
        }
        const std::int64_t patience = found->load.patience_ms;
        if (!found->is_refresh() && patience == MCC_WAIT_FOREVER) {
            const detail::fill_terms terms = {with.ttl, with.tags};
            return detail::settled(handle_.get(), key, *found, detail::outcome_of<T>(*found->given, load, terms));
        }
        auto running =
            detail::load_in_background<T>(*std::move(found->given), std::move(load), {with.ttl, with.tags});
        if (found->is_refresh()) {
            return found->held->template try_as<T>();
        }
        if (!running) {
            return running.error();
        }
        if (running->wait_for(std::chrono::milliseconds(patience)) == std::future_status::ready) {
            return detail::settled(handle_.get(), key, *found, running->get());
        }
        return detail::late<T>(handle_.get(), key, *found);
    }
    /// How to load, for get_or_load_with(): this cache's settings with these over them: "eager_refresh" (a share of the
    /// time to live), "fail_safe", "fail_safe_throttle", "load_soft_timeout", "load_hard_timeout" (seconds). Make it once,
    /// and pass it to many calls. errc::config if one is wrong, or no setting of a cache.
    result<mccache::load_policy> try_load_policy(const settings& over) const {
        result<config> config = config::try_empty(over);
        if (!config) {
            return config.error();
        }
        mcc_load_policy_t* made = nullptr;
        const mcc_status_t status = mcc_load_policy_new(handle_.get(), config->handle(), &made);
        return status == MCC_OK ? result<mccache::load_policy>(mccache::load_policy(made)) : failure::of(status);
    }

    // --- The cluster -----------------------------------------------------------------------------------------------

    /// Waits until all members that are alive have applied everything this process wrote to the cache before.
    /// errc::timeout; the writes still go out then.
    result<void> try_sync(timeout longest) const { return detail::outcome(mcc_sync(handle_.get(), longest.count())); }
    /// Waits until members have applied one write of this process, or something newer; not for what was written since.
    /// `members`: MCC_SYNC_ALL: all that are alive, as far as they have the cache open; MCC_SYNC_ONE or more: so many that
    /// have it open, this process not counted. errc::timeout, errc::invalid_argument also for a token of another process.
    result<void> try_sync_token(const token& what, timeout longest, std::int64_t members = MCC_SYNC_ALL) const {
        const mcc_token_t raw = detail::raw_of(what);
        return detail::outcome(mcc_sync_token(handle_.get(), &raw, members, longest.count()));
    }
    /// The contents in this process, summed up. Reads every entry.
    result<mccache::checksum> try_checksum() const {
        mccache::checksum sum;
        const mcc_status_t status = mcc_checksum(handle_.get(), &sum.sum, &sum.entries);
        return status == MCC_OK ? result<mccache::checksum>(sum) : failure::of(status);
    }
    /// The checksums of all members that are alive, this node's own first. A member that does not answer within the
    /// timeout is there without one.
    result<std::vector<member_checksum>> try_cluster_checksum(timeout longest) const {
        mcc_checksums_t* raw = nullptr;
        const mcc_status_t status = mcc_cluster_checksum(handle_.get(), longest.count(), &raw);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        const detail::owned<mcc_checksums_t> list(raw, mcc_checksums_free);
        std::vector<member_checksum> sums(mcc_checksums_count(raw));
        for (std::size_t at = 0; at < sums.size(); at++) {
            sums[at].member = mcc_checksums_member(raw, at);
            if (const mcc_checksum_t* sum = mcc_checksums_item(raw, at)) {
                sums[at].checksum = mccache::checksum{sum->sum, sum->entries};
            }
        }
        return sums;
    }
    /// Figures of this cache in this process.
    result<mccache::stats> try_stats() const {
        mcc_cache_stats_t raw;
        const mcc_status_t status = mcc_cache_stats(handle_.get(), &raw);
        return status == MCC_OK ? result<mccache::stats>(detail::stats_of(raw)) : failure::of(status);
    }
    /// A queue of what happens in this cache, from now on.
    result<mccache::events> try_events() const {
        mcc_events_t* queue = nullptr;
        const mcc_status_t status = mcc_events_new(nullptr, handle_.get(), &queue);
        return status == MCC_OK ? result<mccache::events>(mccache::events(queue)) : failure::of(status);
    }
    /// What changes what this process has read: puts, deletes, evictions and expiries of a key within `window` (above 0; the
    /// node's setting `callback_win` by default) after its value was last read here, by whichever member, this one too; and
    /// clears and tags invalidated, if anything was read within that time. From the first call on each read notes its key. A
    /// change that comes at the instant of a read may be told although the read has seen it. errc::closed.
    result<mccache::events> try_events_of_lookups(time_to_live window = {}) const {
        mcc_events_t* queue = nullptr;
        const mcc_status_t status = mcc_events_of_lookups(handle_.get(), window.count(), &queue);
        return status == MCC_OK ? result<mccache::events>(mccache::events(queue)) : failure::of(status);
    }
    /// Calls a function with what happens in this cache, from now on, on a thread of its own: see `listener`.
    /// errc::invalid_argument for an empty function.
    result<listener> try_listen(event_handler on_event) const {
        if (!on_event) {
            return detail::no_listener("events");
        }
        result<mccache::events> queue = try_events();
        return queue ? result<listener>(listener(*std::move(queue), std::move(on_event))) : queue.error();
    }
    /// The node the cache belongs to.
    inline result<mccache::node> try_node() const;

    /// The cache's name.
    std::string name() const {
        const char* text = mcc_name(handle_.get());
        return text != nullptr ? text : "";
    }
    /// Leaves the cache: its entries are forgotten in this process (not on other members), and later calls on any
    /// handle of it are errc::closed. Closing again does nothing. At any time, also while others are in calls.
    void close() noexcept {
        if (handle_) {
            mcc_close(handle_.get());
        }
    }

    /// The handle, still this object's; null if it was moved from.
    mcc_cache_t* handle() const noexcept { return handle_.get(); }

#if MCCACHE_EXCEPTIONS
    // --- The same, with exceptions ---------------------------------------------------------------------------------

    /// As try_open(). Throws config_error, network_error.
    explicit cache(std::string_view name, const settings& own = {}) : cache(try_open(name, own).value()) {}

    /// An entry, to be assigned to or read: `c["k"] = "v"`, `std::string s = c["k"]`.
    inline entry_reference operator[](key_view key);
    /// The value of a key, or nothing.
    std::optional<value> find(key_view key) const {
        mcc_value_t* found = nullptr;
        const mcc_status_t status = mcc_get(handle_.get(), key.data(), key.size(), &found);
        if (status == MCC_OK) {
            return value(found);
        }
        if (status != MCC_NOT_FOUND) {
            detail::raise(failure::of(status));
        }
        return std::nullopt;
    }
    /// The value of a key if it is the one that a token names, or a newer one; else nothing.
    std::optional<value> find_at_least(key_view key, const token& least) const {
        return none_if_not_found(try_find_at_least(key, least));
    }
    /// The value of a key as a type, or nothing. Throws codec_error if it is nothing of the kind.
    template <class T>
    std::optional<T> get(key_view key) const {
        if constexpr (!std::is_same_v<T, value>) {
            detail::short_value found;
            const mcc_status_t status = found.read(handle_.get(), key);
            if (status == MCC_OK) {
                return detail::read_as<T>(found.bytes(), found.codec).value();
            }
            if (status == MCC_NOT_FOUND) {
                return std::nullopt;
            }
            if (status != MCC_BUFFER_TOO_SMALL) {
                detail::raise(failure::of(status));
            }
        }
        const std::optional<value> found = find(key);
        return found ? std::optional<T>(found->template as<T>()) : std::nullopt;
    }
    /// The value of a key as a type, or another; of a literal or a view as std::string or bytes.
    template <class T>
    detail::own_type<T> get_or(key_view key, T other) const {
        using own = detail::own_type<T>;
        std::optional<own> found = get<own>(key);
        return found ? *std::move(found) : detail::own_copy<own>(std::move(other));
    }
    /// The value of a key. Throws not_found_error.
    value at(key_view key) const { return try_find(key).value(); }
    /// The value of a key as a type. Throws not_found_error, codec_error.
    template <class T>
    T at(key_view key) const {
        return try_get<T>(key).value();
    }
    bool contains(key_view key) const { return try_contains(key).value(); }
    std::size_t size() const { return try_size().value(); }
    bool empty() const { return size() == 0; }
    /// What is known of an entry, or nothing.
    std::optional<mccache::metadata> metadata(key_view key) const {
        return none_if_not_found(try_metadata(key));
    }
    /// Entries, in no order: `for (auto& [key, value] : cache)`.
    walk_range<entry> entries() const { return walk_range<entry>(try_walk().value()); }
    walk_range<entry>::iterator begin() const { return entries().begin(); }
    walk_range<entry>::iterator end() const { return {}; }
    /// Keys, in no order.
    walk_range<std::string> keys() const { return walk_range<std::string>(try_walk().value()); }

    template <class T>
    void put(key_view key, const T& what, time_to_live ttl = {}) {
        try_put(key, what, ttl).value();
    }
    /// As try_put_tagged(). Throws what put() does, and invalid_argument_error.
    template <class T>
    void put_tagged(key_view key, const T& what, const tags& names, time_to_live ttl = {}) {
        try_put_tagged(key, what, names, ttl).value();
    }
    /// As try_invalidate_tag(). Throws closed_error, invalid_argument_error.
    void invalidate_tag(std::string_view tag) { try_invalidate_tag(tag).value(); }
    /// As try_invalidating(). Throws invalid_argument_error, too_large_error, closed_error.
    [[nodiscard]] invalidation invalidating(std::initializer_list<key_view> keys,
                                            timeout limit = std::chrono::seconds(30),
                                            timeout longest = std::chrono::seconds(1)) {
        return try_invalidating(keys, limit, longest).value();
    }
    template <class T>
    bool insert(key_view key, const T& what, time_to_live ttl = {}) {
        return try_insert(key, what, ttl).value();
    }
    /// As put(), with a token of it.
    template <class T>
    token put_token(key_view key, const T& what, time_to_live ttl = {}) {
        return try_put_token(key, what, ttl).value();
    }
    token erase_token(key_view key) { return try_erase_token(key).value(); }
    /// How many were deleted: 0 or 1.
    std::size_t erase(key_view key) { return try_erase(key).value() ? 1 : 0; }
    /// Deletes a key and returns its value, or nothing.
    std::optional<value> take(key_view key) { return none_if_not_found(try_take(key)); }
    bool touch(key_view key, time_to_live ttl = {}) { return try_touch(key, ttl).value(); }
    void clear() { try_clear().value(); }

    /// Throws timeout_error.
    lookup get_or_lease(key_view key, timeout longest = std::chrono::seconds(30)) {
        return try_get_or_lease(key, longest).value();
    }
    /// Throws timeout_error, codec_error, and what `load` throws.
    template <class Loader, class T = detail::loaded_type<Loader>>
    T get_or_load(key_view key, Loader&& load, time_to_live ttl = {}, timeout longest = std::chrono::seconds(30),
                  const tags& names = {}) {
        return try_get_or_load(key, std::forward<Loader>(load), ttl, longest, names).value();
    }
    /// As try_get_or_load_with(). Throws timeout_error, codec_error, and what `load` throws while it is waited for.
    template <class Loader, class T = detail::loaded_type<Loader>>
    T get_or_load_with(key_view key, Loader load, const load_options& with = {}) {
        return try_get_or_load_with(key, std::move(load), with).value();
    }
    /// As try_load_policy(). Throws config_error.
    mccache::load_policy load_policy(const settings& over) const { return try_load_policy(over).value(); }

    /// Throws timeout_error.
    void sync(timeout longest = std::chrono::seconds(10)) const { try_sync(longest).value(); }
    void sync_token(const token& what, timeout longest = std::chrono::seconds(10),
                    std::int64_t members = MCC_SYNC_ALL) const {
        try_sync_token(what, longest, members).value();
    }
    mccache::checksum checksum() const { return try_checksum().value(); }
    std::vector<member_checksum> cluster_checksum(timeout longest = std::chrono::seconds(10)) const {
        return try_cluster_checksum(longest).value();
    }
    mccache::stats stats() const { return try_stats().value(); }
    mccache::events events() const { return try_events().value(); }
    /// As try_events_of_lookups(). Throws closed_error, invalid_argument_error.
    mccache::events events_of_lookups(time_to_live window = {}) const { return try_events_of_lookups(window).value(); }
    listener listen(event_handler on_event, exception_handler on_exception = nullptr) const {
        return listener(events(), std::move(on_event), std::move(on_exception));
    }
    inline mccache::node node() const;
#endif

private:
    friend class mccache::node;

    static result<cache> opened(mcc_node_t* of, std::string_view name, const settings& own) {
        if (result<void> library = check_library(); !library) {
            return library.error();
        }
        result<std::string> text = detail::c_text("the cache's name", name);
        if (!text) {
            return text.error();
        }
        result<config> config = config::try_empty(own);
        if (!config) {
            return config.error();
        }
        mcc_cache_t* handle = nullptr;
        const mcc_status_t status = mcc_open(of, text->c_str(), own.empty() ? nullptr : config->handle(), &handle);
        return status == MCC_OK ? result<cache>(cache(handle)) : failure::of(status);
    }
    template <class T>
    static std::optional<T> none_if_not_found(result<T> found) {
        if (found.failed_with(errc::not_found)) {
            return std::nullopt;
        }
        return std::move(found).value();
    }

    detail::owned<mcc_cache_t> handle_;
};

#if MCCACHE_EXCEPTIONS

/// What `cache[key]` is: a place for a value. Refers to the cache and to the key's bytes: use it within its expression.
class entry_reference {
public:
    entry_reference(cache& in, key_view key) noexcept : in_(in), key_(key) {}
    entry_reference(const entry_reference&) = default;
    ~entry_reference() = default;

    /// Puts a value: see cache::try_put. Throws codec_error, too_large_error, closed_error.
    template <class T>
    const entry_reference& operator=(const T& what) const {
        in_.put(key_, what);
        return *this;
    }
    /// Puts another entry's value. Throws not_found_error.
    const entry_reference& operator=(const entry_reference& other) const {
        in_.put(key_, other.value());
        return *this;
    }

    /// The value. Throws not_found_error.
    mccache::value value() const { return in_.at(key_); }
    /// The value as a type. Throws not_found_error, codec_error.
    template <class T>
    T as() const {
        return in_.at<T>(key_);
    }
    /// The same, where a type of one's own is asked for: `std::string s = c["k"]`. Not for views, nor for characters.
    /// An optional is made of what it is an optional of: cache::get tells of a key without a value.
    template <class T, std::enable_if_t<(detail::is_value_type<T> && !std::is_pointer_v<T> && !std::is_array_v<T> &&
                                         !std::is_same_v<T, std::string_view> && !std::is_same_v<T, bytes_view> &&
                                         !std::is_null_pointer_v<T> && !detail::is_optional<T>) ||
                                            std::is_same_v<T, mccache::value>,
                                        int> = 0>
    operator T() const {
        return as<T>();
    }

private:
    cache& in_;
    key_view key_;
};

inline entry_reference cache::operator[](key_view key) {
    return entry_reference(*this, key);
}

#endif

} // namespace mccache

#endif
