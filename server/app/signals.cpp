#include "server/app/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace martlet::app {

namespace {

int open_signals(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) {
        sigaddset(&set, number);
    }
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor < 0) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    return descriptor;
}

}  // namespace

Signals::Signals(boost::asio::io_context& io, std::initializer_list<int> numbers)
    : descriptor_(io, open_signals(numbers)) {
}

void Signals::async_wait(std::function<void(int)> take) {
    descriptor_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this, take = std::move(take)](const boost::system::error_code& error) mutable {
            signalfd_siginfo signal{};
            if (error) {
                return;
            }
            if (read(descriptor_.native_handle(), &signal, sizeof signal) != sizeof signal) {
                async_wait(std::move(take));  // woken for nothing
                return;
            }
            take(static_cast<int>(signal.ssi_signo));
        });
}

}  // namespace martlet::app
