#include "server/app/memory_watch.hpp"

#include <chrono>
#include <utility>

namespace martlet::app {

namespace {

// At a gigabyte a second, which is more than a shard takes in, a quarter of one goes unseen.
constexpr std::chrono::milliseconds interval{250};

}  // namespace

MemoryWatch::MemoryWatch(boost::asio::io_context& io, Ports ports)
    : timer_(io), ports_(std::move(ports)) {
}

void MemoryWatch::set_limit(std::size_t bytes) {
    limit_ = bytes;
    look();
}

void MemoryWatch::look() {
    std::size_t used = limit_ == 0 ? 0 : ports_.used();
    if (!is_tight_ && limit_ != 0 && used >= limit_) {
        ports_.give_back();
        used = ports_.used();
    }
    // While it is tight, what is freed shows only once it has been given back.
    if (is_tight_ && used >= limit_ - limit_ / 10) {
        ports_.give_back();
        used = ports_.used();
    }
    const bool is_tight =
        limit_ != 0 && (is_tight_ ? used >= limit_ - limit_ / 10 : used >= limit_);
    if (is_tight != is_tight_) {
        is_tight_ = is_tight;
        ports_.on_change(is_tight, used);
    }
}

void MemoryWatch::wait() {
    timer_.expires_after(interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            look();
            wait();
        }
    });
}

}  // namespace martlet::app
