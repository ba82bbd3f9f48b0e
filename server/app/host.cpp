#include "server/app/host.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <limits>
#include <system_error>
#include <vector>

namespace martlet::app {

namespace {

std::string error_text(int error) {
    return std::generic_category().message(error);
}

}  // namespace

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

std::size_t descriptor_limit() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void tune_allocator() {
    constexpr int keep_bytes = 64 * 1024 * 1024;
    constexpr int map_from_bytes = 4 * 1024 * 1024;
    // A message with a payload of 64 bytes that waits for its PUBACK. A freed block up to this size
    // is not merged with its neighbours to be cut out anew for the next message.
    constexpr int reuse_unmerged_bytes = 160;
    // Before there are threads, as the header asks.
    mallopt(M_TRIM_THRESHOLD, keep_bytes);      // NOLINT(concurrency-mt-unsafe)
    mallopt(M_MMAP_THRESHOLD, map_from_bytes);  // NOLINT(concurrency-mt-unsafe)
    mallopt(M_MXFAST, reuse_unmerged_bytes);    // NOLINT(concurrency-mt-unsafe)
}

void return_free_memory() {
    malloc_trim(0);
}

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total_pages = 0;
    std::size_t resident_pages = 0;
    statm >> total_pages >> resident_pages;
    return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t default_memory_limit() {
    std::uint64_t available = std::numeric_limits<std::uint64_t>::max();
    // "max", where there is no limit, is not a number and changes nothing.
    for (const char* path :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        std::uint64_t bytes = 0;
        if (std::ifstream(path) >> bytes && bytes != 0) {
            available = std::min(available, bytes);
        }
    }
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_size = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page_size > 0) {
        available = std::min(
            available, static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size));
    }
    return available == std::numeric_limits<std::uint64_t>::max() ? 0 : available / 2;
}

std::string daemonise() {
    constexpr int keep_directory = 1;
    constexpr int close_streams = 0;
    if (daemon(keep_directory, close_streams) != 0) {
        return fmt::format("cannot go to the background: {}", error_text(errno));
    }
    return {};
}

std::string write_pid_file(const std::string& path) {
    std::ofstream file(path, std::ios::trunc);
    file << getpid() << '\n';
    file.close();
    return file ? std::string()
                : fmt::format("cannot write the pid file {}: {}", path, error_text(errno));
}

std::string become_user(const std::string& name) {
    if (name.empty() || name == "root" || geteuid() != 0) {
        return {};
    }
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16 * 1024);
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return fmt::format("cannot become user {}: there is no such user", name);
    }
    if (initgroups(name.c_str(), entry.pw_gid) != 0 || setgid(entry.pw_gid) != 0 ||
        setuid(entry.pw_uid) != 0) {
        return fmt::format("cannot become user {}: {}", name, error_text(errno));
    }
    return {};
}

}  // namespace martlet::app
