#include "tests/support/vectors.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "protocol/byte_writer.hpp"

namespace martlet::testing {

namespace {

using protocol::ByteWriter;
using protocol::Version;
using Buffer = std::vector<std::byte>;

// Recursive descent over the notation; the depth is that of the braces in our own files.
class Notation {
public:
    explicit Notation(std::string_view text) : rest_(text) {}

    Buffer all() {
        Buffer made = items();
        if (!rest_.empty()) {
            throw std::runtime_error("closing brace without an opening one");
        }
        return made;
    }

private:
    Buffer items() {
        Buffer made;
        for (skip_spaces(); !rest_.empty() && rest_.front() != '}'; skip_spaces()) {
            const Buffer part = item();
            const std::uint32_t times = take("*") ? number() : 1;
            for (std::uint32_t i = 0; i < times; ++i) {
                made.insert(made.end(), part.begin(), part.end());
            }
        }
        return made;
    }

    Buffer item() {
        if (take("'")) {
            return quoted();
        }
        if (take("u16:")) {
            return write(
                [n = number()](ByteWriter& out) { out.u16(static_cast<std::uint16_t>(n)); });
        }
        if (take("u32:")) {
            return write([n = number()](ByteWriter& out) { out.u32(n); });
        }
        if (take("v:")) {
            return write([n = number()](ByteWriter& out) { out.varint(n); });
        }
        if (take("s'")) {
            return with_u16_length(quoted());
        }
        if (take("s{")) {
            return with_u16_length(braced());
        }
        if (take("v{")) {
            return with_varint_length(braced());
        }
        return {hexadecimal()};
    }

    Buffer quoted() {
        const std::size_t end = rest_.find('\'');
        if (end == std::string_view::npos) {
            throw std::runtime_error("a quoted text does not end");
        }
        const auto bytes = protocol::as_bytes(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return {bytes.begin(), bytes.end()};
    }

    Buffer braced() {
        Buffer made = items();
        if (!take("}")) {
            throw std::runtime_error("a brace is not closed");
        }
        return made;
    }

    std::uint32_t number() {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc{}) {
            throw std::runtime_error("expected a number at: " + std::string(rest_));
        }
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }

    std::byte hexadecimal() {
        unsigned value = 0;
        const std::string_view digits = rest_.substr(0, 2);
        const char* const end = digits.data() + digits.size();
        if (digits.size() != 2 || std::from_chars(digits.data(), end, value, 16).ptr != end) {
            throw std::runtime_error("cannot read: " + std::string(rest_));
        }
        rest_.remove_prefix(2);
        return static_cast<std::byte>(value);
    }

    template <class Write>
    static Buffer write(Write write_it) {
        std::array<std::byte, 8> space{};
        ByteWriter out{space};
        write_it(out);
        return {space.begin(), space.begin() + static_cast<std::ptrdiff_t>(out.written())};
    }

    static Buffer with_u16_length(const Buffer& bytes) {
        Buffer made(2 + bytes.size());
        ByteWriter out{made};
        out.binary(bytes);
        return made;
    }

    static Buffer with_varint_length(const Buffer& bytes) {
        Buffer made = write(
            [&bytes](ByteWriter& out) { out.varint(static_cast<std::uint32_t>(bytes.size())); });
        made.insert(made.end(), bytes.begin(), bytes.end());
        return made;
    }

    bool take(std::string_view word) {
        if (!rest_.starts_with(word)) {
            return false;
        }
        rest_.remove_prefix(word.size());
        return true;
    }

    void skip_spaces() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    }

    std::string_view rest_;
};

Version version_named(std::string_view name) {
    if (name == "3.1") {
        return Version::v3_1;
    }
    if (name == "3.1.1") {
        return Version::v3_1_1;
    }
    if (name == "5.0") {
        return Version::v5_0;
    }
    throw std::runtime_error("unknown version " + std::string(name));
}

void set(Vector& vector, std::string_view key, std::string_view value) {
    if (key == "name") {
        vector.name = value;
    } else if (key == "version") {
        for (const std::string& word : split_words(value)) {
            vector.versions.push_back(version_named(word));
        }
    } else if (key == "from" && (value == "server" || value == "client")) {
        vector.sender = value == "server" ? Sender::server : Sender::client;
    } else if (key == "spec") {
        vector.spec = value;
    } else if (key == "bytes") {
        vector.bytes = parse_bytes(value);
    } else if (key == "expect") {
        vector.expected = split_words(value);
    } else if (key == "encode" && value == "differently") {
        vector.encodes_alike = false;
    } else {
        throw std::runtime_error("cannot read: " + std::string(key) + " " + std::string(value));
    }
}

// A line and those that go on with it.
struct Entry {
    std::size_t line_number = 0;
    std::string text;
};

std::vector<Entry> read_entries(const std::filesystem::path& file) {
    std::ifstream in{file};
    if (!in) {
        throw std::runtime_error("cannot open " + file.string());
    }
    std::vector<Entry> entries;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        if (line.starts_with('#')) {
            continue;
        }
        if (line.starts_with(' ') && !entries.empty()) {
            entries.back().text += line;
        } else {
            entries.push_back({number, line});
        }
    }
    entries.push_back({0, ""});  // ends the last block
    return entries;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        if (text.empty()) {
            return words;
        }
        const std::string_view word = text.substr(0, text.find(' '));
        words.emplace_back(word);
        text.remove_prefix(word.size());
    }
}

std::vector<std::byte> parse_bytes(std::string_view notation) {
    return Notation{notation}.all();
}

std::vector<Vector> load_vectors(const std::filesystem::path& file) {
    std::vector<Vector> vectors;
    std::optional<Vector> open;
    for (const auto& [line_number, text] : read_entries(file)) {
        if (text.empty()) {
            if (open) {
                vectors.push_back(std::move(*open));
                open.reset();
            }
            continue;
        }
        if (!open) {
            open.emplace();
        }
        const std::size_t space = text.find(' ');
        const std::size_t value = text.find_first_not_of(' ', space);
        try {
            set(*open, text.substr(0, space),
                value == std::string::npos ? "" : std::string_view{text}.substr(value));
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(file.string() + ":" + std::to_string(line_number) + ": " +
                                     error.what());
        }
    }
    return vectors;
}

std::vector<Vector> load_all_vectors() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(MARTLET_SOURCE_DIR "/tests/vectors")) {
        if (entry.path().extension() == ".txt") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<Vector> all;
    for (const auto& file : files) {
        std::vector<Vector> loaded = load_vectors(file);
        std::move(loaded.begin(), loaded.end(), std::back_inserter(all));
    }
    return all;
}

}  // namespace martlet::testing
