// What the benchmarks share: topics of the shapes that the load tool sends, and the heap's size.
// Threading: one thread.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace martlet::bench {

// Bytes the allocator has handed out, its own overhead included.
inline std::size_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// 80 % without wildcards, 5 % "+" at the end, 5 % inside, 10 % "#": each topic has one filter.
inline std::string subscribed_topic(std::uint64_t i) {
    return "b12345/" + std::to_string(i / 1000) + "/u" + std::to_string(i) + "/v";
}

inline std::string subscription_filter(std::uint64_t i) {
    const std::string user = "/u" + std::to_string(i);
    const std::string group = "b12345/" + std::to_string(i / 1000);
    switch (i % 20) {
        case 0:
            return group + user + "/+";
        case 1:
            return "b12345/+" + user + "/v";
        case 2:
        case 3:
            return group + user + "/#";
        default:
            return group + user + "/v";
    }
}

inline std::string retained_topic(std::uint64_t i) {
    return "b12345/r/" + std::to_string(i / 1000) + "/d" + std::to_string(i % 1000);
}

// Texts in random order, packed so that reading them costs little beside what is measured.
class ShuffledTexts {
public:
    template <class Make>
    ShuffledTexts(std::uint64_t count, Make make) {
        std::vector<std::uint64_t> order(count);
        for (std::uint64_t i = 0; i < count; ++i) {
            order[i] = i;
        }
        std::mt19937_64 engine(1);
        std::shuffle(order.begin(), order.end(), engine);
        for (const std::uint64_t i : order) {
            const std::string text = make(i);
            ends_.push_back(static_cast<std::uint32_t>(bytes_.size() + text.size()));
            bytes_ += text;
        }
    }

    std::size_t size() const { return ends_.size(); }
    std::string_view operator[](std::size_t i) const {
        const std::uint32_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::string_view(bytes_).substr(begin, ends_[i] - begin);
    }
    std::string_view next() {
        at_ = at_ + 1 < size() ? at_ + 1 : 0;
        return (*this)[at_];
    }

private:
    std::string bytes_;
    std::vector<std::uint32_t> ends_;
    std::size_t at_ = 0;
};

}  // namespace martlet::bench
