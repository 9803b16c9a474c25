#include "client/patience.h"

#include <thread>

namespace nova::client {
namespace {

constexpr std::chrono::milliseconds longest_pause{640};

} // namespace

Effect effect_of(const Request& request)
{
    return request.method == "GET" || request.method == "HEAD" ? Effect::none : Effect::some;
}

bool Patience::again(const base::Error& error)
{
    bool const went_out = error.errnum() == 0; // Else the kernel took not all of it, and half a request is none.
    if (error.code() != base::Code::unavailable || (went_out && effect_ == Effect::some) || pause_ > longest_pause)
        return false;
    std::this_thread::sleep_for(pause_);
    pause_ *= 4;
    return true;
}

} // namespace nova::client
