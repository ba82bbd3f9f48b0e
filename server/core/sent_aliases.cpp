#include "server/core/sent_aliases.hpp"

#include <algorithm>

namespace martlet::core {

namespace {

constexpr std::size_t places_tried_max = 4;
// Uses earn more than a rival's take away: of topics equally frequent, the first one stays.
constexpr std::uint8_t credit_of_use = 2;
constexpr std::uint8_t credit_max = 16;

}  // namespace

SentAliases::Choice SentAliases::choose(std::string_view topic, std::uint32_t hash) {
    if (topic.size() < topic_bytes_min || topic.size() > topic_bytes_max || places_.empty()) {
        return {};
    }
    const std::size_t count = places_.size();
    const std::size_t first = hash % count;
    const std::size_t tried = std::min(count, places_tried_max);
    std::size_t cheapest = first;
    for (std::size_t i = 0; i < tried; ++i) {
        const std::size_t index = (first + i) % count;
        Place& place = places_[index];
        if (place.hash == hash && place.topic == topic) {
            place.credit = std::min<std::uint8_t>(place.credit + credit_of_use, credit_max);
            return {static_cast<std::uint16_t>(index + 1), true};
        }
        if (place.credit < places_[cheapest].credit) {
            cheapest = index;
        }
    }
    if (std::uint32_t& seen = seen_[hash % seen_.size()]; seen != hash) {
        seen = hash;
        return {};
    }
    if (places_[cheapest].credit != 0) {
        --places_[cheapest].credit;
        return {};
    }
    return {static_cast<std::uint16_t>(cheapest + 1), false};
}

void SentAliases::set_up(std::uint16_t alias, std::string_view topic, std::uint32_t hash) {
    Place& place = places_[alias - 1U];
    place.topic = topic;
    place.hash = hash;
    place.credit = credit_of_use;
}

}  // namespace martlet::core
