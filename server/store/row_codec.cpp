#include "server/store/row_codec.hpp"

#include <algorithm>

namespace martlet::store {

namespace {

constexpr std::int64_t qos_mask = 3;
constexpr std::int64_t retain_flag = 4;
constexpr std::int64_t no_local_flag = 4;
constexpr std::int64_t retain_as_published_flag = 8;
constexpr int retain_handling_shift = 4;
constexpr std::size_t topic_size_max = 65'535;

std::optional<protocol::QoS> unpack_qos(std::int64_t packed) {
    const std::int64_t qos = packed & qos_mask;
    return qos == 3 ? std::nullopt : std::optional(static_cast<protocol::QoS>(qos));
}

}  // namespace

std::int64_t message_flags(const core::Message& message) {
    return std::int64_t{protocol::to_wire(message.qos())} | (message.retain() ? retain_flag : 0);
}

std::string owner_text(const core::Identity& owner) {
    std::string text = owner.user_name;
    if (!owner.credential.empty()) {
        text += '\0';
        text += owner.credential;
    }
    return text;
}

core::Identity owner_from_text(std::string_view text) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    core::Identity owner;
    owner.user_name = text.substr(0, end);
    owner.credential = text.substr(std::min(end + 1, text.size()));
    return owner;
}

// As in SUBSCRIBE: QoS, No Local, Retain As Published, Retain Handling.
std::int64_t pack(const protocol::SubscriptionOptions& options) {
    return std::int64_t{protocol::to_wire(options.qos)} | (options.no_local ? no_local_flag : 0) |
           (options.retain_as_published ? retain_as_published_flag : 0) |
           static_cast<std::int64_t>(options.retain_handling) << retain_handling_shift;
}

std::optional<protocol::SubscriptionOptions> unpack_options(std::int64_t packed) {
    const std::optional<protocol::QoS> qos = unpack_qos(packed);
    const std::int64_t handling = packed >> retain_handling_shift;
    if (!qos || handling < 0 || handling > 2) {
        return std::nullopt;
    }
    return protocol::SubscriptionOptions{
        .qos = *qos,
        .no_local = (packed & no_local_flag) != 0,
        .retain_as_published = (packed & retain_as_published_flag) != 0,
        .retain_handling = static_cast<protocol::RetainHandling>(handling)};
}

core::MessageRef read_message(const Statement& row, const MessageColumns& columns,
                              const WallClock& clock) {
    const std::int64_t flags = row.integer(columns.flags);
    const std::optional<protocol::QoS> qos = unpack_qos(flags);
    core::MessageParts parts;
    parts.topic = row.text(columns.topic);
    parts.properties = row.bytes(columns.topic + 1);
    parts.payload = row.bytes(columns.topic + 2);
    if (!qos || parts.topic.size() > topic_size_max) {
        return nullptr;
    }
    parts.qos = *qos;
    parts.retain = (flags & retain_flag) != 0;
    parts.expires_at = clock.to_instant(integer_or_none(row, columns.expires_at));
    return core::Message::make(parts);
}

}  // namespace martlet::store
