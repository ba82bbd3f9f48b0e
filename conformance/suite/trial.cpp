#include "conformance/suite/trial.hpp"

#include <fmt/format.h>

#include <utility>

#include "conformance/suite/client.hpp"

namespace martlet::conformance {

namespace {

constexpr std::size_t transcript_max = 40;
constexpr unsigned session_expiry_s = 300;

}  // namespace

Trial::Trial(const Target& broker, std::string prefix)
    : target(broker), prefix_(std::move(prefix)) {
}

std::string Trial::topic(std::string_view rest) const {
    return fmt::format("conformance/{}/{}", prefix_, rest);
}

Connect Trial::persistent() const {
    Connect connect{.clean = false};
    if (is_v5()) {
        connect.properties = {number(PropertyId::session_expiry, session_expiry_s)};
    }
    return connect;
}

void Trial::check(bool is_so, std::string_view otherwise) {
    if (!is_so) {
        throw Failure{std::string(otherwise)};
    }
}

void Trial::note(std::string line) {
    transcript_.push_back(std::move(line));
    if (transcript_.size() > transcript_max) {
        transcript_.pop_front();
    }
}

void Trial::add_failure(std::string what) {
    note("** " + what);
    failures_.push_back(std::move(what));
}

void Trial::clean_up() {
    const auto kept = transcript_;
    if (!retained_.empty()) {
        Client janitor{*this, "janitor"};
        janitor.connect();
        for (const auto& topic : std::exchange(retained_, {})) {
            janitor.publish(Publish{.topic = topic, .payload = "", .retain = true});
        }
        janitor.disconnect();
    }
    for (const auto& client_id : std::exchange(sessions_, {})) {
        Client janitor{*this, "janitor"};
        janitor.connect(Connect{.client_id = client_id});
        janitor.disconnect();
    }
    transcript_ = kept;
}

}  // namespace martlet::conformance
