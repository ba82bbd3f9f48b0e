// What a store does beside keeping: what it does not write, who may open it, what it says.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "server/store/checksum_vfs.hpp"
#include "server/store/schema.hpp"
#include "server/store/store_tool.hpp"
#include "tests/support/fault_vfs.hpp"
#include "tests/support/make_message.hpp"
#include "tests/support/store_harness.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace martlet::testing {
namespace {

class Fixture {
public:
    Fixture() { options.directory = temporary.path() / "data"; }

    std::string file() const { return options.directory + "/martlet.db"; }
    std::int64_t number(const std::string& sql) const {
        store::Connection connection;
        REQUIRE(store::open_for_reading(file(), connection) == "");
        return connection.number(sql).value_or(-1);
    }
    void execute(const std::string& sql) const {
        store::Connection connection;
        REQUIRE(connection.open(file(), SQLITE_OPEN_READWRITE, store::checksum_vfs_name()) ==
                SQLITE_OK);
        REQUIRE(connection.execute(sql.c_str()) == SQLITE_OK);
    }
    std::string refusal() const {
        try {
            StoreHarness harness(options);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
    static core::SessionPut session(core::SessionId id) {
        return {id, {}, fmt::format("client-{}", id), 3600, core::never};
    }
    static core::MessagePut message(core::MessageId id, core::SessionId session) {
        core::MessagePut put;
        put.id = id;
        put.message = make_message("a/b", "payload");
        put.targets.push_back({session, 1});
        return put;
    }
    static std::string output_of(auto print) {
        char* text = nullptr;
        std::size_t size = 0;
        std::FILE* const out = open_memstream(&text, &size);
        print(out);
        std::fclose(out);
        std::string result(text, size);
        std::free(text);
        return result;
    }

    tests::TemporaryDirectory temporary;
    HarnessOptions options;
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("store: a message for a thousand sessions is one row and goes with the last of them") {
    Fixture fixture;
    StoreHarness harness(fixture.options);
    harness.start();
    core::MessagePut put = Fixture::message(7, 1);
    for (core::SessionId session = 2; session <= 1000; ++session) {
        put.targets.push_back({session, 1});
    }
    REQUIRE(harness.wait_durable(0, harness.submit(0, {put}, true)));
    CHECK(fixture.number("SELECT count(*) FROM message") == 1);
    for (int done = 1; done <= 1000; ++done) {
        CHECK(fixture.number("SELECT count(*) FROM message") == 1);
        REQUIRE(harness.wait_durable(0, harness.submit(0, {core::MessageDone{7}}, true)));
    }
    CHECK(fixture.number("SELECT count(*) FROM message") == 0);
}

TEST_CASE("store: what is done with before it is written is not written") {
    Fixture fixture;
    StoreHarness harness(fixture.options);
    // Before the thread starts: all of it is one group.
    std::vector<core::StoreRecord> records;
    for (core::MessageId id = 1; id <= 1000; ++id) {
        records.emplace_back(Fixture::message(id, 1));
        core::MessagePut twice = Fixture::message(id + 2000, 1);
        twice.targets.push_back({2, 1});
        records.emplace_back(twice);
    }
    harness.submit(0, std::move(records), true);
    std::vector<core::StoreRecord> done;
    for (core::MessageId id = 1; id <= 1000; ++id) {
        if (id != 500) {
            done.emplace_back(core::MessageDone{id});
        }
        done.emplace_back(core::MessageDone{id + 2000});
    }
    const core::StoreTicket last = harness.submit(0, std::move(done), true);
    const std::uint64_t before = FaultVfs::instance().calls(DiskCall::write);
    harness.start();
    REQUIRE(harness.wait_durable(0, last));
    CHECK(fixture.number("SELECT count(*) FROM message WHERE id<=1000") == 1);
    CHECK(fixture.number("SELECT count(*) FROM message WHERE id>2000") == 1000);
    CHECK(FaultVfs::instance().calls(DiskCall::write) > before);
}

TEST_CASE("store: rows are deleted in runs and others between them stay") {
    MARTLET_SEEDED(random);
    Fixture fixture;
    StoreHarness harness(fixture.options);
    harness.start();
    std::vector<core::StoreRecord> records;
    for (core::MessageId id = 1; id <= 3000; ++id) {
        records.emplace_back(Fixture::message(id, 1));
    }
    harness.submit(0, std::move(records), true);
    std::vector<core::StoreRecord> done;
    std::int64_t sum = 3000 * 3001 / 2;
    for (core::MessageId id = 1; id <= 3000; ++id) {
        const bool is_run = id < 1000 || (id < 2000 && id % 3 == 0);
        if (is_run || random.chance(7)) {
            done.emplace_back(core::MessageDone{id});
            sum -= static_cast<std::int64_t>(id);
        }
    }
    REQUIRE(harness.wait_durable(0, harness.submit(0, std::move(done), true)));
    CHECK(fixture.number("SELECT sum(id) FROM message") == sum);
}

TEST_CASE("store: a load sees what is not committed and answers for every id") {
    Fixture fixture;
    fixture.options.lazy_delay = std::chrono::hours(1);
    StoreHarness harness(fixture.options);
    harness.start();
    harness.submit(0, {Fixture::message(3, 1), Fixture::message(9, 1)}, false);
    const auto loaded = harness.load(0, 1, {3, 5, 9});
    REQUIRE(loaded);
    REQUIRE(loaded->messages.size() == 3);
    CHECK(text_of(loaded->messages[0]) == text_of(make_message("a/b", "payload")));
    CHECK(loaded->messages[1] == nullptr);
    CHECK(loaded->messages[2] != nullptr);
    CHECK(harness.durable(0) == 0);
    harness.stop();
    CHECK(harness.durable(0) == 1);
}

TEST_CASE("store: ids are not given out again after what had them is gone") {
    Fixture fixture;
    {
        StoreHarness harness(fixture.options);
        harness.start();
        harness.submit(0,
                       {Fixture::session(11), Fixture::message(12, 11),
                        core::RetainedPut{13, make_message("r", "x")}},
                       true);
        harness.submit(
            0, {core::SessionErased{11}, core::MessageDone{12}, core::RetainedErased{13}}, true);
        harness.stop();
    }
    StoreHarness harness(fixture.options);
    CHECK(harness.recovered()[0].session_id_max >= 11);
    CHECK(harness.recovered()[0].message_id_max >= 12);
    CHECK(harness.recovered()[0].retained_id_max >= 13);
}

TEST_CASE("store: only its owner may read it") {
    Fixture fixture;
    StoreHarness harness(fixture.options);
    harness.start();
    REQUIRE(harness.wait_durable(0, harness.submit(0, {Fixture::session(1)}, true)));
    struct stat status {};
    REQUIRE(stat(fixture.options.directory.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    for (const auto& entry : std::filesystem::directory_iterator(fixture.options.directory)) {
        REQUIRE(stat(entry.path().c_str(), &status) == 0);
        CHECK_MESSAGE((status.st_mode & 0777) == 0600, entry.path());
    }
}

TEST_CASE("store: a directory is one broker's") {
    Fixture fixture;
    StoreHarness harness(fixture.options);
    const std::string refusal = fixture.refusal();
    CHECK(contains(refusal, "another broker"));
    CHECK(contains(refusal, std::to_string(getpid())));
}

TEST_CASE("store: what cannot be opened is refused in one line") {
    Fixture fixture;
    { StoreHarness harness(fixture.options); }
    SUBCASE("a newer format") {
        fixture.execute("PRAGMA user_version=99");
        CHECK(contains(fixture.refusal(), "newer Martlet"));
    }
    SUBCASE("somebody else's database") {
        fixture.execute("PRAGMA application_id=5");
        CHECK(contains(fixture.refusal(), "not a database of Martlet's"));
    }
    SUBCASE("the log without its database") {
        std::filesystem::rename(fixture.file(), fixture.file() + "-wal");
        CHECK(contains(fixture.refusal(), "missing"));
    }
    SUBCASE("an empty file") {
        std::filesystem::resize_file(fixture.file(), 0);
        CHECK(contains(fixture.refusal(), "martlet store check"));
    }
    SUBCASE("a file in the place of the directory") {
        std::filesystem::remove_all(fixture.options.directory);
        const std::string made = fixture.temporary.write("data", "x");
        CHECK(contains(fixture.refusal(), made));
    }
    CHECK(!contains(fixture.refusal(), "\n"));
}

TEST_CASE("store: time away counts and a clock set back does not count backwards") {
    Fixture fixture;
    const std::int64_t began = fixture.options.wall_ms;
    {
        StoreHarness harness(fixture.options);
        harness.start();
        core::SessionPut session = Fixture::session(1);
        session.disconnected_at = core::Instant{} + std::chrono::hours(1);
        harness.submit(0, {session}, true);
        harness.stop();
    }
    const auto left_for = [&](std::int64_t wall_ms) {
        fixture.options.wall_ms = wall_ms;
        StoreHarness harness(fixture.options);
        // The harness's clock shows this as it starts.
        const core::Instant now =
            core::Instant{} + std::chrono::hours(1) + std::chrono::milliseconds(wall_ms - began);
        return std::chrono::duration_cast<std::chrono::seconds>(
                   now - harness.recovered()[0].sessions.at(0).disconnected_at)
            .count();
    };
    CHECK(left_for(began + 50'000) == 50);
    const std::int64_t after_setting_back = left_for(began - 100'000);
    CHECK(after_setting_back >= 50);
    CHECK(after_setting_back < 100);
}

TEST_CASE("store: expired retained messages do not come back") {
    Fixture fixture;
    {
        StoreHarness harness(fixture.options);
        harness.start();
        core::MessageParts parts;
        parts.topic = "r";
        parts.expires_at = core::Instant{} + std::chrono::hours(1) + std::chrono::seconds(30);
        harness.submit(0, {core::RetainedPut{1, core::Message::make(parts)}}, true);
        harness.stop();
    }
    fixture.options.wall_ms += 20'000;
    CHECK(StoreHarness(fixture.options).recovered()[0].retained.size() == 1);
    fixture.options.wall_ms += 20'000;
    CHECK(StoreHarness(fixture.options).recovered()[0].retained.empty());
    CHECK(fixture.number("SELECT count(*) FROM retained") == 0);
}

TEST_CASE("store: many retained messages come back in order and a damaged one is noticed") {
    constexpr core::RetainedId count = 120'000;  // more than one thread reads
    Fixture fixture;
    fixture.options.shard_count = 2;
    {
        StoreHarness harness(fixture.options);
        harness.start();
        std::vector<core::StoreRecord> records;
        for (core::RetainedId id = 1; id <= count; ++id) {
            records.emplace_back(core::RetainedPut{id, make_message(fmt::format("t/{}", id), "x")});
        }
        REQUIRE(harness.wait_durable(0, harness.submit(0, std::move(records), true)));
    }
    {
        const StoreHarness harness(fixture.options);
        std::size_t found = 0;
        for (const core::RecoveredState& state : harness.recovered()) {
            CHECK(state.retained_id_max >= count);
            CHECK(std::is_sorted(state.retained.begin(), state.retained.end(),
                                 [](const auto& a, const auto& b) { return a.id < b.id; }));
            for (const core::RecoveredRetained& each : state.retained) {
                found += each.message->topic() == fmt::format("t/{}", each.id) ? 1 : 0;
            }
        }
        CHECK(found == count);
    }
    fixture.execute("UPDATE retained SET topic='other' WHERE id=110000");
    CHECK(contains(fixture.refusal(), "table retained: row 110000 is damaged"));
}

TEST_CASE("store: after a crash with a long log it goes on at once") {
    Fixture fixture;
    fixture.options.lazy_delay = std::chrono::seconds(5);
    std::vector<core::StoreRecord> records{Fixture::session(1)};
    const std::string payload(1000, 'x');
    for (core::MessageId id = 1; id <= 6000; ++id) {
        core::MessagePut put = Fixture::message(id, 1);
        put.message = make_message("a/b", payload);
        records.emplace_back(std::move(put));
    }
    const std::string copied = fixture.temporary.path() / "copied";
    {
        StoreHarness harness(fixture.options);
        harness.start();
        fixture.options.directory = copied;
        std::filesystem::create_directory(copied);
        REQUIRE(harness.wait_durable(0, harness.submit(0, std::move(records), true)));
        std::filesystem::copy(fixture.temporary.path() / "data", copied,
                              std::filesystem::copy_options::recursive);
    }
    // Loads see what is not committed, so a transaction is open by the end of the first round.
    StoreHarness harness(fixture.options);
    harness.submit(0, {Fixture::message(6001, 1)}, false);
    harness.ask(0, 1, {6001});
    harness.start();
    CHECK(harness.take_loaded().has_value());
    CHECK(harness.load(0, 1, {6001}).has_value());
    CHECK(harness.fatal() == "");
}

TEST_CASE("store: a backup made while it is written to is whole and starts") {
    MARTLET_SEEDED(random);
    Fixture fixture;
    StoreModel model(random, 0, 0, 1);
    StoreHarness harness(fixture.options);
    harness.start();
    core::StoreTicket last = 0;
    for (int batch = 0; batch < 100; ++batch) {
        last = harness.submit(0, model.happen(), true);
    }
    REQUIRE(harness.wait_durable(0, last));
    const std::string before = join_sorted(model.lines());
    const std::string copy = fixture.temporary.path() / "copy.db";
    bool is_backed_up = false;
    std::thread backup([&] {
        const std::string text = Fixture::output_of([&](std::FILE* out) {
            is_backed_up = store::back_up_store(fixture.options.directory, copy, out) == 0;
        });
        CHECK(contains(text, "No damage"));
    });
    backup.join();
    REQUIRE(is_backed_up);
    std::thread second([&] {
        Fixture::output_of([&](std::FILE* out) {
            CHECK(store::back_up_store(fixture.options.directory, copy + "2", out) == 0);
        });
    });
    for (int batch = 0; batch < 300; ++batch) {
        harness.submit(0, model.happen(), true);
    }
    second.join();
    const std::string text = Fixture::output_of([&](std::FILE* out) {
        CHECK(store::back_up_store(fixture.options.directory, copy, out) == 1);
    });
    CHECK(contains(text, "exists"));
    struct stat status {};
    REQUIRE(stat(copy.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    HarnessOptions restored;
    restored.directory = fixture.temporary.path() / "restored";
    restored.wall_ms += 60'000;
    std::filesystem::create_directory(restored.directory);
    std::filesystem::rename(copy, restored.directory + "/martlet.db");
    StoreHarness again(restored);
    again.start();
    CHECK(difference(again.dump(), before) == "");
}

TEST_CASE("store: info tells what there is while it is in use") {
    Fixture fixture;
    StoreHarness harness(fixture.options);
    harness.start();
    REQUIRE(harness.wait_durable(
        0, harness.submit(0, {Fixture::session(1), Fixture::message(2, 1)}, true)));
    const std::string text = Fixture::output_of(
        [&](std::FILE* out) { CHECK(store::describe_store(fixture.options.directory, out) == 0); });
    CHECK(contains(text, "in use"));
    CHECK(contains(text, "sessions        1\n"));
    CHECK(contains(text, "messages        1, 10 bytes"));
    CHECK(contains(text, "oldest message"));
}

}  // namespace
}  // namespace martlet::testing
