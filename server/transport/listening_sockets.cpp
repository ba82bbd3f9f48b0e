#include "server/transport/listening_sockets.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "server/transport/socket_address.hpp"

namespace martlet::transport {

namespace {

constexpr int listen_backlog = 4096;  // the kernel lowers it to net.core.somaxconn

struct Candidate {
    sockaddr_storage address{};
    socklen_t size = 0;
    bool is_optional = false;  // the machine may do without this IP version
};

std::string error_text(int error) {
    return std::system_category().message(error);
}

// The addresses to bind, by getaddrinfo(); a null host means all addresses or the loopback ones.
std::string resolve(const BindOptions& options, std::vector<Candidate>& candidates) {
    addrinfo hints{};
    hints.ai_family = options.family == AddressFamily::ipv4   ? AF_INET
                      : options.family == AddressFamily::ipv6 ? AF_INET6
                                                              : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    const bool has_address = !options.address.empty();
    hints.ai_flags = !has_address && !options.is_loopback_only ? AI_PASSIVE : 0;
    addrinfo* list = nullptr;
    const int code = getaddrinfo(has_address ? options.address.c_str() : nullptr,
                                 std::to_string(options.port).c_str(), &hints, &list);
    if (code != 0) {
        return code == EAI_SYSTEM ? error_text(errno) : gai_strerror(code);
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        Candidate candidate;
        std::memcpy(&candidate.address, entry->ai_addr, entry->ai_addrlen);
        candidate.size = entry->ai_addrlen;
        candidate.is_optional =
            !has_address && entry->ai_family == AF_INET6 && options.family == AddressFamily::any;
        candidates.push_back(candidate);
    }
    return {};
}

void set_port(Candidate& candidate, std::uint16_t port) {
    if (candidate.address.ss_family == AF_INET6) {
        sockaddr_in6 ipv6;
        std::memcpy(&ipv6, &candidate.address, sizeof(ipv6));
        ipv6.sin6_port = htons(port);
        std::memcpy(&candidate.address, &ipv6, sizeof(ipv6));
    } else {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, &candidate.address, sizeof(ipv4));
        ipv4.sin_port = htons(port);
        std::memcpy(&candidate.address, &ipv4, sizeof(ipv4));
    }
}

void set_option(const OwnedFd& socket, int level, int name) {
    const int on = 1;
    ::setsockopt(socket.get(), level, name, &on, sizeof(on));
}

// 0, or errno.
int bind_one(const Candidate& candidate, bool no_delay, OwnedFd& result) {
    const int family = candidate.address.ss_family;
    OwnedFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
        return errno;
    }
    set_option(socket, SOL_SOCKET, SO_REUSEADDR);
    if (family == AF_INET6) {
        // IPv4 has a socket of its own, so that its peers are not seen as mapped addresses.
        set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (no_delay) {
        set_option(socket, IPPROTO_TCP, TCP_NODELAY);
    }
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&candidate.address),
               candidate.size) != 0 ||
        ::listen(socket.get(), listen_backlog) != 0) {
        return errno;
    }
    result = std::move(socket);
    return 0;
}

std::uint16_t bound_port(const OwnedFd& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return port_of(address);
}

ListeningSockets bind_unix_listener(const BindOptions& options) {
    ListeningSockets result;
    UnixSocket bound = bind_unix_socket(options.unix_path, options.unix_mode);
    if (!bound.error.empty()) {
        result.error = std::move(bound.error);
    } else if (::listen(bound.socket.get(), listen_backlog) != 0) {
        result.error = options.unix_path + ": " + error_text(errno);
    } else {
        result.sockets.push_back(std::move(bound.socket));
        result.file = std::move(bound.file);
    }
    return result;
}

}  // namespace

ListeningSockets bind_listener(const BindOptions& options) {
    if (!options.unix_path.empty()) {
        return bind_unix_listener(options);
    }
    ListeningSockets result;
    result.port = options.port;
    std::vector<Candidate> candidates;
    const std::string unresolved = resolve(options, candidates);
    if (!unresolved.empty()) {
        result.error = address_text(options.address, options.port) + ": " + unresolved;
        return result;
    }
    int skipped = 0;
    for (Candidate& candidate : candidates) {
        if (result.port != options.port) {
            set_port(candidate, result.port);  // a free one was found: the same for all
        }
        OwnedFd socket;
        const int error = bind_one(candidate, options.no_delay, socket);
        if (error == 0) {
            result.port = bound_port(socket);
            result.sockets.push_back(std::move(socket));
        } else if (candidate.is_optional && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) {
            skipped = error;
        } else {
            result.error = address_text(candidate.address) + ": " + error_text(error);
            result.sockets.clear();
            return result;
        }
    }
    if (result.sockets.empty()) {
        result.error = address_text(options.address, options.port) + ": " + error_text(skipped);
    }
    return result;
}

}  // namespace martlet::transport
