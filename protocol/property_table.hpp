// The table of MQTT 5 properties: [v5 section 2.2.2.2] as data.
// Threading: immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/properties.hpp"

namespace martlet::protocol {

// Set of PropertyOwners.
using OwnerSet = std::uint16_t;

constexpr OwnerSet owner_bit(PropertyOwner owner) {
    return static_cast<OwnerSet>(1U << static_cast<unsigned>(owner));
}

enum class PropertyRule : std::uint8_t {
    any,
    flag,  // 0 or 1
    not_zero,
    no_wildcard,  // a topic name
};

struct PropertyRow {
    PropertyId id{};
    PropertyType type{};
    PropertyRule rule{};
    OwnerSet permitted = 0;   // 0: no such property
    OwnerSet repeatable = 0;  // where it may stand more than once
};

namespace property_owners {

inline constexpr OwnerSet connect = owner_bit(PropertyOwner::connect);
inline constexpr OwnerSet will = owner_bit(PropertyOwner::will);
inline constexpr OwnerSet connack = owner_bit(PropertyOwner::connack);
inline constexpr OwnerSet publish = owner_bit(PropertyOwner::publish);
inline constexpr OwnerSet subscribe = owner_bit(PropertyOwner::subscribe);
inline constexpr OwnerSet disconnect = owner_bit(PropertyOwner::disconnect);
inline constexpr OwnerSet auth = owner_bit(PropertyOwner::auth);
inline constexpr OwnerSet all = (1U << 14) - 1;
inline constexpr OwnerSet answers =
    all & ~(connect | will | publish | subscribe | owner_bit(PropertyOwner::unsubscribe));
inline constexpr OwnerSet none = 0;

}  // namespace property_owners

inline constexpr std::array<PropertyRow, 27> property_rows = [] {
    using enum PropertyId;
    using T = PropertyType;
    using R = PropertyRule;
    namespace o = property_owners;
    return std::array<PropertyRow, 27>{{
        {payload_format_indicator, T::byte, R::flag, o::will | o::publish, o::none},
        {message_expiry_interval, T::u32, R::any, o::will | o::publish, o::none},
        {content_type, T::utf8, R::any, o::will | o::publish, o::none},
        {response_topic, T::utf8, R::no_wildcard, o::will | o::publish, o::none},
        {correlation_data, T::binary, R::any, o::will | o::publish, o::none},
        {subscription_identifier, T::varint, R::not_zero, o::publish | o::subscribe, o::publish},
        {session_expiry_interval, T::u32, R::any, o::connect | o::connack | o::disconnect, o::none},
        {assigned_client_identifier, T::utf8, R::any, o::connack, o::none},
        {server_keep_alive, T::u16, R::any, o::connack, o::none},
        {authentication_method, T::utf8, R::any, o::connect | o::connack | o::auth, o::none},
        {authentication_data, T::binary, R::any, o::connect | o::connack | o::auth, o::none},
        {request_problem_information, T::byte, R::flag, o::connect, o::none},
        {will_delay_interval, T::u32, R::any, o::will, o::none},
        {request_response_information, T::byte, R::flag, o::connect, o::none},
        {response_information, T::utf8, R::any, o::connack, o::none},
        {server_reference, T::utf8, R::any, o::connack | o::disconnect, o::none},
        {reason_string, T::utf8, R::any, o::answers, o::none},
        {receive_maximum, T::u16, R::not_zero, o::connect | o::connack, o::none},
        {topic_alias_maximum, T::u16, R::any, o::connect | o::connack, o::none},
        {topic_alias, T::u16, R::not_zero, o::publish, o::none},
        {maximum_qos, T::byte, R::flag, o::connack, o::none},
        {retain_available, T::byte, R::flag, o::connack, o::none},
        {user_property, T::utf8_pair, R::any, o::all, o::all},
        {maximum_packet_size, T::u32, R::not_zero, o::connect | o::connack, o::none},
        {wildcard_subscription_available, T::byte, R::flag, o::connack, o::none},
        {subscription_identifier_available, T::byte, R::flag, o::connack, o::none},
        {shared_subscription_available, T::byte, R::flag, o::connack, o::none},
    }};
}();

// Identifiers are Variable Byte Integers, but all that exist fit one byte and are below this.
inline constexpr std::size_t property_id_end = 0x2B;

inline constexpr std::array<PropertyRow, property_id_end> property_by_id = [] {
    std::array<PropertyRow, property_id_end> table{};
    for (const PropertyRow& row : property_rows) {
        table[static_cast<std::size_t>(row.id)] = row;
    }
    return table;
}();

// The row of an identifier byte as received; null if there is no such property.
constexpr const PropertyRow* find_property(std::uint8_t id) {
    if (id >= property_id_end || property_by_id[id].permitted == 0) {
        return nullptr;
    }
    return &property_by_id[id];
}

}  // namespace martlet::protocol
