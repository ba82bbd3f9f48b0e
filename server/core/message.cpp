#include "server/core/message.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "protocol/byte_writer.hpp"
#include "protocol/packet/publish.hpp"

namespace martlet::core {

MessageRef Message::make(const MessageParts& parts) {
    const std::size_t properties_size =
        parts.properties.empty() ? 0 : protocol::forwarded_properties_size(parts.properties);
    const std::size_t size =
        sizeof(Message) + 2 + parts.topic.size() + parts.payload.size() + properties_size;
    void* memory = ::operator new(size);
    constexpr bool is_another_reference = false;
    return {new (memory) Message(parts, static_cast<std::uint32_t>(properties_size)),
            is_another_reference};
}

Message::Message(const MessageParts& parts, std::uint32_t properties_size)
    : payload_size_(static_cast<std::uint32_t>(parts.payload.size())),
      properties_size_(properties_size),
      topic_size_(static_cast<std::uint16_t>(parts.topic.size())),
      qos_(parts.qos),
      retain_(parts.retain),
      expires_at_(parts.expires_at),
      origin_(parts.origin) {
    auto* out = reinterpret_cast<std::byte*>(this + 1);
    out[0] = static_cast<std::byte>(topic_size_ >> 8U);
    out[1] = static_cast<std::byte>(topic_size_ & 0xFFU);
    out += 2;
    std::memcpy(out, parts.topic.data(), parts.topic.size());
    out += parts.topic.size();
    if (!parts.payload.empty()) {
        std::memcpy(out, parts.payload.data(), parts.payload.size());
    }
    out += parts.payload.size();
    if (properties_size != 0) {
        protocol::ByteWriter writer({out, properties_size});
        protocol::copy_forwarded_properties(parts.properties, writer);
    }
}

void Message::destroy(const Message* message) {
    message->~Message();
    ::operator delete(const_cast<Message*>(message));
}

}  // namespace martlet::core
