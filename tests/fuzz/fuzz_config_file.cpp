// Configuration files: whatever the text, each problem is one printable line that names its place,
// and a file without problems gives a configuration a server can be built from.
#include "server/app/config_file.hpp"

#include "server/app/printable.hpp"
#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::app;

namespace {

void check_line(const std::string& line) {
    FUZZ_CHECK(line.starts_with("fuzz.conf") || line.starts_with("-p: "));
    for (const char character : line) {
        FUZZ_CHECK(!is_control(character));
    }
}

void check_listener(const ListenerConfig& listener) {
    FUZZ_CHECK((listener.port == 0) == !listener.unix_path.empty());
    FUZZ_CHECK(listener.qos_max <= 2);
    FUZZ_CHECK(!listener.auto_id_prefix.empty());
    if (listener.tls) {
        FUZZ_CHECK(!listener.tls->certfile.empty());
        FUZZ_CHECK(!listener.tls->keyfile.empty());
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = martlet::fuzz::text_of(data, size);
    // It would read whatever directory the input happens to name.
    if (text.find("include_dir") != std::string_view::npos) {
        return 0;
    }
    const ConfigResult result = parse_config(text, "fuzz.conf", {.ports = {1883}});
    for (const std::string& error : result.errors) {
        check_line(error);
    }
    for (const std::string& notice : result.notices) {
        check_line(notice);
    }
    if (result.is_ok()) {
        FUZZ_CHECK(!result.config.listeners.empty());
        for (const ListenerConfig& listener : result.config.listeners) {
            check_listener(listener);
        }
    }
    return 0;
}
