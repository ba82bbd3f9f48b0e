// Property blocks: the first byte says where the block stands. Walking the block covers it without
// a gap, and forwarding takes no more than there is.
#include <vector>

#include "protocol/packet/publish.hpp"
#include "protocol/properties.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const Bytes block = martlet::fuzz::bytes_of(data + 1, size - 1);
    PropertyReader reader{block, static_cast<PropertyOwner>(data[0] % 14)};
    std::size_t covered = 0;
    while (const auto property = reader.next()) {
        FUZZ_CHECK(property->whole.data() == block.data() + covered);
        covered += property->whole.size();
    }
    FUZZ_CHECK(reader.error().has_value() || covered == block.size());
    // Whether the block was valid or not.
    std::vector<std::byte> forwarded(forwarded_properties_size(block));
    FUZZ_CHECK(forwarded.size() <= block.size());
    ByteWriter out{forwarded};
    copy_forwarded_properties(block, out);
    FUZZ_CHECK(out.written() == forwarded.size());
    return 0;
}
