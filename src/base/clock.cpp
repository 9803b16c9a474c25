#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace nova::base {
namespace {

class SystemClock final : public Clock {
public:
    SystemTime now() const override { return std::chrono::system_clock::now(); }
    SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

} // namespace

const Clock& system_clock()
{
    static const SystemClock clock;
    return clock;
}

int Deadline::poll_timeout_ms() const
{
    if (at_ == SteadyTime::max())
        return -1;
    auto const left = at_ - std::chrono::steady_clock::now();
    if (left <= left.zero())
        return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

namespace {

std::string padded(long long number, std::size_t width)
{
    auto const text = std::to_string(number);
    return std::string(width > text.size() ? width - text.size() : 0, '0') + text;
}

} // namespace

std::string to_rfc3339(SystemTime time, int digits)
{
    // Not gmtime(3) and strftime(3): they read /etc/localtime first.
    auto const seconds = std::chrono::floor<std::chrono::seconds>(time);
    auto const day = std::chrono::floor<std::chrono::days>(seconds);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const clock{seconds - day};
    auto out = padded(int{date.year()}, 4) + "-" + padded(unsigned{date.month()}, 2) + "-" + padded(unsigned{date.day()}, 2);
    out += "T" + padded(clock.hours().count(), 2) + ":" + padded(clock.minutes().count(), 2) + ":" +
           padded(clock.seconds().count(), 2);
    if (digits > 0)
        out += "." + padded((time - seconds).count(), 9).substr(0, static_cast<std::size_t>(digits));
    return out + "Z";
}

namespace {

Error bad_time(std::string_view text)
{
    return Error{Code::invalid_argument, "\"" + std::string{text.substr(0, 40)} + "\" is no time as 2026-11-21T05:20:39Z"};
}

/// "Z", "+01:00": seconds east of Greenwich.
Result<std::chrono::seconds> parse_offset(std::string_view text)
{
    if (text == "Z" || text == "z")
        return std::chrono::seconds{0};
    int hours = 0;
    int minutes = 0;
    char sign = 0;
    int used = 0;
    std::string const copy{text};
    if (std::sscanf(copy.c_str(), "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || used != 6 ||
        (sign != '+' && sign != '-'))
        return bad_time(text);
    std::chrono::seconds const east = std::chrono::hours{hours} + std::chrono::minutes{minutes};
    return sign == '+' ? east : -east;
}

} // namespace

Result<SystemTime> parse_rfc3339(std::string_view text)
{
    std::string const copy{text};
    std::tm parts{};
    char const* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr)
        return bad_time(text);
    std::chrono::nanoseconds fraction{0};
    if (*rest == '.') {
        long long scale = 100'000'000;
        for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10)
            fraction += std::chrono::nanoseconds{(*rest - '0') * scale};
    }
    auto const offset = parse_offset(rest);
    if (!offset.ok())
        return bad_time(text);
    return SystemTime{std::chrono::seconds{::timegm(&parts)} + fraction - offset.value()};
}

} // namespace nova::base
