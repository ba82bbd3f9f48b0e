#include "server/security/passwd_tool.hpp"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/security/crypto.hpp"
#include "server/security/password_file.hpp"
#include "server/security/password_hash.hpp"
#include "server/security/scram_credentials.hpp"
#include "server/security/user_lines.hpp"

namespace martlet::security {

namespace {

constexpr std::string_view usage =
    "Usage: martlet passwd [-c] [-H HASH | --scram] FILE USER        asks for the password\n"
    "       martlet passwd [-c] [-H HASH | --scram] -b FILE USER PASSWORD\n"
    "       martlet passwd -D FILE USER\n"
    "       martlet passwd [-H HASH] -U FILE\n"
    "\n"
    "  -b       takes the password from the command line, where others may see it\n"
    "  -c       begins a new file, in place of the one that may be there\n"
    "  -D       removes the user\n"
    "  -H HASH  argon2id (default), or sha512-pbkdf2, which mosquitto 2.0 reads too\n"
    "  -U       hashes the passwords that are in the clear in FILE\n"
    "  --scram  a line for scram_file instead of one for password_file\n";

constexpr std::size_t password_size_max = 65'535;
constexpr std::uint32_t scram_iterations = 15'000;
constexpr std::size_t scram_salt_size = 16;

struct Task {
    bool creates = false;
    bool is_batch = false;
    bool removes = false;
    bool upgrades = false;
    bool is_scram = false;
    PasswordScheme scheme = PasswordScheme::argon2id;
    std::string file{};
    std::string user{};
    std::string password{};  // of -b
};

int complain(std::string_view text) {
    fmt::print(stderr, "Error: {}\n", text);
    return 1;
}

// Nothing: the option is unknown or has no good value.
bool take_option(Task& task, std::span<const std::string_view>& rest) {
    const std::string_view option = rest.front();
    rest = rest.subspan(1);
    if (option == "-c") {
        task.creates = true;
    } else if (option == "-b") {
        task.is_batch = true;
    } else if (option == "-D") {
        task.removes = true;
    } else if (option == "-U") {
        task.upgrades = true;
    } else if (option == "--scram") {
        task.is_scram = true;
    } else if (option == "-H" && !rest.empty()) {
        const std::string_view name = rest.front();
        rest = rest.subspan(1);
        if (name != "argon2id" && name != "sha512-pbkdf2") {
            return false;
        }
        task.scheme = name == "argon2id" ? PasswordScheme::argon2id : PasswordScheme::pbkdf2_sha512;
    } else {
        return false;
    }
    return true;
}

std::optional<Task> read_task(std::span<const std::string_view> rest) {
    Task task;
    // Where one file is named, what follows is a user or a password, whatever it begins with.
    while (!rest.empty() && rest.front().starts_with('-')) {
        if (!take_option(task, rest)) {
            return std::nullopt;
        }
    }
    const bool is_one_task =
        !(task.removes && (task.creates || task.is_batch)) &&
        !(task.upgrades && (task.creates || task.is_batch || task.removes || task.is_scram));
    const std::size_t expected = task.upgrades ? 1 : task.is_batch ? 3 : 2;
    if (!is_one_task || rest.size() != expected) {
        return std::nullopt;
    }
    task.file = rest[0];
    task.user = expected > 1 ? rest[1] : std::string_view{};
    task.password = expected > 2 ? rest[2] : std::string_view{};
    return task;
}

// Does not show what is typed, while it exists.
class Silence {
public:
    Silence() {
        is_terminal_ = tcgetattr(STDIN_FILENO, &before_) == 0;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (is_terminal_) {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        }
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    ~Silence() {
        if (is_terminal_) {
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }

private:
    termios before_{};
    bool is_terminal_ = false;
};

// One line of standard input, without its end.
std::string read_line() {
    std::string line;
    for (int character = std::getchar(); character != EOF && character != '\n';
         character = std::getchar()) {
        line += static_cast<char>(character);
    }
    return line;
}

std::string ask(std::string_view prompt) {
    // Before the prompt: it shows from when on what is typed is hidden, and kept.
    const Silence silence;
    fmt::print(stderr, "{}", prompt);
    std::string password = read_line();
    fmt::print(stderr, "\n");
    return password;
}

// What is wrong instead, as the second.
std::pair<std::string, std::string_view> obtain_password(Task& task) {
    std::string password;
    if (task.is_batch) {
        password = std::exchange(task.password, {});
    } else if (isatty(STDIN_FILENO) == 1) {
        password = ask("Password: ");
        std::string again = ask("Reenter password: ");
        const bool is_same = password == again;
        wipe(again);
        if (!is_same) {
            return {{}, "the passwords differ"};
        }
    } else {
        password = read_line();
    }
    if (password.empty()) {
        return {{}, "the password is empty"};
    }
    if (password.size() > password_size_max) {
        return {{}, "the password is longer than what MQTT has room for, 65535 bytes"};
    }
    return {std::move(password), std::string_view{}};
}

std::string make_line(const Task& task, std::string_view password) {
    if (task.is_scram) {
        return to_line(task.user, make_scram_credentials(password, random_bytes(scram_salt_size),
                                                         scram_iterations));
    }
    return task.user + ":" + make_password_hash(task.scheme, password);
}

// The beginning of a line would be read as something else.
std::string_view why_no_user(std::string_view user) {
    if (user.find(':') != std::string_view::npos) {
        return "a colon in the user name, where it ends in the file";
    }
    if (user.starts_with('#')) {
        return "a user name that begins with #, as comments do in the file";
    }
    if (without_blanks(user) != user) {
        return "blanks around the user name, which are lost in the file";
    }
    return why_no_user_name(user);
}

std::string hash_line(const Task& task, std::string_view line, std::size_t& changed) {
    const std::size_t colon = line.find(':');
    const std::string_view password = without_blanks(line.substr(colon + 1));
    if (password.empty() || looks_like_password_hash(password)) {
        return std::string(line);
    }
    ++changed;
    return std::string(line.substr(0, colon + 1)) + make_password_hash(task.scheme, password);
}

int upgrade(const Task& task, UserLines& lines) {
    std::size_t changed = 0;
    lines.for_each_user(
        [&](std::string_view line) { return std::optional(hash_line(task, line, changed)); });
    if (changed == 0) {
        return 0;
    }
    const std::string problem = replace_file(task.file, lines.text());
    return problem.empty() ? 0 : complain(fmt::format("{}: {}", task.file, problem));
}

int edit(Task& task, UserLines& lines) {
    if (const std::string_view why = why_no_user(task.user); !why.empty()) {
        return complain(why);
    }
    if (task.removes) {
        if (!lines.remove(task.user)) {
            return complain(fmt::format("{}: no user {}", task.file, in_quotes(task.user)));
        }
    } else {
        auto [password, problem] = obtain_password(task);
        if (!problem.empty()) {
            return complain(problem);
        }
        lines.set(task.user, make_line(task, password));
        wipe(password);
    }
    const std::string problem = replace_file(task.file, lines.text());
    return problem.empty() ? 0 : complain(fmt::format("{}: {}", task.file, problem));
}

}  // namespace

int run_passwd_tool(std::span<const std::string_view> arguments) {
    auto task = read_task(arguments);
    if (!task) {
        fmt::print(stderr, "{}", usage);
        return 2;
    }
    std::string text;
    if (!task->creates) {
        auto read = read_whole_file(task->file);
        if (const auto* fault = std::get_if<FileFault>(&read)) {
            return complain(
                fmt::format("{}: {}{}", task->file, fault->what,
                            task->removes || task->upgrades ? "" : "; -c begins a new file"));
        }
        text = std::get<std::string>(std::move(read));
    }
    UserLines lines(text);
    return task->upgrades ? upgrade(*task, lines) : edit(*task, lines);
}

}  // namespace martlet::security
