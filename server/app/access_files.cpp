#include "server/app/access_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "server/app/config_values.hpp"
#include "server/security/acl_file.hpp"
#include "server/security/password_file.hpp"
#include "server/security/scram_credentials.hpp"
#include "server/security/token_verifier.hpp"

namespace martlet::app {

namespace {

using security::FileFaults;

// A file of something else has as many mistakes as lines.
constexpr std::size_t told_max = 20;

std::string describe(const std::string& path, std::size_t line, const std::string& what) {
    return line == 0
               ? fmt::format("cannot read {} ({}), expected a readable file", in_quotes(path), what)
               : fmt::format("{}:{}: {}", path, line, what);
}

std::vector<std::string> describe_all(const std::string& path, const FileFaults& faults) {
    std::vector<std::string> mistakes;
    for (const security::FileFault& fault : faults) {
        if (mistakes.size() == told_max) {
            mistakes.push_back(fmt::format("{}: {} more mistakes", path, faults.size() - told_max));
            break;
        }
        mistakes.push_back(describe(path, fault.line, fault.what));
    }
    return mistakes;
}

// What load() gives of a file, or nothing and its mistakes.
template <class T>
std::shared_ptr<const T> take(const std::string& path, std::variant<T, FileFaults> loaded,
                              std::vector<std::string>& mistakes) {
    if (const auto* faults = std::get_if<FileFaults>(&loaded)) {
        for (std::string& mistake : describe_all(path, *faults)) {
            mistakes.push_back(std::move(mistake));
        }
        return nullptr;
    }
    return std::make_shared<const T>(std::get<T>(std::move(loaded)));
}

security::TokenAlgorithm algorithm_of(const std::string& name) {
    return security::token_algorithm_from(name).value_or(security::TokenAlgorithm::hs256);
}

std::string describe_key_fault(const std::string& path, const security::FileFault& fault) {
    return fmt::format("{}: {}", in_quotes(path), fault.what);
}

class AccessLoader {
public:
    explicit AccessLoader(const Config& config) : config_(config) {}

    std::variant<security::AccessSetup, std::vector<std::string>> load() {
        security::AccessSetup setup;
        for (const ListenerConfig& listener : config_.listeners) {
            setup.listeners.push_back(load_listener(listener));
        }
        if (!config_.scram_file.empty()) {
            auto loaded = security::load_scram_users(config_.scram_file);
            if (const auto* fault = std::get_if<security::ScramFileFault>(&loaded)) {
                mistakes_.push_back(describe(config_.scram_file, fault->line, fault->what));
            } else {
                setup.scram_users = std::get<security::ScramUsers>(std::move(loaded));
            }
        }
        setup.bans = {config_.auth_failures_max, config_.auth_ban};
        if (!mistakes_.empty()) {
            return std::move(mistakes_);
        }
        return setup;
    }

private:
    security::ListenerPolicy load_listener(const ListenerConfig& listener) {
        security::ListenerPolicy policy;
        policy.allow_anonymous = listener.allow_anonymous;
        policy.certificate_names_user = listener.tls && listener.tls->names_user();
        policy.certificate_is_optional =
            policy.certificate_names_user && !listener.tls->require_certificate;
        policy.passwords = load_passwords(listener.password_file);
        policy.acl = load_acl(listener.acl_file);
        policy.tokens = load_tokens(listener);
        return policy;
    }

    std::shared_ptr<const security::PasswordFile> load_passwords(const std::string& path) {
        if (path.empty()) {
            return nullptr;
        }
        const auto [known, is_new] = passwords_.try_emplace(path);
        if (is_new) {
            known->second = take(path, security::load_password_file(path), mistakes_);
        }
        return known->second;
    }

    std::shared_ptr<const security::Acl> load_acl(const std::string& path) {
        if (path.empty()) {
            return nullptr;
        }
        const auto [known, is_new] = acls_.try_emplace(path);
        if (is_new) {
            if (const auto file = take(path, security::load_acl_file(path), mistakes_)) {
                known->second = std::make_shared<const security::Acl>(*file);
            }
        }
        return known->second;
    }

    std::shared_ptr<const security::TokenVerifier> load_tokens(const ListenerConfig& listener) {
        if (listener.jwt_key_file.empty()) {
            return nullptr;
        }
        auto key =
            security::TokenKey::load(algorithm_of(listener.jwt_algorithm), listener.jwt_key_file);
        if (const auto* fault = std::get_if<security::FileFault>(&key)) {
            mistakes_.push_back(describe_key_fault(listener.jwt_key_file, *fault));
            return nullptr;
        }
        return std::make_shared<const security::TokenVerifier>(
            std::get<security::TokenKey>(std::move(key)),
            security::TokenVerifier::Expectations{listener.jwt_issuer, listener.jwt_audience});
    }

    const Config& config_;
    std::vector<std::string> mistakes_;
    std::map<std::string, std::shared_ptr<const security::PasswordFile>> passwords_;
    std::map<std::string, std::shared_ptr<const security::Acl>> acls_;
};

}  // namespace

std::vector<std::string> mistakes_in_password_file(const std::string& path) {
    const auto loaded = security::load_password_file(path);
    const auto* faults = std::get_if<FileFaults>(&loaded);
    return faults == nullptr ? std::vector<std::string>{} : describe_all(path, *faults);
}

std::vector<std::string> mistakes_in_acl_file(const std::string& path) {
    const auto loaded = security::load_acl_file(path);
    const auto* faults = std::get_if<FileFaults>(&loaded);
    return faults == nullptr ? std::vector<std::string>{} : describe_all(path, *faults);
}

std::vector<std::string> mistakes_in_scram_file(const std::string& path) {
    const auto loaded = security::load_scram_users(path);
    const auto* fault = std::get_if<security::ScramFileFault>(&loaded);
    return fault == nullptr ? std::vector<std::string>{}
                            : std::vector{describe(path, fault->line, fault->what)};
}

std::vector<std::string> mistakes_in_token_key(const std::string& path,
                                               const std::string& algorithm) {
    const auto loaded = security::TokenKey::load(algorithm_of(algorithm), path);
    const auto* fault = std::get_if<security::FileFault>(&loaded);
    return fault == nullptr ? std::vector<std::string>{}
                            : std::vector{describe_key_fault(path, *fault)};
}

bool is_readable_by_all(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    return !error && status.type() == std::filesystem::file_type::regular &&
           (status.permissions() & std::filesystem::perms::others_read) !=
               std::filesystem::perms::none;
}

std::variant<security::AccessSetup, std::vector<std::string>> load_access(const Config& config) {
    return AccessLoader{config}.load();
}

}  // namespace martlet::app
