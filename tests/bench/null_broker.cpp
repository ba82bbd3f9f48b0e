// The floor below every broker's figures: the least work that still looks like a broker to the load
// generator. Bytes come in, the topic is looked up, the packet's bytes go out again as they came.
// No sessions, no validation, no retained messages, no matching but of whole topics and of one '#'
// at the end; QoS 1 is acknowledged at once and passed on with the publisher's Packet Identifier.
// Not a broker: what it leaves out is what a broker is for.
//
//     martlet_null_broker PORT [CERTIFICATE KEY]     on 127.0.0.1; under TLS with the latter two
//
// One thread; what came in one round of events goes to each subscriber in one write.
// Threading: one thread.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/frame_decoder.hpp"
#include "tests/bench/load/channel.hpp"

namespace martlet::load {

namespace {

using protocol::FrameView;
using protocol::PacketType;

// With more than that in front of slow subscribers, nothing more is read from publishers.
constexpr std::size_t backlog_max = std::size_t{64} << 20;
constexpr std::size_t scratch_size = std::size_t{256} << 10;

struct Peer {
    explicit Peer(Poller& poller) : channel(poller, this) {}

    Channel channel;
    bool is_shaking_hands = false;
    bool is_due = false;  // stands in due_
};

struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

class NullBroker {
public:
    NullBroker(std::uint16_t port, TlsContext tls);
    [[noreturn]] void run();

private:
    void accept();
    void on_event(Peer& peer, std::uint32_t events);
    void on_frame(Peer& peer, const FrameView& frame);
    void on_publish(Peer& peer, const FrameView& frame);
    void on_subscribe(Peer& peer, const FrameView& frame);
    void send(Peer& peer, Bytes bytes);
    void flush(Peer& peer);
    void flush_due();
    void drain_backlog();
    void forget(Peer& peer);

    Poller poller_;
    TlsContext tls_;
    int listener_;
    std::size_t backlog_ = 0;  // bytes pending in all channels
    std::vector<Peer*> due_;   // have something pending since this round began
    std::unordered_map<std::string, std::vector<Peer*>, HashText, std::equal_to<>> by_topic_;
    std::vector<std::pair<std::string, Peer*>> by_prefix_;
    std::vector<std::byte> scratch_ = std::vector<std::byte>(scratch_size);
};

unsigned number_at(Bytes bytes, std::size_t at) {
    return std::to_integer<unsigned>(bytes[at]) << 8 | std::to_integer<unsigned>(bytes[at + 1]);
}

int listen_on(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 4096) != 0) {
        throw std::runtime_error("port " + std::to_string(port) + " of 127.0.0.1 is not free");
    }
    return listener;
}

NullBroker::NullBroker(std::uint16_t port, TlsContext tls)
    : tls_(std::move(tls)), listener_(listen_on(port)) {
    poller_.add(listener_, nullptr, false);
}

void NullBroker::run() {
    while (true) {
        for (const epoll_event& event : poller_.wait(-1)) {
            if (event.data.ptr == nullptr) {
                accept();
            } else {
                on_event(*static_cast<Peer*>(event.data.ptr), event.events);
            }
        }
        flush_due();
        drain_backlog();
    }
}

void NullBroker::accept() {
    int socket = -1;
    while ((socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto* const peer = new Peer{poller_};
        Tls tls;
        if (tls_ != nullptr) {
            tls.reset(SSL_new(tls_.get()));
            SSL_set_accept_state(tls.get());
            peer->is_shaking_hands = true;
        }
        peer->channel.open(Stream{socket, std::move(tls)}, false);
    }
}

void NullBroker::on_event(Peer& peer, std::uint32_t events) {
    if (peer.is_shaking_hands) {
        const Stream::Handshake progress = peer.channel.stream().handshake();
        if (progress == Stream::Handshake::failed) {
            forget(peer);
            return;
        }
        peer.channel.want_writing(progress == Stream::Handshake::wants_write);
        peer.is_shaking_hands = progress != Stream::Handshake::done;
        if (peer.is_shaking_hands) {
            return;
        }
    } else if ((events & EPOLLOUT) != 0) {
        flush(peer);
    }
    if ((events & ~std::uint32_t{EPOLLOUT}) == 0) {
        return;
    }
    const bool goes_on = peer.channel.receive(scratch_, [&](Bytes bytes) {
        std::size_t taken = 0;
        while (true) {
            const auto progress = protocol::next_frame(bytes.subspan(taken), scratch_size);
            if (!progress || progress->state != protocol::FrameProgress::State::whole) {
                return taken;
            }
            on_frame(peer, progress->frame);
            taken += progress->frame.whole.size();
        }
    });
    if (!goes_on) {
        forget(peer);
    }
}

void NullBroker::on_frame(Peer& peer, const FrameView& frame) {
    constexpr std::array<std::byte, 4> connack{std::byte{0x20}, std::byte{2}};
    if (frame.type == PacketType::connect) {
        send(peer, connack);
    } else if (frame.type == PacketType::publish) {
        on_publish(peer, frame);
    } else if (frame.type == PacketType::subscribe) {
        on_subscribe(peer, frame);
    }
}

void NullBroker::on_publish(Peer& peer, const FrameView& frame) {
    const std::size_t length = number_at(frame.body, 0);
    const std::string_view topic = protocol::as_text(frame.body.subspan(2, length));
    if ((frame.flags & 6) != 0) {
        const std::array<std::byte, 4> puback{std::byte{0x40}, std::byte{2}, frame.body[2 + length],
                                              frame.body[3 + length]};
        send(peer, puback);
    }
    if (const auto found = by_topic_.find(topic); found != by_topic_.end()) {
        for (Peer* const subscriber : found->second) {
            send(*subscriber, frame.whole);
        }
    }
    for (const auto& [prefix, subscriber] : by_prefix_) {
        if (topic.starts_with(prefix)) {
            send(*subscriber, frame.whole);
        }
    }
}

void NullBroker::on_subscribe(Peer& peer, const FrameView& frame) {
    std::vector<std::byte> suback{std::byte{0x90}, std::byte{0}, frame.body[0], frame.body[1]};
    std::size_t at = 2;
    while (at + 2 < frame.body.size()) {
        const std::size_t length = number_at(frame.body, at);
        std::string filter{protocol::as_text(frame.body.subspan(at + 2, length))};
        at += 2 + length + 1;
        if (filter.ends_with('#')) {
            filter.pop_back();
            by_prefix_.emplace_back(std::move(filter), &peer);
        } else {
            by_topic_[std::move(filter)].push_back(&peer);
        }
        suback.push_back(std::byte{0});
    }
    suback[1] = static_cast<std::byte>(suback.size() - 2);
    send(peer, suback);
}

void NullBroker::send(Peer& peer, Bytes bytes) {
    peer.channel.put(bytes);
    backlog_ += bytes.size();
    if (!peer.is_due) {
        peer.is_due = true;
        due_.push_back(&peer);
    }
}

// The end of a connection is noticed where it is read from.
void NullBroker::flush(Peer& peer) {
    const std::size_t before = peer.channel.pending();
    static_cast<void>(peer.channel.flush());
    backlog_ -= before - peer.channel.pending();
}

void NullBroker::flush_due() {
    for (Peer* const peer : due_) {
        peer->is_due = false;
        if (!peer->channel.is_blocked()) {
            flush(*peer);
        }
    }
    due_.clear();
}

void NullBroker::drain_backlog() {
    while (backlog_ > backlog_max) {
        for (const epoll_event& event : poller_.wait(100)) {
            if (event.data.ptr != nullptr && (event.events & EPOLLOUT) != 0) {
                flush(*static_cast<Peer*>(event.data.ptr));
            }
        }
    }
}

void NullBroker::forget(Peer& peer) {
    for (auto& [topic, subscribers] : by_topic_) {
        std::erase(subscribers, &peer);
    }
    std::erase_if(by_prefix_, [&](const auto& entry) { return entry.second == &peer; });
    std::erase(due_, &peer);
    backlog_ -= peer.channel.pending();
    delete &peer;
}

TlsContext server_context(const char* certificate, const char* key) {
    TlsContext context = make_tls_context(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key, SSL_FILETYPE_PEM) != 1) {
        throw std::runtime_error(std::string{certificate} + " and " + key +
                                 " are not a PEM certificate and its key");
    }
    return context;
}

void permit_many_sockets() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

}  // namespace martlet::load

int main(int count, char** arguments) {
    std::uint16_t port = 0;
    if (count == 2 || count == 4) {
        const std::string_view text{arguments[1]};
        std::from_chars(text.data(), text.data() + text.size(), port);
    }
    if (port == 0) {
        std::fputs("usage: martlet_null_broker PORT [CERTIFICATE KEY]\n", stderr);
        return 2;
    }
    try {
        martlet::load::TlsContext tls;
        if (count == 4) {
            tls = martlet::load::server_context(arguments[2], arguments[3]);
        }
        std::signal(SIGPIPE, SIG_IGN);
        martlet::load::permit_many_sockets();
        martlet::load::NullBroker{port, std::move(tls)}.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "martlet_null_broker: %s\n", error.what());
        return 1;
    }
}
