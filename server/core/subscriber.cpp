#include "server/core/subscriber.hpp"

#include <cstdlib>
#include <new>

namespace martlet::core {

namespace {

constexpr std::size_t header_size = sizeof(std::uint32_t);

constexpr std::size_t array_size(std::uint32_t capacity) {
    return header_size + std::size_t{capacity} * sizeof(Subscriber);
}

}  // namespace

void SubscriberList::swap_remove(std::size_t position) {
    MARTLET_ASSERT(position < size_);
    const std::span<Subscriber> all = span();
    all[position] = all.back();
    --size_;
    if (size_ == 1) {
        const Subscriber last = all.front();
        free_array();
        one_ = last;
    } else if (size_ > 1 && size_ <= capacity() / 4) {
        reallocate(capacity() / 2);
    }
}

std::size_t SubscriberList::memory_size() const {
    return size_ > 1 ? array_size(capacity()) : 0;
}

// Called with at least one Subscriber in the list.
void SubscriberList::make_room() {
    if (size_ == 1) {
        const Subscriber first = one_;
        set_array(nullptr);
        reallocate(capacity_min);
        array()[0] = first;
    } else if (size_ == capacity()) {
        reallocate(size_ + size_ / 2 + 1);
    }
}

// std::realloc: an array of megabytes is moved by remapping its pages instead of copying them.
void SubscriberList::reallocate(std::uint32_t capacity) {
    Subscriber* old = array();
    void* memory = old == nullptr ? nullptr : reinterpret_cast<std::byte*>(old) - header_size;
    memory = std::realloc(memory, array_size(capacity));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    std::memcpy(memory, &capacity, sizeof capacity);
    set_array(reinterpret_cast<Subscriber*>(static_cast<std::byte*>(memory) + header_size));
}

void SubscriberList::free_array() {
    std::free(reinterpret_cast<std::byte*>(array()) - header_size);
}

}  // namespace martlet::core
