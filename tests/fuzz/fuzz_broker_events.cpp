// A whole broker under whatever may happen to it: the input is a list of events, each a byte that
// says what and to which of eight connections, and the bytes that it needs. Clients send packets
// that make sense, packets that were damaged, or anything; they read slowly or not at all, and
// vanish. Batches, completions of the store and passes come in any order that the ports allow.
//
// The broker may refuse, drop and close as it likes. After every event its invariants must hold,
// and when everybody has gone at the end nothing may be left of clean sessions.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/frame_decoder.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/broker_world.hpp"

using namespace martlet;
using tests::BrokerWorld;
using tests::ByteVector;
using tests::Wire;
using tests::WireIndex;

namespace {

constexpr std::size_t clients = 8;

// Input that ends where it ends: zeroes follow.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : bytes_(fuzz::bytes_of(data, size)) {}

    bool is_empty() const { return bytes_.empty(); }
    std::uint8_t number() {
        return bytes_.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(take(1).front());
    }
    protocol::Bytes take(std::size_t count) {
        const protocol::Bytes taken = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }

private:
    protocol::Bytes bytes_;
};

// What a client that means it would send. The bytes are written out, so that what is wrong in the
// codec is not wrong here too; an input damages them as it likes.
const std::vector<ByteVector>& phrases() {
    static const std::vector<ByteVector> all = [] {
        std::vector<ByteVector> made;
        for (const char* const text : {
                 // CONNECT: 3.1.1 clean and not, with a will; 5.0 likewise, with limits
                 "10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'",
                 "10 0D 00 04 'MQTT' 04 00 00 3C 00 01 'a'",
                 "10 13 00 04 'MQTT' 04 0E 00 01 00 01 'b' 00 01 't' 00 01 'w'",
                 "10 0E 00 04 'MQTT' 05 02 00 3C 00 00 01 'a'",
                 "10 13 00 04 'MQTT' 05 00 00 3C 05 11 00 00 00 09 00 01 'b'",
                 "10 16 00 04 'MQTT' 05 00 00 01 08 11 00 00 00 09 21 00 01 00 01 'c'",
                 "10 1A 00 04 'MQTT' 05 2E 00 02 00 00 01 'c' 05 18 00 00 00 02 00 01 't' 00 01 "
                 "'w'",
                 "10 0C 00 04 'MQTT' 04 02 00 00 00 00",
                 // SUBSCRIBE, UNSUBSCRIBE in 3.1.1; exact, wildcards, shared
                 "82 06 00 01 00 01 't' 00",
                 "82 06 00 02 00 01 't' 01",
                 "82 06 00 03 00 01 '#' 02",
                 "82 0F 00 04 00 0A '$share/g/t' 01",
                 "82 0F 00 05 00 0A '$share/g/#' 02",
                 "A2 05 00 06 00 01 't'",
                 "A2 0E 00 07 00 0A '$share/g/t'",
                 // and in 5.0: with an identifier, No Local, retain handling
                 "82 07 00 01 00 00 01 't' 01",
                 "82 09 00 02 02 0B 07 00 01 '+' 02",
                 "82 07 00 03 00 00 01 '#' 2E",
                 "82 10 00 04 00 00 0A '$share/g/t' 01",
                 "A2 06 00 05 00 00 01 't'",
                 // PUBLISH in 3.1.1: QoS 0, retained, empty retained, QoS 1 and 2, repeated
                 "30 04 00 01 't' 'x'",
                 "31 04 00 01 't' 'x'",
                 "31 03 00 01 't'",
                 "32 06 00 01 't' 00 01 'x'",
                 "33 06 00 01 'u' 00 02 'x'",
                 "34 06 00 01 't' 00 03 'x'",
                 "3C 06 00 01 't' 00 03 'x'",
                 // and in 5.0: expiry, alias
                 "30 05 00 01 't' 00 'x'",
                 "32 0C 00 01 't' 00 01 05 02 00 00 00 01 'x'",
                 "34 0A 00 01 't' 00 02 03 23 00 01 'x'",
                 "30 07 00 00 03 23 00 01 'x'",
                 // acknowledgements, PINGREQ, DISCONNECT
                 "40 02 00 01",
                 "40 02 00 02",
                 "50 02 00 01",
                 "50 02 00 02",
                 "62 02 00 03",
                 "62 02 00 02",
                 "70 02 00 01",
                 "70 02 00 02",
                 "C0 00",
                 "E0 00",
                 "E0 01 04",
                 "E0 07 00 05 11 00 00 00 00",
             }) {
            made.push_back(tests::bytes_of(text));
        }
        return made;
    }();
    return all;
}

tests::WorldOptions options_from(Input& input) {
    const std::uint8_t choice = input.number();
    tests::WorldOptions options;
    options.shards = static_cast<core::ShardIndex>(1 + choice % 3);
    options.keeps_records = (choice & 0x10U) != 0;
    if ((choice & 0x20U) != 0) {
        options.limits.queued_messages_max = 3;
        options.limits.queued_bytes_max = 400;
        options.limits.inflight_max = 2;
        options.limits.receive_maximum = 2;
    }
    if ((choice & 0x40U) != 0) {
        options.limits.write_limit_bytes = 64;
        options.limits.packet_size_max = 128;
    }
    if ((choice & 0x80U) != 0) {
        options.limits.subscriptions_per_client_max = 2;
        options.limits.retained_messages_max = 2;
        options.limits.session_expiry_max_s = 4;
    }
    return options;
}

class Run {
public:
    explicit Run(Input& input) : input_(input), world_(options_from(input)) {
        for (WireIndex& wire : wires_) {
            wire = world_.open_wire(next_shard());
        }
    }

    void step();
    void finish();

private:
    core::ShardIndex next_shard() {
        return static_cast<core::ShardIndex>(next_++ % world_.shard_count());
    }
    core::ShardIndex some_shard() {
        return static_cast<core::ShardIndex>(input_.number() % world_.shard_count());
    }
    void send(WireIndex index, protocol::Bytes bytes);
    void send_phrase(WireIndex index, bool damaged);
    void answer(WireIndex index);
    void hang_up(std::size_t client);
    void go_on(WireIndex index);
    bool settle_once();
    void settle();
    void check() { world_.check_invariants(); }

    Input& input_;
    BrokerWorld world_;
    std::array<WireIndex, clients> wires_{};
    unsigned next_ = 0;
};

void Run::send(WireIndex index, protocol::Bytes bytes) {
    Wire& wire = world_.wire(index);
    if (wire.closed || wire.client_closed) {
        return;
    }
    wire.sent.insert(wire.sent.end(), bytes.begin(), bytes.end());
    world_.arrive(index, wire.sent.size());
}

void Run::send_phrase(WireIndex index, bool damaged) {
    ByteVector bytes = phrases()[input_.number() % phrases().size()];
    if (damaged) {
        const std::size_t at = input_.number() % bytes.size();
        bytes[at] = static_cast<std::byte>(input_.number());
    }
    send(index, bytes);
}

// Acknowledges what has been delivered, as it should be.
void Run::answer(WireIndex index) {
    constexpr std::size_t any_size = 1 << 28;
    const ByteVector delivered = std::exchange(world_.wire(index).delivered, {});
    protocol::Bytes rest = delivered;
    ByteVector answers;
    while (const auto progress = protocol::next_frame(rest, any_size)) {
        if (progress->state != protocol::FrameProgress::State::whole) {
            break;
        }
        const protocol::Bytes frame = progress->frame.whole;
        const auto first = std::to_integer<unsigned>(frame.front());
        std::size_t id = frame.size() - progress->frame.body.size();
        if (first >> 4U == 3) {
            id += 2 + (std::to_integer<std::size_t>(frame[id]) << 8U |
                       std::to_integer<std::size_t>(frame[id + 1]));
        }
        const unsigned qos = first >> 1U & 3U;
        std::optional<unsigned> kind;
        if (first >> 4U == 3 && qos != 0) {
            kind = qos == 1 ? 0x40U : 0x50U;
        } else if (first >> 4U == 6) {
            kind = 0x70U;
        } else if (first >> 4U == 5) {
            kind = 0x62U;
        }
        if (kind) {
            answers.insert(answers.end(),
                           {static_cast<std::byte>(*kind), std::byte{2}, frame[id], frame[id + 1]});
        }
        rest = rest.subspan(frame.size());
    }
    send(index, answers);
}

// The client is gone, and somebody else comes.
void Run::hang_up(std::size_t client) {
    world_.wire(wires_[client]).client_closed = true;
    world_.finish_closing(wires_[client]);
    wires_[client] = world_.open_wire(next_shard());
}

void Run::go_on(WireIndex index) {
    world_.drain(index);
    world_.tell_written(index);
    if (world_.wire(index).resumed) {
        world_.take_kept(index);
    }
    if (world_.wire(index).closing) {
        world_.finish_closing(index);
    }
}

bool Run::settle_once() {
    bool active = false;
    for (core::ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
        world_.end_pass(shard);
        active |= world_.complete_store(shard);
        active |= world_.tick(shard);
        for (core::ShardIndex to = 0; to < world_.shard_count(); ++to) {
            active |= world_.deliver_batch(shard, to);
        }
        active |= world_.shard(shard).has_work();
    }
    for (WireIndex index = 0; index < world_.wire_count(); ++index) {
        active |= world_.tell_written(index);
        if (world_.wire(index).resumed) {
            active |= world_.take_kept(index);
        }
        if (world_.wire(index).closing) {
            active |= world_.finish_closing(index);
        }
    }
    return active;
}

void Run::settle() {
    constexpr int rounds_max = 10'000;
    for (int round = 0; settle_once(); ++round) {
        FUZZ_CHECK(round < rounds_max);
    }
}

void Run::step() {
    const std::uint8_t event = input_.number();
    const std::size_t client = (event >> 4U) % clients;
    const WireIndex index = wires_[client];
    switch (event & 0x0FU) {
        case 0:
        case 1:
            send(index, input_.take(input_.number()));
            break;
        case 2:
        case 3:
        case 4:
        case 5:
            send_phrase(index, false);
            break;
        case 6:
            send_phrase(index, true);
            break;
        case 7:
            hang_up(client);
            break;
        case 8:
            world_.pass_time(std::chrono::milliseconds(std::uint64_t{input_.number()} * 100));
            world_.tick(some_shard());
            break;
        case 9: {
            const core::ShardIndex from = some_shard();
            world_.deliver_batch(from, some_shard());
            break;
        }
        case 10:
            world_.complete_store(some_shard());
            break;
        case 11:
            world_.end_pass(some_shard());
            break;
        case 12:
            go_on(index);
            break;
        case 13: {
            const std::uint8_t room = input_.number();
            world_.wire(index).room = room > 200 ? tests::unlimited : room;
            go_on(index);
            break;
        }
        case 14:
            answer(index);
            break;
        default:
            settle();
            break;
    }
    check();
}

void Run::finish() {
    settle();
    for (std::size_t client = 0; client < clients; ++client) {
        hang_up(client);
    }
    settle();
    // Whatever may expire has expired: what is left may stay for ever.
    world_.pass_time(std::chrono::hours(24));
    settle();
    check();
    for (core::ShardIndex shard = 0; shard < world_.shard_count(); ++shard) {
        FUZZ_CHECK(world_.shard(shard).connection_count() == 0);
        FUZZ_CHECK(world_.store(shard).pending.empty());
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t events_max = 1000;
    Input input(data, size);
    Run run(input);
    for (std::size_t event = 0; event < events_max && !input.is_empty(); ++event) {
        run.step();
    }
    run.finish();
    return 0;
}
