// The access control of a shard as a whole: who is let in by what, what it costs, what a reload
// changes.
#include "server/security/shard_access.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "server/security/crypto.hpp"
#include "server/security/scram.hpp"

using namespace martlet;
using namespace martlet::security;
using namespace std::chrono_literals;
using protocol::ReasonCode;

namespace {

constexpr std::string_view hash_of_password =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
constexpr std::string_view hash_of_secret =
    "$7$101$fz0H8FYOBTz4/31O$0poe8tVM3S4WdOMaaJ/YcSUxDBIVx7vMzYfL/BBtcs+d7RrlHTYltY3U+LBjtV+"
    "APooivkVHQFzIkzmFrQUSeg==";
constexpr std::string_view token_secret = "a secret of thirty-two bytes, or more";

std::shared_ptr<const PasswordFile> passwords(const std::string& text) {
    return std::make_shared<const PasswordFile>(std::get<PasswordFile>(parse_password_file(text)));
}

std::shared_ptr<const Acl> acl(std::string_view text) {
    return std::make_shared<const Acl>(std::get<AclFile>(parse_acl_file(text)));
}

std::shared_ptr<const TokenVerifier> tokens(std::string_view secret = token_secret) {
    return std::make_shared<const TokenVerifier>(
        std::get<TokenKey>(TokenKey::parse(TokenAlgorithm::hs256, secret)),
        TokenVerifier::Expectations{});
}

std::string base64url(std::string_view text) {
    std::string made = to_unpadded_base64(text);
    for (char& character : made) {
        character = character == '+' ? '-' : character == '/' ? '_' : character;
    }
    return made;
}

std::string token(std::string_view claims) {
    const std::string text = base64url(R"({"alg":"HS256"})") + "." + base64url(claims);
    return text + "." + base64url(as_text(hmac_sha256(token_secret, text)));
}

std::string users(std::string_view joe = hash_of_password) {
    return "joe:" + std::string(joe) + "\nann:" + std::string(hash_of_secret) + "\n";
}

// One shard with its services, whose workers are waited for.
class Fixture : public AccessLog {
public:
    explicit Fixture(ListenerPolicy policy, std::size_t waiting_max = 100)
        : services(make_setup(waiting_max)), access(0, services, make_rules({std::move(policy)})) {
        info.peer = "192.0.2.1:5000";
    }
    ~Fixture() override { services.stop(); }

    std::shared_ptr<const AccessRules> make_rules(std::vector<ListenerPolicy> policies) {
        AccessSetup setup;
        setup.listeners = std::move(policies);
        setup.scram_users.emplace("scram", make_scram_credentials("pencil", "salt", 4096));
        setup.bans = {3, 60s};
        return make_access_rules(std::move(setup), services.verified());
    }

    // Decided at once, or nothing.
    std::optional<core::AuthenticationResult> begin(std::optional<std::string_view> user,
                                                    std::optional<std::string_view> password) {
        protocol::ConnectView connect;
        connect.user_name = user;
        if (password) {
            connect.password = protocol::as_bytes(*password);
        }
        return access.authenticate(connect, info, {1, 1});
    }

    core::AuthenticationResult login(std::optional<std::string_view> user,
                                     std::optional<std::string_view> password) {
        if (auto decided = begin(user, password)) {
            return *decided;
        }
        std::unique_lock lock(mutex_);
        delivered_.wait(lock, [this] { return result_.has_value(); });
        return *std::exchange(result_, std::nullopt);
    }

    void on_banned(std::string_view, std::uint32_t, core::Duration) override { ++bans_logged; }

    core::ConnectionInfo info;
    core::Instant now{1000s};
    int bans_logged = 0;
    AccessServices services;
    ShardAccess access;

private:
    AccessServicesSetup make_setup(std::size_t waiting_max) {
        AccessServicesSetup setup;
        setup.logins_waiting_max = waiting_max;
        setup.deliver = [this](core::ShardIndex, core::ConnectionId,
                               core::AuthenticationResult result) {
            const std::lock_guard lock(mutex_);
            result_ = std::move(result);
            delivered_.notify_all();
        };
        setup.clock = [this] { return now; };
        setup.wall_clock = [] { return std::chrono::system_clock::time_point(2'000'000'000s); };
        setup.log = this;
        return setup;
    }

    std::mutex mutex_;
    std::condition_variable delivered_;
    std::optional<core::AuthenticationResult> result_;
};

}  // namespace

TEST_CASE("shard access: anonymous clients get in only where the listener permits them") {
    CHECK(Fixture({.allow_anonymous = true}).login({}, {}).reason == ReasonCode::success);
    CHECK(Fixture({}).login({}, {}).reason == ReasonCode::not_authorized);
}

TEST_CASE("shard access: a user name that nobody can check is refused or is no identity") {
    CHECK(Fixture({.allow_anonymous = true}).login("joe", "x").identity.user_name.empty());
    CHECK(Fixture({}).login("joe", "x").reason == ReasonCode::bad_user_name_or_password);
}

TEST_CASE("shard access: the certificate's name is the user name whatever CONNECT says") {
    Fixture broker(
        {.allow_anonymous = true, .certificate_names_user = true, .passwords = passwords(users())});
    broker.info.certificate_name = "device-7";
    CHECK(broker.login("joe", "password").identity.user_name == "device-7");
    broker.info.certificate_name.clear();
    CHECK(broker.login("joe", "password").reason == ReasonCode::bad_user_name_or_password);
}

TEST_CASE("shard access: where a certificate is optional those without one log in otherwise") {
    Fixture broker({.certificate_names_user = true,
                    .certificate_is_optional = true,
                    .passwords = passwords(users())});
    const core::Identity joe = broker.login("joe", "password").identity;
    CHECK(joe.user_name == "joe");
    CHECK(broker.access.may_stay(joe, broker.info));
    CHECK(broker.login({}, {}).reason == ReasonCode::not_authorized);
    CHECK(broker.access.begin_exchange(scram_sha_256, broker.info, {}) != nullptr);
    broker.info.certificate_name = "device-7";
    CHECK(broker.login("joe", "password").identity.user_name == "device-7");
    CHECK(!broker.access.may_stay(joe, broker.info));
    CHECK(broker.access.begin_exchange(scram_sha_256, broker.info, {}) == nullptr);
}

TEST_CASE("shard access: users of a password file get in with their password alone") {
    Fixture broker({.allow_anonymous = true, .passwords = passwords(users())});
    CHECK(broker.login("joe", "password").identity.user_name == "joe");
    CHECK(broker.login("ann", "secret").identity.user_name == "ann");
    CHECK(broker.login({}, {}).identity.user_name.empty());
    broker.info.peer = "127.0.0.1:5000";  // not banned
    for (const auto& login :
         {std::pair{"joe", "secret"}, std::pair{"nobody", "password"}, std::pair{"", "password"}}) {
        CAPTURE(login.first);
        const auto result = broker.login(login.first, login.second);
        CHECK(result.reason == ReasonCode::not_authorized);
        CHECK(result.what == "wrong user name or password");
    }
    CHECK(broker.login("joe", {}).reason == ReasonCode::not_authorized);
    CHECK(broker.login({}, "password").reason == ReasonCode::not_authorized);
    CHECK(broker.services.counters().failed_logins == 5);
}

TEST_CASE("shard access: a password is hashed once and a line that changes forgets it") {
    Fixture broker({.passwords = passwords(users())});
    CHECK(!broker.begin("joe", "password").has_value());
    CHECK(broker.login("joe", "password").reason == ReasonCode::success);
    CHECK(broker.begin("joe", "password")->reason == ReasonCode::success);
    CHECK(!broker.begin("joe", "other").has_value());
    broker.access.set_rules(broker.make_rules({{.passwords = passwords(users(hash_of_secret))}}));
    CHECK(!broker.begin("joe", "password").has_value());
}

TEST_CASE("shard access: when too many logins wait the next is told that the server is busy") {
    Fixture broker({.passwords = passwords(users())}, 0);
    CHECK(broker.begin("joe", "password")->reason == ReasonCode::server_busy);
    CHECK(broker.services.counters().refused_busy == 1);
}

TEST_CASE("shard access: who fails too often is not listened to for a while") {
    Fixture broker({.allow_anonymous = true, .passwords = passwords(users())});
    for (int i = 0; i < 3; ++i) {
        CHECK(broker.login("joe", "wrong").reason == ReasonCode::not_authorized);
    }
    CHECK(broker.login("joe", "password").reason == ReasonCode::banned);
    CHECK(broker.login({}, {}).reason == ReasonCode::success);
    const auto exchange = broker.access.begin_exchange(scram_sha_256, broker.info, {});
    CHECK(exchange->step(std::nullopt)->reason == ReasonCode::banned);
    CHECK(broker.bans_logged == 1);
    CHECK(broker.services.counters().bans == 1);
    CHECK(broker.services.counters().refused_banned == 2);
    broker.now += 61s;
    CHECK(broker.login("joe", "password").reason == ReasonCode::success);
}

TEST_CASE("shard access: tokens go before passwords and what is none is a password") {
    Fixture broker({.passwords = passwords(users()), .tokens = tokens()});
    const auto result = broker.login("", token(R"({"sub":"meter","exp":2000000100})"));
    CHECK(result.identity.user_name == "meter");
    CHECK(result.valid_for == 100s + token_leeway);
    CHECK(broker.login("meter", token(R"({"sub":"meter","exp":2000000100})")).reason ==
          ReasonCode::success);
    CHECK(broker.login("joe", token(R"({"sub":"meter","exp":2000000100})")).reason ==
          ReasonCode::not_authorized);
    CHECK(broker.login("meter", token(R"({"sub":"meter","exp":1})")).what ==
          "the token has expired");
    CHECK(broker.login("joe", "password").reason == ReasonCode::success);
    CHECK(broker.services.counters().failed_logins == 1);  // an expired token is no guess
}

TEST_CASE("shard access: an access list and a token must both permit") {
    Fixture broker({.tokens = tokens(), .acl = acl("pattern a/%u/#\npattern read b\n")});
    const std::string text =
        token(R"({"sub":"m","exp":2000000100,"publ":["a/m/out","c"],"subs":["a/#","b"]})");
    const core::Identity identity = broker.login({}, text).identity;
    const ShardAccess& access = broker.access;
    CHECK(!access.permits_everything());
    CHECK(access.may_publish(identity, "c", "a/m/out"));
    CHECK(!access.may_publish(identity, "c", "a/m/in"));
    CHECK(!access.may_publish(identity, "c", "c"));
    CHECK(access.may_read(identity, "c", "a/m/x"));
    CHECK(!access.may_read(identity, "c", "a/n/x"));
    CHECK(access.may_subscribe(identity, "c", "#"));
    CHECK(!access.may_subscribe(identity, "c", "a/n/#"));
    CHECK(access.may_read_all(identity, "c", "a/m/#"));
    CHECK(!access.may_read_all(identity, "c", "a/#"));
    // A token without claims leaves it to the list.
    const core::Identity plain =
        broker.login({}, token(R"({"sub":"m","exp":2000000100})")).identity;
    CHECK(access.may_publish(plain, "c", "a/m/in"));
    CHECK(!access.may_publish(plain, "c", "b"));
}

TEST_CASE("shard access: each listener has its own list") {
    Fixture broker({});
    broker.access.set_rules(broker.make_rules({{.allow_anonymous = true, .acl = acl("topic a\n")},
                                               {.allow_anonymous = true, .acl = acl("topic b\n")},
                                               {.allow_anonymous = true}}));
    const auto identity_on = [&](std::uint16_t listener) {
        broker.info.listener = listener;
        return broker.login({}, {}).identity;
    };
    CHECK(broker.access.may_publish(identity_on(0), "c", "a"));
    CHECK(!broker.access.may_publish(identity_on(0), "c", "b"));
    CHECK(broker.access.may_publish(identity_on(1), "c", "b"));
    CHECK(broker.access.may_publish(identity_on(2), "c", "c"));
    // Restored, and its owner has not been here since: what any listener permits.
    CHECK(broker.access.may_publish({}, "c", "c"));
}

TEST_CASE("shard access: who may stay after a reload") {
    Fixture broker({.allow_anonymous = true, .passwords = passwords(users()), .tokens = tokens()});
    const core::Identity joe = broker.login("joe", "password").identity;
    const core::Identity ann = broker.login("ann", "secret").identity;
    const core::Identity anonymous = broker.login({}, {}).identity;
    const core::Identity meter =
        broker.login({}, token(R"({"sub":"meter","exp":2000000100})")).identity;
    const auto who_stays = [&](ListenerPolicy policy) {
        broker.access.set_rules(broker.make_rules({std::move(policy)}));
        std::string staying;
        for (const core::Identity* identity : {&joe, &ann, &anonymous, &meter}) {
            staying += broker.access.may_stay(*identity, broker.info) ? '1' : '0';
        }
        return staying;
    };
    CHECK(who_stays({.allow_anonymous = true,
                     .passwords = passwords("# moved\n" + users()),
                     .tokens = tokens()}) == "1111");
    CHECK(who_stays({.passwords = passwords(users(hash_of_secret)), .tokens = tokens()}) == "0101");
    CHECK(who_stays({.allow_anonymous = true,
                     .passwords = passwords(""),
                     .tokens = tokens("another secret of thirty-two bytes, or more")}) == "0010");
    CHECK(who_stays({.allow_anonymous = true}) == "0010");
    CHECK(who_stays({.allow_anonymous = true, .certificate_names_user = true}) == "0000");
    CHECK(!broker.access.may_stay({"joe", "no credential"}, broker.info));
}

TEST_CASE("shard access: a login that was decided before a reload must be good after it") {
    Fixture broker({.passwords = passwords(users())});
    const core::AuthenticationResult joe = broker.login("joe", "password");
    const core::AuthenticationResult wrong = broker.login("joe", "x");
    CHECK(broker.access.confirm(joe).reason == ReasonCode::success);
    CHECK(broker.access.confirm(wrong).what == wrong.what);
    broker.access.set_rules(broker.make_rules({{.passwords = passwords(users(hash_of_secret))}}));
    CHECK(broker.access.confirm(joe).reason == ReasonCode::not_authorized);
    CHECK(broker.access.confirm(joe).identity.user_name.empty());
}

TEST_CASE("shard access: SCRAM is offered where no certificate names the users") {
    Fixture broker({});
    CHECK(broker.access.begin_exchange("SCRAM-SHA-1", broker.info, {}) == nullptr);
    const auto first = broker.access.begin_exchange(scram_sha_256, broker.info, {});
    const auto second = broker.access.begin_exchange(scram_sha_256, broker.info, {});
    REQUIRE(first != nullptr);
    const auto hello = protocol::as_bytes("n,,n=scram,r=rOprNGfwEbeRWgbNEkqO");
    CHECK(first->step(hello)->data != second->step(hello)->data);  // the nonces differ
    broker.access.set_rules(broker.make_rules({{.certificate_names_user = true}}));
    CHECK(broker.access.begin_exchange(scram_sha_256, broker.info, {}) == nullptr);
}

TEST_CASE("verified passwords: the table is bounded and the oldest goes") {
    VerifiedPasswords verified(2);
    const auto digest = [&](std::string_view password) {
        return verified.digest("joe", password, "tag");
    };
    verified.add(digest("a"));
    verified.add(digest("a"));
    verified.add(digest("b"));
    verified.add(digest("c"));
    CHECK(!verified.contains(digest("a")));
    CHECK(verified.contains(digest("b")));
    CHECK(verified.contains(digest("c")));
    CHECK(digest("x") != VerifiedPasswords(2).digest("joe", "x", "tag"));
    CHECK(verified.digest("ab", "c", "") != verified.digest("a", "bc", ""));
}
