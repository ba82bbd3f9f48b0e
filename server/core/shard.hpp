// The broker core of one shard: a deterministic function of the events that come in.
//
// Everything about a client whose home is this shard happens here: its connection's protocol state,
// its session, its subscriptions, the retained messages and shared groups that hash here. The world
// is reached through the ports in ShardSetup. A driver (the transport's thread, or the simulation)
// calls the on_* functions, and end_pass() after each round of them: only then do batches leave for
// other shards and the store, answers that became due go out, and outboxes get flushed, once each.
//
// Ownership: ports are borrowed and outlive the shard. Threading: its shard's thread only.
// Where to find what: the functions of one kind are in one file, named beside each group below.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/packet/acks.hpp"
#include "protocol/packet/auth.hpp"
#include "protocol/packet/connect.hpp"
#include "protocol/packet/disconnect.hpp"
#include "protocol/packet/publish.hpp"
#include "protocol/packet/subscribe.hpp"
#include "protocol/packet/unsubscribe.hpp"
#include "server/core/access_control.hpp"
#include "server/core/answers.hpp"
#include "server/core/connection.hpp"
#include "server/core/connection_port.hpp"
#include "server/core/counters.hpp"
#include "server/core/interest.hpp"
#include "server/core/limits.hpp"
#include "server/core/log_events.hpp"
#include "server/core/peers.hpp"
#include "server/core/publication.hpp"
#include "server/core/recovered.hpp"
#include "server/core/retained_messages.hpp"
#include "server/core/retained_streams.hpp"
#include "server/core/ring_queue.hpp"
#include "server/core/row_ids.hpp"
#include "server/core/session.hpp"
#include "server/core/shard_link.hpp"
#include "server/core/shared_groups.hpp"
#include "server/core/slots.hpp"
#include "server/core/store.hpp"
#include "server/core/store_waits.hpp"
#include "server/core/subscription_tree.hpp"
#include "server/core/timer_wheel.hpp"

namespace martlet::core {

struct ShardSetup {
    ShardIndex index = 0;
    ShardIndex shard_count = 1;
    std::uint64_t hash_seed = 0;  // the same for all shards of a broker
    Limits limits;
    Instant start{};
    ConnectionPort* connections = nullptr;
    ShardLink* link = nullptr;  // may be null with one shard
    Store* store = nullptr;
    AccessControl* access = nullptr;
    LogEvents* log = nullptr;
};

// What became of a publication on this shard. Too large for registers: there it would be put
// together of what has just been written in pieces, which costs as much as finding the subscribers.
struct RouteOutcome {
    std::uint64_t matched = 0;     // subscribers it was for
    std::uint64_t refused = 0;     // of those, the ones whose queue was full
    Interest::Shards sent_to = 0;  // other shards, which may have some too
};

class Shard {
public:
    explicit Shard(const ShardSetup& setup);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    // What the last run left; before anything else happens (restore.cpp).
    void restore(RecoveredState state, Instant now);

    // --- events from the network (shard.cpp) ---
    // The connection that the client has whose CONNECT these bytes are; none if it has none. What
    // it said there comes first, a DISCONNECT above all: whoever reads connections should read that
    // one before open() takes it over.
    ConnectionId connection_before(protocol::Bytes bytes);
    // A Network Connection whose first bytes are a CONNECT for this shard (see home_shard()).
    ConnectionId open(ConnectionInfo info, Instant now);
    // Takes whole packets off the front of `bytes`; returns how many bytes were used. The caller
    // keeps the rest and gives it again with more behind it. When reads() is false afterwards,
    // whole packets may be among the rest: keep them until resume_reading(). At least one packet is
    // taken, but what a pass does has its bound: the rest waits for the next.
    std::size_t on_receive(ConnectionId id, protocol::Bytes bytes, Instant now);
    bool reads(ConnectionId id) const;
    // The outbox was drained some.
    void on_written(ConnectionId id, Instant now);
    // The last call for this id.
    void on_closed(ConnectionId id, CloseReason reason, Instant now);
    void on_authenticated(ConnectionId id, const AuthenticationResult& result, Instant now);

    void on_authentication_step(ConnectionId id, const AuthenticationStep& step, Instant now);

    Outbox& outbox(ConnectionId id) { return connections_[id.slot].outbox; }
    ChunkPool& chunk_pool() { return chunk_pool_; }

    // --- events from peers, the store and the clock ---
    void on_batch(ShardIndex from, ShardBatch batch, Instant now);  // mailbox.cpp
    void on_store(StoreNews news, Instant now);                     // store_news.cpp
    void advance(Instant now);
    Instant next_deadline() const { return timers_.next_deadline(); }
    void end_pass(Instant now);
    // Work is left that waits for nothing: run another pass soon.
    bool has_work() const {
        return retained_work_ || !returned_.empty() || !fan_out_pending_.empty() ||
               next_reviewed_ < sessions_.end();
    }
    // It has been enough work for one pass: end it.
    bool is_pass_full() const { return work_ >= work_per_pass; }

    // --- the operator ---
    // Publishes as the broker itself ($SYS).
    void publish_from_broker(std::string_view topic, std::string_view payload, bool retain,
                             Instant now);
    // Ends every connection; wills are published, sessions kept as their clients asked.
    void shut_down(Instant now);
    bool disconnect_client(std::string_view client_id, Instant now);
    // What AccessControl answers has changed. Until everybody has been asked about, over the next
    // passes, nothing is taken for permitted because it was (access_changes.cpp).
    void on_access_changed(Instant now);
    // Ends a connection whose client may not be here any more, and tells it so. False: it is over.
    bool expel(ConnectionId id, std::string_view what, Instant now);
    void set_limits(const Limits& limits) { limits_ = limits; }
    // While memory is short nothing is accepted that would need more of it: sessions,
    // subscriptions, queued messages, retained topics. What is there is served.
    void set_memory_tight(bool is_tight) { is_memory_tight_ = is_tight; }
    const Counters& counters();
    std::size_t connection_count() const { return connections_.size(); }

    // After a peak: what lies ready for reuse goes back to the allocator.
    void free_idle_memory();
    // Walks all state and asserts what must always hold; for tests (check_invariants.cpp).
    void check_invariants() const;

private:
    // --- input (shard.cpp) ---
    Connection* find(ConnectionId id);
    void handle_frame(Connection& connection, const protocol::FrameView& frame);
    protocol::Result<protocol::FrameProgress> next_frame(const Connection& connection,
                                                         protocol::Bytes bytes) const;
    void check_keep_alive(Connection& connection, TimerKey key);

    // --- CONNECT (handle_connect.cpp) ---
    void handle_connect(Connection& connection, const protocol::FrameView& frame);
    void finish_connect(Connection& connection, const protocol::ConnectView& connect,
                        const AuthenticationResult& authentication);
    void refuse_connect(Connection& connection, std::string_view client_id,
                        std::string_view user_name, protocol::ReasonCode reason,
                        std::string_view what);
    bool check_connect(Connection& connection, const protocol::ConnectView& connect,
                       std::string& client_id);
    bool authorize_connect(Connection& connection, const protocol::ConnectView& connect,
                           std::string_view client_id, const Identity& identity);
    std::string make_client_id(std::string_view prefix);
    Session& open_session(const protocol::ConnectView& connect, std::string client_id,
                          const Identity& identity, bool& present);
    void set_will(Session& session, const protocol::ConnectView& connect);
    void answer_connect(Connection& connection, const Session& session, bool present);
    void send_connack(Connection& connection, bool session_present);
    void start_session(Session& session);

    // --- AUTH (handle_auth.cpp) ---
    void begin_exchange(Connection& connection, const protocol::ConnectView& connect,
                        const protocol::FrameView& frame);
    void step_exchange(Connection& connection, std::optional<protocol::Bytes> data);
    void take_step(Connection& connection, const AuthenticationStep& step);
    void finish_exchange(Connection& connection, const AuthenticationStep& step);
    static protocol::ConnectView kept_connect(protocol::Bytes frame);
    void handle_exchange_frame(Connection& connection, const protocol::FrameView& frame);
    void refuse_exchange(Connection& connection, protocol::ReasonCode reason,
                         std::string_view what);
    static std::optional<protocol::DecodeError> fault_of(const Connection& connection,
                                                         const protocol::AuthView& auth);
    void handle_auth(Connection& connection, const protocol::AuthView& auth);
    void send_auth(Connection& connection, const AuthenticationStep& step);

    // --- PUBLISH in (handle_publish.cpp) ---
    void handle_publish(Connection& connection, protocol::PublishView& publish);
    bool resolve_alias(Connection& connection, protocol::PublishView& publish);
    protocol::ReasonCode check_publish(const Connection& connection, const Session& session,
                                       const protocol::PublishView& publish);
    bool may_publish(const Identity& identity, std::string_view client_id,
                     std::string_view topic) const;
    static Answer answer_to(const Connection& connection, const protocol::PublishView& publish,
                            protocol::ReasonCode reason);
    void answer_repeated(Connection& connection, const protocol::PublishView& publish);
    static protocol::ReasonCode judge(const RouteOutcome& outcome,
                                      const protocol::PublishView& publish);
    void accept_publish(Connection& connection, Session& session,
                        const protocol::PublishView& publish);

    // --- acknowledgements in (handle_acks.cpp) ---
    void handle_ack(Connection& connection, const protocol::AckView& ack);
    void handle_pubrel(Connection& connection, Session& session, const protocol::AckView& ack);
    void handle_pubrec(Connection& connection, Session& session, const protocol::AckView& ack);
    bool begin_release(Session& session, InflightOut& entry);
    void finish_delivery(Session& session, InflightOut& entry);

    // --- SUBSCRIBE and UNSUBSCRIBE (handle_subscribe.cpp) ---
    void handle_subscribe(Connection& connection, const protocol::SubscribeView& subscribe);
    void handle_unsubscribe(Connection& connection, const protocol::UnsubscribeView& unsubscribe);
    protocol::ReasonCode subscribe(Session& session,
                                   const protocol::SubscriptionRequestView& request,
                                   std::uint32_t identifier);
    protocol::ReasonCode subscribe_shared(Session& session,
                                          const protocol::SubscriptionRequestView& request,
                                          std::uint32_t identifier);
    protocol::ReasonCode unsubscribe(Session& session, std::string_view filter);
    bool unsubscribe_shared(Session& session, std::string_view group, std::string_view filter);
    void join_group(const Session& session, const SharedSubscriptionRecord& shared);
    void leave_group(const Session& session, const SharedSubscriptionRecord& shared);
    void remove_subscription(Session& session, std::uint32_t index);
    SubscriptionTree::Place add_to_tree(std::string_view filter, const Subscriber& subscriber);
    bool may_add_subscription(const Session& session) const;
    std::uint32_t find_subscription(const Session& session, FilterKey key);
    void log_subscription(const Session& session, std::string_view filter, protocol::QoS qos,
                          protocol::ReasonCode result, bool added);

    // --- DISCONNECT and the end of connections (handle_disconnect.cpp) ---
    void handle_disconnect(Connection& connection, const protocol::DisconnectView& disconnect);
    // Says DISCONNECT where the version has one, flushes and closes. The session is detached at
    // once.
    void close(Connection& connection, CloseReason reason, protocol::ReasonCode code,
               std::string_view what);
    void detach(Connection& connection, CloseReason reason, protocol::ReasonCode code,
                std::string_view what);
    void leave_connection(Session& session);

    // --- sessions and wills (session_lifecycle.cpp) ---
    Session* find_session(std::string_view client_id);
    Session* session_of(const Connection& connection);
    void destroy_session(Session& session);
    Instant expiry_of(const Session& session, Instant disconnected_at) const;
    void schedule_expiry(Session& session, Instant disconnected_at);
    void publish_will(Session& session);
    void drop_queue(Session& session);
    ClientDescription describe(const Session& session);
    ClientDescription describe(const Connection& connection);

    // --- rights that change (access_changes.cpp) ---
    void review_access();
    void review_access(Session& session);
    bool may_keep_subscriptions(const Session& session) const;
    void prove_rights(Session& session);
    void note_filter(Session& session, std::string_view filter);
    bool may_read(const Session& session, std::string_view topic) const {
        return session.rights_epoch == access_epoch_ || judge_read(session, topic);
    }
    bool judge_read(const Session& session, std::string_view topic) const;
    void renew_identity(Session& session, const Identity& identity);
    void limit_rights(Session& session, std::optional<Duration> valid_for);
    void end_rights(Connection& connection, std::string_view what);

    // --- routing (route.cpp) ---
    struct Match {
        Subscriber subscriber;  // the terms of all matching subscriptions of its session, merged
        bool several = false;   // more than one identifier: see match_identifiers_
    };
    enum class Delivered : std::uint8_t { sent, queued, skipped, refused };
    RouteOutcome route(Publication& publication, std::uint64_t sequence);
    Interest::Shards route_to_peers(Interest::Shards interested, Publication& publication,
                                    std::uint64_t sequence);
    // Who waits for a publication to be safe everywhere it goes from here: an own client's
    // acknowledgement with this sequence, another shard, or nobody.
    struct Waiter {
        std::uint64_t sequence = 0;
        bool is_peer = false;
    };
    RouteOutcome route_here(Publication& publication, Waiter waiter);
    void deliver_to(const Subscriber& subscriber, Publication& publication, RouteOutcome& outcome);
    void deliver_live(Session& session, Publication& publication, DeliveryTerms terms,
                      RouteOutcome& outcome);
    void route_to_matches(Publication& publication, RouteOutcome& outcome);
    void merge_match(Match& match, std::uint32_t index, const Subscriber& other);
    void route_to_groups(Publication& publication, RouteOutcome& outcome, Waiter waiter);
    void keep_retained(Publication& publication);
    void erase_retained(std::string_view topic);
    bool fits_retained(const Message& message) const;

    // --- shared subscriptions (shared_delivery.cpp) ---
    void send_shared(const SharedGroups::Choice& choice, Publication& publication,
                     RouteOutcome& outcome, Waiter waiter);
    Delivered deliver_shared(const SharedDeliverItem& item);
    void report_shared(const GroupAddress& group, const SessionAddress& member,
                       std::uint32_t completed, MessageRef returned);
    void on_shared_result(const SharedResultItem& item);
    void join_own_group(const SharedJoinItem& item);
    void leave_own_group(std::string_view group, std::string_view filter,
                         const SessionAddress& member);
    void set_presence(Session& session, bool online);
    // From its CONNACK to the end of the connection.
    bool is_online(const Session& session) const {
        return session.is_connected() && !connections_[session.connection.slot].connack_pending;
    }
    void return_shared(Session& session);
    void give_back(Session& session, DeliveryTerms terms, const MessageRef& message,
                   MessageId stored);
    bool is_shared(const Session& session, DeliveryTerms terms) const;
    std::uint32_t add_extras(Session& session, DeliveryExtras extras);
    void finish_extras(Session& session, DeliveryTerms terms, MessageRef returned);

    // --- delivery to one session (deliver.cpp, write_publish.cpp) ---
    Delivered deliver(Session& session, Publication& publication, DeliveryTerms terms);
    Delivered deliver_qos0(Session& session, Publication& publication, DeliveryTerms terms);
    std::size_t window(const Connection& connection) const;
    bool may_send(const Session& session, const Connection& connection) const;
    void send_inflight(Session& session, Connection& connection, Publication& publication,
                       DeliveryTerms terms, MessageId stored);
    void send_entry(Session& session, Connection& connection, InflightOut& entry,
                    Publication& publication);
    void pump(Session& session);
    bool take_from_queue(Session& session, Connection& connection);
    void resend_inflight(Session& session, Connection& connection);
    void drop_inflight(Session& session, Connection& connection, InflightOut& entry);
    enum class Written : std::uint8_t { ok, too_large };
    SentAliases::Choice choose_alias(Connection& connection, Publication& publication);
    Written write_publish(Connection& connection, Publication& publication, DeliveryTerms terms,
                          const Session& session, protocol::PacketId packet_id, bool dup);
    bool write_plain_publish(Connection& connection, const Publication& publication,
                             DeliveryTerms terms);
    void note_published(Connection& connection, const Publication& publication);
    void note_drop(Session& session, std::string_view topic, std::uint64_t& counter,
                   std::string_view what);

    // --- its queue (session_queue.cpp) ---
    bool may_wait(const Session& session, DeliveryTerms terms) const;
    Delivered enqueue(Session& session, Publication& publication, DeliveryTerms terms);
    bool has_queue_room(const Session& session, std::size_t size) const;
    bool make_queue_room(Session& session, DeliveryTerms terms, std::size_t size);
    void drop_queued_qos0(Session& session);
    void drop_oldest(Session& session);
    bool keeps_in_memory(const Session& session, DeliveryTerms terms) const;
    Delivery dequeue(Session& session);

    // --- flow control (congestion.cpp) ---
    void charge(Connection& connection, std::size_t bytes) {
        if (limits_.publish_rate_max != 0 || limits_.publish_bytes_rate_max != 0) [[unlikely]] {
            charge_rate(connection, bytes);
        }
    }
    void charge_rate(Connection& connection, std::size_t bytes);
    void congest(Connection& subscriber, const MessageOrigin& publisher);
    void relieve(Connection& subscriber);
    void notice_progress(Connection& subscriber);
    bool has_caught_up(const Connection& subscriber);
    void pause_publisher(ConnectionId publisher);
    void resume_publisher(ConnectionId publisher);
    void update_reading(Connection& connection);

    // --- how long a pass is, and what it writes (pass_work.cpp) ---
    void defer(Connection& connection);
    void resume_deferred();
    void hurry(Connection& earlier);
    void mark_output(Connection& connection);
    void flush_outputs();
    void begin_fan_out();
    void note_fan_out(const Publication& publication);
    void flush_fan_out();
    std::size_t flush_next_of_fan_out();

    // --- retained messages for new subscriptions (retained_delivery.cpp) ---
    void start_retained(Session& session, std::string_view filter, std::uint32_t packed);
    void begin_stream(RetainedStream& stream);
    void deliver_retained(Session& session, const MessageRef& message, std::uint32_t packed);
    void supersede_retained(const Session& session, std::string_view topic);
    void cancel_retained(Session& session, std::string_view filter);
    void update_retained(const Session& session, std::string_view filter, std::uint32_t packed);
    bool has_room(const Session& session);
    void feed_retained();
    bool feed_stream(RetainedStream& stream);
    void on_retained_query(ShardIndex from, const RetainedQueryItem& item);
    void on_retained_more(ShardIndex from, const RetainedMoreItem& item);
    void on_retained_slice(ShardIndex from, RetainedSliceItem& item);
    void fill_slice(RetainedMessages::Cursor& cursor, RetainedSliceItem& slice);

    // --- answers, the store and peers (mailbox.cpp) ---
    void answer(Connection& connection, Answer answer);
    bool is_due(const Answer& answer, std::uint64_t confirmed) const;
    bool is_due_ahead(const Answer& answer) const;
    void release_answers();
    void release_answer(const Answer& due);
    void send_answer(Connection& connection, const Answer& answer);
    void send_pubrel(Connection& connection, protocol::PacketId packet_id);

    // --- what the store is told (store_records.cpp) ---
    // What belongs to this session is recorded.
    bool is_kept(const Session& session) const { return keeps_records_ && session.in_store; }
    void record(StoreRecord record);
    MessageId record_target(const Session& session, DeliveryTerms terms);
    void record_targets(Publication& publication);
    void note_ending(const std::string& client_id);
    StoreTicket ending_of(const std::string& client_id) const;
    void forget_endings();
    void record_session(const Session& session, Instant disconnected_at);
    void record_will(const Session& session);
    void mark_window(Session& session);
    void record_windows();
    void hold(Session& session, InflightOut& entry);
    void submit_batch();
    // An answer, or something else, will wait for this ticket.
    void want(StoreTicket ticket) { wanted_ = std::max(wanted_, ticket); }
    // What an answer has to wait for: the pass's batch if it grew since the mark was taken.
    std::size_t store_mark() const { return batch_.records.size(); }
    StoreTicket ticket_since(std::size_t mark) const {
        return batch_.records.size() > mark ? next_ticket_ : 0;
    }
    // Covers everything recorded so far.
    StoreTicket latest_ticket() const {
        return batch_.empty() && dirty_windows_.empty() ? next_ticket_ - 1 : next_ticket_;
    }

    // --- publications in parts (publication_parts.cpp) ---
    PublicationKey part_of(MessageId stored);
    void await_parts(const Session& session, const Answer& pubrec);
    void complete_publications();
    void tell_completed();
    bool is_complete(const PublicationKey& publication) const {
        return !publication || publication.sequence <= peers_.completed(publication.shard);
    }

    // --- what the store says, and messages that come back from it (store_news.cpp) ---
    void release_held();
    void release(Session& session, InflightOut& entry);
    void load_ahead(Session& session);
    void unload_queue(Session& session);
    void on_loaded(const LoadedMessages& loaded);
    void lose(Session& session);

    // --- while nothing can be stored (full_store.cpp) ---
    void set_refusing(bool refuses);
    void await_patience();
    void lose_patience();
    bool is_refused_by_store(const protocol::PublishView& publish);
    void refuse_for_store(Connection& connection, const protocol::PublishView& publish);
    void release_answers_ahead();

    // --- after a restart (restore.cpp) ---
    void restore_session(RecoveredSession& recovered, Instant ended_at);
    void restore_subscriptions(Session& session, const RecoveredSession& recovered);
    void restore_window(Session& session, const RecoveredSession& recovered,
                        std::span<const std::uint32_t>& identifiers);
    void restore_queue(Session& session, const RecoveredSession& recovered,
                       std::span<const std::uint32_t>& identifiers);
    void restore_will(Session& session, RecoveredSession& recovered);
    DeliveryTerms restore_terms(Session& session, std::uint32_t bits,
                                std::span<const std::uint32_t>& identifiers);

    // --- what this shard's filters match, told to its peers (interest_news.cpp) ---
    void add_interest(std::string_view filter);
    void drop_interest(std::string_view filter);
    void tell_interest();
    void on_item(ShardIndex from, const RestoredItem& item);
    void on_item(ShardIndex from, const InterestToldItem& item);
    void on_item(ShardIndex from, const InterestItem& item);

    // --- peers (mailbox.cpp) ---
    void send_to(ShardIndex shard, ShardItem item);
    void send_to_all(const ShardItem& item);
    void send_publication(ShardIndex shard, Publication& publication, std::uint64_t sequence);
    void take_publication(ShardIndex from, Publication& publication, std::uint64_t sequence,
                          bool is_part, Confirmation& confirmation);
    void send_batches();
    void push_batches();
    void on_item(ShardIndex from, const CompleteItem& item);
    void on_item(ShardIndex from, const ConfirmItem& item);
    void on_item(ShardIndex from, const ConfirmAheadItem& item);
    void on_item(ShardIndex from, const PauseItem& item);
    void on_item(ShardIndex from, const RetainedQueryItem& item);
    void on_item(ShardIndex from, const RetainedMoreItem& item);
    void on_item(ShardIndex from, RetainedSliceItem& item);
    void on_item(ShardIndex from, const SharedJoinItem& item);
    void on_item(ShardIndex from, const SharedLeaveItem& item);
    void on_item(ShardIndex from, const SharedPresenceItem& item);
    void on_item(ShardIndex from, const SharedDeliverItem& item);
    void on_item(ShardIndex from, const SharedResultItem& item);
    ShardIndex shard_of_topic(std::string_view topic) const;
    ShardIndex shard_of_group(std::string_view group, std::string_view filter) const;

    template <class Packet>
    void write_packet(Connection& connection, const Packet& packet);

    ShardIndex index_;
    ShardIndex shard_count_;
    std::uint64_t hash_seed_;
    Limits limits_;
    ConnectionPort& port_;
    ShardLink* link_;
    Store& store_;
    AccessControl& access_;
    LogEvents& log_;
    Instant now_;

    ChunkPool chunk_pool_;
    TimerWheel timers_;
    TextHash topic_hash_;
    Slots<Connection> connections_;
    Slots<Session> sessions_;
    std::unordered_map<std::string_view, SessionSlot> sessions_by_client_id_;  // views into Session
    std::vector<std::uint32_t> generations_;  // of connection slots
    RowIds session_ids_;
    std::uint64_t last_assigned_id_ = 0;
    std::uint32_t access_epoch_ = 1;
    SessionSlot next_reviewed_ = no_session;  // at the end or beyond: nobody is left to review

    SubscriptionTree subscriptions_;
    SharedGroups groups_;
    Interest interest_;
    ShardIndex restored_peers_ = 0;
    bool has_said_restored_ = false;
    bool has_told_interest_ = false;
    // The last news of what this shard's filters match: see InterestItem.
    std::uint64_t interest_sequence_ = 0;
    std::uint64_t interest_shared_sequence_ = 0;
    bool has_joined_ = false;      // somebody a group here, in the batch being taken
    bool has_heard_news_ = false;  // of what a peer's filters match, since the last push
    RetainedMessages retained_;
    RetainedStreams retained_streams_;
    bool retained_work_ = false;
    bool is_shutting_down_ = false;
    bool is_memory_tight_ = false;
    bool retained_full_logged_ = false;  // the present run of refusals has been logged

    std::uint32_t work_ = 0;  // of this pass; see work_per_pass
    ConnectionId receiving_;  // whose bytes are being taken
    ConnectionId hurried_;    // all that it has said is taken in this pass
    std::vector<ConnectionId> deferred_;
    std::vector<ConnectionId> output_pending_;
    bool fans_out_ = false;  // the publication that is routed goes to many
    RingQueue<ConnectionId> fan_out_pending_;
    std::uint64_t fan_out_bytes_ = 0;     // about what waits for them
    std::uint32_t fan_out_patience_ = 0;  // passes that they have been held back
    // Scratch of a routing pass.
    std::vector<std::span<const Subscriber>> matched_lists_;
    std::vector<Match> matches_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>>
        match_identifiers_;  // match index, identifier
    std::uint64_t match_pass_ = 0;
    MessagePut stored_;       // the row of the publication that is being routed here...
    PublicationKey part_of_;  // ...and what it is a part of
    std::vector<SharedResultItem> returned_;  // shared messages on their way back to a group here

    Peers peers_;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t last_shared_sequence_ = 0;
    std::uint64_t group_sequence_ = 0;  // the last change of a group elsewhere, while it is made

    // The store: what it is told next, and what of it somebody waits for.
    const bool keeps_records_;
    bool store_refuses_ = false;
    RowIds message_ids_;
    RowIds retained_ids_;
    StoreBatch batch_;
    std::vector<std::pair<SessionSlot, SessionId>> dirty_windows_;
    std::vector<LoadRequest> loads_;
    StoreTicket next_ticket_ = 1;
    StoreTicket durable_ = 0;
    StoreTicket wanted_ = 0;          // the greatest that somebody waits for
    StoreTicket urgent_through_ = 0;  // the store knows of those up to here
    RingQueue<Held> held_;
    RingQueue<Part> parts_;  // until they are complete; ids ascend
    std::unordered_map<std::string, StoreTicket> endings_;
    RingQueue<Ending> ending_order_;
    Timer patience_timer_;
    std::uint64_t patience_through_ = 0;  // answers before this one waited when the timer was set
    bool may_release_ahead_ = false;      // since the last pass
    RingQueue<Answer> answers_;
    std::uint64_t answers_gone_ = 0;    // the number of the first in answers_
    RingQueue<Completion> incomplete_;  // parts are not in the store everywhere
    RingQueue<Completion> completing_;  // PublicationComplete is on its way to the disk

    Counters counters_;
    std::uint64_t queued_messages_ = 0;
    std::uint64_t inflight_messages_ = 0;
    std::uint64_t queued_bytes_ = 0;
};

// The shard a CONNECT belongs to: that of its Client Identifier. Nothing while the packet is not
// whole. Bytes that are not an acceptable CONNECT, and an empty identifier, belong wherever they
// are (`here`).
std::optional<ShardIndex> home_shard(protocol::Bytes bytes, const Limits& limits,
                                     std::uint64_t hash_seed, ShardIndex shard_count,
                                     ShardIndex here);
ShardIndex home_of_client(std::string_view client_id, std::uint64_t hash_seed,
                          ShardIndex shard_count);
// The shard that keeps the retained message of a topic.
ShardIndex home_of_topic(std::string_view topic, std::uint64_t hash_seed, ShardIndex shard_count);

}  // namespace martlet::core
