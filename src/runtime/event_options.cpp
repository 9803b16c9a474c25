#include "runtime/event_options.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using std::chrono::microseconds;

namespace {

struct Unit {
    std::string_view name;
    long long microseconds;
};
constexpr std::array units{Unit{"us", 1}, Unit{"ms", 1000}, Unit{"s", 1000000}, Unit{"m", 60000000}, Unit{"h", 3600000000}};
constexpr long long most_microseconds = 86400LL * 1000000;

Error not_understood(const std::string& text)
{
    return {Code::invalid_argument, "must be a time up to a day, like 500ms, 5s or 1m30s, is \"" + text.substr(0, 80) + "\""};
}

Result<PressureWish> parse_wish(const std::string& text)
{
    auto const parts = base::split(text, ':');
    PressureWish wish{parts[0], {}};
    if ((wish.resource != "cpu" && wish.resource != "memory" && wish.resource != "io") || parts.size() > 3)
        return Error{Code::invalid_argument, "must be cpu, memory or io, with :some or :full and :STALL/WINDOW after it, is \"" +
                                                 text.substr(0, 80) + "\""};
    if (parts.size() > 1)
        wish.level.share = parts[1];
    if (wish.level.share != "some" && wish.level.share != "full")
        return Error{Code::invalid_argument, "must say some or full, not \"" + wish.level.share.substr(0, 80) + "\""};
    if (parts.size() < 3)
        return wish;
    auto const slash = parts[2].find('/');
    if (slash == std::string::npos)
        return Error{Code::invalid_argument, "must say STALL/WINDOW, like 150ms/1s, not \"" + parts[2].substr(0, 80) + "\""};
    wish.level.stall = TRY(parse_duration(parts[2].substr(0, slash)));
    wish.level.window = TRY(parse_duration(parts[2].substr(slash + 1)));
    return wish;
}

} // namespace

Result<microseconds> parse_duration(const std::string& text)
{
    long long sum = 0;
    for (std::size_t at = 0; at < text.size();) {
        auto const digits_end = std::min(text.find_first_not_of("0123456789", at), text.size());
        auto const unit_end = std::min(text.find_first_of("0123456789", digits_end), text.size());
        auto const number = base::parse_integer(text.substr(at, digits_end - at), 0, most_microseconds);
        auto const name =
            digits_end == text.size() && at == 0 ? std::string{"s"} : text.substr(digits_end, unit_end - digits_end);
        const auto* const unit = std::find_if(units.begin(), units.end(), [&](const Unit& known) { return known.name == name; });
        if (!number.ok() || unit == units.end() || number.value() > most_microseconds / unit->microseconds)
            return not_understood(text);
        sum += number.value() * unit->microseconds;
        at = unit_end;
    }
    if (sum <= 0 || sum > most_microseconds)
        return not_understood(text);
    return microseconds{sum};
}

Result<std::vector<PressureWish>> parse_pressure(const std::string& text)
{
    std::vector<PressureWish> wishes;
    for (const auto& part : base::split(text, ','))
        wishes.push_back(TRY(parse_wish(part)));
    return wishes;
}

} // namespace nova::runtime
