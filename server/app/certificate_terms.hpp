// How long the listeners' certificates are good for: what to warn of, and what $SYS tells.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "server/app/config.hpp"
#include "server/transport/tls_context.hpp"

namespace martlet::app {

// By listener, in the order of the configuration.
using ListenerTerms = std::vector<std::vector<transport::CertificateTerm>>;

// A line for each certificate that has run out, or does within `warning_days`.
std::vector<std::string> expiry_warnings(const ListenerTerms& terms, std::time_t now,
                                         std::uint32_t warning_days);

// By port: whole days until the first of the listener's certificates runs out; negative once one
// has.
std::map<std::uint16_t, std::int64_t> days_left(const ListenerTerms& terms,
                                                const std::vector<ListenerConfig>& listeners,
                                                std::time_t now);

// Every file that makes up the TLS of the listeners, and the directories of authorities.
std::vector<std::string> certificate_files(const std::vector<ListenerConfig>& listeners);

}  // namespace martlet::app
