// Memory for one of Asio's wait operations, given to it through the handler's associated allocator,
// so that waiting allocates nothing. Threading: the thread of the shard it is used on.
#pragma once

#include <cstddef>

#include "protocol/assert.hpp"

namespace martlet::transport {

struct OperationMemory {
    // A descriptor's wait with a handler of two pointers; found too small by the assertion below.
    static constexpr std::size_t size = 96;

    alignas(std::max_align_t) std::byte bytes[size];
};

// What the handler's get_allocator() returns: has room for one object, the operation.
template <class T>
class OperationAllocator {
public:
    using value_type = T;

    explicit OperationAllocator(OperationMemory& memory) : memory_(&memory) {}
    template <class U>
    explicit OperationAllocator(const OperationAllocator<U>& other) : memory_(other.memory_) {}

    T* allocate(std::size_t count) {
        MARTLET_ASSERT(count * sizeof(T) <= OperationMemory::size);
        return reinterpret_cast<T*>(memory_->bytes);
    }
    void deallocate(T* /*object*/, std::size_t /*count*/) {}

    template <class U>
    bool operator==(const OperationAllocator<U>& other) const {
        return memory_ == other.memory_;
    }

private:
    template <class U>
    friend class OperationAllocator;

    OperationMemory* memory_;
};

}  // namespace martlet::transport
