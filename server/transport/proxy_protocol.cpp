#include "server/transport/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "server/transport/socket_address.hpp"

namespace martlet::transport {

namespace {

using State = ProxyHeader::State;

ProxyHeader wrong(std::string_view what) {
    ProxyHeader header;
    header.state = State::wrong;
    header.what = what;
    return header;
}

ProxyHeader complete(std::size_t size, std::string peer) {
    ProxyHeader header;
    header.state = State::complete;
    header.size = size;
    header.peer = std::move(peer);
    return header;
}

// --- version 1 ---

constexpr std::string_view line_begin = "PROXY ";
constexpr std::string_view line_end = "\r\n";

// The words of a line, each behind exactly one blank.
class Words {
public:
    explicit Words(std::string_view line) : rest_(line) {}

    std::string_view next() {
        const std::size_t end = std::min(rest_.find(' '), rest_.size());
        const std::string_view word = rest_.substr(0, end);
        is_over_ = end == rest_.size();
        rest_.remove_prefix(is_over_ ? end : end + 1);
        return word;
    }
    // The word before was the last one.
    bool is_over() const { return is_over_; }

private:
    std::string_view rest_;
    bool is_over_ = false;
};

std::optional<std::uint16_t> read_port(std::string_view word) {
    std::uint16_t port = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, port);
    const bool is_plain = word == "0" || !word.starts_with('0');
    return error == std::errc{} && stop == end && is_plain ? std::optional(port) : std::nullopt;
}

// The address as the system writes it, which need not be how the line does; empty: it is none.
std::string read_address(int family, std::string_view word) {
    std::array<std::byte, sizeof(in6_addr)> address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_pton(family, std::string(word).c_str(), address.data()) != 1 ||
        inet_ntop(family, address.data(), text.data(), text.size()) == nullptr) {
        return {};
    }
    return text.data();
}

ProxyHeader read_line(std::string_view line, std::size_t size) {
    Words words(line);
    const std::string_view family = words.next();
    if (family == "UNKNOWN") {
        return complete(size, {});  // what follows is to be ignored
    }
    if (family != "TCP4" && family != "TCP6") {
        return wrong("PROXY header: neither TCP4 nor TCP6 nor UNKNOWN");
    }
    const int kind = family == "TCP4" ? AF_INET : AF_INET6;
    const std::string source = read_address(kind, words.next());
    const std::string destination = read_address(kind, words.next());
    const auto source_port = read_port(words.next());
    const auto destination_port = read_port(words.next());
    if (source.empty() || destination.empty() || !source_port || !destination_port ||
        !words.is_over()) {
        return wrong("PROXY header: not two addresses and two ports");
    }
    return complete(size, address_text(source, *source_port));
}

ProxyHeader parse_version_1(std::string_view text) {
    const std::size_t common = std::min(text.size(), line_begin.size());
    if (text.substr(0, common) != line_begin.substr(0, common)) {
        return wrong("PROXY header: there is none of version 1");
    }
    const std::size_t end = text.substr(0, proxy_line_max).find(line_end);
    if (end == std::string_view::npos) {
        return text.size() < proxy_line_max ? ProxyHeader{}
                                            : wrong("PROXY header: a line without an end");
    }
    return read_line(text.substr(line_begin.size(), end - line_begin.size()),
                     end + line_end.size());
}

// --- version 2 ---

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_size = 16;

unsigned at(protocol::Bytes bytes, std::size_t index) {
    return std::to_integer<unsigned>(bytes[index]);
}

unsigned two_at(protocol::Bytes bytes, std::size_t index) {
    return at(bytes, index) << 8U | at(bytes, index + 1);
}

// CRC-32C (Castagnoli) bit by bit: a header is short and comes once.
std::uint32_t checksum(protocol::Bytes bytes) {
    constexpr std::uint32_t polynomial = 0x82F63B78;
    std::uint32_t crc = 0xFFFFFFFF;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            crc = crc >> 1U ^ ((crc & 1U) != 0 ? polynomial : 0U);
        }
    }
    return ~crc;
}

// What the header says behind the addresses.
struct Extras {
    bool are_whole = true;
    bool is_checksum_right = true;
    bool came_over_tls = false;
};

// Of the whole header, as it was before its checksum was put in.
bool is_checksum_right(protocol::Bytes header, std::size_t position) {
    constexpr std::size_t checksum_size = 4;
    std::array<std::byte, proxy_header_max> copy;
    std::copy(header.begin(), header.end(), copy.begin());
    std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(position), checksum_size, std::byte{0});
    const std::uint32_t said =
        static_cast<std::uint32_t>(two_at(header, position)) << 16U | two_at(header, position + 2);
    return said == checksum(protocol::Bytes(copy).first(header.size()));
}

Extras read_extras(protocol::Bytes header, std::size_t position) {
    constexpr unsigned type_checksum = 0x03;
    constexpr unsigned type_tls = 0x20;
    constexpr unsigned client_tls = 0x01;
    Extras extras;
    while (position != header.size()) {
        if (header.size() - position < 3 ||
            header.size() - position - 3 < two_at(header, position + 1)) {
            extras.are_whole = false;
            break;
        }
        const unsigned type = at(header, position);
        const std::size_t length = two_at(header, position + 1);
        position += 3;
        if (type == type_checksum) {
            extras.is_checksum_right =
                extras.is_checksum_right && length == 4 && is_checksum_right(header, position);
        } else if (type == type_tls && length >= 5) {
            extras.came_over_tls = (at(header, position) & client_tls) != 0;
        }
        position += length;
    }
    return extras;
}

std::string ipv4_text(protocol::Bytes header) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, header.data() + fixed_size, sizeof(address.sin_addr));
    std::memcpy(&address.sin_port, header.data() + fixed_size + 8, sizeof(address.sin_port));
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof(address));
    return address_text(storage);
}

std::string ipv6_text(protocol::Bytes header) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    std::memcpy(&address.sin6_addr, header.data() + fixed_size, sizeof(address.sin6_addr));
    std::memcpy(&address.sin6_port, header.data() + fixed_size + 32, sizeof(address.sin6_port));
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof(address));
    return address_text(storage);
}

ProxyHeader read_addresses(protocol::Bytes header, bool requires_tls) {
    struct Family {
        unsigned code;
        std::size_t size;  // of both addresses, and ports where it has any
        std::string (*source)(protocol::Bytes header);
    };
    static constexpr std::array families{
        Family{0x00, 0, nullptr},     // unspecified
        Family{0x11, 12, ipv4_text},  // TCP over IPv4
        Family{0x21, 36, ipv6_text},  // TCP over IPv6
        Family{0x31, 216, nullptr},   // a Unix socket, whose path says nothing here
    };
    const auto* const family =
        std::find_if(families.begin(), families.end(),
                     [&](const Family& candidate) { return candidate.code == at(header, 13); });
    if (family == families.end()) {
        return wrong("PROXY header: not a stream of a known kind");
    }
    if (header.size() < fixed_size + family->size) {
        return wrong("PROXY header: too short for its addresses");
    }
    // The unspecified kind says nothing of what it carries.
    if (family->code != 0) {
        const Extras extras = read_extras(header, fixed_size + family->size);
        if (!extras.are_whole) {
            return wrong("PROXY header: what follows the addresses is cut short");
        }
        if (!extras.is_checksum_right) {
            return wrong("PROXY header: the checksum is wrong");
        }
        if (requires_tls && !extras.came_over_tls) {
            return wrong("PROXY header: the client did not connect using TLS");
        }
    } else if (requires_tls) {
        return wrong("PROXY header: the client did not connect using TLS");
    }
    return complete(header.size(),
                    family->source == nullptr ? std::string() : family->source(header));
}

ProxyHeader parse_version_2(protocol::Bytes bytes, bool requires_tls) {
    constexpr unsigned local = 0x20;
    constexpr unsigned proxied = 0x21;
    const std::string_view text = protocol::as_text(bytes);
    const std::size_t common = std::min(text.size(), signature.size());
    if (text.substr(0, common) != signature.substr(0, common)) {
        return wrong("PROXY header: there is none of version 2");
    }
    if (bytes.size() > signature.size() && at(bytes, 12) != local && at(bytes, 12) != proxied) {
        return wrong("PROXY header: an unknown version or command");
    }
    if (bytes.size() < fixed_size) {
        return {};
    }
    const std::size_t size = fixed_size + two_at(bytes, 14);
    if (size > proxy_header_max) {
        return wrong("PROXY header: too long");
    }
    if (bytes.size() < size) {
        return {};
    }
    // The proxy itself, to see whether we are there.
    if (at(bytes, 12) == local) {
        return complete(size, {});
    }
    return read_addresses(bytes.first(size), requires_tls);
}

}  // namespace

ProxyHeader parse_proxy_header(protocol::Bytes bytes, const ProxyRequirement& requirement) {
    return requirement.version == 1 ? parse_version_1(protocol::as_text(bytes))
                                    : parse_version_2(bytes, requirement.requires_tls);
}

}  // namespace martlet::transport
