// The validator against a reference that decodes code points, the way the Unicode standard tells
// it, instead of looking at byte ranges.
#include "protocol/utf8.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/random.hpp"

using martlet::protocol::is_valid_utf8;

namespace {

struct Shape {
    std::size_t size;         // bytes of the sequence
    std::uint32_t lead_bits;  // of the code point in the first byte
    std::uint32_t smallest;   // code point that needs so many bytes
};

Shape shape_of(unsigned char lead) {
    if (lead < 0x80) {
        return {1, 0x7FU, 0};
    }
    if ((lead & 0xE0) == 0xC0) {
        return {2, 0x1FU, 0x80};
    }
    if ((lead & 0xF0) == 0xE0) {
        return {3, 0x0FU, 0x800};
    }
    if ((lead & 0xF8) == 0xF0) {
        return {4, 0x07U, 0x10000};
    }
    return {0, 0, 0};
}

bool is_permitted(std::uint32_t code_point) {
    return code_point != 0 && code_point <= 0x10FFFF &&
           (code_point < 0xD800 || code_point > 0xDFFF);
}

bool reference(std::string_view text) {
    while (!text.empty()) {
        const auto lead = static_cast<unsigned char>(text[0]);
        const Shape shape = shape_of(lead);
        if (shape.size == 0 || text.size() < shape.size) {
            return false;
        }
        std::uint32_t code_point = lead & shape.lead_bits;
        for (std::size_t i = 1; i < shape.size; ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            if ((byte & 0xC0) != 0x80) {
                return false;
            }
            code_point = code_point << 6 | (byte & 0x3F);
        }
        if (code_point < shape.smallest || !is_permitted(code_point)) {
            return false;
        }
        text.remove_prefix(shape.size);
    }
    return true;
}

// Counts where the two differ: a CHECK for each of sixteen million texts would take minutes.
class Comparison {
public:
    void add(std::string_view text) {
        if (is_valid_utf8(text) != reference(text)) {
            ++differences_;
            example_ = text;
        }
    }
    void expect_none() const {
        CAPTURE(example_);
        CHECK(differences_ == 0);
    }

private:
    std::size_t differences_ = 0;
    std::string example_;
};

}  // namespace

TEST_CASE("UTF-8: the empty string is well-formed") {
    CHECK(is_valid_utf8(""));
    CHECK(is_valid_utf8(std::string_view{}));
}

TEST_CASE("UTF-8: every sequence of one to three bytes [v3.1.1 MQTT-1.5.3-1] [v5 MQTT-1.5.4-1]") {
    Comparison comparison;
    std::array<char, 3> bytes{};
    for (int a = 0; a < 256; ++a) {
        bytes[0] = static_cast<char>(a);
        comparison.add({bytes.data(), 1});
        for (int b = 0; b < 256; ++b) {
            bytes[1] = static_cast<char>(b);
            comparison.add({bytes.data(), 2});
            for (int c = 0; c < 256; ++c) {
                bytes[2] = static_cast<char>(c);
                comparison.add({bytes.data(), 3});
            }
        }
    }
    comparison.expect_none();
}

TEST_CASE("UTF-8: sequences of four bytes around every boundary [v3.1.1 MQTT-1.5.3-1]") {
    const std::vector<int> leads{0x00, 0x41, 0x7F, 0x80, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEE,
                                 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFC, 0xFF};
    const std::vector<int> tails{0x00, 0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xFF};
    Comparison comparison;
    std::string bytes(4, ' ');
    for (const int a : leads) {
        for (int b = 0; b < 256; ++b) {
            for (const int c : tails) {
                for (const int d : tails) {
                    bytes = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                             static_cast<char>(d)};
                    comparison.add(bytes);
                }
            }
        }
    }
    comparison.expect_none();
}

TEST_CASE("UTF-8: a sequence is found at every place of a text of any length") {
    const std::vector<std::string> parts{"\xC3\xA9",        "\xE2\x82\xAC", "\xF0\x9F\x90\xA6",
                                         "\xED\xA0\x80",    "\xC0\x80",     "\xF4\x90\x80\x80",
                                         std::string(1, 0), "\xFF",         "\x80",
                                         "\xE2\x82",        "\xF0\x9F\x90", "\xEF\xBB\xBF",
                                         "\xED\x9F\xBF",    "\x7F",         "\x01"};
    Comparison comparison;
    for (const std::string& part : parts) {
        for (std::size_t before = 0; before < 20; ++before) {
            for (std::size_t after = 0; after < 20; ++after) {
                // Exactly sized memory: a sanitizer sees a load beyond either end.
                const std::string text = std::string(before, 'a') + part + std::string(after, 'z');
                const std::vector<char> exact(text.begin(), text.end());
                comparison.add({exact.data(), exact.size()});
            }
        }
    }
    comparison.expect_none();
}

TEST_CASE(
    "UTF-8: the null character is refused at every place [v3.1.1 MQTT-1.5.3-2] "
    "[v5 MQTT-1.5.4-2]") {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, '\x01');
            CHECK(is_valid_utf8(text));
            text[at] = '\0';
            CHECK_FALSE(is_valid_utf8(text));
        }
    }
}

TEST_CASE(
    "UTF-8: a byte order mark is a character like any other [v3.1.1 MQTT-1.5.3-3] "
    "[v5 MQTT-1.5.4-3]") {
    CHECK(is_valid_utf8("\xEF\xBB\xBF"));
    CHECK(
        is_valid_utf8("a\xEF\xBB\xBF"
                      "b"));
}

TEST_CASE("UTF-8: random mixtures of good and bad sequences") {
    const std::vector<std::string> parts{
        "a", "abcdefgh", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\xA6", "\xED\xBF\xBF"};
    const std::uint64_t seed = martlet::testing::seed_for_this_run();
    INFO(martlet::testing::replay_hint(seed));
    martlet::testing::Random random{seed};
    Comparison comparison;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = random.text(20, parts);
        if (!text.empty() && random.chance(3)) {
            text[random.below(text.size())] = static_cast<char>(random.next());
        }
        comparison.add(text);
    }
    comparison.expect_none();
}
