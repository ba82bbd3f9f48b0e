#include "server/security/password_authenticator.hpp"

#include <string>
#include <utility>

#include "server/security/crypto.hpp"

namespace martlet::security {

using protocol::ReasonCode;

namespace {

// A password on its way to a worker.
class Secret {
public:
    explicit Secret(std::string_view text) : text_(text) {}
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(text_); }

    std::string_view text() const { return text_; }

private:
    std::string text_;
};

// All that a worker needs; the shard has gone on meanwhile.
struct Login {
    std::string user;
    Secret password;
    std::uint16_t listener;
    std::shared_ptr<const PasswordFile> file;
    std::shared_ptr<VerifiedPasswords> verified;
};

Verdict no_memory() {
    return refuse(ReasonCode::server_busy, "not enough memory to check the password");
}

Verdict check_password(const Login& login) {
    const PasswordEntry* entry = login.file->find(login.user);
    if (entry == nullptr) {
        const auto decoy = is_password(login.file->decoy(login.user), login.password.text());
        return decoy ? refuse_login("wrong user name or password") : no_memory();
    }
    const Credential proof{ProofKind::password, login.listener, entry->tag};
    const ScramKey digest = login.verified->digest(login.user, login.password.text(), entry->tag);
    // Of many clients that come at once with one password, the first has it hashed for all.
    if (login.verified->contains(digest)) {
        return accept(login.user, proof);
    }
    const auto is_right = is_password(entry->hash, login.password.text());
    if (!is_right) {
        return no_memory();
    }
    if (!*is_right) {
        return refuse_login("wrong user name or password");
    }
    login.verified->add(digest);
    return accept(login.user, proof);
}

}  // namespace

PasswordAuthenticator::PasswordAuthenticator(std::shared_ptr<const PasswordFile> file,
                                             std::shared_ptr<VerifiedPasswords> verified)
    : file_(std::move(file)), verified_(std::move(verified)) {
}

Answer PasswordAuthenticator::authenticate(const LoginAttempt& attempt) const {
    if (!attempt.user_name) {
        return NotMine{};
    }
    if (!attempt.password) {
        return refuse_login("no password");
    }
    const PasswordEntry* entry = file_->find(*attempt.user_name);
    if (entry != nullptr &&
        verified_->contains(verified_->digest(*attempt.user_name, *attempt.password, entry->tag))) {
        return accept(*attempt.user_name, {ProofKind::password, attempt.info.listener, entry->tag});
    }
    const std::shared_ptr<const Login> login(new Login{std::string(*attempt.user_name),
                                                       Secret(*attempt.password),
                                                       attempt.info.listener, file_, verified_});
    return Work([login] { return check_password(*login); });
}

std::optional<bool> PasswordAuthenticator::would_accept(const core::Identity& identity,
                                                        const Credential& proof,
                                                        const core::ConnectionInfo&) const {
    if (proof.kind != ProofKind::password) {
        return std::nullopt;
    }
    const PasswordEntry* entry = file_->find(identity.user_name);
    return entry != nullptr && entry->tag == proof.tag;
}

}  // namespace martlet::security
