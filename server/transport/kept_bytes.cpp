#include "server/transport/kept_bytes.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "protocol/assert.hpp"

namespace martlet::transport {

void KeptBytes::assign(protocol::Bytes bytes) {
    if (bytes.empty() || bytes.size() > capacity_) {
        clear();
    }
    size_ = 0;
    append(bytes);
}

void KeptBytes::append(protocol::Bytes bytes) {
    if (bytes.empty()) {
        return;
    }
    if (bytes.size() > capacity_ - size_) {
        // The first piece gets what it needs: most are the short end of a read and soon gone again.
        room(bytes.size());
    }
    std::memcpy(data_ + size_, bytes.data(), bytes.size());
    commit(bytes.size());
}

std::span<std::byte> KeptBytes::room(std::size_t size) {
    if (size > capacity_ - size_) {
        const std::size_t wanted = std::max<std::size_t>(size_ + size, std::size_t{2} * size_);
        MARTLET_ASSERT(wanted <= std::numeric_limits<std::uint32_t>::max());
        // realloc() moves pages rather than bytes once the block is large.
        void* grown = std::realloc(data_, wanted);
        if (grown == nullptr) {
            throw std::bad_alloc();
        }
        data_ = static_cast<std::byte*>(grown);
        capacity_ = static_cast<std::uint32_t>(wanted);
    }
    return {data_ + size_, capacity_ - size_};
}

void KeptBytes::drop_front(std::size_t count) {
    MARTLET_ASSERT(count <= size_);
    if (count == size_) {
        clear();
        return;
    }
    if (count != 0) {
        size_ -= static_cast<std::uint32_t>(count);
        std::memmove(data_, data_ + count, size_);
        // What held a large packet is not kept for the beginning of a small one.
        if (capacity_ / 4 > size_) {
            if (void* shrunk = std::realloc(data_, size_)) {
                data_ = static_cast<std::byte*>(shrunk);
                capacity_ = size_;
            }
        }
    }
}

void KeptBytes::clear() {
    std::free(data_);
    data_ = nullptr;
    size_ = 0;
    capacity_ = 0;
}

}  // namespace martlet::transport
