// How decoding reports failure: a value, never an exception.
// Threading: immutable.
//
// Errors are made only by fail(), so a later move to std::expected touches this header alone.
// Result::value() on an error is not usable (no throw_exception_from_error overload): check first,
// then use operator*.
#pragma once

#include <boost/system/result.hpp>

#include "protocol/reason_code.hpp"

namespace martlet::protocol {

// Why bytes were refused. `reason` is what MQTT 5 puts into DISCONNECT (or CONNACK); `what` is one
// short static phrase for the log, e.g. "topic name contains a wildcard".
struct DecodeError {
    ReasonCode reason = ReasonCode::malformed_packet;
    const char* what = "";
};

template <class T>
using Result = boost::system::result<T, DecodeError>;

inline DecodeError fail(ReasonCode reason, const char* what) {
    return DecodeError{reason, what};
}

}  // namespace martlet::protocol
