// Tells when the broker comes near the memory it may use, before the system does so less politely.
//
// Resident memory is looked at a few times a second. At the limit, what is free already is given
// back first; if that does not help, memory is tight until a tenth of the limit is free again.
// Ownership: borrows the io_context. Threading: the main thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>

namespace martlet::app {

class MemoryWatch {
public:
    struct Ports {
        std::function<std::size_t()> used;  // bytes
        std::function<void()> give_back;
        std::function<void(bool is_tight, std::size_t used)> on_change;
    };

    MemoryWatch(boost::asio::io_context& io, Ports ports);
    MemoryWatch(const MemoryWatch&) = delete;
    MemoryWatch& operator=(const MemoryWatch&) = delete;

    // 0: no limit. May be called again.
    void set_limit(std::size_t bytes);
    std::size_t limit() const { return limit_; }
    void start() { wait(); }
    // One look; on_change() is called from within.
    void look();

private:
    void wait();

    boost::asio::steady_timer timer_;
    Ports ports_;
    std::size_t limit_ = 0;
    bool is_tight_ = false;
};

}  // namespace martlet::app
