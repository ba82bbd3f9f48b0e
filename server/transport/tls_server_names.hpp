// Which of a listener's certificates a client gets that says which host it wants (SNI).
//
// Exact names come before wildcards, which stand for one label: *.example.org is for
// a.example.org, not for a.b.example.org nor for example.org. Of two certificates with the same
// name the one given first counts, the default certificate before all others. Ownership: owns the
// certificates. Threading: immutable once filled.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/transport/tls_certificate.hpp"

namespace martlet::transport {

class TlsServerNames {
public:
    // The names of the default certificate, which is not kept here: find() is null for them.
    void add_default(const std::vector<std::string>& names);
    void add(TlsCertificate certificate);

    bool empty() const { return certificates_.empty(); }
    // Null: the default certificate.
    const TlsCertificate* find(std::string_view host) const;

private:
    // The place in certificates_, from 1 on; 0 is the default.
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::vector<TlsCertificate> certificates_;
};

}  // namespace martlet::transport
