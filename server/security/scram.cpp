#include "server/security/scram.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <utility>

#include "protocol/byte_reader.hpp"
#include "protocol/utf8.hpp"
#include "server/security/crypto.hpp"

namespace martlet::security {

using core::AuthenticationStep;
using protocol::ReasonCode;

namespace {

// Takes "x=VALUE" off the front of a list with commas.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
    if (rest.size() < 2 || rest[0] != name || rest[1] != '=') {
        return std::nullopt;
    }
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view value = rest.substr(2, end - 2);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return value;
}

// A saslname: ',' is written =2C and '=' is written =3D.
std::optional<std::string> unescape(std::string_view name) {
    std::string text;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '=') {
            text += name[i];
        } else if (name.substr(i, 3) == "=2C" || name.substr(i, 3) == "=3D") {
            text += name[i + 1] == '2' ? ',' : '=';
            i += 2;
        } else {
            return std::nullopt;
        }
    }
    return text;
}

bool is_nonce(std::string_view text) {
    for (const char c : text) {
        if (c < 0x21 || c > 0x7E || c == ',') {
            return false;
        }
    }
    return !text.empty();
}

}  // namespace

ScramExchange::ScramExchange(std::shared_ptr<const ScramUsers> users, std::string nonce,
                             std::string_view decoy_secret)
    : users_(std::move(users)), nonce_(std::move(nonce)), decoy_secret_(decoy_secret) {
}

AuthenticationStep ScramExchange::refuse(std::string_view what) {
    state_ = State::over;
    AuthenticationStep step;
    step.reason = ReasonCode::not_authorized;
    step.what = what;
    return step;
}

std::optional<AuthenticationStep> ScramExchange::step(std::optional<protocol::Bytes> data) {
    // A client may begin without its first message; then it is asked for it.
    if (state_ == State::first && (!data || data->empty())) {
        return AuthenticationStep{};
    }
    const std::string_view message = data ? protocol::as_text(*data) : std::string_view{};
    switch (state_) {
        case State::first:
            return take_first(message);
        case State::final:
            return take_final(message);
        case State::over:
            break;
    }
    return refuse("SCRAM message after the end");
}

// client-first-message: gs2-header "n=" user ",r=" nonce
AuthenticationStep ScramExchange::take_first(std::string_view message) {
    std::string_view rest = message;
    if (!rest.starts_with("n,") && !rest.starts_with("y,")) {
        return refuse("SCRAM with channel binding, or not SCRAM");
    }
    rest.remove_prefix(2);
    std::string_view authorized;
    if (!rest.starts_with(',')) {
        const auto name = take_attribute(rest, 'a');
        if (!name) {
            return refuse("malformed SCRAM message");
        }
        authorized = *name;
    } else {
        rest.remove_prefix(1);
    }
    gs2_header_ = message.substr(0, message.size() - rest.size());
    const std::string_view bare = rest;
    const auto name = take_attribute(rest, 'n');
    const auto nonce = take_attribute(rest, 'r');
    if (!name || !nonce || !is_nonce(*nonce)) {
        return refuse("malformed SCRAM message");
    }
    const auto user = unescape(*name);
    if (!user || user->empty() || !protocol::is_valid_utf8(*user)) {
        return refuse("malformed user name in a SCRAM message");
    }
    if (!authorized.empty() && authorized != *name) {
        return refuse("SCRAM for another user than the authenticated one");
    }
    user_ = *user;
    choose_credentials(decoy_secret_);
    nonce_ = std::string(*nonce) + nonce_;
    AuthenticationStep step;
    step.data = fmt::format("r={},s={},i={}", nonce_, to_base64(credentials_.salt),
                            credentials_.iterations);
    auth_message_ = fmt::format("{},{},", bare, *step.data);
    state_ = State::final;
    return step;
}

void ScramExchange::choose_credentials(const std::string& decoy_secret) {
    const auto found = users_->find(user_);
    is_known_ = found != users_->end();
    if (is_known_) {
        credentials_ = found->second;
        return;
    }
    // As long and as much work as those of a user who exists.
    credentials_.iterations = scram_iterations_min;
    std::size_t salt_size = 16;
    if (!users_->empty()) {
        credentials_.iterations = users_->begin()->second.iterations;
        salt_size = users_->begin()->second.salt.size();
    }
    credentials_.salt = as_text(hmac_sha256(decoy_secret, user_)).substr(0, salt_size);
}

// client-final-message: "c=" base64(gs2-header) ",r=" nonce ",p=" proof
AuthenticationStep ScramExchange::take_final(std::string_view message) {
    std::string_view rest = message;
    const auto binding = take_attribute(rest, 'c');
    const auto nonce = take_attribute(rest, 'r');
    const std::size_t proof_at = message.rfind(",p=");
    if (!binding || !nonce || proof_at == std::string_view::npos) {
        return refuse("malformed SCRAM message");
    }
    if (*binding != to_base64(gs2_header_) || *nonce != nonce_) {
        return refuse("the SCRAM messages do not belong together");
    }
    const auto proof = from_base64(message.substr(proof_at + 3));
    if (!proof || proof->size() != sizeof(ScramKey)) {
        return refuse("malformed SCRAM message");
    }
    auth_message_ += message.substr(0, proof_at);
    if (!proves_password(*proof, auth_message_) || !is_known_) {
        return refuse("wrong user name or password");
    }
    state_ = State::over;
    AuthenticationStep step;
    step.reason = ReasonCode::success;
    step.identity.user_name = user_;
    step.data =
        "v=" + to_base64(as_text(hmac_sha256(as_text(credentials_.server_key), auth_message_)));
    return step;
}

bool ScramExchange::proves_password(std::string_view proof, std::string_view auth_message) const {
    ScramKey client_key = hmac_sha256(as_text(credentials_.stored_key), auth_message);
    for (std::size_t i = 0; i < client_key.size(); ++i) {
        client_key[i] =
            static_cast<unsigned char>(client_key[i] ^ static_cast<unsigned char>(proof[i]));
    }
    const ScramKey stored_key = sha256(as_text(client_key));
    return CRYPTO_memcmp(stored_key.data(), credentials_.stored_key.data(), stored_key.size()) == 0;
}

}  // namespace martlet::security
