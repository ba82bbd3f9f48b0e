#include "tests/bench/load/channel.hpp"

#include <utility>

namespace martlet::load {

namespace {

// So much written, the memory in front is worth the move of what is behind it.
constexpr std::size_t compact_from = std::size_t{1} << 20;

}  // namespace

void Channel::open(Stream stream, bool for_writing) {
    stream_ = std::move(stream);
    wants_writing_ = for_writing;
    poller_->add(stream_.socket(), owner_, for_writing);
}

void Channel::close() {
    stream_ = Stream{};
    wants_writing_ = false;
    written_ = 0;
    out_.clear();
    rest_.clear();
}

void Channel::want_writing(bool wanted) {
    if (wanted != wants_writing_) {
        wants_writing_ = wanted;
        poller_->change(stream_.socket(), owner_, wanted);
    }
}

std::byte* Channel::put(Bytes bytes) {
    if (written_ >= compact_from && written_ >= out_.size() / 2) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
    }
    const std::size_t at = out_.size();
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return out_.data() + at;
}

bool Channel::flush() {
    while (written_ < out_.size()) {
        const auto count = stream_.write(Bytes{out_}.subspan(written_));
        if (!count) {
            return false;
        }
        if (*count == 0) {
            break;
        }
        written_ += *count;
    }
    if (written_ == out_.size()) {
        written_ = 0;
        out_.clear();
    }
    want_writing(pending() > 0);
    return true;
}

}  // namespace martlet::load
