#include "server/security/listener_access.hpp"

#include <doctest/doctest.h>

using martlet::core::ConnectionInfo;
using martlet::protocol::ConnectView;
using martlet::protocol::ReasonCode;
using martlet::security::ListenerAccess;

namespace {

ConnectionInfo on_listener(std::uint16_t listener, std::string certificate_name = {}) {
    ConnectionInfo info;
    info.listener = listener;
    info.certificate_name = std::move(certificate_name);
    return info;
}

}  // namespace

TEST_CASE("listener access: anonymous clients get in only where the listener permits them") {
    ListenerAccess access({{true, false}, {false, false}});
    ConnectView connect;
    CHECK(access.authenticate(connect, on_listener(0), {})->reason == ReasonCode::success);
    CHECK(access.authenticate(connect, on_listener(1), {})->reason == ReasonCode::not_authorized);
}

TEST_CASE("listener access: a user name that nobody can check is refused or is no identity") {
    ListenerAccess access({{true, false}, {false, false}});
    ConnectView connect;
    connect.user_name = "joe";
    CHECK(access.authenticate(connect, on_listener(0), {})->identity.user_name.empty());
    CHECK(access.authenticate(connect, on_listener(1), {})->reason ==
          ReasonCode::bad_user_name_or_password);
}

TEST_CASE("listener access: the certificate's name is the user name whatever CONNECT says") {
    ListenerAccess access({{true, true}});
    ConnectView connect;
    connect.user_name = "somebody else";
    const auto result = access.authenticate(connect, on_listener(0, "device-7"), {});
    CHECK(result->reason == ReasonCode::success);
    CHECK(result->identity.user_name == "device-7");
    CHECK(access.authenticate(connect, on_listener(0), {})->reason ==
          ReasonCode::bad_user_name_or_password);
}
