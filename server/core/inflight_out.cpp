#include "server/core/inflight_out.hpp"

#include <utility>

#include "protocol/assert.hpp"

namespace martlet::core {

InflightOut& InflightWindow::add(Delivery delivery, InflightOut::State state) {
    MARTLET_ASSERT(can_add());
    last_id_ = last_id_ == 65'535 ? std::uint16_t{1} : static_cast<std::uint16_t>(last_id_ + 1);
    InflightOut entry;
    entry.message = std::move(delivery.message);
    entry.terms = delivery.terms;
    entry.packet_id = static_cast<protocol::PacketId>(last_id_);
    entry.state = state;
    entries_.push_back(std::move(entry));
    ++active_;
    return entries_.back();
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
