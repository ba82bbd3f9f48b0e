#include "server/app/memory_watch.hpp"

#include <doctest/doctest.h>

#include <vector>

using martlet::app::MemoryWatch;

namespace {

struct Memory {
    std::size_t used = 0;
    std::size_t idle = 0;  // of that, what can be given back
    std::vector<bool> told;
    boost::asio::io_context io;
    MemoryWatch watch{io,
                      {[this] { return used; },
                       [this] {
                           used -= idle;
                           idle = 0;
                       },
                       [this](bool is_tight, std::size_t) { told.push_back(is_tight); }}};

    void look_at(std::size_t bytes, std::size_t idle_bytes = 0) {
        used = bytes;
        idle = idle_bytes;
        watch.look();
    }
};

}  // namespace

TEST_CASE("memory watch: tells of the limit once and of its end with a tenth to spare") {
    Memory memory;
    memory.watch.set_limit(1000);
    memory.look_at(999);
    CHECK(memory.told.empty());
    memory.look_at(1000);
    memory.look_at(1200);
    CHECK(memory.told == std::vector<bool>{true});
    memory.look_at(900);
    CHECK(memory.told.size() == 1);
    memory.look_at(899);
    CHECK(memory.told == std::vector<bool>{true, false});
}

TEST_CASE("memory watch: what is free already is given back before anybody is told") {
    Memory memory;
    memory.watch.set_limit(1000);
    memory.look_at(1500, 600);
    CHECK(memory.used == 900);
    CHECK(memory.told.empty());
    memory.look_at(1500, 100);
    CHECK(memory.told == std::vector<bool>{true});
    memory.look_at(1400, 600);
    CHECK(memory.told == std::vector<bool>{true, false});
}

TEST_CASE("memory watch: without a limit nothing is tight") {
    Memory memory;
    memory.look_at(1'000'000);
    memory.watch.set_limit(1000);
    CHECK(memory.told == std::vector<bool>{true});
    memory.watch.set_limit(0);
    CHECK(memory.told == std::vector<bool>{true, false});
}
