// One MQTT client of the generator: its connection from the first SYN to DISCONNECT, its packets as
// events of the mode that is run.
// Ownership: owned by a Crowd, which outlives it. Threading: one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "protocol/frame_decoder.hpp"
#include "protocol/reason_code.hpp"
#include "tests/bench/load/packets.hpp"

namespace martlet::load {

class Client;
class Crowd;

// What a mode is told, and asked for. All run_until() does is between these.
class Mode {
public:
    virtual ~Mode() = default;
    virtual void run() = 0;

    virtual void on_ready(Client&) {}
    virtual void on_delivery(Client&, const Delivery&, std::uint64_t /*now_ns*/) {}
    virtual void on_puback(Client&, bool /*is_refused*/) {}
    virtual void on_suback(Client&, std::span<const protocol::ReasonCode>) {}
    // Publishes what is due; true if it did anything, or must be asked again without a pause.
    virtual bool pump() { return false; }
};

class Client {
public:
    Client(Crowd& crowd, std::size_t number, std::string id);

    enum class State : std::uint8_t { closed, connecting, shaking_hands, asking, ready };
    State state() const { return state_; }
    bool is_ready() const { return state_ == State::ready; }
    bool is_settled() const { return state_ == State::ready || state_ == State::closed; }
    Channel& channel() { return channel_; }
    bool can_publish() const { return is_ready() && !channel_.is_blocked(); }
    bool session_present() const { return session_present_; }

    // Begins to connect; on_ready() of the mode comes when CONNACK has.
    void open();
    // Sends DISCONNECT; close() when it is out.
    void say_goodbye();
    void close();

    void subscribe(std::span<const std::string> filters, QoS qos);
    void flush();
    PacketId next_id();

    std::size_t number;         // among its kind, for the mode
    bool is_clean = true;       // what it says in CONNECT
    std::uint32_t unacked = 0;  // publishes at QoS 1, counted by the mode

    void on_event(std::uint32_t events);

private:
    void on_connected();
    void shake_hands();
    void ask();
    void receive();
    std::size_t consume(Bytes bytes, std::uint64_t now);
    std::size_t skip(std::size_t available, std::uint64_t now);
    bool begin_large(Bytes bytes, std::size_t size);
    void on_frame(const protocol::FrameView& frame, std::uint64_t now);
    void deliver(const Delivery& delivery, std::uint64_t now);
    void on_connack(const protocol::FrameView& frame);
    void lose();

    Crowd& crowd_;
    Channel channel_;
    std::string id_;
    std::size_t place_;  // among all
    State state_ = State::closed;
    bool session_present_ = false;
    bool is_leaving_ = false;
    std::uint16_t last_id_ = 0;
    // A large PUBLISH is not kept: its stamp is, and how much of it is still to come.
    std::size_t to_skip_ = 0;
    Delivery large_;
};

}  // namespace martlet::load
