#include "server/app/printable.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace martlet::app;

namespace {

std::string printable(std::string_view text) {
    std::string out;
    append_printable(out, text);
    return out;
}

std::string json(std::string_view text) {
    std::string out;
    append_json(out, text);
    return out;
}

}  // namespace

TEST_CASE("printable: ordinary text passes and control characters are escaped") {
    CHECK(printable("client-1/äöü €") == "client-1/äöü €");
    CHECK(printable("a\nb\r\tc") == "a\\nb\\r\\tc");
    CHECK(printable("\x1b[2J") == "\\x1b[2J");
    CHECK(printable(std::string_view{"\0\x7f", 2}) == "\\x00\\x7f");
    CHECK(printable("a\\nb") == "a\\\\nb");
}

TEST_CASE("printable: C1 controls are escaped because terminals obey them") {
    CHECK(printable("\xc2\x9b"
                    "31m") == "\\x9b31m");
    CHECK(printable("\xc2\xa0") == "\xc2\xa0");  // a no-break space is harmless
    CHECK(printable("\xc2") == "\xc2");
}

TEST_CASE("printable: JSON strings escape quotes and controls and hold only UTF-8") {
    CHECK(json(R"(say "hi" \o/)") == R"(say \"hi\" \\o/)");
    CHECK(json("a\nb\x01") == "a\\nb\\u0001");
    CHECK(json("\xc2\x9b") == "\\u009b");
    CHECK(json("ü€😀") == "ü€😀");
    const std::string replacement = "\xef\xbf\xbd";
    CHECK(json("\xff") == replacement);
    CHECK(json("\xc3") == replacement);                                      // cut off
    CHECK(json("\xc0\xaf") == replacement + replacement);                    // overlong
    CHECK(json("\xed\xa0\x80") == replacement + replacement + replacement);  // surrogate
    CHECK(json("\xf4\x90\x80\x80").size() == 4 * replacement.size());        // above U+10FFFF
}
