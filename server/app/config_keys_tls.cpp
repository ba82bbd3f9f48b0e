// The keys of a listener's TLS: certificates, whom to trust, what to speak.
#include <array>

#include "server/app/config_setters.hpp"

namespace martlet::app {

namespace {

KeyProblem set_tls_version(ConfigDraft& draft, std::string_view value) {
    static constexpr std::array choices{
        WordChoice{"tlsv1.2", static_cast<int>(TlsVersion::v1_2)},
        WordChoice{"tlsv1.3", static_cast<int>(TlsVersion::v1_3)},
    };
    for (const std::string_view old : {"tlsv1.1", "tlsv1.0", "tlsv1", "sslv3"}) {
        if (is_word(value, old)) {
            return "TLS below 1.2 is never offered, expected tlsv1.2 or tlsv1.3";
        }
    }
    return choose_word(value, choices, [&](int version) {
        draft.current->tls.version_min = static_cast<TlsVersion>(version);
    });
}

KeyProblem check_keyform(ConfigDraft& /*draft*/, std::string_view value) {
    static constexpr std::array choices{WordChoice{"pem", 0}};
    return choose_word(value, choices, [](int) {});
}

// sni_certificate CERTFILE KEYFILE
KeyProblem add_sni_certificate(ConfigDraft& draft, std::string_view value) {
    constexpr std::string_view expected = "CERTFILE KEYFILE, paths without blanks";
    const std::size_t end = value.find_first_of(" \t");
    const std::string_view keyfile =
        end == std::string_view::npos ? "" : trimmed(value.substr(end));
    if (keyfile.empty() || keyfile.find_first_of(" \t") != std::string_view::npos) {
        return fmt::format("{} is not two paths, expected {}", in_quotes(value), expected);
    }
    draft.current->tls.sni_certificates.push_back(
        {std::string(value.substr(0, end)), std::string(keyfile)});
    return std::nullopt;
}

constexpr KeyScope listener_own = KeyScope::listener;
constexpr bool single = true;

// In alphabetical order.
constexpr auto rows = std::to_array<ConfigKey>({
    {"cafile", listener_own, set_path<&TlsConfig::cafile>, single},
    {"capath", listener_own, set_path<&TlsConfig::capath>, single},
    {"certfile", listener_own, set_path<&TlsConfig::certfile>, single},
    {"ciphers", listener_own, set_text<&TlsConfig::ciphers>, single},
    {"ciphers_tls1.3", listener_own, set_text<&TlsConfig::ciphers_tls13>, single},
    {"crlfile", listener_own, set_path<&TlsConfig::crlfile>, single},
    {"dhparamfile", listener_own, set_text<&TlsConfig::dhparamfile>, single},
    {"keyfile", listener_own, set_path<&TlsConfig::keyfile>, single},
    {"request_certificate", listener_own, set_flag<&TlsConfig::request_certificate>},
    {"require_certificate", listener_own, set_flag<&TlsConfig::require_certificate>},
    {"sni_certificate", listener_own, add_sni_certificate},
    {"tls_groups", listener_own, set_text<&TlsConfig::groups>, single},
    {"tls_keyform", listener_own, check_keyform},
    {"tls_version", listener_own, set_tls_version, single},
    {"use_identity_as_username", listener_own, set_flag<&TlsConfig::use_identity_as_username>},
    {"use_san_as_username", listener_own, set_flag<&TlsConfig::use_san_as_username>},
    {"use_subject_as_username", listener_own, set_flag<&TlsConfig::use_subject_as_username>},
});

}  // namespace

std::span<const ConfigKey> tls_keys() {
    return rows;
}

}  // namespace martlet::app
