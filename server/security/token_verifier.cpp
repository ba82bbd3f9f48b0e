#include "server/security/token_verifier.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <optional>

#include "protocol/topic.hpp"
#include "server/security/crypto.hpp"
#include "server/security/password_file.hpp"
#include "server/security/topic_claims.hpp"

namespace martlet::security {

namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 8;
constexpr std::size_t claimed_filters_max = 1000;
// A steady clock counts no further.
constexpr std::chrono::seconds valid_for_max{100LL * 365 * 24 * 3600};

std::optional<json::object> parse_object(std::string_view base64) {
    const auto text = from_base64url(base64);
    if (!text) {
        return std::nullopt;
    }
    json::parse_options options;
    options.max_depth = depth_max;
    json::error_code error;
    json::value value = json::parse(json::string_view(text->data(), text->size()), error,
                                    json::storage_ptr{}, options);
    if (error || !value.is_object()) {
        return std::nullopt;
    }
    return std::move(value.get_object());
}

std::string_view view(const json::string& text) {
    return {text.data(), text.size()};
}

// Nothing: not there or no text.
std::optional<std::string_view> text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains({name.data(), name.size()});
    if (value == nullptr || !value->is_string()) {
        return std::nullopt;
    }
    return view(value->get_string());
}

// Seconds since 1970, whole or not. Nothing: no number that could be a time.
std::optional<double> time_of(const json::value& value) {
    double seconds = std::numeric_limits<double>::quiet_NaN();
    if (value.is_int64()) {
        seconds = static_cast<double>(value.get_int64());
    } else if (value.is_uint64()) {
        seconds = static_cast<double>(value.get_uint64());
    } else if (value.is_double()) {
        seconds = value.get_double();
    }
    return std::isfinite(seconds) ? std::optional{seconds} : std::nullopt;
}

bool is_for(const json::object& claims, std::string_view audience) {
    const json::value* value = claims.if_contains("aud");
    if (value == nullptr) {
        return false;
    }
    if (value->is_string()) {
        return view(value->get_string()) == audience;
    }
    const json::array* all = value->if_array();
    return all != nullptr && std::any_of(all->begin(), all->end(), [&](const json::value& one) {
               return one.is_string() && view(one.get_string()) == audience;
           });
}

// False: there is something else than topic filters.
bool take_filters(const json::object& claims, const char* name, Rights right,
                  TopicClaimsBuilder& builder) {
    const json::value* value = claims.if_contains(name);
    if (value == nullptr) {
        return true;
    }
    const json::array* filters = value->if_array();
    if (filters == nullptr || filters->size() > claimed_filters_max) {
        return false;
    }
    builder.restrict(right);
    for (const json::value& one : *filters) {
        if (!one.is_string() || !protocol::is_valid_topic_filter(view(one.get_string()))) {
            return false;
        }
        builder.add(right, view(one.get_string()));
    }
    return true;
}

// For how long it holds; nothing if it does not.
std::variant<std::chrono::seconds, TokenFault> check_times(
    const json::object& claims, std::chrono::system_clock::time_point now) {
    const double now_s =
        std::chrono::duration_cast<std::chrono::duration<double>>(now.time_since_epoch()).count();
    const auto leeway_s = static_cast<double>(token_leeway.count());
    const json::value* exp = claims.if_contains("exp");
    const auto end = exp == nullptr ? std::nullopt : time_of(*exp);
    if (!end) {
        return TokenFault{"a token without an end (exp)", false};
    }
    const double left = *end + leeway_s - now_s;
    if (left <= 0) {
        return TokenFault{"the token has expired", false};
    }
    if (const json::value* nbf = claims.if_contains("nbf")) {
        const auto begin = time_of(*nbf);
        if (!begin || *begin - leeway_s > now_s) {
            return TokenFault{"the token is not valid yet", false};
        }
    }
    const double most = static_cast<double>(valid_for_max.count());
    return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(std::min(left, most))));
}

}  // namespace

bool TokenVerifier::looks_like_token(std::string_view text) {
    // Base64 of `{"`, and three parts.
    return text.starts_with("eyJ") && std::count(text.begin(), text.end(), '.') == 2;
}

std::variant<Token, TokenFault> TokenVerifier::verify(
    std::string_view text, std::chrono::system_clock::time_point now) const {
    const std::size_t first = text.find('.');
    const std::size_t last = text.rfind('.');
    if (first == last) {
        return TokenFault{"no token"};
    }
    const auto signature = from_base64url(text.substr(last + 1));
    // Before anything is made of what it says.
    if (!signature || !key_.is_signature(text.substr(0, last), *signature)) {
        return TokenFault{"the token's signature is wrong"};
    }
    const auto header = parse_object(text.substr(0, first));
    if (!header || text_of(*header, "alg") != to_string(key_.algorithm()) ||
        header->contains("crit")) {
        return TokenFault{"the token is for another algorithm"};
    }
    const auto claims = parse_object(text.substr(first + 1, last - first - 1));
    if (!claims) {
        return TokenFault{"the token is malformed"};
    }
    const auto times = check_times(*claims, now);
    if (const auto* fault = std::get_if<TokenFault>(&times)) {
        return *fault;
    }
    if (!expected_.issuer.empty() && text_of(*claims, "iss") != expected_.issuer) {
        return TokenFault{"the token is from another issuer", false};
    }
    if (!expected_.audience.empty() && !is_for(*claims, expected_.audience)) {
        return TokenFault{"the token is for another audience", false};
    }
    const auto subject = text_of(*claims, "sub");
    if (!subject || !why_no_user_name(*subject).empty()) {
        return TokenFault{"the token names no user (sub)", false};
    }
    TopicClaimsBuilder builder;
    if (!take_filters(*claims, "publ", right_write, builder) ||
        !take_filters(*claims, "subs", right_read, builder)) {
        return TokenFault{"publ or subs of the token is no array of topic filters", false};
    }
    return Token{std::string(*subject), std::get<std::chrono::seconds>(times), builder.take()};
}

}  // namespace martlet::security
