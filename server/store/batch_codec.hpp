// What lies in the blobs of a row: a message's targets, a window's entries. Compact (variable
// length integers, sessions as differences), and checked when read: bytes on disk are not trusted.
//
//   targets   for each: session (zigzag difference to the one before), terms; with extras followed
//             by as many Subscription Identifiers as the terms' value says
//   window    for each: message << 1 | is_released (zigzag difference to the one before), packet id
//
// Both end with the blob. Changing either needs a migration of the schema.
// Ownership: values. Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "server/core/store.hpp"
#include "server/store/sqlite.hpp"

namespace martlet::store {

// Room that is used again for each blob.
using BlobBuffer = std::vector<std::byte>;

// `identifiers` as a MessagePut has them: of all targets with extras, one after the other. Missing
// ones are a programming error.
void encode_targets(std::span<const core::MessageTarget> targets,
                    std::span<const std::uint32_t> identifiers, BlobBuffer& to);
void encode_window(std::span<const core::WindowEntry> entries, BlobBuffer& to);

// Walks a blob of targets without keeping them.
class TargetReader {
public:
    explicit TargetReader(Bytes blob) : left_(blob) {}

    struct Target {
        core::MessageTarget target;
        std::span<const std::uint32_t> identifiers;  // until the next call
    };
    // None at the end, and where the blob makes no sense: then failed() is true.
    std::optional<Target> next();
    bool failed() const { return has_failed_; }

private:
    Bytes left_;
    std::uint64_t session_ = 0;
    std::vector<std::uint32_t> identifiers_;
    bool has_failed_ = false;
};

std::optional<std::vector<core::WindowEntry>> decode_window(Bytes blob);

}  // namespace martlet::store
