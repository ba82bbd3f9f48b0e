// Golden packets: files in tests/vectors/ that name a packet, its bytes and what must come of them.
// Threading: its caller's thread only.
//
// A file is a list of blocks with an empty line between them; a line that begins with '#' is a
// comment. A block is made of lines `key value`:
//
//     name    a will with QoS 1
//     version 3.1.1 5.0                 one or more of 3.1, 3.1.1, 5.0
//     from    server                    who sends it; the client if left out
//     spec    v3.1.1 MQTT-3.1.2-14      the statements it is about
//     bytes   10 v{ s'MQTT' 04 0E u16:60 s'c' s'will/topic' s{ 00 FF } }
//     expect  CONNECT client_id='c' will_qos=1 !user_name
//     encode  differently               our encoder puts it in other bytes (the same if left out)
//
// A line that begins with a space goes on with the one before. The bytes are written as
//
//     C0              one byte, two hexadecimal digits
//     'text'          the bytes of the text (no escapes: other bytes in hexadecimal)
//     u16:60 u32:60   a number of two or four bytes, big-endian
//     v:321           a Variable Byte Integer
//     s'text' s{ .. } two length bytes, then the text or what stands between the braces
//     v{ .. }         the same with a Variable Byte Integer as the length: Remaining Length and
//                     Property Length need no counting
//     x*3             x three times
//
// `expect` names fields as packet_text.hpp prints them, in any order, not necessarily all;
// `!field` says that the field is absent. `expect error protocol_error` is a refusal with that
// reason, `expect need_more` a packet that is not whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/version.hpp"
#include "tests/support/packet_text.hpp"

namespace martlet::testing {

struct Vector {
    std::string name;
    std::vector<protocol::Version> versions;
    Sender sender = Sender::client;
    std::string spec;
    std::vector<std::byte> bytes;
    std::vector<std::string> expected;  // the words of `expect`
    bool encodes_alike = true;
};

// All vectors of one file. Throws std::runtime_error with file and line on a mistake in it.
std::vector<Vector> load_vectors(const std::filesystem::path& file);

// All vectors of all files in tests/vectors/, in the order of the file names.
std::vector<Vector> load_all_vectors();

// The bytes that a text in the notation above stands for. Throws std::runtime_error.
std::vector<std::byte> parse_bytes(std::string_view notation);

std::vector<std::string> split_words(std::string_view text);

}  // namespace martlet::testing
