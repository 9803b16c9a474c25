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

std::string to_rfc3339(SystemTime time, int digits)
{
    auto const seconds = std::chrono::floor<std::chrono::seconds>(time);
    std::time_t const moment = seconds.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&moment, &parts);
    char text[32];
    auto const length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    std::string out{text, length};
    if (digits > 0) {
        char fraction[16];
        std::snprintf(fraction, sizeof fraction, ".%09lld", static_cast<long long>((time - seconds).count()));
        out.append(fraction, static_cast<std::size_t>(digits) + 1);
    }
    return out + "Z";
}

} // namespace nova::base
