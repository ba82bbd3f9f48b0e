// Whether the messages of one stream come once, and in order.
// Ownership: a value. Threading: one thread.
#pragma once

#include <cstdint>

namespace martlet::load {

class Sequence {
public:
    enum class Verdict : std::uint8_t { in_order, late, repeated };

    // A number that is 64 or more behind the highest is late, even if it is a repetition.
    Verdict note(std::uint32_t number) {
        if (number > highest_) {
            const std::uint32_t step = number - highest_;
            seen_ = step < 64 ? seen_ << step | 1 : 1;
            highest_ = number;
            return Verdict::in_order;
        }
        const std::uint32_t behind = highest_ - number;
        if (behind >= 64) {
            return Verdict::late;
        }
        const std::uint64_t bit = std::uint64_t{1} << behind;
        if ((seen_ & bit) != 0) {
            return Verdict::repeated;
        }
        seen_ |= bit;
        return Verdict::late;
    }

private:
    std::uint32_t highest_ = 0;
    std::uint64_t seen_ = 1;  // bit n: highest_ - n has come; there is no message 0
};

}  // namespace martlet::load
