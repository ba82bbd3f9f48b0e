// The client's side of SCRAM-SHA-256 (RFC 5802, 7677), for servers that offer enhanced
// authentication with it.
//
// Ownership: values. Threading: one thread, the one of its test.
#pragma once

#include <string>

namespace martlet::conformance {

class Scram {
public:
    Scram(const std::string& user, std::string password);
    // With a nonce that is not random, for the RFC's example.
    Scram(const std::string& user, std::string password, const std::string& nonce);

    // client-first-message
    [[nodiscard]] std::string first() const { return "n,," + first_bare_; }
    // client-final-message, for a server-first-message; a wrong one when that is malformed
    [[nodiscard]] std::string answer(const std::string& challenge) const;

private:
    std::string password_;
    std::string first_bare_;
};

}  // namespace martlet::conformance
