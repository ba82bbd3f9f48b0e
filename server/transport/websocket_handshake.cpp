#include "server/transport/websocket_handshake.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>

namespace martlet::transport {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using Request = http::request<http::empty_body>;

constexpr std::string_view end_of_header = "\r\n\r\n";

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

// Whether a list in any of the header's lines has the word, in whatever case.
bool has_token(const Request& request, http::field field, std::string_view token) {
    const auto [first, last] = request.equal_range(field);
    return std::any_of(first, last, [&](const auto& line) {
        return http::token_list(line.value()).exists({token.data(), token.size()});
    });
}

// The subprotocol to speak: what MQTT calls it, or its name from before it was a standard. Names of
// subprotocols are compared with their case.
std::string_view choose_protocol(const Request& request) {
    std::string_view chosen;
    const auto [first, last] = request.equal_range(http::field::sec_websocket_protocol);
    for (auto line = first; line != last; ++line) {
        for (const auto& offered : http::token_list(line->value())) {
            if (offered == "mqtt") {
                return "mqtt";
            }
            if (offered == "mqttv3.1") {
                chosen = "mqttv3.1";
            }
        }
    }
    return chosen;
}

// 16 bytes in Base64.
bool is_key(std::string_view key) {
    constexpr std::size_t length = 24;
    std::array<unsigned char, 18> decoded{};
    return key.size() == length && key.ends_with("==") &&
           EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(key.data()),
                           static_cast<int>(key.size())) == static_cast<int>(decoded.size());
}

// RFC 6455, 4.2.2: proves that the server has read the request and speaks WebSocket.
std::string accept_value(std::string_view key) {
    const std::string text = fmt::format("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

}  // namespace

struct WebSocketHandshake::Refusal {
    std::string_view status;   // "404 Not Found"
    std::string_view what;     // one line, for both ends
    std::string_view headers;  // further ones, each with its end
};

bool WebSocketHandshake::take(protocol::Bytes bytes) {
    // The end may lie across what was there and what has come.
    const std::size_t search_from =
        received_.size() - std::min(received_.size(), end_of_header.size() - 1);
    received_ += protocol::as_text(bytes);
    const std::size_t end = received_.find(end_of_header, search_from);
    const std::size_t size = end == std::string::npos ? received_.size() : end + 4;
    if (size > options_->header_bytes_max) {
        refuse({"431 Request Header Fields Too Large", "The headers are too long.", {}});
    } else if (received_.empty() || received_.front() < 'A' || received_.front() > 'Z') {
        // A method begins like this; a CONNECT of MQTT and a ClientHello do not.
        refuse({"400 Bad Request", "This is a WebSocket listener, and what came is no HTTP.", {}});
    } else if (end == std::string::npos) {
        return false;
    } else {
        decide(std::string_view(received_).substr(0, size));
        rest_.assign(received_, size);
    }
    received_ = {};
    return true;
}

void WebSocketHandshake::decide(std::string_view text) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(text.size()));
    beast::error_code error;
    parser.put(boost::asio::buffer(text.data(), text.size()), error);
    if (error || !parser.is_header_done()) {
        refuse({"400 Bad Request", "This is no HTTP request.", {}});
        return;
    }
    const Request& request = parser.get();
    const std::string_view target = view(request.target());
    const std::string_view origin = view(request[http::field::origin]);
    const std::string_view key = view(request[http::field::sec_websocket_key]);
    const std::string_view protocol = choose_protocol(request);
    const auto& origins = options_->origins;
    if (request.method() != http::verb::get || request.version() != 11 ||
        !has_token(request, http::field::connection, "upgrade") ||
        !has_token(request, http::field::upgrade, "websocket")) {
        refuse({"400 Bad Request",
                "This is an MQTT broker: connect with a WebSocket client and the subprotocol mqtt.",
                {}});
    } else if (!options_->path.empty() && target.substr(0, target.find('?')) != options_->path) {
        refuse({"404 Not Found", "MQTT is not served under this path.", {}});
    } else if (!origins.empty() && std::none_of(origins.begin(), origins.end(), [&](const auto& o) {
                   return beast::iequals({o.data(), o.size()}, {origin.data(), origin.size()});
               })) {
        refuse({"403 Forbidden", "Pages of this origin may not connect.", {}});
    } else if (request[http::field::sec_websocket_version] != "13") {
        refuse({"426 Upgrade Required", "WebSocket version 13 is spoken.",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"});
    } else if (!is_key(key)) {
        refuse({"400 Bad Request", "Sec-WebSocket-Key is missing or no key.", {}});
    } else if (protocol.empty()) {  // [v3.1.1 MQTT-6.0.0-3] [v5 MQTT-6.0.0-3]
        refuse({"400 Bad Request", "The subprotocol mqtt has to be offered.", {}});
    } else {  // [v3.1.1 MQTT-6.0.0-4] [v5 MQTT-6.0.0-4]
        answer_ = fmt::format(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
            accept_value(key), protocol);
    }
}

void WebSocketHandshake::refuse(const Refusal& refusal) {
    refusal_ = fmt::format("{}: {}", refusal.status, refusal.what);
    answer_ = fmt::format(
        "HTTP/1.1 {}\r\n{}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n"
        "\r\n{}\n",
        refusal.status, refusal.headers, refusal.what.size() + 1, refusal.what);
}

}  // namespace martlet::transport
