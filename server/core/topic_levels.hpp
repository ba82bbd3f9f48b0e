// The levels of a topic or filter, split as far as somebody asks.
//
// A search in a tree mostly ends after a few levels; splitting and hashing stop there too, and each
// level is hashed once however many branches of the tree it is compared with.
// Ownership: borrows the text. Threading: its shard's thread only.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/core/text_hash.hpp"

namespace martlet::core {

struct TopicLevel {
    std::string_view text;
    std::uint64_t hash = 0;
};

class TopicLevels {
public:
    // "a//b" has the levels "a", "" and "b"; there is always at least one.
    TopicLevels(std::string_view topic, const TextHash& hash) : rest_(topic), hash_(hash) {}

    // The level at `depth` (from 0); nothing past the last one. Depths must be asked for without
    // leaving one out. The pointer is valid until a deeper one is asked for.
    const TopicLevel* at(std::size_t depth) {
        if (depth < levels_.size()) {
            return &levels_[depth];
        }
        return done_ ? nullptr : split_one();
    }

private:
    const TopicLevel* split_one() {
        const std::size_t slash = rest_.find('/');
        const std::string_view text = rest_.substr(0, slash);
        if (slash == std::string_view::npos) {
            done_ = true;
        } else {
            rest_.remove_prefix(slash + 1);
        }
        levels_.push_back(TopicLevel{text, hash_(text)});
        return &levels_.back();
    }

    boost::container::small_vector<TopicLevel, 16> levels_;
    std::string_view rest_;
    const TextHash& hash_;
    bool done_ = false;  // the last level has been split off
};

}  // namespace martlet::core
