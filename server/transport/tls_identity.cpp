#include "server/transport/tls_identity.hpp"

#include <utility>

#include "protocol/utf8.hpp"
#include "server/transport/tls_handles.hpp"

namespace martlet::transport {

namespace {

PeerIdentity defect(std::string_view what) {
    return {{}, what};
}

// is_valid_utf8() permits no zero byte either.
PeerIdentity checked(std::string name) {
    if (name.empty()) {
        return defect("its name is empty");
    }
    if (!protocol::is_valid_utf8(name)) {
        return defect("its name is not UTF-8, or has a zero byte in it");
    }
    return {std::move(name), {}};
}

PeerIdentity common_name(const X509_NAME* subject) {
    const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0) {
        return defect("it has no common name");
    }
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) {
        return defect("it has more than one common name");
    }
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    unsigned char* bytes = nullptr;
    const int size = ASN1_STRING_to_UTF8(&bytes, value);
    if (size < 0) {
        return defect("its common name cannot be read");
    }
    std::string name(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return checked(std::move(name));
}

PeerIdentity subject_text(const X509_NAME* subject) {
    const BioOwner memory(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(memory.get(), subject, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return checked(std::string(data, static_cast<std::size_t>(size)));
}

NamesOwner alternative_names(const X509& certificate) {
    return NamesOwner(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
}

// An IA5String, whatever bytes it may hold.
std::string text_of(const GENERAL_NAME& name) {
    const ASN1_IA5STRING* value = name.d.ia5;
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                       static_cast<std::size_t>(ASN1_STRING_length(value)));
}

PeerIdentity alternative_name(const X509& certificate) {
    const NamesOwner names = alternative_names(certificate);
    for (const int kind : {GEN_URI, GEN_DNS, GEN_EMAIL}) {
        for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
            const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
            if (name.type == kind) {
                return checked(text_of(name));
            }
        }
    }
    return defect("it has no alternative name that is a URI, a DNS name or an e-mail address");
}

std::string lower_case(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return text;
}

}  // namespace

PeerIdentity identity_of(const X509& certificate, CertificateIdentity kind) {
    const X509_NAME* subject = X509_get_subject_name(&certificate);
    switch (kind) {
        case CertificateIdentity::none:
            break;
        case CertificateIdentity::common_name:
            return common_name(subject);
        case CertificateIdentity::subject:
            return X509_NAME_entry_count(subject) == 0 ? defect("its subject is empty")
                                                       : subject_text(subject);
        case CertificateIdentity::alternative_name:
            return alternative_name(certificate);
    }
    return {};
}

std::vector<std::string> host_names(const X509& certificate) {
    std::vector<std::string> found;
    const NamesOwner names = alternative_names(certificate);
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
        if (name.type == GEN_DNS) {
            found.push_back(lower_case(text_of(name)));
        }
    }
    if (found.empty()) {
        const PeerIdentity common = common_name(X509_get_subject_name(&certificate));
        if (!common.name.empty()) {
            found.push_back(lower_case(common.name));
        }
    }
    return found;
}

}  // namespace martlet::transport
