// UTF-8: the fast path gives the answer of the general one, whatever comes before and after.
#include "protocol/utf8.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = martlet::fuzz::text_of(data, size);
    const bool valid = is_valid_utf8(text);
    FUZZ_CHECK(valid == is_valid_utf8_general(text));
    for (std::size_t cut = 0; valid && cut < size; ++cut) {
        // Two valid halves make a valid whole, and a valid whole has no half-valid cut.
        FUZZ_CHECK(is_valid_utf8(text.substr(0, cut)) == is_valid_utf8(text.substr(cut)));
    }
    return 0;
}
