#include "server/transport/tls_server_names.hpp"

#include <algorithm>
#include <utility>

namespace martlet::transport {

void TlsServerNames::add_default(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        by_name_.try_emplace(name, 0);
    }
}

void TlsServerNames::add(TlsCertificate certificate) {
    certificates_.push_back(std::move(certificate));
    for (const std::string& name : certificates_.back().names) {
        by_name_.try_emplace(name, certificates_.size());
    }
}

const TlsCertificate* TlsServerNames::find(std::string_view host) const {
    std::string name(host.substr(0, host.ends_with('.') ? host.size() - 1 : host.size()));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    auto found = by_name_.find(name);
    if (const std::size_t dot = name.find('.');
        found == by_name_.end() && dot != std::string::npos && dot != 0) {
        found = by_name_.find("*" + name.substr(dot));
    }
    if (found == by_name_.end() || found->second == 0) {
        return nullptr;
    }
    return &certificates_[found->second - 1];
}

}  // namespace martlet::transport
