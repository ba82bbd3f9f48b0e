// Topic names and filters: the input is a filter and a topic with a line feed between them.
#include <algorithm>

#include "protocol/topic.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = martlet::fuzz::text_of(data, size);
    const std::size_t cut = std::min(input.find('\n'), input.size());
    const std::string_view filter = input.substr(0, cut);
    const std::string_view topic = input.substr(std::min(cut + 1, input.size()));
    if (const auto shared = parse_shared_filter(filter)) {
        FUZZ_CHECK(is_shared_filter(filter) && is_valid_topic_filter(shared->filter));
        FUZZ_CHECK(filter.size() == 8 + shared->group.size() + shared->filter.size());
    }
    FUZZ_CHECK(level_count(topic) >= 1 && level_count(topic) <= topic.size() + 1);
    if (!is_valid_topic_filter(filter) || !is_valid_topic_name(topic)) {
        return 0;
    }
    FUZZ_CHECK(matches(topic, topic));
    FUZZ_CHECK(has_wildcard(filter) || matches(filter, topic) == (filter == topic));
    FUZZ_CHECK(matches("#", topic) == !topic.starts_with('$'));
    return 0;
}
