// mccache for C++17 and later: a map that every process of a cluster has, kept coherent, with no server.
//
// SPDX-License-Identifier: MIT
//
// Header-only, over <mccache.h>; needs libmccache and a C++ standard library with threads.
//
//     #include <mccache.hpp>
//     #include <iostream>
//
//     int main() {
//         using namespace std::chrono_literals;
//         mccache::cache prices("prices");                 // the same name is the same cache in every process
//         prices["apple"] = "1.20";
//         std::cout << prices.at("apple").text() << '\n';  // from this process's own memory
//         prices.put("pear", 3, 60s);
//         int pears = prices.get_or("pear", 0);
//         prices.sync(2s);                                 // every live member has it now
//         prices.erase("apple");
//         for (auto& [key, value] : prices) {
//             std::cout << key << " has " << value.size() << " bytes, " << pears << " pears\n";
//         }
//     }
//
// Errors   come as exceptions (`mccache::error` and those derived from it) from the plain functions, and as
//          `mccache::result` from those named `try_...`. With -fno-exceptions only the latter exist.
// Keys     are text or bytes, up to 65,535 bytes; a text and its UTF-8 bytes are one key. Iteration gives std::string.
// Values   are text, bytes, or what CBOR carries: null, bool, integers, floating-point numbers, lists, maps, dates.
//          What one language puts, every other reads as its own: docs/VALUES.md. `mccache::object` holds any of them.
// Views    (`value::bytes()`, `value::text()`) look into memory that a `value` holds: keep the value as long.
// Times    are any durations of std::chrono, rounded up to milliseconds; `mccache::forever` has no end.
// Threads  Any may use a cache or a node at once. An object must not be moved or destroyed while another thread uses
//          it; close() is for that, and safe at any time.
// Log      `mccache::log_listener` calls a function with what the library logs.
// fork()   As <mccache.h> says: a child's first call on a cache starts a node of its own. Listeners end.

#ifndef MCCACHE_HPP
#define MCCACHE_HPP

#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#  error "mccache.hpp needs C++17 or later: -std=c++17"
#endif

#include <mccache/error.hpp>

#include <mccache/arguments.hpp>
#include <mccache/times.hpp>
#include <mccache/object.hpp>
#include <mccache/cbor.hpp>
#include <mccache/convert.hpp>
#include <mccache/value.hpp>

#include <mccache/config.hpp>
#include <mccache/records.hpp>
#include <mccache/delivery.hpp>
#include <mccache/events.hpp>
#include <mccache/logs.hpp>
#include <mccache/entries.hpp>
#include <mccache/invalidation.hpp>
#include <mccache/loads.hpp>

#include <mccache/cache.hpp>
#include <mccache/node.hpp>

#endif
