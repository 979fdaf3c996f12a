// A library of another ABI than the header's is refused, with both numbers. This program has such a library's answer in
// place of the real one's.

#include "check.hpp"

using namespace check;

extern "C" std::int32_t mcc_abi_version() {
    return 99;
}

namespace {

void names_both(const std::string& message) {
    REQUIRE(contains(message, "ABI " + std::to_string(MCC_ABI_VERSION)) && contains(message, "ABI 99"));
}

} // namespace

int main() {
    test("a_cache_is_refused", [] { names_both(REQUIRE_THROWS(mccache::internal_error, mccache::cache("c"))); });
    test("a_node_is_refused", [] { names_both(REQUIRE_THROWS(mccache::internal_error, mccache::node::own())); });
    test("settings_are_refused", [] { names_both(REQUIRE_THROWS(mccache::internal_error, mccache::config::empty())); });
    test("the_right_one_is_taken", [] { REQUIRE(mccache::check_library(MCC_ABI_VERSION) && !mccache::check_library()); });
    return finish();
}
