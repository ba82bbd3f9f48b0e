#include "server/core/packet_id_set.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace martlet::core {

using protocol::to_wire;

PacketIdSet::PacketIdSet(PacketIdSet&& other) noexcept
    : words_(std::move(other.words_)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {
}

PacketIdSet& PacketIdSet::operator=(PacketIdSet&& other) noexcept {
    words_ = std::move(other.words_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
}

bool PacketIdSet::contains(protocol::PacketId id) const {
    if (is_bitmap()) {
        return bit(to_wire(id));
    }
    const std::uint32_t place = lower_bound(to_wire(id));
    return place < size_ && words_[place] == to_wire(id);
}

bool PacketIdSet::insert(protocol::PacketId id) {
    const std::uint16_t word = to_wire(id);
    if (!is_bitmap() && size_ == sorted_max && !contains(id)) {
        become_bitmap();
    }
    if (is_bitmap()) {
        if (bit(word)) {
            return false;
        }
        words_[word / 16U] = static_cast<std::uint16_t>(words_[word / 16U] | 1U << (word % 16U));
        ++size_;
        return true;
    }
    const std::uint32_t place = lower_bound(word);
    if (place < size_ && words_[place] == word) {
        return false;
    }
    if (size_ == capacity_) {
        set_capacity(std::max(capacity_min, capacity_ * 2));
    }
    std::uint16_t* at = words_.get() + place;
    std::memmove(at + 1, at, (size_ - place) * sizeof *at);
    *at = word;
    ++size_;
    return true;
}

bool PacketIdSet::erase(protocol::PacketId id) {
    const std::uint16_t word = to_wire(id);
    if (is_bitmap()) {
        if (!bit(word)) {
            return false;
        }
        words_[word / 16U] = static_cast<std::uint16_t>(words_[word / 16U] & ~(1U << (word % 16U)));
        if (--size_ <= back_to_sorted) {
            become_sorted();
        }
        return true;
    }
    const std::uint32_t place = lower_bound(word);
    if (place == size_ || words_[place] != word) {
        return false;
    }
    std::uint16_t* at = words_.get() + place;
    std::memmove(at, at + 1, (size_ - place - 1) * sizeof *at);
    --size_;
    if (size_ == 0) {
        clear();
    } else if (size_ <= capacity_ / 8 && capacity_ > capacity_min) {
        set_capacity(capacity_ / 2);
    }
    return true;
}

void PacketIdSet::clear() {
    words_.reset();
    size_ = capacity_ = 0;
}

std::uint32_t PacketIdSet::lower_bound(std::uint16_t id) const {
    const std::uint16_t* words = words_.get();
    // Identifiers mostly come in rising order.
    if (size_ == 0 || words[size_ - 1] < id) {
        return size_;
    }
    return static_cast<std::uint32_t>(std::lower_bound(words, words + size_, id) - words);
}

void PacketIdSet::set_capacity(std::uint32_t capacity) {
    std::unique_ptr<std::uint16_t[]> words(new std::uint16_t[capacity]);
    std::copy_n(words_.get(), size_, words.get());
    words_ = std::move(words);
    capacity_ = capacity;
}

void PacketIdSet::become_bitmap() {
    auto bitmap = std::make_unique<std::uint16_t[]>(bitmap_words);
    for (std::uint32_t i = 0; i < size_; ++i) {
        std::uint16_t& word = bitmap[words_[i] / 16U];
        word = static_cast<std::uint16_t>(word | 1U << (words_[i] % 16U));
    }
    words_ = std::move(bitmap);
    capacity_ = bitmap_words;
}

void PacketIdSet::become_sorted() {
    const std::unique_ptr<std::uint16_t[]> bitmap = std::move(words_);
    capacity_ = back_to_sorted * 2;
    words_.reset(new std::uint16_t[capacity_]);
    std::uint32_t place = 0;
    for (std::uint32_t i = 0; i < bitmap_words; ++i) {
        for (std::uint32_t rest = bitmap[i]; rest != 0; rest &= rest - 1) {
            const auto low = static_cast<std::uint32_t>(__builtin_ctz(rest));
            words_[place++] = static_cast<std::uint16_t>(i * 16 + low);
        }
    }
}

}  // namespace martlet::core
