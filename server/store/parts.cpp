#include "server/store/parts.hpp"

#include <algorithm>
#include <utility>

namespace martlet::store {

void Parts::add(const core::MessagePut& put) {
    by_publication_[put.part_of()].push_back({put, put.targets.size()});
    by_id_.insert_or_assign(put.id, put.part_of());
}

bool Parts::release(core::MessageId id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        return false;
    }
    for (Part& part : by_publication_.at(found->second)) {
        if (part.put.id == id) {
            part.left -= std::min<std::size_t>(part.left, 1);
        }
    }
    return true;
}

std::vector<Parts::Part> Parts::take(const core::PublicationKey& publication) {
    const auto found = by_publication_.find(publication);
    if (found == by_publication_.end()) {
        return {};
    }
    std::vector<Part> parts = std::move(found->second);
    by_publication_.erase(found);
    for (const Part& part : parts) {
        by_id_.erase(part.put.id);
    }
    std::erase_if(parts, [](const Part& part) { return part.left == 0; });
    return parts;
}

core::MessageRef Parts::find(core::MessageId id) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        return nullptr;
    }
    const std::vector<Part>& parts = by_publication_.at(found->second);
    const auto part = std::find_if(parts.begin(), parts.end(),
                                   [id](const Part& each) { return each.put.id == id; });
    return part == parts.end() ? nullptr : part->put.message;
}

}  // namespace martlet::store
