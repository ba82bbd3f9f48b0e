// One run of one test: its own names for clients and topics, so that tests do not meet, and what
// was said, for whoever has to understand a failure.
//
// Ownership: the runner makes one for each test. Threading: one thread, the one of its test.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/suite/packet.hpp"
#include "conformance/suite/target.hpp"

namespace martlet::conformance {

// The broker did something else than the statement says.
struct Failure {
    std::string what;
};

// The statement is about something that this broker does not offer.
struct Skipped {
    std::string why;
};

class Trial {
public:
    // `prefix` is what all names begin with; letters and digits only.
    Trial(const Target& broker, std::string prefix);

    [[nodiscard]] bool is_v5() const { return target.version == Version::v5; }
    [[nodiscard]] std::string id(std::string_view name) const {
        return prefix_ + std::string(name);
    }
    [[nodiscard]] std::string topic(std::string_view rest) const;
    // A CONNECT whose session outlives the connection, and resumes one that did.
    [[nodiscard]] Connect persistent() const;

    static void check(bool is_so, std::string_view otherwise);

    // One form of what a statement speaks of: a failure is noted and the next form still tried.
    template <class Body>
    void form(std::string_view name, Body body) {
        try {
            note("-- " + std::string(name));
            body();
        } catch (const Failure& failure) {
            add_failure(std::string(name) + ": " + failure.what);
        }
    }

    void note(std::string line);
    void remember_session(const std::string& client_id) { sessions_.push_back(client_id); }
    void remember_retained(const std::string& topic) { retained_.push_back(topic); }
    // Removes the sessions and retained messages that the test left behind.
    void clean_up();

    [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
    // Also keeps what was said until now, which is what led there.
    void add_failure(std::string what);
    [[nodiscard]] const std::deque<std::string>& transcript() const { return transcript_; }

    const Target& target;

private:
    std::string prefix_;
    std::deque<std::string> transcript_;
    std::vector<std::string> failures_;
    std::vector<std::string> sessions_;
    std::vector<std::string> retained_;
};

}  // namespace martlet::conformance
