// Access lists: examples of what mosquitto's manual promises, and random lists against a reference
// that puts names into text and asks the reference matcher.
#include "server/security/acl.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "protocol/topic.hpp"
#include "server/security/topic_claims.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/random.hpp"
#include "tests/support/topics.hpp"

using namespace martlet;
using namespace martlet::security;

namespace {

Acl acl_of(std::string_view text) {
    return Acl(std::get<AclFile>(parse_acl_file(text)));
}

constexpr AclSubject joe{"joe", "meter"};
constexpr AclSubject anonymous{"", "meter"};

// The meaning, without any care for speed.
class Reference {
public:
    explicit Reference(const AclFile& file) : file_(file) {}

    bool permits(const AclSubject& subject, const std::string& topic, Rights right) const {
        Rights rights = 0;
        for (const AclRule& rule : own_rules(subject)) {
            rights = protocol::matches(rule.filter, topic) ? Rights(rights | rule.rights) : rights;
        }
        for (const AclRule& pattern : file_.patterns) {
            if (concerns(pattern, subject, topic)) {
                rights = Rights(rights | pattern.rights);
            }
        }
        return (rights & right) != 0 && (rights & right_denied) == 0;
    }

private:
    std::vector<AclRule> own_rules(const AclSubject& subject) const {
        if (subject.user_name.empty()) {
            return file_.anonymous;
        }
        const auto found = file_.users.find(subject.user_name);
        return found == file_.users.end() ? std::vector<AclRule>{} : found->second;
    }

    static bool is_bad(std::string_view name) {
        return name.find_first_of("+#/") != std::string_view::npos;
    }

    static bool concerns(const AclRule& pattern, const AclSubject& subject,
                         const std::string& topic) {
        if (topic.starts_with('$') && !pattern.filter.starts_with('$')) {
            return false;
        }
        const bool has_user = pattern.filter.find("%u") != std::string::npos;
        const bool has_client = pattern.filter.find("%c") != std::string::npos;
        if (has_user && subject.user_name.empty()) {
            return false;
        }
        const bool is_unusable =
            (has_user && is_bad(subject.user_name)) || (has_client && is_bad(subject.client_id));
        if (is_unusable && pattern.rights != right_denied) {
            return false;
        }
        // Level by level, so that a name stays within its own.
        std::string filter;
        std::string_view rest = pattern.filter;
        while (true) {
            const std::size_t end = std::min(rest.find('/'), rest.size());
            filter += level_of(rest.substr(0, end), subject);
            if (end == rest.size()) {
                break;
            }
            filter += '/';
            rest.remove_prefix(end + 1);
        }
        return protocol::matches(filter, topic);
    }

    static std::string level_of(std::string_view level, const AclSubject& subject) {
        std::string made;
        for (std::size_t at = 0; at < level.size(); ++at) {
            const std::string_view mark = level.substr(at, 2);
            if (mark != "%u" && mark != "%c") {
                made += level[at];
                continue;
            }
            const std::string_view name = mark == "%u" ? subject.user_name : subject.client_id;
            if (is_bad(name)) {
                return "+";
            }
            made += name;
            ++at;
        }
        return made;
    }

    const AclFile& file_;
};

std::string random_pattern(testing::Random& random) {
    static const std::vector<std::string> names = {"%u", "%c", "a-%u", "%c-b", "%u%c"};
    std::string filter = testing::random_filter(random);
    const std::size_t slash = filter.find('/');
    std::string name = random.pick(names);
    return random.chance(2) || slash == std::string::npos ? name + "/" + filter
                                                          : filter.substr(0, slash + 1) + name;
}

AclFile random_file(testing::Random& random) {
    static const std::vector<Rights> rights = {right_read, right_write, 3, right_denied};
    AclFile file;
    const auto rules = [&](auto make) {
        std::vector<AclRule> made;
        for (std::size_t count = random.below(5); count > 0; --count) {
            made.push_back({random.pick(rights), make(random)});
        }
        return made;
    };
    file.anonymous = rules(testing::random_filter);
    file.users["a"] = rules(testing::random_filter);
    file.users["b"] = rules(testing::random_filter);
    file.patterns = rules(random_pattern);
    return file;
}

std::string text_of(const AclFile& file) {
    std::string text;
    const auto add = [&](std::string_view whose, const std::vector<AclRule>& rules) {
        for (const AclRule& rule : rules) {
            text +=
                std::string(whose) + " " + std::to_string(rule.rights) + " " + rule.filter + "; ";
        }
    };
    add("anonymous", file.anonymous);
    for (const auto& [name, rules] : file.users) {
        add(name, rules);
    }
    add("pattern", file.patterns);
    return text;
}

}  // namespace

TEST_CASE("acl: what nothing grants is refused") {
    const Acl acl = acl_of("topic read news/#\nuser joe\ntopic write a\n");
    CHECK(acl.permits(anonymous, "news/today", right_read));
    CHECK(!acl.permits(anonymous, "news/today", right_write));
    CHECK(!acl.permits(joe, "news/today", right_read));
    CHECK(acl.permits(joe, "a", right_write));
    CHECK(!acl.permits(joe, "a", right_read));
    CHECK(!acl.permits({"nobody", "x"}, "a", right_write));
    CHECK(!acl_of("").permits(joe, "a", right_read));
}

TEST_CASE("acl: a deny wins wherever it stands") {
    const Acl acl = acl_of("user joe\ntopic a/#\ntopic deny a/b\npattern deny +/%c\n");
    CHECK(acl.permits(joe, "a/x", right_read));
    CHECK(!acl.permits(joe, "a/b", right_read));
    CHECK(!acl.permits(joe, "a/b", right_write));
    CHECK(!acl.permits(joe, "a/meter", right_read));
}

TEST_CASE("acl: names in patterns are part of one level") {
    const Acl acl = acl_of("pattern dev/%u/in-%c/#\n");
    CHECK(acl.permits(joe, "dev/joe/in-meter", right_write));
    CHECK(acl.permits(joe, "dev/joe/in-meter/x", right_read));
    CHECK(!acl.permits(joe, "dev/joe/meter", right_read));
    CHECK(!acl.permits(joe, "dev/jane/in-meter", right_read));
    CHECK(!acl.permits(anonymous, "dev//in-meter", right_read));
    for (const std::string_view name : {"+", "#", "jo/e", "a+", "/"}) {
        CAPTURE(name);
        CHECK(!acl.permits({name, "meter"}, "dev/joe/in-meter", right_read));
        CHECK(!acl.permits({name, "meter"}, "dev/" + std::string(name) + "/in-meter", right_read));
        CHECK(!acl.permits({"joe", name}, "dev/joe/in-meter", right_read));
        CHECK(!acl.may_subscribe({name, "meter"}, "dev/+/in-meter"));
        CHECK(!acl.may_read_all({name, "meter"}, "dev/joe/in-meter"));
    }
}

TEST_CASE("acl: a pattern that denies is not got round by a name that cannot be put in") {
    const Acl acl = acl_of("user jo/e\ntopic #\npattern deny private/%u/#\n");
    CHECK(!acl.permits({"jo/e", "c"}, "private/jo/e", right_read));
    CHECK(!acl.permits({"jo/e", "c"}, "private/x", right_read));
    CHECK(acl.permits({"jo/e", "c"}, "public", right_read));
    CHECK(!acl.may_read_all({"jo/e", "c"}, "private/+"));
}

TEST_CASE("acl: topics that begin with a dollar want a rule that does") {
    const Acl acl = acl_of("user joe\ntopic #\npattern %u/#\n");
    CHECK(!acl.permits(joe, "$SYS/broker/uptime", right_read));
    CHECK(!acl.permits({"$SYS", "c"}, "$SYS/broker/uptime", right_read));
    CHECK(!acl.may_subscribe({"$SYS", "c"}, "$SYS/#"));
    CHECK(!acl.may_subscribe(joe, "$SYS/#"));
    CHECK(acl_of("user joe\ntopic read $SYS/#\n").permits(joe, "$SYS/broker", right_read));
}

TEST_CASE("acl: a subscription is granted when it may bring anything and is not all denied") {
    const Acl acl =
        acl_of("user joe\ntopic read sensors/+/t\ntopic write w\ntopic deny sensors/9/#\n");
    CHECK(acl.may_subscribe(joe, "#"));
    CHECK(acl.may_subscribe(joe, "sensors/#"));
    CHECK(acl.may_subscribe(joe, "sensors/1/t"));
    CHECK(!acl.may_subscribe(joe, "sensors/9/t"));
    CHECK(!acl.may_subscribe(joe, "sensors/1/u"));
    CHECK(!acl.may_subscribe(joe, "w"));
    CHECK(acl.may_read_all(joe, "sensors/1/t"));
    CHECK(!acl.may_read_all(joe, "sensors/+/t"));  // one of them is denied
    CHECK(!acl.may_read_all(joe, "#"));
}

TEST_CASE("acl: random lists decide as the reference does and proofs hold") {
    MARTLET_SEEDED(random);
    static const std::vector<std::string> names = {"a",  "b", "",    "+",  "#",
                                                   "$a", "c", "a/b", "%u", "%c"};
    for (int round = 0; round < 300; ++round) {
        const AclFile file = random_file(random);
        const Acl acl(file);
        const Reference reference(file);
        const std::string user = random.pick(names);
        std::string client = random.pick(names);
        client = client.empty() || random.chance(2) ? "d0" : client;
        const AclSubject subject{user, client};
        const std::string filter = testing::random_filter(random);
        CAPTURE(user);
        CAPTURE(client);
        CAPTURE(filter);
        CAPTURE(text_of(file));
        const bool all = acl.may_read_all(subject, filter);
        const bool some = acl.may_subscribe(subject, filter);
        CHECK((some || !all));
        for (int count = 0; count < 60; ++count) {
            const std::string topic = testing::random_topic(random);
            CAPTURE(topic);
            const bool may_read = reference.permits(subject, topic, right_read);
            CHECK(acl.permits(subject, topic, right_read) == may_read);
            CHECK(acl.permits(subject, topic, right_write) ==
                  reference.permits(subject, topic, right_write));
            if (protocol::matches(filter, topic)) {
                CHECK((may_read || !all));
                CHECK((some || !may_read));
            }
        }
    }
}

TEST_CASE("acl: a question about a topic allocates nothing among ten thousand users") {
    std::string text = "pattern readwrite dev/%u/%c/#\n";
    for (int user = 0; user < 10'000; ++user) {
        text += "user a user whose name is long " + std::to_string(user) + "\ntopic read t/" +
                std::to_string(user) + "/#\n";
    }
    text += "user many\n";
    for (int rule = 0; rule < 1000; ++rule) {
        text += "topic read +/site/" + std::to_string(rule) + "/#\n";
    }
    const Acl acl = acl_of(text);
    const AclSubject one{"a user whose name is long 7777", "c"};
    const std::uint64_t before = testing::allocation_count();
    const bool own = acl.permits(one, "t/7777/a/topic/that/is/quite/long", right_read);
    const bool others = acl.permits(one, "t/7778/a/topic/that/is/quite/long", right_read);
    const bool by_pattern = acl.permits(one, "dev/x/c/a/b", right_write);
    const bool of_many = acl.permits({"many", "c"}, "x/site/999/t", right_read);
    const bool not_of_many = acl.permits({"many", "c"}, "x/site/1000/t", right_read);
    CHECK(testing::allocation_count() == before);
    CHECK(own);
    CHECK(!others);
    CHECK(!by_pattern);
    CHECK(of_many);
    CHECK(!not_of_many);
}

TEST_CASE("topic claims: what is not restricted is permitted and an empty list permits nothing") {
    TopicClaimsBuilder builder;
    builder.add(right_write, "out/+");
    builder.add(right_write, "x");
    const std::string text = builder.take();
    const TopicClaims claims(text);
    CHECK(claims.permits("out/1", right_write));
    CHECK(claims.permits("x", right_write));
    CHECK(!claims.permits("out/1/2", right_write));
    CHECK(claims.permits("anything", right_read));
    CHECK(claims.may_subscribe("#"));
    CHECK(claims.may_read_all("#"));
    TopicClaimsBuilder nothing;
    nothing.restrict(right_read);
    const std::string none = nothing.take();
    CHECK(!TopicClaims(none).permits("a", right_read));
    CHECK(!TopicClaims(none).may_subscribe("#"));
    CHECK(!TopicClaims(none).may_read_all("a"));
    CHECK(TopicClaims(none).permits("a", right_write));
    CHECK(TopicClaims("").permits("a", right_read));
}
