#include "server/app/init_tool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "server/app/config_values.hpp"
#include "server/security/certificate_maker.hpp"
#include "server/security/crypto.hpp"
#include "server/security/password_hash.hpp"

namespace martlet::app {

namespace {

constexpr std::string_view usage =
    "Usage: martlet init [--host NAME]... [--user NAME] [--data DIR] DIR\n"
    "\n"
    "Makes DIR with a configuration, certificates, a password file and an access list.\n"
    "\n"
    "  --host NAME   a name or address clients will use for this machine; may be repeated;\n"
    "                the machine's own name and localhost are always among them\n"
    "  --user NAME   the first user; martlet if not given\n"
    "  --data DIR    where the broker is to keep its data; DIR/data if not given\n";

// Ten years for the authority, which is installed on clients; for the server as long as clients
// that follow the rules of the web accept.
constexpr int authority_days = 3650;
constexpr int server_days = 397;

constexpr mode_t for_owner = 0600;
constexpr mode_t for_everybody = 0644;

struct Request {
    std::filesystem::path directory;
    std::filesystem::path data;  // empty: in there
    std::string user = "martlet";
    security::ServerNames names;
};

bool is_address(const std::string& name) {
    return name.find(':') != std::string::npos ||
           name.find_first_not_of("0123456789.") == std::string::npos;
}

void add_name(security::ServerNames& names, const std::string& name) {
    (is_address(name) ? names.addresses : names.dns).push_back(name);
}

std::string own_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.find_first_of(":+#/ \t\r\n") == std::string_view::npos;
}

Request read_arguments(std::span<const std::string_view> arguments) {
    Request request;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "--host" || word == "--user") {
            if (i + 1 == arguments.size() || !is_plain_name(arguments[i + 1])) {
                throw std::runtime_error(fmt::format("{}: expected a name", word));
            }
            const std::string value(arguments[++i]);
            if (word == "--user") {
                request.user = value;
            } else {
                add_name(request.names, value);
            }
        } else if (word == "--data") {
            if (i + 1 == arguments.size() || !arguments[i + 1].starts_with('/')) {
                throw std::runtime_error("--data: expected a directory by its whole path");
            }
            request.data = arguments[++i];
        } else if (word.starts_with('-') || !request.directory.empty() || word.empty()) {
            throw std::runtime_error(
                fmt::format("{} is not understood, expected one directory", in_quotes(word)));
        } else {
            request.directory = word;
        }
    }
    if (request.directory.empty()) {
        throw std::runtime_error("no directory given");
    }
    if (const std::string name = own_name(); is_plain_name(name) && name != "localhost") {
        add_name(request.names, name);
    }
    add_name(request.names, "localhost");
    add_name(request.names, "127.0.0.1");
    request.names.addresses.emplace_back("::1");
    return request;
}

// Nothing that is there is ever written over: a second authority would lock out the clients of the
// first.
void write_new(const std::filesystem::path& path, std::string_view text, mode_t mode) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool is_written = file >= 0;
    while (is_written && !text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        is_written = written > 0;
        text.remove_prefix(is_written ? static_cast<std::size_t>(written) : 0);
    }
    is_written = is_written && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) {
        ::close(file);
    }
    if (!is_written) {
        throw std::runtime_error(fmt::format("cannot write {}: {}", path.string(),
                                             std::generic_category().message(error)));
    }
}

void make_directory(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::filesystem::is_empty(path, error)) {
        throw std::runtime_error(
            fmt::format("{} is there already and not empty, expected a new directory",
                        in_quotes(path.string())));
    }
    std::filesystem::create_directories(path, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("cannot make {}: {}", in_quotes(path.string()), error.message()));
    }
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
}

// 128 bits in letters and digits that no shell minds.
std::string random_password() {
    std::string password = security::to_base64(security::random_bytes(16));
    for (char& c : password) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    while (password.ends_with('=')) {
        password.pop_back();
    }
    // A program might take it for an option.
    if (password.starts_with('-')) {
        password.front() = 'm';
    }
    return password;
}

std::string configuration(const std::string& directory, const std::string& data) {
    return fmt::format(
        "# Made by `martlet init`. The keys are those of mosquitto.conf(5).\n"
        "\n"
        "persistence_location {1}\n"
        "password_file {0}/passwords\n"
        "acl_file {0}/acl\n"
        "\n"
        "# TLS, for clients from anywhere.\n"
        "listener 8883\n"
        "certfile {0}/server.crt\n"
        "keyfile {0}/server.key\n"
        "\n"
        "# Without TLS, for clients on this machine.\n"
        "listener 1883 127.0.0.1\n",
        directory, data);
}

std::string access_list(const std::string& user) {
    return fmt::format(
        "# Who may do what; whatever is not permitted here is refused. See mosquitto.conf(5).\n"
        "\n"
        "user {}\n"
        "topic readwrite #\n"
        "topic read $SYS/#\n"
        "\n"
        "# Everybody else has topics of their own: devices/USER/...\n"
        "pattern readwrite devices/%u/#\n",
        user);
}

std::string lines_to_try(const Request& request, const std::string& directory,
                         const std::string& password) {
    const std::string host = request.names.dns.front();
    const std::string client = fmt::format("-h {} -p 8883 --cafile {}/ca.crt -u {} -P {}", host,
                                           directory, request.user, password);
    return fmt::format(
        "Made {0}: its own authority (ca.crt), a server certificate, a password file, an access\n"
        "list and martlet.conf. The password of {1} is {2}\n"
        "and is written nowhere else.\n"
        "\n"
        "Start it:        martlet -c {0}/martlet.conf\n"
        "Listen:          mosquitto_sub {3} -t 'a/#' -v\n"
        "Speak:           mosquitto_pub {3} -t a/b -m hi\n"
        "Another user:    martlet passwd {0}/passwords NAME\n"
        "Clients need     {0}/ca.crt\n"
        "and ca.key, which signs, is best kept elsewhere.\n",
        directory, request.user, password, client);
}

void make_installation(const Request& request) {
    make_directory(request.directory);
    const std::filesystem::path directory = std::filesystem::canonical(request.directory);
    const std::filesystem::path data = request.data.empty() ? directory / "data" : request.data;
    const auto authority =
        security::make_authority(fmt::format("Martlet CA of {}", own_name()), authority_days);
    const auto server = security::make_server_certificate(authority, request.names, server_days);
    const std::string password = random_password();
    write_new(directory / "ca.key", authority.key, for_owner);
    write_new(directory / "ca.crt", authority.certificate, for_everybody);
    write_new(directory / "server.key", server.key, for_owner);
    write_new(directory / "server.crt", server.certificate, for_everybody);
    write_new(
        directory / "passwords",
        fmt::format("{}:{}\n", request.user,
                    security::make_password_hash(security::PasswordScheme::argon2id, password)),
        for_owner);
    write_new(directory / "acl", access_list(request.user), for_owner);
    write_new(directory / "martlet.conf", configuration(directory.string(), data.string()),
              for_owner);
    std::fputs(lines_to_try(request, directory.string(), password).c_str(), stdout);
}

}  // namespace

int run_init_tool(std::span<const std::string_view> arguments) {
    for (const std::string_view word : arguments) {
        if (word == "-h" || word == "--help") {
            std::fputs(std::string(usage).c_str(), stdout);
            return 0;
        }
    }
    try {
        make_installation(read_arguments(arguments));
        return 0;
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "Error: %s\n", error.what());
        return 1;
    }
}

}  // namespace martlet::app
