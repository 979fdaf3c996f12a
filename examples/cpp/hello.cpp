// Two nodes in one process, as if they were two hosts: what one puts, the other reads; what one deletes, the other misses.
// Build: c++ -std=c++17 hello.cpp -lmccache -o hello

#include <mccache.hpp>

#include <unistd.h>

#include <iostream>

using namespace std::chrono_literals;

int main() {
    try {
        // A cluster of this run alone. Most programs need no node of their own: mccache::cache prices("prices").
        const std::string cluster = "hello-" + std::to_string(getpid());
        mccache::node one{{"cluster", cluster}, {"node_name", "one"}};
        mccache::node two{{"cluster", cluster}, {"node_name", "two"}};
        mccache::cache here = one.cache("prices");
        mccache::cache there = two.cache("prices");

        here["apple"] = "1.20";
        here.put("pear", std::map<std::string, double>{{"eur", 2.5}, {"usd", 2.7}}, 60s);
        here.sync(10s); // until every live member has it
        std::cout << "two reads: apple costs " << there.at("apple").text() << ", a pear "
                  << there.at<std::map<std::string, double>>("pear")["eur"] << " euros\n";

        there.erase("apple");
        there.sync(10s);
        std::cout << "one reads: apple " << (here.contains("apple") ? "is still there" : "is gone") << '\n';

        const bool coherent = !here.contains("apple") && here.checksum() == there.checksum();
        one.close();
        two.close();
        return coherent ? 0 : 1;
    } catch (const mccache::error& problem) {
        std::cerr << "mccache: " << problem.what() << '\n';
        return 1;
    }
}
