// Socket addresses in words. Threading: pure functions.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace martlet::transport {

// "127.0.0.1:1883", "[::1]:1883", "unix". An IPv4 address inside an IPv6 one is written as IPv4.
std::string address_text(const sockaddr_storage& address);
// As address_text() would put it, for what a user wrote: a host name or an address.
std::string address_text(std::string_view host, std::uint16_t port);
std::uint16_t port_of(const sockaddr_storage& address);

}  // namespace martlet::transport
