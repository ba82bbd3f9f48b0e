#include "conformance/suite/forms.hpp"

#include "conformance/suite/client.hpp"

namespace martlet::conformance {

const std::vector<Form>& ill_formed_texts() {
    static const std::vector<Form> forms{
        {"a lone continuation byte", "a\x80"},
        {"a sequence cut short", "a\xE2\x82"},
        {"a lead byte without its continuation", "a\xC3(b"},
        {"an overlong slash", "a\xC0\xAF"},
        {"an overlong form of three bytes", "a\xE0\x80\xAF"},
        {"an overlong form of four bytes", "a\xF0\x80\x80\xAF"},
        {"the surrogate U+D800", "a\xED\xA0\x80"},
        {"the surrogate U+DFFF", "a\xED\xBF\xBF"},
        {"a code point beyond U+10FFFF", "a\xF4\x90\x80\x80"},
        {"the byte 0xFF", "a\xFF"},
    };
    return forms;
}

const std::vector<Form>& texts_with_null() {
    static const std::vector<Form> forms{
        {"U+0000 alone", Bytes(1, '\0')},
        {"U+0000 at the end", Bytes("a\0", 2)},
        {"U+0000 in the middle", Bytes("a\0b", 3)},
    };
    return forms;
}

Bytes no_properties(const Trial& t) {
    return t.is_v5() ? u8(0) : Bytes{};
}

void expect_close_on(Trial& t, std::string_view name, const Bytes& bytes) {
    t.form(name, [&] {
        Client c{t};
        c.connect();
        c.send_raw(bytes);
        c.expect_closed();
    });
}

void expect_no_connection_on(Trial& t, std::string_view name, const Bytes& bytes) {
    t.form(name, [&] {
        Client c{t};
        c.send_raw(bytes);
        if (t.is_v5()) {
            c.expect_closed();
        } else {
            c.expect_closed_silently();
        }
    });
}

}  // namespace martlet::conformance
