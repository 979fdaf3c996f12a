// A node: a member of a cluster that runs in this process.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_NODE_HPP
#define MCCACHE_NODE_HPP

#include <mccache/cache.hpp>

namespace mccache {

/// A member of a cluster in this process. Most programs need none of their own: `mccache::cache("prices")` uses the
/// process's own node.
///
/// Movable; any threads may use one at once, but for moving and destroying it. The destructor frees the handle and never
/// waits; caches made of the node keep it running. Call close() where what was written last must not be lost. Functions
/// are there twice, as in `cache`.
class node {
public:
    /// Takes over a handle of the C functions.
    explicit node(mcc_node_t* owned) noexcept : handle_(owned, mcc_node_free) {}

    /// Starts a node: joins the cluster and begins to receive what its caches hold. errc::config, errc::network.
    static result<node> try_open(const config& with) {
        if (result<void> library = check_library(); !library) {
            return library.error();
        }
        if (with.handle() == nullptr) {
            return failure(errc::invalid_argument, "the settings were moved from");
        }
        mcc_node_t* handle = nullptr;
        const mcc_status_t status = mcc_node_open(with.handle(), &handle);
        return status == MCC_OK ? result<node>(node(handle)) : failure::of(status);
    }
    /// The process's own node, which is started if it does not run. errc::config, errc::network.
    static result<node> try_own() {
        if (result<void> library = check_library(); !library) {
            return library.error();
        }
        mcc_node_t* handle = nullptr;
        const mcc_status_t status = mcc_node_own(&handle);
        return status == MCC_OK ? result<node>(node(handle)) : failure::of(status);
    }

    /// Opens a cache of this node: see cache::try_open.
    result<mccache::cache> try_cache(std::string_view name, const settings& own = {}) {
        if (!handle_) {
            return failure(errc::invalid_argument, "the node was moved from");
        }
        return mccache::cache::opened(handle_.get(), name, own);
    }
    /// Waits until the node has found the members that are there, and holds what they hold. errc::timeout; it works
    /// meanwhile, and goes on receiving.
    result<void> try_wait_ready(timeout longest) const {
        return detail::outcome(mcc_node_wait_ready(handle_.get(), longest.count()));
    }
    /// The other members the node knows now.
    result<std::vector<member>> try_members() const {
        mcc_members_t* raw = nullptr;
        const mcc_status_t status = mcc_node_members(handle_.get(), &raw);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        const detail::owned<mcc_members_t> list(raw, mcc_members_free);
        std::vector<member> members;
        for (std::size_t at = 0; at < mcc_members_count(raw); at++) {
            members.push_back(detail::member_of(*mcc_members_item(raw, at)));
        }
        return members;
    }
    /// All counters of this node. A closed node has its last ones.
    result<std::vector<metric>> try_metrics() const {
        mcc_stats_t* raw = nullptr;
        const mcc_status_t status = mcc_stats_new(handle_.get(), &raw);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        const detail::owned<mcc_stats_t> list(raw, mcc_stats_free);
        return detail::metrics_of(raw);
    }
    /// The counters of all members that are alive, this node's own first. A member that does not answer within the
    /// timeout is there without any.
    result<std::vector<member_metrics>> try_cluster_metrics(timeout longest) const {
        mcc_cluster_metrics_t* raw = nullptr;
        const mcc_status_t status = mcc_node_cluster_metrics(handle_.get(), longest.count(), &raw);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        const detail::owned<mcc_cluster_metrics_t> list(raw, mcc_cluster_metrics_free);
        std::vector<member_metrics> members(mcc_cluster_metrics_count(raw));
        for (std::size_t at = 0; at < members.size(); at++) {
            members[at].member = mcc_cluster_metrics_member(raw, at);
            if (const mcc_stats_t* counters = mcc_cluster_metrics_item(raw, at)) {
                members[at].metrics = detail::metrics_of(counters);
            }
        }
        return members;
    }
    /// What a setting amounts to in this node, as text. errc::not_found for a secret that is set, and for a setting that
    /// is accepted but has no effect; errc::invalid_argument if there is no such setting.
    result<std::string> try_setting(std::string_view name) const {
        result<std::string> text = detail::c_text("the setting's name", name);
        if (!text) {
            return text.error();
        }
        std::string value(64, '\0');
        std::size_t length = 0;
        mcc_status_t status = MCC_BUFFER_TOO_SMALL;
        // Twice at most: settings do not change.
        for (int tries = 0; tries < 2 && status == MCC_BUFFER_TOO_SMALL; tries++) {
            status = mcc_node_setting(handle_.get(), text->c_str(), value.data(), value.size(), &length);
            value.resize(status == MCC_BUFFER_TOO_SMALL ? length + 1 : value.size());
        }
        if (status != MCC_OK) {
            return failure::of(status);
        }
        value.resize(length);
        return value;
    }
    /// Has the node open what is sealed with another key, too: "ID:KEY" as in the setting crypto_key. To change the key of
    /// a running cluster: add the new one to every node, then make it primary on every node, and when no list_keys()
    /// tells of members that use the old one, remove that. errc::invalid_argument.
    result<void> try_add_key(std::string_view key) {
        result<std::string> text = detail::c_text("the key", key);
        return text ? detail::outcome(mcc_node_keys_add(handle_.get(), text->c_str())) : text.error();
    }
    /// Has the node seal with another of its keys from now on. errc::invalid_argument if it has none of that id.
    result<void> try_set_primary_key(std::int32_t id) {
        return detail::outcome(mcc_node_keys_set_primary(handle_.get(), id));
    }
    /// Has the node forget a key. errc::invalid_argument if it has none of that id, or if it is the primary.
    result<void> try_remove_key(std::int32_t id) { return detail::outcome(mcc_node_keys_remove(handle_.get(), id)); }
    /// The keys of the node by their ids, in the order they came to it.
    result<std::vector<cluster_key>> try_list_keys() const {
        mcc_key_t raw[MCC_KEYS_MAX];
        std::size_t count = 0;
        const mcc_status_t status = mcc_node_keys_list(handle_.get(), raw, MCC_KEYS_MAX, &count);
        if (status != MCC_OK) {
            return failure::of(status);
        }
        std::vector<cluster_key> keys;
        for (std::size_t at = 0; at < count; at++) {
            keys.push_back({raw[at].id, static_cast<key_role>(raw[at].role), raw[at].members});
        }
        return keys;
    }
    /// A queue of what happens in all caches of this node and to the members, from now on.
    result<mccache::events> try_events() const {
        if (!handle_) {
            return failure(errc::invalid_argument, "the node was moved from");
        }
        mcc_events_t* queue = nullptr;
        const mcc_status_t status = mcc_events_new(handle_.get(), nullptr, &queue);
        return status == MCC_OK ? result<mccache::events>(mccache::events(queue)) : failure::of(status);
    }
    /// Calls a function with what happens, from now on, on a thread of its own: see `listener`. errc::invalid_argument for
    /// an empty function.
    result<listener> try_listen(event_handler on_event) const {
        if (!on_event) {
            return detail::no_listener("events");
        }
        result<mccache::events> queue = try_events();
        return queue ? result<listener>(listener(*std::move(queue), std::move(on_event))) : queue.error();
    }

    /// The node's name, by which the other members show it.
    std::string name() const {
        const char* text = mcc_node_name(handle_.get());
        return text != nullptr ? text : "";
    }
    /// Leaves the cluster: says goodbye, closes its caches and event queues. Closing again does nothing. Waits for the
    /// goodbye, for less than a second. At any time, also while others are in calls: those end with errc::closed.
    void close() noexcept {
        if (handle_) {
            mcc_node_close(handle_.get());
        }
    }

    /// The handle, still this object's; null if it was moved from.
    mcc_node_t* handle() const noexcept { return handle_.get(); }

#if MCCACHE_EXCEPTIONS
    // --- The same, with exceptions ---------------------------------------------------------------------------------

    /// As try_open(). Throws config_error, network_error.
    explicit node(const config& with) : node(try_open(with).value()) {}
    /// With the settings of file and environment, and these over them: `mccache::node n{{"cluster", "orders"}}`.
    node(std::initializer_list<mccache::setting> more) : node(config(more)) {}
    static node own() { return try_own().value(); }

    mccache::cache cache(std::string_view name, const settings& own = {}) { return try_cache(name, own).value(); }
    /// Throws timeout_error.
    void wait_ready(timeout longest = std::chrono::seconds(10)) const { try_wait_ready(longest).value(); }
    std::vector<member> members() const { return try_members().value(); }
    std::vector<metric> metrics() const { return try_metrics().value(); }
    std::vector<member_metrics> cluster_metrics(timeout longest = std::chrono::seconds(10)) const {
        return try_cluster_metrics(longest).value();
    }
    /// What a setting amounts to; nothing for a secret that is set. Throws invalid_argument_error for an unknown one.
    std::optional<std::string> setting(std::string_view name) const {
        result<std::string> found = try_setting(name);
        if (found.failed_with(errc::not_found)) {
            return std::nullopt;
        }
        return std::move(found).value();
    }
    void add_key(std::string_view key) { try_add_key(key).value(); }
    void set_primary_key(std::int32_t id) { try_set_primary_key(id).value(); }
    void remove_key(std::int32_t id) { try_remove_key(id).value(); }
    std::vector<cluster_key> list_keys() const { return try_list_keys().value(); }
    mccache::events events() const { return try_events().value(); }
    listener listen(event_handler on_event, exception_handler on_exception = nullptr) const {
        return listener(events(), std::move(on_event), std::move(on_exception));
    }
#endif

private:
    detail::owned<mcc_node_t> handle_;
};

inline result<mccache::node> cache::try_node() const {
    mcc_node_t* of = nullptr;
    const mcc_status_t status = mcc_node_of(handle_.get(), &of);
    return status == MCC_OK ? result<mccache::node>(mccache::node(of)) : failure::of(status);
}

#if MCCACHE_EXCEPTIONS
inline mccache::node cache::node() const {
    return try_node().value();
}
#endif

} // namespace mccache

#endif
