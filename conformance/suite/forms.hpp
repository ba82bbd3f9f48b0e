// Wrong bytes that several tests try, and the usual ways of trying them.
//
// Ownership: values and static storage. Threading: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance/suite/trial.hpp"

namespace martlet::conformance {

struct Form {
    std::string_view name;
    Bytes bytes;
};

// No UTF-8: overlong, surrogates, cut short, beyond the last code point.
const std::vector<Form>& ill_formed_texts();
// U+0000 alone and among others.
const std::vector<Form>& texts_with_null();
// A property block without properties: nothing in 3.1.1, a zero byte in 5.0.
Bytes no_properties(const Trial& t);

// A connected client sends these bytes, and its connection ends.
void expect_close_on(Trial& t, std::string_view name, const Bytes& bytes);
// These bytes instead of a CONNECT end the connection, in 3.1.1 without a CONNACK.
void expect_no_connection_on(Trial& t, std::string_view name, const Bytes& bytes);

}  // namespace martlet::conformance
