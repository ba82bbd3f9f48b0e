// Access lists: the first line of the input is a user name, the second a client identifier, the
// third a filter, the fourth a topic; the rest is the list. What is proved for a filter holds for
// its topics, and nobody's name reaches further than a level.
#include <array>

#include "protocol/topic.hpp"
#include "protocol/utf8.hpp"
#include "server/security/acl.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::security;
namespace protocol = martlet::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = martlet::fuzz::text_of(data, size);
    std::array<std::string_view, 4> lines;
    for (std::string_view& line : lines) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    auto parsed = parse_acl_file(text);
    if (const auto* faults = std::get_if<FileFaults>(&parsed)) {
        for (const FileFault& fault : *faults) {
            FUZZ_CHECK(fault.line != 0 && !fault.what.empty());
            for (const char character : fault.what) {
                FUZZ_CHECK(character >= ' ' && character <= '~');
            }
        }
        return 0;
    }
    const auto& [user, client, filter, topic] = lines;
    if (!protocol::is_valid_topic_filter(filter) || !protocol::is_valid_topic_name(topic) ||
        client.empty()) {
        return 0;
    }
    const Acl acl(std::get<AclFile>(std::move(parsed)));
    const AclSubject subject{user, client};
    const bool all = acl.may_read_all(subject, filter);
    const bool some = acl.may_subscribe(subject, filter);
    FUZZ_CHECK(some || !all);
    if (protocol::matches(filter, topic)) {
        const bool may_read = acl.permits(subject, topic, right_read);
        FUZZ_CHECK(may_read || !all);
        FUZZ_CHECK(some || !may_read);
    }
    return 0;
}
