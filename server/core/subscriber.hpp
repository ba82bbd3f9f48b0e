// One subscription as routing sees it, and the list of those that share a filter.
//
// Both are sized for millions: a Subscriber is 12 bytes, and a filter with a single one (nearly all
// filters of a large broker) holds it in place.
// Ownership: a list owns its array. Threading: its shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/packet/subscribe.hpp"
#include "protocol/qos.hpp"
#include "server/core/ids.hpp"

namespace martlet::core {

struct Subscriber {
    SessionSlot session = no_session;
    std::uint32_t index = 0;  // of the matching record in the session's own list
    std::uint32_t packed =
        0;  // options in the lower 4 bits, Subscription Identifier in the upper 28

    // `identifier` is 0 for none; a Variable Byte Integer, so it has 28 bits.
    static Subscriber make(SessionSlot session, std::uint32_t index,
                           const protocol::SubscriptionOptions& options, std::uint32_t identifier) {
        MARTLET_ASSERT(identifier < (1U << 28U));
        return {session, index,
                protocol::to_wire(options.qos) | (options.no_local ? 4U : 0U) |
                    (options.retain_as_published ? 8U : 0U) | identifier << 4U};
    }

    protocol::QoS qos() const { return static_cast<protocol::QoS>(packed & 3U); }
    bool no_local() const { return (packed & 4U) != 0; }
    bool retain_as_published() const { return (packed & 8U) != 0; }
    std::uint32_t identifier() const { return packed >> 4U; }

    friend bool operator==(const Subscriber&, const Subscriber&) = default;
};

static_assert(sizeof(Subscriber) == 12 && std::is_trivially_copyable_v<Subscriber>);

// 16 bytes: nothing, one Subscriber, or a pointer to an array that grows by half.
class SubscriberList {
public:
    SubscriberList() = default;
    SubscriberList(SubscriberList&& other) noexcept
        : one_(other.one_), size_(std::exchange(other.size_, 0)) {}
    SubscriberList& operator=(SubscriberList&&) = delete;
    ~SubscriberList() {
        if (size_ > 1) {
            free_array();
        }
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    std::span<Subscriber> span() { return {size_ > 1 ? array() : &one_, size_}; }
    std::span<const Subscriber> span() const { return {size_ > 1 ? array() : &one_, size_}; }

    void push_back(const Subscriber& subscriber) {
        if (size_ == 0) {
            one_ = subscriber;
        } else {
            make_room();
            array()[size_] = subscriber;
        }
        ++size_;
    }
    // The last one takes the place of the one removed.
    void swap_remove(std::size_t position);

    // Bytes on the heap.
    std::size_t memory_size() const;

private:
    // 3 with the capacity before it: 40 bytes, what the allocator gives in one block of 48.
    static constexpr std::uint32_t capacity_min = 3;

    // The array is preceded by its capacity.
    Subscriber* array() const {
        Subscriber* array = nullptr;
        std::memcpy(&array, &one_, sizeof array);
        return array;
    }
    void set_array(Subscriber* array) {
        std::memcpy(static_cast<void*>(&one_), &array, sizeof array);
    }
    std::uint32_t capacity() const {
        std::uint32_t capacity = 0;
        std::memcpy(&capacity, reinterpret_cast<const std::byte*>(array()) - sizeof capacity,
                    sizeof capacity);
        return capacity;
    }
    void make_room();
    void reallocate(std::uint32_t capacity);
    void free_array();

    Subscriber one_;
    std::uint32_t size_ = 0;
};

static_assert(sizeof(SubscriberList) == 16);

}  // namespace martlet::core
