#include "server/store/group.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace martlet::store {

namespace {

bool is_before(const core::MessagePut* a, const core::MessagePut* b) {
    return a->id < b->id;
}

}  // namespace

void Group::add(core::ShardIndex shard, core::StoreBatch batch, ReferenceCounts& references,
                Parts& parts) {
    if (done_.size() <= shard) {
        done_.resize(std::size_t{shard} + 1);
    }
    batches_.push_back(std::move(batch));
    for (const core::StoreRecord& record : batches_.back().records) {
        add_record(shard, record, references, parts);
    }
}

void Group::add_message(const core::MessagePut& put, std::size_t left,
                        ReferenceCounts& references) {
    messages_.push_back(&put);
    references.add(put.id, left);
    marks_.message = std::max(marks_.message, put.id);
}

void Group::add_record(core::ShardIndex shard, const core::StoreRecord& record,
                       ReferenceCounts& references, Parts& parts) {
    if (const auto* put = std::get_if<core::MessagePut>(&record)) {
        if (put->part_of()) {
            parts.add(*put);
        } else {
            add_message(*put, put->targets.size(), references);
        }
    } else if (const auto* complete = std::get_if<core::PublicationComplete>(&record)) {
        for (Parts::Part& part : parts.take(complete->publication)) {
            add_message(completed_.emplace_back(std::move(part.put)), part.left, references);
        }
    } else if (const auto* done = std::get_if<core::MessageDone>(&record)) {
        const bool is_part = !parts.empty() && parts.release(done->id);
        if (!is_part && references.release(done->id)) {
            done_[shard].push_back(done->id);
        }
    } else if (const auto* window = std::get_if<core::WindowPut>(&record)) {
        windows_.insert_or_assign(window->session, window);
    } else if (const auto* retained = std::get_if<core::RetainedPut>(&record)) {
        retained_.insert_or_assign(retained->id, &record);
        marks_.retained = std::max(marks_.retained, retained->id);
    } else if (const auto* erased = std::get_if<core::RetainedErased>(&record)) {
        retained_.insert_or_assign(erased->id, &record);
    } else {
        others_.push_back(&record);
        if (const auto* session = std::get_if<core::Boxed<core::SessionPut>>(&record)) {
            marks_.session = std::max(marks_.session, (*session)->session);
        } else if (const auto* gone = std::get_if<core::SessionErased>(&record)) {
            windows_.erase(gone->session);
        }
    }
}

void Group::close() {
    // Rows in order of their ids are appended to the table; in any other they split its pages.
    if (!std::is_sorted(messages_.begin(), messages_.end(), is_before)) {
        std::stable_sort(messages_.begin(), messages_.end(), is_before);
    }
    for (std::vector<core::MessageId>& done : done_) {
        std::sort(done.begin(), done.end());
        cancel_what_is_done(done);
        make_runs(done);
    }
    std::erase(messages_, nullptr);
}

// Drops the messages that are listed in `done` from both lists; both are sorted.
void Group::cancel_what_is_done(std::vector<core::MessageId>& done) {
    if (done.empty() || messages_.empty()) {
        return;
    }
    auto put = messages_.begin();
    std::erase_if(done, [&](core::MessageId id) {
        while (put != messages_.end() && (*put == nullptr || (*put)->id < id)) {
            ++put;
        }
        const bool is_cancelled = put != messages_.end() && (*put)->id == id;
        if (is_cancelled) {
            *put = nullptr;
        }
        return is_cancelled;
    });
}

// Greedy: a step that differs ends the run. A shard's own rows in a row make one run, however many
// shards there are.
void Group::make_runs(const std::vector<core::MessageId>& done) {
    Run* run = nullptr;
    for (const core::MessageId id : done) {
        if (run != nullptr && run->last == id) {
            continue;
        }
        if (run != nullptr && run->first == run->last) {
            run->step = id - run->first;
        }
        if (run != nullptr && id - run->last == run->step) {
            run->last = id;
            continue;
        }
        run = &deletions_.emplace_back(Run{id, id, 1});
    }
}

void Group::clear() {
    batches_.clear();
    completed_.clear();
    messages_.clear();
    for (std::vector<core::MessageId>& done : done_) {
        done.clear();
    }
    deletions_.clear();
    others_.clear();
    windows_.clear();
    retained_.clear();
    marks_ = {};
}

}  // namespace martlet::store
