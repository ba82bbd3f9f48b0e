// Immutable text of at most 65,535 bytes in `Size` bytes, kept in place when it is shorter.
//
// A std::string is 32 bytes and holds 15 of them in place; here all but one do.
// Ownership: owns its text. Threading: its shard's thread only.
#pragma once

#include <array>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/assert.hpp"

namespace martlet::core {

template <std::size_t Size>
class CompactText {
    static_assert(Size >= 16 && Size < 128);

public:
    explicit CompactText(std::string_view text) {
        MARTLET_ASSERT(text.size() <= 0xFFFF);
        if (text.size() < Size) {
            text.copy(bytes_.data(), text.size());
            bytes_[Size - 1] = static_cast<char>(text.size());
            return;
        }
        char* memory = new char[text.size()];
        std::memcpy(memory, text.data(), text.size());
        const auto size = static_cast<std::uint16_t>(text.size());
        std::memcpy(bytes_.data(), &memory, sizeof memory);
        std::memcpy(bytes_.data() + sizeof memory, &size, sizeof size);
        bytes_[Size - 1] = elsewhere;
    }
    CompactText(const CompactText&) = delete;
    CompactText& operator=(const CompactText&) = delete;
    ~CompactText() {
        if (bytes_[Size - 1] == elsewhere) {
            delete[] view().data();
        }
    }

    std::string_view view() const {
        if (bytes_[Size - 1] != elsewhere) [[likely]] {
            return {bytes_.data(), static_cast<std::size_t>(bytes_[Size - 1])};
        }
        const char* memory = nullptr;
        std::uint16_t size = 0;
        std::memcpy(&memory, bytes_.data(), sizeof memory);
        std::memcpy(&size, bytes_.data() + sizeof memory, sizeof size);
        return {memory, size};
    }
    // Bytes on the heap.
    std::size_t memory_size() const { return view().size() < Size ? 0 : view().size(); }

private:
    static constexpr char elsewhere = 0x7F;

    // The text and in the last byte its length, or `elsewhere`: then a pointer and the length.
    std::array<char, Size> bytes_;
};

}  // namespace martlet::core
