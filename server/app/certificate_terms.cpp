#include "server/app/certificate_terms.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace martlet::app {

namespace {

constexpr std::int64_t day_s = 24 * 60 * 60;

// Rounded down, so that what has run out a minute ago has -1 left.
std::int64_t whole_days(std::int64_t seconds) {
    return seconds >= 0 ? seconds / day_s : -((-seconds + day_s - 1) / day_s);
}

std::string describe(const transport::CertificateTerm& term, std::time_t now) {
    const std::string when = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(term.expires));
    if (term.expires <= now) {
        return fmt::format("certfile {}: the certificate has run out on {}; clients will refuse it",
                           term.certfile, when);
    }
    return fmt::format("certfile {}: the certificate runs out on {}, in {} days", term.certfile,
                       when, whole_days(term.expires - now));
}

}  // namespace

std::vector<std::string> expiry_warnings(const ListenerTerms& terms, std::time_t now,
                                         std::uint32_t warning_days) {
    std::vector<std::string> warnings;
    std::set<std::string> told;  // listeners may share files
    for (const auto& listener : terms) {
        for (const transport::CertificateTerm& term : listener) {
            if (term.expires - now <= day_s * warning_days && told.insert(term.certfile).second) {
                warnings.push_back(describe(term, now));
            }
        }
    }
    return warnings;
}

std::map<std::uint16_t, std::int64_t> days_left(const ListenerTerms& terms,
                                                const std::vector<ListenerConfig>& listeners,
                                                std::time_t now) {
    std::map<std::uint16_t, std::int64_t> by_port;
    for (std::size_t i = 0; i < terms.size() && i < listeners.size(); ++i) {
        for (const transport::CertificateTerm& term : terms[i]) {
            const std::int64_t days = whole_days(term.expires - now);
            const auto [place, is_first] = by_port.try_emplace(listeners[i].port, days);
            place->second = std::min(place->second, days);
        }
    }
    return by_port;
}

std::vector<std::string> certificate_files(const std::vector<ListenerConfig>& listeners) {
    std::vector<std::string> files;
    for (const ListenerConfig& listener : listeners) {
        if (!listener.tls) {
            continue;
        }
        const TlsConfig& tls = *listener.tls;
        files.insert(files.end(), {tls.certfile, tls.keyfile, tls.cafile, tls.capath, tls.crlfile,
                                   tls.dhparamfile});
        for (const SniCertificate& more : tls.sni_certificates) {
            files.insert(files.end(), {more.certfile, more.keyfile});
        }
    }
    std::erase_if(files, [](const std::string& path) { return path.empty(); });
    return files;
}

}  // namespace martlet::app
