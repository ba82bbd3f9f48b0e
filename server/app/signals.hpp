// Signals as something to read, rather than handlers that interrupt whatever runs.
// Threading: made on the main thread before there are others, which inherit that the signals are
// blocked; used on the thread of its io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <initializer_list>

namespace martlet::app {

class Signals {
public:
    // Throws std::system_error if the process has no descriptor left.
    Signals(boost::asio::io_context& io, std::initializer_list<int> numbers);

    // Calls `take` once, with the number of the next signal.
    void async_wait(std::function<void(int)> take);

private:
    boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace martlet::app
