// A member of a cluster of programs in several languages: does what the lines of its standard input say, and answers
// each with one line. `cargo xtask polyglot` starts it. Settings come from the environment. Usage: agent CACHE

#include "../cpp/matrix.hpp"

#include <iostream>
#include <random>

namespace {

const mccache::object& native(const std::string& name) {
    const auto found = matrix::natives().find(name);
    if (found == matrix::natives().end()) {
        throw std::invalid_argument("no such case: " + name);
    }
    return found->second;
}

std::string differs(const mccache::value& value) {
    std::ostringstream told;
    told << "differs: " << value.as<mccache::object>().kind_name() << ", " << value.size() << " bytes of codec "
         << int{value.codec()} << ", beginning with " << std::hex;
    for (std::size_t at = 0; at < value.size() && at < 32; at++) {
        told << (value.data()[at] >> 4) << (value.data()[at] & 15);
    }
    return told.str();
}

std::string check(mccache::cache& cache, const std::string& key, const std::string& name) {
    const auto value = cache.find(key);
    if (!value) {
        return "missing";
    }
    return value->as<mccache::object>() == native(name) ? "equal" : differs(*value);
}

std::string work(mccache::cache& cache, std::chrono::milliseconds time, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto deadline = std::chrono::steady_clock::now() + time;
    long ops = 0;
    for (; std::chrono::steady_clock::now() < deadline; ops++) {
        const std::string key = "w" + std::to_string(random() % 100);
        const auto what = random() % 100;
        const std::string text = "cpp-" + std::to_string(random());
        if (what < 55) {
            cache.get<std::string>(key);
        } else if (what < 75) {
            cache[key] = text;
        } else if (what < 95) {
            cache[key] = cache.get_or<std::string>(key, "").substr(0, 8) + text;
        } else {
            cache.erase(key);
        }
    }
    return "ok " + std::to_string(ops);
}

std::string obey(mccache::cache& cache, std::istringstream words) {
    std::string verb;
    std::string first;
    std::string second;
    words >> verb >> first >> second;
    if (verb == "put") {
        cache[first] = native(second);
        return "ok";
    }
    if (verb == "check") {
        return check(cache, first, second);
    }
    if (verb == "work") {
        return work(cache, std::chrono::milliseconds(std::stoll(first)), std::stoull(second));
    }
    if (verb == "sync") {
        const auto done = cache.try_sync(std::chrono::milliseconds(std::stoll(first)));
        if (done.failed_with(mccache::errc::timeout)) {
            return "timeout";
        }
        done.value();
        return "ok";
    }
    if (verb == "sum") {
        const mccache::checksum sum = cache.checksum();
        return std::to_string(sum.sum) + " " + std::to_string(sum.entries);
    }
    if (verb == "members") {
        return std::to_string(cache.node().members().size());
    }
    if (verb == "clear") {
        cache.clear();
        return "ok";
    }
    throw std::invalid_argument("no such command: " + verb);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " CACHE\n";
        return 2;
    }
    try {
        mccache::cache cache(argv[1]);
        std::cout << "ready cpp" << std::endl;
        for (std::string line; std::getline(std::cin, line) && line != "quit";) {
            std::string answer;
            try {
                answer = obey(cache, std::istringstream(line));
            } catch (const std::exception& problem) {
                answer = std::string("error: ") + problem.what();
                std::replace(answer.begin(), answer.end(), '\n', ' ');
            }
            std::cout << answer << std::endl;
        }
        mccache::node::own().close();
        std::cout << "bye" << std::endl;
        return 0;
    } catch (const std::exception& problem) {
        std::cerr << "mccache: " << problem.what() << '\n';
        return 1;
    }
}
