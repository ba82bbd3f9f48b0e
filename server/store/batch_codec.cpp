#include "server/store/batch_codec.hpp"

#include <limits>

#include "protocol/assert.hpp"

namespace martlet::store {

namespace {

// The core's DeliveryTerms: "has extras" and the value behind it.
constexpr std::uint32_t extras_bit = 8;
constexpr unsigned terms_value_shift = 4;

void put(BlobBuffer& to, std::uint64_t value) {
    while (value >= 0x80) {
        to.push_back(static_cast<std::byte>((value & 0x7F) | 0x80));
        value >>= 7U;
    }
    to.push_back(static_cast<std::byte>(value));
}

void put_difference(BlobBuffer& to, std::uint64_t value, std::uint64_t before) {
    const std::uint64_t difference = value - before;  // modulo 2^64
    put(to, (difference << 1U) ^ (difference >> 63U != 0 ? ~std::uint64_t{0} : 0));
}

std::optional<std::uint64_t> take(Bytes& from) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (from.empty()) {
            return std::nullopt;
        }
        const auto byte = std::to_integer<std::uint64_t>(from.front());
        from = from.subspan(1);
        if (shift == 63 && byte > 1) {
            return std::nullopt;
        }
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    return std::nullopt;
}

template <class T>
std::optional<T> take_as(Bytes& from) {
    const std::optional<std::uint64_t> value = take(from);
    if (!value || *value > std::numeric_limits<T>::max()) {
        return std::nullopt;
    }
    return static_cast<T>(*value);
}

std::optional<std::uint64_t> take_difference(Bytes& from, std::uint64_t before) {
    const std::optional<std::uint64_t> zigzag = take(from);
    if (!zigzag) {
        return std::nullopt;
    }
    const std::uint64_t sign = (*zigzag & 1U) != 0 ? ~std::uint64_t{0} : 0;
    return before + ((*zigzag >> 1U) ^ sign);
}

}  // namespace

void encode_targets(std::span<const core::MessageTarget> targets,
                    std::span<const std::uint32_t> identifiers, BlobBuffer& to) {
    to.clear();
    std::uint64_t before = 0;
    for (const core::MessageTarget& target : targets) {
        put_difference(to, target.session, before);
        before = target.session;
        put(to, target.terms);
        if ((target.terms & extras_bit) != 0) {
            const std::size_t count = target.terms >> terms_value_shift;
            MARTLET_ASSERT(count <= identifiers.size());
            for (const std::uint32_t identifier : identifiers.first(count)) {
                put(to, identifier);
            }
            identifiers = identifiers.subspan(count);
        }
    }
}

std::optional<TargetReader::Target> TargetReader::next() {
    if (left_.empty() || has_failed_) {
        return std::nullopt;
    }
    const std::optional<std::uint64_t> session = take_difference(left_, session_);
    const std::optional<std::uint32_t> terms = take_as<std::uint32_t>(left_);
    identifiers_.clear();
    has_failed_ = !session || *session == 0 || !terms;
    if (!has_failed_ && (*terms & extras_bit) != 0) {
        const std::size_t count = *terms >> terms_value_shift;
        has_failed_ = count > left_.size();  // each takes a byte at least
        while (!has_failed_ && identifiers_.size() < count) {
            const std::optional<std::uint32_t> identifier = take_as<std::uint32_t>(left_);
            has_failed_ = !identifier;
            identifiers_.push_back(identifier.value_or(0));
        }
    }
    if (has_failed_) {
        return std::nullopt;
    }
    session_ = *session;
    return Target{{*session, *terms}, identifiers_};
}

void encode_window(std::span<const core::WindowEntry> entries, BlobBuffer& to) {
    to.clear();
    std::uint64_t before = 0;
    for (const core::WindowEntry& entry : entries) {
        const std::uint64_t word = entry.message << 1U | (entry.is_released ? 1U : 0U);
        put_difference(to, word, before);
        before = word;
        put(to, protocol::to_wire(entry.packet_id));
    }
}

std::optional<std::vector<core::WindowEntry>> decode_window(Bytes blob) {
    std::vector<core::WindowEntry> entries;
    std::uint64_t before = 0;
    while (!blob.empty()) {
        const std::optional<std::uint64_t> word = take_difference(blob, before);
        const std::optional<std::uint16_t> packet_id = take_as<std::uint16_t>(blob);
        if (!word || !packet_id || *packet_id == 0) {
            return std::nullopt;
        }
        before = *word;
        entries.push_back({.message = *word >> 1U,
                           .packet_id = protocol::PacketId{*packet_id},
                           .is_released = (*word & 1U) != 0});
    }
    return entries;
}

}  // namespace martlet::store
