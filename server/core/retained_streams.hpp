// Retained messages on their way to new subscriptions, a slice at a time.
//
// A stream belongs to a subscriber's session and draws from one source on each shard that can hold
// matches (its own included). It asks a source for the next slice only when the last one has been
// delivered and the session has room, so a subscription to a million retained topics holds no more
// than one slice a shard in memory and never fills a queue. Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/core/ids.hpp"
#include "server/core/message.hpp"
#include "server/core/retained_messages.hpp"
#include "server/core/shard_link.hpp"

namespace martlet::core {

struct RetainedStream {
    struct Source {
        ShardIndex shard = 0;
        bool asked = false;  // a slice is on its way
        bool done = false;
    };

    std::uint64_t query = 0;
    SessionSlot session = no_session;
    std::string filter;
    std::uint32_t packed = 0;        // the subscription's terms, as Subscriber::packed
    std::uint64_t begins_after = 0;  // all shards have confirmed this: see InterestItem
    bool has_begun = false;
    std::deque<MessageRef> ready;
    std::vector<Source> sources;
    // Topics that got a live retained message meanwhile: what a slice has for them is older news.
    std::unordered_set<std::string> superseded;
};

// This shard's end of a stream that may belong to another shard.
struct RetainedSource {
    RetainedSource(RetainedMessages& tree, std::string_view filter) : cursor(tree, filter) {}
    RetainedMessages::Cursor cursor;
    std::uint64_t query = 0;
};

struct RetainedStreams {
    std::uint64_t last_query = 0;
    std::unordered_map<std::uint64_t, RetainedStream> streams;
    std::map<std::pair<ShardIndex, std::uint64_t>, std::unique_ptr<RetainedSource>> sources;
};

}  // namespace martlet::core
