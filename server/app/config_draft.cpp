#include "server/app/config_draft.hpp"

#include <fmt/format.h>

namespace martlet::app {

std::string to_string(const SourceLine& source) {
    return fmt::format("{}:{}", source.file, source.line);
}

void ConfigDraft::add_error(const SourceLine& source, std::string_view key,
                            std::string_view problem) {
    errors.push_back(fmt::format("{}: {}: {}", to_string(source), key, problem));
}

void ConfigDraft::add_notice(const SourceLine& source, std::string_view key,
                             std::string_view remark) {
    notices.push_back(fmt::format("{}: {}: {}", to_string(source), key, remark));
}

}  // namespace martlet::app
