// FIFO queue on one ring buffer, for things of which there are many and which are mostly empty.
//
// An empty queue owns no memory. The array is a power of two, doubles when full and halves once it
// is used to an eighth, so that memory comes back after a peak; every operation is amortised O(1).
// Ownership: owns its elements. Threading: its shard's thread only.
// Invariant: size <= capacity; capacity is 0 or a power of two >= capacity_min.
// References to elements are valid until the next push, pop or clear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

template <class T>
class RingQueue {
    static_assert(std::is_nothrow_move_constructible_v<T>, "growing moves the elements");

public:
    RingQueue() = default;
    RingQueue(RingQueue&& other) noexcept { swap(other); }
    RingQueue& operator=(RingQueue&& other) noexcept {
        RingQueue(std::move(other)).swap(*this);
        return *this;
    }
    ~RingQueue() { clear(); }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Elements that fit without allocating; for tests and memory figures.
    std::size_t capacity() const { return capacity_; }

    void push_back(T value) { emplace_back(std::move(value)); }
    void push_front(T value) { emplace_front(std::move(value)); }

    template <class... Args>
    T& emplace_back(Args&&... args) {
        make_room();
        T* place = std::construct_at(slot(size_), std::forward<Args>(args)...);
        ++size_;
        return *place;
    }
    template <class... Args>
    T& emplace_front(Args&&... args) {
        make_room();
        const std::uint32_t front_place = (head_ - 1) & (capacity_ - 1);
        T* place = std::construct_at(items_ + front_place, std::forward<Args>(args)...);
        head_ = front_place;
        ++size_;
        return *place;
    }

    void pop_front() {
        MARTLET_ASSERT(size_ != 0);
        std::destroy_at(slot(0));
        head_ = (head_ + 1) & (capacity_ - 1);
        --size_;
        give_back();
    }
    void pop_back() {
        MARTLET_ASSERT(size_ != 0);
        std::destroy_at(slot(size_ - 1));
        --size_;
        give_back();
    }

    T& front() { return (*this)[0]; }
    const T& front() const { return (*this)[0]; }
    T& back() { return (*this)[size_ - 1]; }
    const T& back() const { return (*this)[size_ - 1]; }

    // The i-th from the front.
    T& operator[](std::size_t i) {
        MARTLET_ASSERT(i < size_);
        return *slot(static_cast<std::uint32_t>(i));
    }
    const T& operator[](std::size_t i) const {
        MARTLET_ASSERT(i < size_);
        return *slot(static_cast<std::uint32_t>(i));
    }

    void clear() {
        for (std::uint32_t i = 0; i < size_; ++i) {
            std::destroy_at(slot(i));
        }
        release();
        head_ = size_ = 0;
    }

    void swap(RingQueue& other) noexcept {
        std::swap(items_, other.items_);
        std::swap(head_, other.head_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

private:
    static constexpr std::uint32_t capacity_min = 4;

    T* slot(std::uint32_t i) const { return items_ + ((head_ + i) & (capacity_ - 1)); }

    void make_room() {
        if (size_ == capacity_) {
            resize(capacity_ == 0 ? capacity_min : capacity_ * 2);
        }
    }

    void give_back() {
        if (size_ == 0) {
            release();
            head_ = 0;
        } else if (size_ <= capacity_ / 8 && capacity_ > capacity_min) {
            resize(capacity_ / 2);
        }
    }

    void resize(std::uint32_t capacity) {
        T* items = std::allocator<T>().allocate(capacity);
        for (std::uint32_t i = 0; i < size_; ++i) {
            std::construct_at(items + i, std::move(*slot(i)));
            std::destroy_at(slot(i));
        }
        release();
        items_ = items;
        capacity_ = capacity;
        head_ = 0;
    }

    // Frees the array; the elements are gone already.
    void release() {
        if (items_ != nullptr) {
            std::allocator<T>().deallocate(items_, capacity_);
            items_ = nullptr;
            capacity_ = 0;
        }
    }

    T* items_ = nullptr;
    std::uint32_t head_ = 0;  // place of the front element
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

static_assert(sizeof(RingQueue<int>) <= 24);

}  // namespace martlet::core
