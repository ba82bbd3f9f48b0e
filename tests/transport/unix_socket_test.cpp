// Unix sockets: their files, who is served there, what is left behind.
#include "server/transport/unix_socket.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.hpp"
#include "tests/transport/packets.hpp"
#include "tests/transport/raw_client.hpp"
#include "tests/transport/test_broker.hpp"

namespace martlet::transport::tests {

namespace {

class Place {
public:
    std::string path() const { return (directory_.path() / "broker.sock").string(); }
    bool has_socket() const {
        return std::filesystem::is_socket(std::filesystem::symlink_status(path()));
    }
    TransportOptions options(core::ShardIndex shards) const {
        TransportOptions options = test_options(shards);
        options.listeners[0].bind.unix_path = path();
        return options;
    }
    RawClient connect() const {
        OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const timeval patience{10, 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string name = path();
        std::copy(name.begin(), name.end(), address.sun_path);
        const bool is_connected =
            ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
            0;
        return RawClient(is_connected ? std::move(socket) : OwnedFd());
    }

private:
    martlet::tests::TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("unix socket: clients are served on every shard and known by the path") {
    const Place place;
    {
        TestBroker broker(place.options(3));
        REQUIRE(!broker.error());
        CHECK(place.has_socket());
        for (int i = 0; i < 8; ++i) {
            RawClient client = place.connect();
            const std::string id = "c" + std::to_string(i);
            CHECK(client.exchange(connect(id) + pingreq, 6) == connack + pingresp);
        }
        CHECK(broker.transport().transport_counters().handed_over > 0);
        CHECK(broker.access().peers() == std::vector<std::string>(8, "unix:" + place.path()));
    }
    CHECK(!std::filesystem::exists(place.path()));
}

TEST_CASE("unix socket: the file has the rights it is to have") {
    const Place place;
    for (const std::uint32_t mode : {0600U, 0660U, 0777U}) {
        const UnixSocket bound = bind_unix_socket(place.path(), mode);
        REQUIRE(bound.error == "");
        struct stat status {};
        REQUIRE(::stat(place.path().c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == mode);
    }
    CHECK(!place.has_socket());
}

TEST_CASE("unix socket: one that nobody listens on any more is cleared away") {
    const Place place;
    {
        // Bound and forgotten, as by a process that was killed.
        UnixSocket left = bind_unix_socket(place.path(), {});
        REQUIRE(left.error == "");
        std::filesystem::rename(place.path(), place.path() + ".kept");
        left.file.remove();
        std::filesystem::rename(place.path() + ".kept", place.path());
    }
    REQUIRE(place.has_socket());
    TestBroker broker(place.options(1));
    REQUIRE(!broker.error());
    CHECK(place.connect().exchange(connect("a"), 4) == connack);
}

TEST_CASE("unix socket: a path that is taken is told and left alone") {
    const Place place;
    TestBroker first(place.options(1));
    REQUIRE(!first.error());
    TestBroker second(place.options(1));
    REQUIRE(second.error());
    CHECK(*second.error() == place.path() + ": Address already in use");
    CHECK(place.connect().exchange(connect("a"), 4) == connack);
}

TEST_CASE("unix socket: what is no socket is never removed") {
    const Place place;
    std::ofstream(place.path()) << "precious";
    CHECK(bind_unix_socket(place.path(), {}).error == place.path() + ": File exists");
    CHECK(std::filesystem::file_size(place.path()) == 8);
    CHECK(bind_unix_socket("/no/such/directory/x", {}).error ==
          "/no/such/directory/x: No such file or directory");
}

TEST_CASE("unix socket: a file that took its place outlives the broker") {
    const Place place;
    {
        TestBroker broker(place.options(1));
        REQUIRE(!broker.error());
        std::filesystem::remove(place.path());
        std::ofstream(place.path()) << "other";
    }
    CHECK(std::filesystem::exists(place.path()));
}

}  // namespace martlet::transport::tests
