#pragma once

#include <string>
#include <string_view>

#include "keyspace/keyspace.h"

namespace nova::keyspace {

/// Where a list goes on: "1.REVISION.KEY", the last two in hexadecimal.
struct Token {
    Revision revision = 0;
    std::string after; ///< The last key of the page before.
};

std::string to_string(const Token& token);

/// Errors: invalid_argument - not made by to_string, or not for this prefix.
Result<Token> parse_token(std::string_view text, std::string_view prefix);

} // namespace nova::keyspace
