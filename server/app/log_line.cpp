#include "server/app/log_line.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "server/app/printable.hpp"

namespace martlet::app {

namespace {

using std::chrono::system_clock;

std::string format_time(const std::string& format, const std::tm& time) {
    std::array<char, 256> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), format.c_str(), &time);
    return {text.data(), length};
}

// Local time, or seconds since the epoch, as mosquitto has it.
std::string text_time(const LogConfig& config, system_clock::time_point time) {
    const std::time_t seconds = system_clock::to_time_t(time);
    if (config.timestamp_format.empty()) {
        return fmt::format("{}", seconds);
    }
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return format_time(config.timestamp_format, parts);
}

// RFC 3339 in UTC: what programs that read JSON logs agree on.
std::string json_time(system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time - seconds).count();
    const std::time_t seconds_since_epoch = system_clock::to_time_t(seconds);
    std::tm parts{};
    gmtime_r(&seconds_since_epoch, &parts);
    return fmt::format("{}.{:03}Z", format_time("%Y-%m-%dT%H:%M:%S", parts), milliseconds);
}

// At most log_message_bytes_max bytes, not cut within a UTF-8 sequence.
std::string_view shortened(std::string_view message) {
    if (message.size() <= log_message_bytes_max) {
        return message;
    }
    std::size_t end = log_message_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0U) == 0x80U) {
        --end;
    }
    return message.substr(0, end);
}

std::string_view text_prefix(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return "Error: ";
        case LogLevel::warning:
            return "Warning: ";
        case LogLevel::notice:
        case LogLevel::information:
        case LogLevel::debug:
        case LogLevel::subscribe:
        case LogLevel::unsubscribe:
        case LogLevel::websockets:
        case LogLevel::internal:
            break;
    }
    return "";
}

void append_field(std::string& text, std::string_view name, std::string_view value) {
    if (value.empty()) {
        return;
    }
    text += fmt::format("{}\"{}\":\"", text.size() > 1 ? "," : "", name);
    append_json(text, value);
    text += '"';
}

LogLine make_json_line(const LogConfig& config, const LogEventView& event) {
    LogLine line{.level = event.level, .text = "{"};
    if (config.timestamp) {
        append_field(line.text, "time", json_time(event.time));
    }
    append_field(line.text, "level", to_string(event.level));
    const std::string_view message = shortened(event.message);
    append_field(line.text, "message",
                 message.size() == event.message.size() ? std::string{message}
                                                        : std::string{message} + "...");
    append_field(line.text, "client_id", event.fields.client_id);
    append_field(line.text, "address", event.fields.peer);
    append_field(line.text, "user", event.fields.user_name);
    append_field(line.text, "reason", event.fields.reason);
    line.text += "}\n";
    return line;
}

}  // namespace

LogLine make_log_line(const LogConfig& config, const LogEventView& event) {
    if (config.json) {
        return make_json_line(config, event);
    }
    LogLine line{.level = event.level};
    if (config.timestamp) {
        // The format is the operator's and may hold anything strftime lets pass.
        append_printable(line.text, text_time(config, event.time));
        line.text += ": ";
    }
    line.message_offset = line.text.size();
    line.text += text_prefix(event.level);
    const std::string_view message = shortened(event.message);
    append_printable(line.text, message);
    line.text += message.size() == event.message.size() ? "\n" : "...\n";
    return line;
}

}  // namespace martlet::app
