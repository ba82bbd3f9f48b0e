// A TCP proxy in front of a broker that keeps all rules: it breaks one of them. What a conformance
// suite says about the two together shows whether it would see a broker that breaks that rule.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "conformance/mutant/mutation.hpp"

namespace martlet::conformance {

namespace {

// One side of a connection: its socket, and bytes of a packet that is not whole yet.
struct Side {
    int fd = -1;
    Bytes partial{};
    bool is_transparent = false;  // bytes that are no packets pass as they are

    void close() {
        if (fd >= 0) {
            ::close(fd);
            fd = -1;
        }
    }

    void write(Bytes& bytes) const {
        std::string_view rest = bytes;
        while (fd >= 0 && !rest.empty()) {
            const auto written = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (written <= 0) {
                break;
            }
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
        bytes.clear();
    }

    // False at the end of the connection.
    bool read() {
        std::array<char, 65536> part{};
        const auto count = ::recv(fd, part.data(), part.size(), 0);
        if (count > 0) {
            partial.append(part.data(), static_cast<std::size_t>(count));
        }
        return count > 0;
    }

    // The next whole packet, or whatever there is where packets have ended.
    Bytes next() {
        try {
            const auto size = is_transparent ? std::nullopt : packet_size(partial);
            if (!is_transparent && (!size || *size > partial.size())) {
                return {};
            }
            Bytes packet = is_transparent ? partial : partial.substr(0, *size);
            partial.erase(0, packet.size());
            return packet;
        } catch (const Malformed&) {
            is_transparent = true;
            return next();
        }
    }
};

struct Pair {
    explicit Pair(World& world) : link{.world = world} {}

    Side client{};
    Side server{};
    Link link;
    bool is_zombie = false;  // the broker has closed, the client is not told
};

void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connect_to(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
        throw std::runtime_error("cannot find " + host);
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, ::freeaddrinfo};
    const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        ::close(fd);
        throw std::runtime_error(fmt::format("cannot connect to {} port {}", host, port));
    }
    no_delay(fd);
    return fd;
}

int listen_on_any_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, raw, size) != 0 || ::listen(fd, 512) != 0 ||
        ::getsockname(fd, raw, &size) != 0) {
        throw std::runtime_error("cannot listen");
    }
    fmt::print("{}\n", ntohs(address.sin_port));
    std::fflush(stdout);
    return fd;
}

class Proxy {
public:
    Proxy(const Mutation& mutation, std::string host, std::string port)
        : mutation_(mutation), host_(std::move(host)), port_(std::move(port)) {}

    [[noreturn]] void run() {
        const int listener = listen_on_any_port();
        while (true) {
            std::vector<pollfd> waits{{.fd = listener, .events = POLLIN, .revents = 0}};
            for (const auto& pair : pairs_) {
                waits.push_back({.fd = pair->client.fd, .events = POLLIN, .revents = 0});
                waits.push_back({.fd = pair->server.fd, .events = POLLIN, .revents = 0});
            }
            ::poll(waits.data(), waits.size(), -1);
            for (std::size_t i = 0; i < pairs_.size(); ++i) {
                if (waits[1 + 2 * i].revents != 0) {
                    read_client(*pairs_[i]);
                }
                if (waits[2 + 2 * i].revents != 0 && pairs_[i]->server.fd >= 0) {
                    read_server(*pairs_[i]);
                }
            }
            std::erase_if(pairs_, [](const auto& pair) {
                return pair->client.fd < 0 && pair->server.fd < 0;
            });
            if (waits[0].revents != 0) {
                accept(listener);
            }
        }
    }

private:
    void accept(int listener) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        no_delay(fd);
        auto& pair = *pairs_.emplace_back(std::make_unique<Pair>(world_));
        pair.client.fd = fd;
        pair.server.fd = connect_to(host_, port_);
    }

    void flush(Pair& pair) {
        pair.client.write(pair.link.to_client);
        pair.server.write(pair.link.to_server);
        if (pair.link.drop_server) {
            pair.server.close();
            pair.client.close();
        }
    }

    void read_client(Pair& pair) {
        const bool is_open = pair.client.read();
        for (auto raw = pair.client.next(); !raw.empty(); raw = pair.client.next()) {
            if (pair.is_zombie) {
                answer_for_the_dead(pair, raw);
            } else {
                from_client(pair, raw);
            }
        }
        if (!is_open) {
            if (mutation_.on_client_closed != nullptr) {
                mutation_.on_client_closed(pair.link);
            }
            // What does not make a packet is the broker's to judge as well.
            pair.link.to_server += std::exchange(pair.client.partial, {});
            flush(pair);
            pair.client.close();
            pair.server.close();
        } else {
            flush(pair);
        }
    }

    void answer_for_the_dead(Pair& pair, const Bytes& raw) {
        if (raw == encode(Pingreq{}, pair.link.version)) {
            pair.link.send_to_client({.type = Type::pingresp});
        }
    }

    void from_client(Pair& pair, const Bytes& raw) {
        auto& link = pair.link;
        try {
            auto packet = decode(raw, link.version);
            if (packet.type == Type::connect) {
                if (const auto parts = take_apart(raw)) {
                    link.version = parts->level == 5 ? Version::v5 : Version::v311;
                    link.client_id = parts->client_id;
                }
            }
            if (mutation_.from_client != nullptr) {
                mutation_.from_client(link, packet);
                return;
            }
        } catch (const Malformed&) {  // NOLINT(bugprone-empty-catch): passes as it is
        }
        link.to_server += raw;
    }

    void read_server(Pair& pair) {
        const bool is_open = pair.server.read();
        for (auto raw = pair.server.next(); !raw.empty(); raw = pair.server.next()) {
            from_server(pair, raw);
        }
        flush(pair);
        if (is_open || pair.server.fd < 0) {
            return;
        }
        pair.server.close();
        pair.is_zombie =
            mutation_.on_server_closed != nullptr && mutation_.on_server_closed(pair.link);
        flush(pair);
        if (!pair.is_zombie) {
            pair.client.close();
        }
    }

    void from_server(Pair& pair, const Bytes& raw) {
        auto& link = pair.link;
        try {
            auto packet = decode(raw, link.version);
            link.is_accepted |= packet.type == Type::connack && packet.code == 0;
            if (mutation_.from_server != nullptr) {
                mutation_.from_server(link, packet);
                return;
            }
        } catch (const Malformed&) {  // NOLINT(bugprone-empty-catch): passes as it is
        }
        link.to_client += raw;
    }

    const Mutation& mutation_;
    std::string host_;
    std::string port_;
    World world_;
    std::vector<std::unique_ptr<Pair>> pairs_;
};

void list(const std::vector<Mutation>& mutations) {
    for (const auto& one : mutations) {
        const char* const versions = one.versions == Mutation::For::both   ? "3.1.1,5.0"
                                     : one.versions == Mutation::For::v311 ? "3.1.1"
                                                                           : "5.0";
        fmt::print("{}\t{}\t{}\t{}\n", one.name, versions, one.filters, one.title);
    }
}

int run(const std::vector<std::string>& words) {
    const auto mutations = all_mutations();
    if (words.size() == 1 && words[0] == "--list") {
        list(mutations);
        return 0;
    }
    if (words.size() != 3) {
        fmt::print(stderr,
                   "Usage: martlet-conformance-mutant HOST PORT MUTATION | --list\n"
                   "Prints the port that it listens on.\n");
        return 2;
    }
    const auto found = std::ranges::find(mutations, words[2], &Mutation::name);
    if (found == mutations.end()) {
        throw std::runtime_error("there is no mutation " + words[2]);
    }
    Proxy{*found, words[0], words[1]}.run();
}

}  // namespace

}  // namespace martlet::conformance

int main(int argument_count, char** arguments) {
    try {
        return martlet::conformance::run({arguments + 1, arguments + argument_count});
    } catch (const std::exception& error) {
        fmt::print(stderr, "martlet-conformance-mutant: {}\n", error.what());
        return 2;
    }
}
