#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::base {

/// "a,b,,c" -> {"a", "b", "", "c"}; "" -> {""}.
std::vector<std::string> split(std::string_view text, char separator);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// A copy without white space at either end.
std::string trim(std::string_view text);

/// A whole number and nothing else, within [least, most].
/// Errors: invalid_argument.
Result<long long> parse_integer(std::string_view text, long long least, long long most);

/// FNV-1a: stable across runs and machines, for names derived from names. Not for secrets or hostile input.
std::uint64_t stable_hash(std::string_view text);

/// The lowest `digits` hexadecimal digits of a number, with leading zeros.
std::string to_hex(std::uint64_t number, int digits);

/// An RFC 1123 label: 1 to 63 of a-z 0-9 and '-', which stands at neither end.
bool is_dns_label(std::string_view text);

/// RFC 1123 labels with dots between them, 253 characters at most.
bool is_dns_subdomain(std::string_view text);

} // namespace nova::base
