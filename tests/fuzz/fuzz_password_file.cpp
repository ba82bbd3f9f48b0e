// Password files and the hashes in them: every fault is one printable line that says where it is
// and tells no secret; a file without faults has users that are found.
#include "server/security/password_file.hpp"

#include "tests/fuzz/fuzz_target.hpp"

using namespace martlet::security;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = martlet::fuzz::text_of(data, size);
    const auto parsed = parse_password_file(text);
    if (const auto* faults = std::get_if<FileFaults>(&parsed)) {
        FUZZ_CHECK(!faults->empty());
        for (const FileFault& fault : *faults) {
            FUZZ_CHECK(fault.line != 0 && !fault.what.empty());
            for (const char character : fault.what) {
                FUZZ_CHECK(character >= ' ' && character <= '~');
            }
        }
        return 0;
    }
    const PasswordFile& file = std::get<PasswordFile>(parsed);
    std::size_t found = 0;
    for_each_line(text, [&](std::size_t, std::string_view line) {
        const std::size_t colon = line.find(':');
        if (line.starts_with('#') || colon == std::string_view::npos) {
            return;
        }
        const PasswordEntry* entry = file.find(without_blanks(line.substr(0, colon)));
        FUZZ_CHECK(entry != nullptr);
        const PasswordHash& hash = entry->hash;
        FUZZ_CHECK(hash.iterations <= pbkdf2_iterations_max);
        FUZZ_CHECK(std::uint64_t{hash.memory_kib} * hash.iterations <= argon2_work_kib_max);
        ++found;
    });
    FUZZ_CHECK(found == file.size());
    FUZZ_CHECK(!file.decoy(text).hash.empty());
    return 0;
}
