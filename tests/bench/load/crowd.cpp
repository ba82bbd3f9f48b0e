#include "tests/bench/load/crowd.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace martlet::load {

namespace {

// With one source address there are some 28,000 ports to connect from.
constexpr std::size_t clients_per_address = 20'000;
constexpr double goodbye_s = 5;

void bind_to_loopback(int socket, std::size_t number) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(number));
    if (::bind(socket, reinterpret_cast<sockaddr*>(&source), sizeof source) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                fmt::format("bind to 127.0.0.{}", number + 1));
    }
}

}  // namespace

Crowd::Crowd(const Options& options)
    : options_(options), target_(options), prefix_(fmt::format("load{}", ::getpid())) {
}

Client& Crowd::add(std::string_view kind, std::size_t number) {
    Client& client =
        clients_.emplace_back(*this, clients_.size(), fmt::format("{}{}{}", prefix_, kind, number));
    client.number = number;
    return client;
}

std::vector<Client*> Crowd::everybody() {
    std::vector<Client*> all;
    for (Client& client : clients_) {
        all.push_back(&client);
    }
    return all;
}

int Crowd::new_socket(std::size_t place) const {
    const int socket =
        ::socket(target_.address()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) {
        throw std::system_error(errno, std::generic_category(),
                                fmt::format("socket of client {}", place + 1));
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (target_.is_loopback()) {
        bind_to_loopback(socket, place / clients_per_address);
    }
    return socket;
}

void Crowd::open_all(std::span<Client* const> clients, double seconds) {
    const std::uint64_t lost_before = clients_lost_;
    std::size_t begun = 0;
    std::vector<Client*> busy;
    const auto is_done = [&] {
        std::erase_if(busy, [](const Client* client) { return client->is_settled(); });
        while (begun < clients.size() && busy.size() < options_.concurrency) {
            clients[begun]->open();
            busy.push_back(clients[begun++]);
        }
        return busy.empty();
    };
    if (!run_until(is_done, seconds) || clients_lost_ != lost_before) {
        const auto ready =
            std::ranges::count_if(clients, [](auto* each) { return each->is_ready(); });
        throw std::runtime_error(fmt::format("{} let {} of {} clients in within {} s",
                                             target_.name(), ready, clients.size(), seconds));
    }
}

void Crowd::disconnect_all(std::span<Client* const> clients) {
    for (Client* const client : clients) {
        client->say_goodbye();
    }
    run_until(
        [&] {
            return std::ranges::all_of(
                clients, [](Client* client) { return client->channel().pending() == 0; });
        },
        goodbye_s);
    for (Client* const client : clients) {
        client->close();
    }
}

void Crowd::poll(int timeout_ms) {
    for (const epoll_event& event : poller_.wait(timeout_ms)) {
        static_cast<Client*>(event.data.ptr)->on_event(event.events);
    }
}

}  // namespace martlet::load
