// Lists of lines in doctest messages, so that a failed comparison shows what differs.
// Threading: immutable.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace martlet::tests {

using Lines = std::vector<std::string>;

}  // namespace martlet::tests

template <>
struct doctest::StringMaker<martlet::tests::Lines> {
    static doctest::String convert(const martlet::tests::Lines& lines) {
        std::string text;
        for (const std::string& line : lines) {
            text += "\n    " + line;
        }
        return text.empty() ? "(no lines)" : text.c_str();
    }
};
