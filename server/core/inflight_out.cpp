#include "server/core/inflight_out.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

std::uint16_t InflightWindow::next_id() {
    last_id_ = last_id_ == 65'535 ? std::uint16_t{1} : static_cast<std::uint16_t>(last_id_ + 1);
    return last_id_;
}

InflightOut& InflightWindow::add(Delivery delivery, InflightOut::State state) {
    MARTLET_ASSERT(can_add());
    InflightOut entry;
    entry.message = std::move(delivery.message);
    entry.stored = delivery.stored;
    entry.terms = delivery.terms;
    entry.packet_id = static_cast<protocol::PacketId>(next_id());
    entry.state = state;
    entries_.push_back(std::move(entry));
    ++active_;
    return entries_.back();
}

bool InflightWindow::restore(InflightOut entry) {
    const unsigned id = protocol::to_wire(entry.packet_id);
    if (!entries_.empty()) {
        const unsigned last = last_id_;
        const unsigned distance = id > last ? id - last : id + 65'535U - last;
        if (entries_.size() + distance > span_max) {
            return false;
        }
        for (unsigned i = 1; i < distance; ++i) {
            entries_.emplace_back().packet_id = static_cast<protocol::PacketId>(next_id());
        }
    }
    last_id_ = static_cast<std::uint16_t>(id);
    entries_.push_back(std::move(entry));
    ++active_;
    return true;
}

InflightOut* InflightWindow::find(protocol::PacketId packet_id) {
    if (entries_.empty() || packet_id == protocol::PacketId::none) {
        return nullptr;
    }
    // Identifiers run 1..65535, so distances are taken modulo 65,535.
    const unsigned first = protocol::to_wire(entries_.front().packet_id);
    const unsigned wanted = protocol::to_wire(packet_id);
    const unsigned distance = wanted >= first ? wanted - first : wanted + 65'535U - first;
    if (distance >= entries_.size()) {
        return nullptr;
    }
    InflightOut& entry = entries_[distance];
    return entry.state == InflightOut::State::done ? nullptr : &entry;
}

void InflightWindow::finish(InflightOut& entry) {
    finish_later(entry);
    drop_finished();
}

void InflightWindow::finish_later(InflightOut& entry) {
    MARTLET_ASSERT(entry.state != InflightOut::State::done);
    entry.state = InflightOut::State::done;
    entry.message.reset();
    entry.stored = 0;
    --active_;
}

void InflightWindow::drop_finished() {
    while (!entries_.empty() && entries_.front().state == InflightOut::State::done) {
        entries_.pop_front();
    }
}

void InflightWindow::clear() {
    entries_.clear();
    active_ = 0;
}

}  // namespace martlet::core
