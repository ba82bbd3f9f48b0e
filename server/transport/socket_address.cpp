#include "server/transport/socket_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace martlet::transport {

namespace {

// The families' own types are laid over sockaddr_storage; copying is the defined way to look.
template <class T>
T view_as(const sockaddr_storage& address) {
    T result;
    std::memcpy(&result, &address, sizeof(result));
    return result;
}

std::string host_text(int family, const void* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* written = inet_ntop(family, bytes, text.data(), text.size());
    return written == nullptr ? "?" : written;
}

}  // namespace

std::string address_text(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) {
        const auto ipv4 = view_as<sockaddr_in>(address);
        return fmt::format("{}:{}", host_text(AF_INET, &ipv4.sin_addr), ntohs(ipv4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto ipv6 = view_as<sockaddr_in6>(address);
        if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
            return fmt::format("{}:{}", host_text(AF_INET, ipv6.sin6_addr.s6_addr + 12),
                               ntohs(ipv6.sin6_port));
        }
        return fmt::format("[{}]:{}", host_text(AF_INET6, &ipv6.sin6_addr), ntohs(ipv6.sin6_port));
    }
    return "unix";
}

std::string address_text(std::string_view host, std::uint16_t port) {
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::uint16_t port_of(const sockaddr_storage& address) {
    // Both families have it in the same place, but that is not ours to know.
    return address.ss_family == AF_INET6 ? ntohs(view_as<sockaddr_in6>(address).sin6_port)
                                         : ntohs(view_as<sockaddr_in>(address).sin_port);
}

}  // namespace martlet::transport
