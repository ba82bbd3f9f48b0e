// Binds the sockets that one listener of the configuration stands for: one for each address its
// name resolves to, one for each IP version when it has no address, or a Unix domain socket.
//
// Ownership: the sockets are owned by who receives them. Threading: called before the shards run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/transport/owned_fd.hpp"
#include "server/transport/unix_socket.hpp"

namespace martlet::transport {

enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

struct BindOptions {
    std::string address;  // an address or a host name; empty: every address of the machine
    bool is_loopback_only = false;  // with an empty address: 127.0.0.1 and, where there is one, ::1
    std::uint16_t port = 1883;      // 0: one that is free
    AddressFamily family = AddressFamily::any;
    bool no_delay = true;  // TCP_NODELAY; accepted sockets inherit it
    // A Unix domain socket instead; of the rest only its mode counts.
    std::string unix_path{};
    std::optional<std::uint32_t> unix_mode{};  // none: as the umask has it
};

struct ListeningSockets {
    std::vector<OwnedFd> sockets;
    UnixSocketFile file;     // of a Unix domain socket
    std::uint16_t port = 0;  // the one that is bound
    std::string error;       // empty: all is well. "127.0.0.1:1883: Address already in use"
};

ListeningSockets bind_listener(const BindOptions& options);

}  // namespace martlet::transport
