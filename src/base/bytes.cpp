#include "base/bytes.h"

#include <array>
#include <cmath>
#include <cstdlib>

namespace nova::base {
namespace {

struct Unit {
    std::string_view suffix;
    std::uint64_t bytes;
};

constexpr std::array<Unit, 11> units{{{"Pi", 1ull << 50},
                                      {"Ti", 1ull << 40},
                                      {"Gi", 1ull << 30},
                                      {"Mi", 1ull << 20},
                                      {"Ki", 1ull << 10},
                                      {"P", 1'000'000'000'000'000},
                                      {"T", 1'000'000'000'000},
                                      {"G", 1'000'000'000},
                                      {"M", 1'000'000},
                                      {"K", 1'000},
                                      {"k", 1'000}}};

Error bad_size(std::string_view text)
{
    return Error{Code::invalid_argument,
                 "\"" + std::string{text.substr(0, 40)} + "\" is no size; write a number with Ki, Mi, Gi, Ti (or K, M, G, T)"};
}

} // namespace

Result<Bytes> parse_bytes(std::string_view text)
{
    auto const digits = text.find_first_not_of("0123456789.");
    auto const number = std::string{text.substr(0, digits)};
    auto const suffix = digits == std::string_view::npos ? std::string_view{} : text.substr(digits);
    if (number.empty() || number.front() == '.' || number.back() == '.' || number.find('.') != number.rfind('.') ||
        number.size() > 20)
        return bad_size(text);

    std::uint64_t factor = suffix.empty() ? 1 : 0;
    for (const auto& unit : units)
        if (unit.suffix == suffix)
            factor = unit.bytes;
    if (factor == 0)
        return bad_size(text);

    auto const scaled = std::strtold(number.c_str(), nullptr) * static_cast<long double>(factor);
    if (scaled > 9223372036854775807.0L)
        return Error{Code::invalid_argument, "\"" + std::string{text} + "\" is more than 2^63 bytes"};
    return Bytes{static_cast<std::uint64_t>(std::llroundl(scaled))};
}

std::string to_string(Bytes bytes)
{
    auto shortest = std::to_string(bytes.count);
    for (const auto& unit : units) {
        if (bytes.count == 0 || bytes.count % unit.bytes != 0 || unit.suffix == "K")
            continue;
        auto text = std::to_string(bytes.count / unit.bytes) + std::string{unit.suffix};
        if (text.size() < shortest.size())
            shortest = std::move(text);
    }
    return shortest;
}

} // namespace nova::base
