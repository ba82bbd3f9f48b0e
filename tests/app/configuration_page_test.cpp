// docs/configuration.md is about every key, and says of each what the broker says.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "server/app/config_keys.hpp"

using namespace martlet::app;

namespace {

std::string read_page() {
    std::ifstream file(MARTLET_SOURCE_DIR "/docs/configuration.md");
    REQUIRE(file.is_open());
    return {std::istreambuf_iterator<char>(file), {}};
}

bool has(const std::string& page, std::string_view text) {
    return page.find(text) != std::string::npos;
}

std::string in_code(std::string_view key) {
    return "`" + std::string(key) + "`";
}

}  // namespace

TEST_CASE("configuration page: has a row for every key that is accepted") {
    const std::string page = read_page();
    for (const ConfigKey& key : accepted_keys()) {
        CAPTURE(key.name);
        CHECK(has(page, "\n| " + in_code(key.name)));
    }
}

TEST_CASE("configuration page: has every key without effect or refused and why") {
    const std::string page = read_page();
    for (const auto& rows : {explained_keys(), refused_keys()}) {
        for (const KeyRemark& key : rows) {
            CAPTURE(key.name);
            CHECK(has(page, in_code(key.name)));
            CHECK(has(page, key.remark));
        }
    }
}
