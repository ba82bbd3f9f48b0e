// Objects named by small integers: a vector of owners with a free list.
//
// Each object is its own allocation, so its address is stable and its memory goes back when it
// goes. Threading: its shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/assert.hpp"

namespace martlet::core {

template <class T>
class Slots {
public:
    template <class... Args>
    std::uint32_t emplace(Args&&... args) {
        auto object = std::make_unique<T>(std::forward<Args>(args)...);
        if (free_.empty()) {
            objects_.push_back(std::move(object));
            return static_cast<std::uint32_t>(objects_.size() - 1);
        }
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        objects_[slot] = std::move(object);
        return slot;
    }

    void erase(std::uint32_t slot) {
        MARTLET_ASSERT(get(slot) != nullptr);
        objects_[slot].reset();
        free_.push_back(slot);
        if (free_.size() == objects_.size()) {
            objects_ = std::vector<std::unique_ptr<T>>();
            free_ = std::vector<std::uint32_t>();
        }
    }

    // The object, or null when the slot is free or was never used.
    T* get(std::uint32_t slot) { return slot < objects_.size() ? objects_[slot].get() : nullptr; }
    const T* get(std::uint32_t slot) const {
        return slot < objects_.size() ? objects_[slot].get() : nullptr;
    }

    T& operator[](std::uint32_t slot) { return *objects_[slot]; }
    const T& operator[](std::uint32_t slot) const { return *objects_[slot]; }

    std::size_t size() const { return objects_.size() - free_.size(); }
    // Slots ever in use are 0 .. end()-1; get() tells which are taken.
    std::uint32_t end() const { return static_cast<std::uint32_t>(objects_.size()); }

private:
    std::vector<std::unique_ptr<T>> objects_;
    std::vector<std::uint32_t> free_;
};

}  // namespace martlet::core
