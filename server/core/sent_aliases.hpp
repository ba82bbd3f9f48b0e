// Which Topic Names go to one v5 client as a Topic Alias: those it gets again and again.
//
// A topic seen once is only remembered by its hash; seen again it gets an alias, which costs three
// bytes that time and saves the name ever after. When all places for it are taken, one is handed on
// only after its owner has been used less than its rivals, so that many topics in turn do not set
// up aliases that are never used. Places are found by hash, so a topic costs the same few
// comparisons whatever their number.
//
// Ownership: of one Network Connection, gone with it. Threading: its shard's thread only.
// Invariant: an alias in use stands for the Topic Name it was last sent with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace martlet::core {

class SentAliases {
public:
    // A shorter topic is no longer than the property that would stand for it; a longer one than the
    // greatest is not kept, which bounds the memory.
    static constexpr std::size_t topic_bytes_min = 4;
    static constexpr std::size_t topic_bytes_max = 1024;

    struct Choice {
        std::uint16_t alias = 0;  // 0: the topic alone
        bool is_known = false;    // the client knows it: the Topic Name can stay away
    };

    // Aliases 1 to `maximum` are used.
    explicit SentAliases(std::uint16_t maximum)
        : places_(maximum), seen_(std::size_t{seen_per_place} * maximum) {}

    // What to send for `topic`, whose hash is `hash`. A new alias counts only once set_up() has
    // been called: the packet may turn out not to be sent.
    Choice choose(std::string_view topic, std::uint32_t hash);
    void set_up(std::uint16_t alias, std::string_view topic, std::uint32_t hash);

private:
    struct Place {
        std::string topic;  // empty: free
        std::uint32_t hash = 0;
        std::uint8_t credit = 0;
    };

    static constexpr unsigned seen_per_place = 8;

    std::vector<Place> places_;
    std::vector<std::uint32_t>
        seen_;  // hashes of topics without an alias, the latest of each place
};

}  // namespace martlet::core
