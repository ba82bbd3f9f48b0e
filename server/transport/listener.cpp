#include "server/transport/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "server/transport/connection.hpp"
#include "server/transport/proxy_stream.hpp"
#include "server/transport/socket_address.hpp"
#include "server/transport/tcp_stream.hpp"
#include "server/transport/tls_stream.hpp"
#include "server/transport/websocket_stream.hpp"

namespace martlet::transport {

namespace {

// Accepted in one turn; then those that have been accepted get theirs.
constexpr int accepts_per_turn = 64;
// When the system is short of memory there is no use in trying again at once.
constexpr core::Duration pause_after_failure = std::chrono::milliseconds(100);

int accept_one(int listening, sockaddr_storage& address) {
    socklen_t size = sizeof(address);
    return ::accept4(listening, reinterpret_cast<sockaddr*>(&address), &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
}

OwnedFd open_reserve() {
    return OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Listener::Listener(std::span<const std::unique_ptr<ShardRunner>> runners, std::size_t runner,
                   Setup setup)
    : index_(setup.index),
      runners_(runners),
      runner_(*runners[runner]),
      descriptor_(runner_.io().get_executor()),
      admission_(*setup.admission),
      unix_path_(std::move(setup.unix_path)),
      proxy_(setup.proxy),
      tls_(std::move(setup.tls)),
      websocket_(std::move(setup.websocket)),
      reserve_(open_reserve()),
      next_runner_(runner) {
    descriptor_.assign(setup.socket.release());
}

void Listener::stop() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
}

void Listener::wait() {
    descriptor_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (!error) {
            accept_some();
        }
    });
}

void Listener::accept_some() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        sockaddr_storage address{};
        const int socket = accept_one(descriptor_.native_handle(), address);
        if (socket >= 0) {
            begin(socket, address);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        }
        if (!handle_error(errno)) {
            return;
        }
    }
    wait();
}

void Listener::begin(int socket, const sockaddr_storage& address) {
    Connection::Parts parts;
    parts.socket = socket;
    parts.arrival.peer = unix_path_.empty() ? address_text(address) : "unix:" + unix_path_;
    parts.arrival.listener = index_;
    parts.ticket = admission_.admit();
    if (!parts.ticket) {
        ++runner_.counters().refused_too_many;
        if (const auto unlogged = too_many_gate_.admit(runner_.now())) {
            runner_.log().on_too_many_connections({index_, parts.arrival.peer}, *unlogged);
        }
        ::close(socket);
        return;
    }
    ++runner_.counters().accepted;
    runner_.log().on_accepted({index_, parts.arrival.peer});
    parts.deadline = runner_.now() + runner_.arrival_limits().connect_timeout;
    parts.stream = make_stream(socket);
    ShardRunner* begins_on = &runner_;
    if (tls_) {
        begins_on = runners_[next_runner_].get();
        next_runner_ = (next_runner_ + 1) % runners_.size();
    }
    auto connection = std::make_unique<Connection>(runner_, std::move(parts));
    if (begins_on == &runner_) {
        runner_.adopt(std::move(connection));
    } else {
        begins_on->mailbox().push(ConnectionMail{std::move(connection)});
    }
}

std::unique_ptr<Stream> Listener::make_stream(int socket) const {
    std::unique_ptr<Stream> stream;
    if (tls_) {
        stream = std::make_unique<TlsStream>(tls_, socket);
    } else {
        stream = std::make_unique<TcpStream>(socket);
    }
    // OpenSSL reads the socket itself, so the header is taken off the socket, not off a stream.
    if (proxy_.version != 0) {
        stream = std::make_unique<ProxyStream>(std::move(stream), socket, proxy_);
    }
    if (websocket_) {
        stream = std::make_unique<WebSocketStream>(std::move(stream), websocket_);
    }
    return stream;
}

bool Listener::handle_error(int error) {
    switch (error) {
        case EMFILE:
        case ENFILE:
            log_failure(error);
            refuse_with_reserve();
            if (reserve_) {
                return true;
            }
            break;
        case ENOBUFS:
        case ENOMEM:
            log_failure(error);
            break;
        default:
            // The connection broke before it was accepted (ECONNABORTED and, on Linux, whatever the
            // network reported for it): the next one is none the worse.
            return true;
    }
    runner_.run_at(runner_.now() + pause_after_failure, [this](ShardRunner&) {
        if (!reserve_) {
            reserve_ = open_reserve();
        }
        if (descriptor_.is_open()) {
            accept_some();
        }
    });
    return false;
}

void Listener::refuse_with_reserve() {
    reserve_.reset();
    {
        sockaddr_storage address{};
        const OwnedFd refused(accept_one(descriptor_.native_handle(), address));
    }
    reserve_ = open_reserve();
}

void Listener::log_failure(int error) {
    ++runner_.counters().accept_failures;
    if (const auto unlogged = failure_gate_.admit(runner_.now())) {
        runner_.log().on_accept_failed(index_, std::system_category().message(error), *unlogged);
    }
}

}  // namespace martlet::transport
