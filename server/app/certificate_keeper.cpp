#include "server/app/certificate_keeper.hpp"

#include <chrono>
#include <ctime>
#include <string>
#include <vector>

#include "server/app/certificate_terms.hpp"
#include "server/app/wiring.hpp"

namespace martlet::app {

CertificateKeeper::CertificateKeeper(boost::asio::io_context& io, Logger& logger,
                                     transport::Transport& transport)
    : logger_(logger), transport_(transport), watch_(io, [this] { reload(); }), daily_(io) {
}

void CertificateKeeper::watch(const Config& config) {
    watch_.watch(config.tls_reload_on_change ? certificate_files(config.listeners)
                                             : std::vector<std::string>());
    if (!watch_.why_blind().empty()) {
        logger_.log(LogLevel::warning,
                    "Changes of certificate files may go unnoticed ({}); SIGHUP reloads them.",
                    watch_.why_blind());
    }
}

void CertificateKeeper::take_over(const Config& config) {
    config_ = config;
    tell();
    schedule();
}

// The configuration's own file is not read: that takes SIGHUP.
void CertificateKeeper::reload() {
    if (const auto error = transport_.reload(make_reload_options(config_))) {
        logger_.log(LogLevel::error,
                    "{}; the old certificates go on, until the files change again.", *error);
        return;
    }
    logger_.log(LogLevel::information, "Certificate files have changed and were reloaded.");
    tell();
}

void CertificateKeeper::tell() {
    for (const std::string& warning : transport_.warnings()) {
        logger_.log(LogLevel::warning, "{}", warning);
    }
    for (const std::string& warning :
         expiry_warnings(transport_.certificate_terms(), std::time(nullptr),
                         config_.certificate_expiry_warning_days)) {
        logger_.log(LogLevel::warning, "{}", warning);
    }
}

void CertificateKeeper::schedule() {
    daily_.expires_after(std::chrono::hours(24));
    daily_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            tell();
            schedule();
        }
    });
}

void CertificateKeeper::describe(admin::SysFacts& facts) {
    const transport::TransportCounters network = transport_.transport_counters();
    facts.handshakes_failed = network.handshake_failures;
    facts.certificates_refused = network.certificates_refused;
    facts.certificates_withdrawn = network.certificates_withdrawn;
    facts.certificate_days_left =
        days_left(transport_.certificate_terms(), config_.listeners, std::time(nullptr));
}

}  // namespace martlet::app
