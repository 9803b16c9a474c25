#include "vm/hypervisor.h"

#include <cstdio>

#include "sys/kvm.h"

namespace nova::vm {
namespace {

/// Nested virtualisation runs a counting loop at the CPU's own pace; an emulator needs hundreds of times as long. Between
/// the two lies nothing, except a machine that was busy while we measured.
constexpr double most_factor = 10;

AccelerationFinding judge(const sys::KvmTiming& timing)
{
    if (!timing.finished)
        return {Acceleration::tcg, "KVM did not finish a probe of 20 ms: it hangs or emulates"};
    char text[120];
    auto const fast = timing.factor() <= most_factor;
    std::snprintf(text, sizeof text, "KVM ran the probe %.*f times as long as the CPU itself%s", timing.factor() < 10 ? 1 : 0,
                  timing.factor(), fast ? "" : ": it emulates");
    return {fast ? Acceleration::kvm : Acceleration::tcg, text};
}

} // namespace

std::string_view to_string(Acceleration acceleration) { return acceleration == Acceleration::kvm ? "kvm" : "tcg"; }

std::string_view to_string(Power power)
{
    switch (power) {
    case Power::off: return "off";
    case Power::starting: return "starting";
    case Power::on: return "on";
    case Power::paused: return "paused";
    case Power::crashed: return "crashed";
    }
    return "?";
}

AccelerationFinding measure_acceleration()
{
    auto const timing = sys::time_kvm();
    if (timing.ok())
        return judge(timing.value());
    switch (timing.error().code()) {
    case base::Code::not_found: return {Acceleration::tcg, "no /dev/kvm"};
    case base::Code::permission_denied: return {Acceleration::tcg, "no permission to use /dev/kvm (group kvm)"};
    default: return {Acceleration::tcg, "KVM does not work: " + timing.error().message()};
    }
}

} // namespace nova::vm
