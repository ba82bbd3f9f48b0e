#include "server/security/acl_file.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace martlet::security;

namespace {

AclFile file_of(std::string_view text) {
    auto parsed = parse_acl_file(text);
    REQUIRE(std::holds_alternative<AclFile>(parsed));
    return std::get<AclFile>(std::move(parsed));
}

FileFaults faults_of(std::string_view text) {
    auto parsed = parse_acl_file(text);
    REQUIRE(std::holds_alternative<FileFaults>(parsed));
    return std::get<FileFaults>(std::move(parsed));
}

std::string text_of(const std::vector<AclRule>& rules) {
    std::string text;
    for (const AclRule& rule : rules) {
        text += std::to_string(rule.rights) + " " + rule.filter + "; ";
    }
    return text;
}

}  // namespace

TEST_CASE("acl file: topics belong to the user above and before any to anonymous clients") {
    const AclFile file = file_of(
        "# who may what\n\ntopic read news/#\nuser joe\ntopic a/b\r\ntopic deny a/+/secret\n"
        "user anna b \ntopic write c\npattern readwrite %c/#\nuser joe\ntopic read d\n");
    CHECK(text_of(file.anonymous) == "1 news/#; ");
    CHECK(text_of(file.users.at("joe")) == "3 a/b; 4 a/+/secret; 1 d; ");
    CHECK(text_of(file.users.at("anna b")) == "2 c; ");
    CHECK(text_of(file.patterns) == "3 %c/#; ");
}

TEST_CASE("acl file: a filter may have blanks in it when the access stands before it") {
    CHECK(text_of(file_of("topic  read  living room/#  \n").anonymous) == "1 living room/#; ");
    CHECK(text_of(file_of("topic read\n").anonymous) == "3 read; ");
    CHECK(faults_of("topic living room/#\n")[0].what.find("\"living\"") != std::string::npos);
}

TEST_CASE("acl file: every line that is wrong is told with its number") {
    const FileFaults faults = faults_of(
        "topic\nuser\ntopic raed a\ntopic a/#/b\nok a\npattern write a+\n"
        "topic read a\ntopic read $share/g/a\ntopic\tread a\ntopic read \xFF\n");
    std::string lines;
    for (const FileFault& fault : faults) {
        lines += std::to_string(fault.line) + " ";
    }
    CHECK(lines == "1 2 3 4 5 6 8 9 10 ");
    CHECK(faults[2].what ==
          "\"raed\" is no access, expected read, write, readwrite or deny (which "
          "a filter with blanks in it needs before it)");
}

TEST_CASE("acl file: a filter deeper than what is looked up is a fault") {
    std::string filter = "a";
    for (std::size_t level = 1; level < filter_levels_max; ++level) {
        filter += "/a";
    }
    CHECK(file_of("topic " + filter + "\n").anonymous.size() == 1);
    CHECK(faults_of("topic " + filter + "/a\n").size() == 1);
}
