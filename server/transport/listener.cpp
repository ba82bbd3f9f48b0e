#include "server/transport/listener.hpp"

#include <fcntl.h>
#include <poll.h>
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

// Accepted in one turn, of which each pass has one; then those that have been accepted get theirs.
// What it takes to begin with TLS is as much as a hundred messages.
constexpr int accepts_per_turn = 8;
// When the system is short of memory there is no use in trying again at once.
constexpr core::Duration pause_after_failure = std::chrono::milliseconds(100);
// When there are enough on their way: a few of them are through by then.
constexpr core::Duration pause_for_room = std::chrono::milliseconds(5);

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
      socket_(std::move(setup.socket)),
      admission_(*setup.admission),
      unix_path_(std::move(setup.unix_path)),
      proxy_(setup.proxy),
      tls_(std::move(setup.tls)),
      websocket_(std::move(setup.websocket)),
      reserve_(open_reserve()),
      next_runner_(runner) {
}

void Listener::stop() {
    stop_waiting();
    socket_.reset();
}

void Listener::wait() {
    if (is_watched_) {
        return;
    }
    is_watched_ = runner_.poller().add(socket_.get(), *this);
    if (!is_watched_) {
        log_failure(errno);
        accept_later(pause_after_failure);
    }
}

void Listener::stop_waiting() {
    if (is_watched_) {
        runner_.poller().remove(socket_.get(), *this);
        is_watched_ = false;
    }
}

void Listener::on_arrivals() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        Place place = find_place();
        if (!place.ticket) {
            if (!has_newcomers()) {
                break;
            }
            accept_later(pause_for_room);
            return;
        }
        sockaddr_storage address{};
        const int socket = accept_one(socket_.get(), address);
        if (socket >= 0) {
            begin(socket, address, std::move(place));
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

// A TLS handshake is so much work that it is spread over all shards; others are soon moved to where
// they belong anyway.
Listener::Place Listener::find_place() {
    if (!tls_) {
        return place_on(runner_);
    }
    for (std::size_t i = 0; i < runners_.size(); ++i) {
        ShardRunner& runner = *runners_[next_runner_];
        next_runner_ = (next_runner_ + 1) % runners_.size();
        if (Place place = place_on(runner); place.ticket) {
            return place;
        }
    }
    return {};
}

// Those who wait for the broker are better off in the kernel's queue than turned away, so only who
// has had time enough makes room for them.
Listener::Place Listener::place_on(ShardRunner& runner) {
    Place place{&runner, runner.take_arrival_place()};
    if (place.ticket || !has_newcomers()) {
        return place;
    }
    if (&runner != &runner_) {
        runner.post([](ShardRunner& there) { there.make_room(); });
        return place;
    }
    runner.make_room();
    return {&runner, runner.take_arrival_place()};
}

bool Listener::has_newcomers() {
    pollfd waiting{socket_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
}

void Listener::accept_later(core::Duration pause) {
    stop_waiting();
    runner_.run_at(runner_.now() + pause, [this](ShardRunner&) {
        if (!reserve_) {
            reserve_ = open_reserve();
        }
        if (socket_) {
            on_arrivals();
        }
    });
}

void Listener::begin(int socket, const sockaddr_storage& address, Place place) {
    Connection::Parts parts;
    parts.socket = socket;
    parts.arrival.peer = unix_path_.empty() ? address_text(address) : "unix:" + unix_path_;
    parts.arrival.listener = index_;
    parts.arrival.place = std::move(place.ticket);
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
    auto connection = std::make_unique<Connection>(runner_, std::move(parts));
    if (place.runner == &runner_) {
        runner_.adopt(std::move(connection));
    } else {
        place.runner->mailbox().push(ConnectionMail{std::move(connection)});
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
    accept_later(pause_after_failure);
    return false;
}

void Listener::refuse_with_reserve() {
    reserve_.reset();
    {
        sockaddr_storage address{};
        const OwnedFd refused(accept_one(socket_.get(), address));
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
