#include "server/app/service_manager.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "tests/support/temporary_directory.hpp"

using martlet::app::ServiceManager;
using martlet::tests::TemporaryDirectory;

namespace {

// The manager's end.
class Listening {
public:
    explicit Listening(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening() { ::close(socket_); }

    std::string next() const {
        std::array<char, 512> text{};
        const ssize_t size = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
        return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
    }

private:
    int socket_;
};

}  // namespace

TEST_CASE("service manager: is told of the start and the end and of each reload") {
    const TemporaryDirectory directory;
    const std::string path = directory.path().string() + "/notify";
    const Listening listening(path);
    const ServiceManager manager(path);
    CHECK(manager.say_ready("serving"));
    CHECK(listening.next() == "READY=1\nSTATUS=serving\n");
    CHECK(manager.say_reloading());
    CHECK(listening.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(manager.say_alive());
    CHECK(listening.next() == "WATCHDOG=1\n");
    CHECK(manager.say_stopping());
    CHECK(listening.next() == "STOPPING=1\n");
}

TEST_CASE("service manager: nobody to be told is fine and one who does not listen is not") {
    CHECK(ServiceManager("").say_ready("serving"));
    const TemporaryDirectory directory;
    CHECK_FALSE(ServiceManager(directory.path().string() + "/nobody").say_ready("serving"));
    CHECK_FALSE(ServiceManager(std::string(200, 'x')).say_ready("serving"));
}
