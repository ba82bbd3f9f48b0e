// Writes the golden packets as seed inputs: write_corpus FOLDER. Each target gets its own folder
// below, in the form it takes.
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "protocol/byte_reader.hpp"
#include "protocol/frame_decoder.hpp"
#include "tests/support/vectors.hpp"

using namespace martlet::protocol;

namespace {

class Folder {
public:
    explicit Folder(std::filesystem::path path) : path_(std::move(path)) {
        std::filesystem::create_directories(path_);
    }

    void add(std::string_view input) {
        std::ofstream out{path_ / std::to_string(count_++), std::ios::binary};
        out.write(input.data(), static_cast<std::streamsize>(input.size()));
    }

private:
    std::filesystem::path path_;
    int count_ = 0;
};

// What comes before MQTT: see the targets for the byte or two in front.
void write_transport_seeds(const std::filesystem::path& root) {
    using namespace std::string_literals;
    Folder frames{root / "websocket_frames"};
    for (const std::string& input :
         {"\x02\x82\x83mask\x01\x02\x03"s, "\x05\x02\x81mask\x01\x89\x80mask\x80\x81mask\x02"s,
          "\x01\x88\x82mask\x6E\x89"s, "\x07\x82\xFE\x01\x00mask"s + std::string(256, 'x'),
          "\x07\x82\xFF\x00\x00\x00\x00\x00\x01\x00\x00mask"s, "\x03\x81\x81mask\x01"s}) {
        frames.add(input);
    }
    Folder upgrades{root / "websocket_upgrade"};
    for (const char* const further :
         {"Sec-WebSocket-Protocol: mqtt\r\n", "Sec-WebSocket-Protocol: mqttv3.1, x\r\n",
          "Origin: https://a\r\nSec-WebSocket-Protocol: mqtt\r\n", ""}) {
        upgrades.add(
            "\x09GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"s +
            further + "\r\n");
    }
    Folder headers{root / "proxy_header"};
    for (
        const std::string& input :
        {"\x01PROXY TCP4 192.0.2.5 127.0.0.1 6275 1883\r\n"s, "\x01PROXY TCP6 ::1 ::2 1 2\r\n"s,
         "\x01PROXY UNKNOWN\r\n"s, "\x02\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s,
         "\x02\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xC0\0\2\5\x7F\0\0\1\1\2\3\4\3\0\4abcd"s,
         "\x06\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xC0\0\2\5\x7F\0\0\1\1\2\3\4\x20\0\5\1\0\0\0\0"s}) {
        headers.add(input);
    }
}

void write_access_files(const std::filesystem::path& root) {
    Folder passwords{root / "password_file"};
    for (const char* const text :
         {"# users\njoe:$7$101$fz0H8FYOBTz4/31O$0poe8tVM3S4WdOMaaJ/YcSUxDBIVx7vMzYfL/"
          "BBtcs+d7RrlHTYltY3U+LBjtV+APooivkVHQFzIkzmFrQUSeg==\n",
          "a:$6$AAECAwQFBgcICQoL$JqsxEv/ucyxjA5DKsQ+Y8CDWaQDNQI9FpAkmfwAqWfwZLk/"
          "JEGgM0EpylrJHAZKKyFQjJeZ3nFaHjPzOzPPmPw==\r\n\nb : x\n",
          "a:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/"
          "4\n"}) {
        passwords.add(text);
    }
    Folder lists{root / "acl_file"};
    for (const char* const text :
         {"joe\nc\n#\na/b\ntopic read a/#\nuser joe\ntopic a/b\ntopic deny a/+/c\n",
          "+\nc\na/+/b\na/+/b\npattern readwrite a/%u/%c\n# end\n",
          "j/e\n$SYS\n$SYS/#\n$SYS/x\nuser j/e\ntopic #\npattern deny %c/%u\npattern %c/#\n",
          "\nc\na b/#\na b/c\ntopic write a b\ntopic read a b/#\r\ntopic raed a\n"}) {
        lists.add(text);
    }
    Folder tokens{root / "token"};
    for (const char* const text :
         {R"({"sub":"a","exp":3000000000,"nbf":1.5e9,"publ":["a/#","b"],"subs":[]})",
          R"({"alg":"HS256","crit":["x"]})", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA",
          R"({"sub":"a","exp":1e300,"aud":["x",{"y":[[]]}],"subs":["+/a"]})"}) {
        tokens.add(text);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    const std::filesystem::path root{argv[1]};
    Folder frames{root / "frame"};
    Folder packets{root / "packet"};
    for (const auto& vector : martlet::testing::load_all_vectors()) {
        frames.add(as_text(vector.bytes));
        packets.add(as_text(vector.bytes));
    }
    // A connection that says CONNECT, then the packet; or the packet at once. See the target.
    Folder events{root / "broker_events"};
    for (const auto& vector : martlet::testing::load_all_vectors()) {
        const bool is_v5 = vector.versions.back() == Version::v5_0;
        if (vector.sender != martlet::testing::Sender::client || vector.bytes.size() > 255) {
            continue;
        }
        std::string input(1, static_cast<char>(vector.bytes.size()));  // some choice of options
        if (vector.bytes.front() != std::byte{0x10}) {
            input += std::string{'\x02', is_v5 ? '\x03' : '\x00'};
        }
        input += '\x00';
        input += static_cast<char>(vector.bytes.size());
        input += as_text(vector.bytes);
        input += '\x0F';
        events.add(input);
    }
    Folder properties{root / "properties"};
    for (const char* const block :
         {"00 11 u32:1 21 u16:9 27 u32:7 22 u16:5 19 01 17 00 15 s'm' 16 s'd' 26 s'k' s'v'",
          "01 18 u32:1 01 01 02 u32:3 03 s'text' 08 s'reply' 09 s'c' 26 s'k' s'v'",
          "02 12 s'id' 13 u16:1 1A s'r' 1C s'o' 1F s'w' 24 01 25 01 28 01 29 01 2A 01",
          "03 01 01 02 u32:3 23 u16:1 08 s'r' 09 s'c' 0B v:300 0B v:1 26 s'k' s'v' 03 s't'",
          "08 0B v:268435455 26 s'k' s'v'"}) {
        properties.add(as_text(martlet::testing::parse_bytes(block)));
    }
    Folder topics{root / "topic"};
    for (const char* const pair : {"a/+/#\na/b/c", "$share/g/a/#\na", "#\n$SYS/x", "+/+\n/a"}) {
        topics.add(pair);
    }
    Folder texts{root / "utf8"};
    for (const char* const text : {"plain ascii text", "é", "€", "\xF0\x9F\x90\xA6 bird",
                                   "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\xC0\x80z"}) {
        texts.add(text);
    }
    write_access_files(root);
    Folder configurations{root / "config_file"};
    for (const char* const text :
         {"listener 1883 127.0.0.1\nmax_connections -1\nmax_qos 1\nallow_anonymous true # all\n",
          "per_listener_settings true\r\nport 8883\r\ncertfile /dev/null\r\nkeyfile /dev/null\r\n"
          "cafile /dev/null\r\nrequire_certificate true\r\ntls_version tlsv1.3\r\n",
          "log_dest file /x\nlog_dest none\nlog_type all\nlog_facility 3\nautosave_interval 1\n"
          "persistent_client_expiration 14d\nmax_queued_bytes 64M\nauto_id_prefix a-\n",
          "connection b\naddress 10.0.0.1\nmax_conections 3\nbind_address ::1\npassword_file "
          "/x\n"}) {
        configurations.add(text);
    }
    write_transport_seeds(root);
    return 0;
}
