// What queries answer: plain structures, owned by whoever asked.
//
// SPDX-License-Identifier: MIT
//
// Included by <mccache.hpp>; include that.

#ifndef MCCACHE_RECORDS_HPP
#define MCCACHE_RECORDS_HPP

#include <mccache/value.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace mccache {

/// Which write an entry is of. Of two of one key the greater one wins, on every member.
struct version_stamp {
    /// The writer's hybrid logical clock; 0 where there is no version.
    std::int64_t clock = 0;
    /// The writer; decides where clocks are equal.
    std::uint64_t origin = 0;

    friend bool operator==(const version_stamp& a, const version_stamp& b) noexcept {
        return a.clock == b.clock && a.origin == b.origin;
    }
    friend bool operator!=(const version_stamp& a, const version_stamp& b) noexcept { return !(a == b); }
    friend bool operator<(const version_stamp& a, const version_stamp& b) noexcept {
        return a.clock != b.clock ? a.clock < b.clock : a.origin < b.origin;
    }
};

/// What names one write: see cache::put_token. Plain numbers, to be kept, or sent to where the write is to be read.
struct token {
    /// The version that was written, the same on all members.
    version_stamp version;
    /// Where the write stands on its way to the members. Means something to the process that wrote alone.
    std::int64_t position = 0;

    friend bool operator==(const token& a, const token& b) noexcept {
        return a.version == b.version && a.position == b.position;
    }
    friend bool operator!=(const token& a, const token& b) noexcept { return !(a == b); }
};

/// What is known of an entry.
struct metadata {
    /// When it was written, by the writer's clock.
    std::chrono::system_clock::time_point written;
    /// Time since then, 0 or more.
    std::chrono::milliseconds age{};
    /// Time until it expires; nothing if it does not.
    std::optional<std::chrono::milliseconds> ttl;
    /// The value's length, bytes.
    std::int64_t size = 0;
    /// What the entry counts against the cache's limit of bytes.
    std::int64_t weight = 0;
    /// Its version.
    version_stamp version;
    /// How to read the value: MCC_CODEC_RAW or another.
    std::uint8_t codec = MCC_CODEC_RAW;
};

/// Figures of a cache in this process, since it was opened.
struct stats {
    /// Entries held now.
    std::int64_t entries = 0;
    /// What they count against the limit of bytes.
    std::int64_t bytes = 0;
    /// Deleted keys remembered now, so that an older put does not bring them back.
    std::int64_t tombstones = 0;
    /// Gets that found a value, waits for another caller's load among them.
    std::int64_t hits = 0;
    /// Gets that found none. A load is one miss, and to wait for another caller's is none.
    std::int64_t misses = 0;
    /// Entries taken out to keep the limits.
    std::int64_t evictions = 0;
    /// Entries taken out because their time was over.
    std::int64_t expirations = 0;
    /// Puts by this process.
    std::int64_t puts = 0;
    /// Deletes by this process, whether there was a value or not; clear() is none.
    std::int64_t deletes = 0;
};

/// The contents of a cache, summed up: equal keys and values give equal sums on every member.
struct checksum {
    /// The sum.
    std::uint64_t sum = 0;
    /// How many entries are in it.
    std::int64_t entries = 0;

    friend bool operator==(const checksum& a, const checksum& b) noexcept {
        return a.sum == b.sum && a.entries == b.entries;
    }
    friend bool operator!=(const checksum& a, const checksum& b) noexcept { return !(a == b); }
};

/// A member's checksum of a cache.
struct member_checksum {
    /// The member's name.
    std::string member;
    /// Nothing if it did not answer in time.
    std::optional<mccache::checksum> checksum;
};

/// What a node thinks of another member. Later versions may add some.
enum class member_state : std::int32_t {
    joining = MCC_MEMBER_JOINING,
    alive = MCC_MEMBER_ALIVE,
    suspect = MCC_MEMBER_SUSPECT,
    lagging = MCC_MEMBER_LAGGING,
    down = MCC_MEMBER_DOWN,
    left = MCC_MEMBER_LEFT,
};

/// Another member of the cluster.
struct member {
    /// Its name, as its settings have it.
    std::string name;
    /// Its run: 24 hexadecimal digits, different after each start.
    std::string session;
    /// Where it sends from, such as "192.0.2.7:4000".
    std::string address;
    /// The version of the library it runs.
    std::string version;
    /// Time since it was last heard.
    std::chrono::milliseconds heard_ago{};
    /// To it and back, smoothed; 0 until measured.
    std::chrono::microseconds round_trip{};
    /// What this node thinks of it.
    member_state state = member_state::joining;
};

/// A counter of a node.
struct metric {
    /// Never changes between versions; later ones add some.
    std::string name;
    /// What it counts; "" if unknown here.
    std::string help;
    /// Its value.
    std::int64_t value = 0;
};

/// A member's counters.
struct member_metrics {
    /// The member's name.
    std::string member;
    /// Nothing if it did not answer in time.
    std::optional<std::vector<metric>> metrics;
};

/// What a node does with one of the cluster's keys. Later versions may add some.
enum class key_role : std::int32_t {
    /// It opens what others sealed with it; this node has not sealed with it yet.
    decrypt_only = MCC_KEY_DECRYPT_ONLY,
    /// It seals what this node sends, and opens.
    primary = MCC_KEY_PRIMARY,
    /// This node has sealed with it; now it opens, until it is removed.
    retired = MCC_KEY_RETIRED,
};

/// One of the cluster's keys. The key itself is never told.
struct cluster_key {
    /// 1 to 255; 0 is the public key of a node without a crypto_key.
    std::int32_t id = 0;
    /// What this node does with it.
    key_role role = key_role::decrypt_only;
    /// How many other members seal with it now, as far as this node has heard them.
    std::int64_t members = 0;
};

namespace detail {

inline token token_of(const mcc_token_t& raw) noexcept {
    return {{raw.version_clock, raw.version_origin}, raw.position};
}
inline mcc_token_t raw_of(const token& what) noexcept {
    return {what.version.clock, what.version.origin, what.position, 0};
}

// Frees a handle of the C functions at the end of a scope.
template <class T>
using owned = std::unique_ptr<T, void (*)(T*)>;

inline mccache::metadata metadata_of(const mcc_metadata_t& raw) {
    mccache::metadata known;
    known.written = std::chrono::system_clock::time_point(std::chrono::milliseconds(raw.written_ms));
    known.age = std::chrono::milliseconds(raw.age_ms);
    if (raw.ttl_remaining_ms != MCC_TTL_FOREVER) {
        known.ttl = std::chrono::milliseconds(raw.ttl_remaining_ms);
    }
    known.size = raw.size;
    known.weight = raw.weight;
    known.version = version_stamp{raw.version_clock, raw.version_origin};
    known.codec = raw.codec;
    return known;
}

inline mccache::stats stats_of(const mcc_cache_stats_t& raw) {
    mccache::stats figures;
    figures.entries = raw.entries;
    figures.bytes = raw.bytes;
    figures.tombstones = raw.tombstones;
    figures.hits = raw.hits;
    figures.misses = raw.misses;
    figures.evictions = raw.evictions;
    figures.expirations = raw.expirations;
    figures.puts = raw.puts;
    figures.deletes = raw.deletes;
    return figures;
}

inline mccache::member member_of(const mcc_member_t& raw) {
    mccache::member other;
    other.name = raw.name;
    other.session = raw.session;
    other.address = raw.address;
    other.version = raw.version;
    other.heard_ago = std::chrono::milliseconds(raw.heard_ago_ms);
    other.round_trip = std::chrono::microseconds(raw.round_trip_us);
    other.state = static_cast<member_state>(raw.state);
    return other;
}

inline std::vector<metric> metrics_of(const mcc_stats_t* raw) {
    std::vector<metric> counters(mcc_stats_count(raw));
    for (std::size_t at = 0; at < counters.size(); at++) {
        const char* name = "";
        const char* help = "";
        if (mcc_stats_item(raw, at, &name, &help, &counters[at].value) == MCC_OK) {
            counters[at].name = name;
            counters[at].help = help;
        }
    }
    return counters;
}

} // namespace detail

/// Names that an entry is put with, to go all at once: at most 16, of 1 to 255 bytes each, none of them zero.
class tags {
public:
    tags() = default;
    /// Like {"user:7", "prices"}.
    tags(std::initializer_list<std::string_view> names) : tags(names.begin(), names.end()) {}
    /// From a range of texts.
    template <class Iterator>
    tags(Iterator first, Iterator last) {
        for (bool next = false; first != last; ++first, next = true) {
            const std::string_view name(*first);
            const bool sound = !name.empty() && name.find('\0') == name.npos;
            packed_.append(next ? 1U : 0U, '\0').append(sound ? name : std::string_view("\0", 1));
        }
    }
    /// The names with a zero byte between two. A name that cannot be one makes them such that the library refuses them.
    const char* data() const noexcept { return packed_.data(); }
    /// How many bytes that is.
    std::size_t size() const noexcept { return packed_.size(); }

private:
    std::string packed_;
};

} // namespace mccache

#endif
