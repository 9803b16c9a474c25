// The part of own_process.h that says when and where the process runs.
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bitset>
#include <cstring>

#include "base/strings.h"
#include "sys/own_process.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

struct Named {
    std::string_view name;
    unsigned value;
};
constexpr std::array<Named, 7> policies{{{"SCHED_OTHER", 0},
                                         {"SCHED_FIFO", 1},
                                         {"SCHED_RR", 2},
                                         {"SCHED_BATCH", 3},
                                         {"SCHED_ISO", 4},
                                         {"SCHED_IDLE", 5},
                                         {"SCHED_DEADLINE", 6}}};
constexpr std::array<Named, 7> scheduler_flags{{{"SCHED_FLAG_RESET_ON_FORK", 0x01},
                                                {"SCHED_FLAG_RECLAIM", 0x02},
                                                {"SCHED_FLAG_DL_OVERRUN", 0x04},
                                                {"SCHED_FLAG_KEEP_POLICY", 0x08},
                                                {"SCHED_FLAG_KEEP_PARAMS", 0x10},
                                                {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                                                {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}}};
constexpr std::array<Named, 3> io_classes{{{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}};
constexpr std::array<Named, 7> memory_modes{{{"MPOL_DEFAULT", 0},
                                             {"MPOL_PREFERRED", 1},
                                             {"MPOL_BIND", 2},
                                             {"MPOL_INTERLEAVE", 3},
                                             {"MPOL_LOCAL", 4},
                                             {"MPOL_PREFERRED_MANY", 5},
                                             {"MPOL_WEIGHTED_INTERLEAVE", 6}}};
constexpr std::array<Named, 3> memory_flags{
    {{"MPOL_F_NUMA_BALANCING", 1u << 13}, {"MPOL_F_RELATIVE_NODES", 1u << 14}, {"MPOL_F_STATIC_NODES", 1u << 15}}};

template <std::size_t count>
Result<unsigned> value_of(const std::array<Named, count>& table, std::string_view name)
{
    for (const auto& entry : table)
        if (entry.name == name)
            return entry.value;
    return Error{Code::invalid_argument, "unknown name " + std::string{name.substr(0, 60)}};
}

constexpr std::size_t most_numbers = 1024;

/// "0-3,5" as bits.
Result<std::bitset<most_numbers>> parse_list(std::string_view text)
{
    std::bitset<most_numbers> bits;
    for (const auto& range : base::split(text, ',')) {
        auto const dash = range.find('-');
        auto const first = TRY(base::parse_integer(range.substr(0, dash), 0, most_numbers - 1));
        auto const last =
            dash == std::string::npos ? first : TRY(base::parse_integer(range.substr(dash + 1), first, most_numbers - 1));
        for (auto i = first; i <= last; ++i)
            bits.set(static_cast<std::size_t>(i));
    }
    return bits;
}

/// struct sched_attr of the kernel, version 0.
struct SchedulerAttributes {
    std::uint32_t size = sizeof(SchedulerAttributes);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};
static_assert(sizeof(SchedulerAttributes) == 48);

Status refuse(std::string_view what) { return Error{Code::invalid_argument, std::string{what}}; }

/// What the kernel refuses with a bare EINVAL (sched(7)). The words are those that crun's callers know.
Status check_deadline(const SchedulerSettings& settings)
{
    constexpr std::uint64_t least = 1024; // Nanoseconds.
    constexpr std::uint64_t most = (1ull << 63) - 1;
    auto const refuse_deadline = [](const std::string& what) { return refuse("sched_setattr: `SCHED_DEADLINE` " + what); };
    if (!settings.runtime)
        return refuse_deadline("requires `runtime`");
    if (!settings.deadline)
        return refuse_deadline("requires `deadline`");
    auto const runtime = *settings.runtime;
    auto const deadline = *settings.deadline;
    if (runtime == 0)
        return refuse_deadline("runtime must be greater than 0");
    if (runtime < least || runtime > most)
        return refuse_deadline("runtime " + std::to_string(runtime) + " must be between " + std::to_string(least) + " and " +
                               std::to_string(most));
    if (runtime > deadline)
        return refuse_deadline("runtime " + std::to_string(runtime) + " must be <= deadline " + std::to_string(deadline));
    if (settings.period != 0 && deadline > settings.period)
        return refuse_deadline("deadline " + std::to_string(deadline) + " must be <= period " + std::to_string(settings.period));
    return base::done();
}

/// What belongs to another policy would be passed over by the kernel, and whoever wrote it would not learn of it.
Status check_parts(const SchedulerSettings& settings)
{
    bool const deadline = settings.policy == "SCHED_DEADLINE";
    bool const realtime = settings.policy == "SCHED_FIFO" || settings.policy == "SCHED_RR";
    if (settings.nice < -20 || settings.nice > 19)
        return refuse("nice must be -20 to 19, is " + std::to_string(settings.nice));
    if (settings.priority < 0 || settings.priority > 99)
        return refuse("priority must be 0 to 99, is " + std::to_string(settings.priority));
    if (settings.priority != 0 && !realtime)
        return refuse("priority is for SCHED_FIFO and SCHED_RR only");
    if (deadline)
        return check_deadline(settings);
    if (settings.runtime.value_or(0) != 0 || settings.deadline.value_or(0) != 0 || settings.period != 0)
        return refuse("runtime, deadline and period are for SCHED_DEADLINE only");
    return base::done();
}

Result<SchedulerAttributes> attributes_of(const SchedulerSettings& settings)
{
    SchedulerAttributes attributes;
    attributes.policy = TRY(value_of(policies, settings.policy));
    for (const auto& flag : settings.flags)
        attributes.flags |= TRY(value_of(scheduler_flags, flag));
    TRY(check_parts(settings));
    attributes.nice = settings.nice;
    attributes.priority = static_cast<unsigned>(settings.priority);
    attributes.runtime = settings.runtime.value_or(0);
    attributes.deadline = settings.deadline.value_or(0);
    attributes.period = settings.period;
    return attributes;
}

Result<unsigned> io_priority_of(std::string_view io_class, int priority)
{
    if (priority < 0 || priority > 7)
        return Error{Code::invalid_argument, "priority must be 0 to 7, is " + std::to_string(priority)};
    return TRY(value_of(io_classes, io_class)) << 13 | static_cast<unsigned>(priority);
}

Result<std::bitset<most_numbers>> parse_cpus(std::string_view cpus)
{
    return parse_list(cpus).context("cpu list \"" + std::string{cpus.substr(0, 60)} + "\"");
}

struct MemoryPolicyBits {
    unsigned mode = 0;
    std::array<unsigned long, most_numbers / 64> nodes{};
};

Result<MemoryPolicyBits> policy_of(std::string_view mode, std::string_view nodes, const std::vector<std::string>& flags)
{
    MemoryPolicyBits policy;
    policy.mode = TRY(value_of(memory_modes, mode).context("mode"));
    for (const auto& flag : flags)
        policy.mode |= TRY(value_of(memory_flags, flag).context("flags"));
    auto const bits = nodes.empty() ? std::bitset<most_numbers>{} : TRY(parse_list(nodes).context("nodes"));
    for (std::size_t i = 0; i < most_numbers; ++i)
        if (bits.test(i))
            policy.nodes[i / 64] |= 1ul << (i % 64);
    return policy;
}

template <std::size_t count>
std::vector<std::string_view> names_of(const std::array<Named, count>& table)
{
    std::vector<std::string_view> names;
    for (const auto& entry : table)
        names.push_back(entry.name);
    return names;
}

} // namespace

Status check_scheduler(const SchedulerSettings& settings)
{
    TRY(attributes_of(settings));
    return base::done();
}

Status set_scheduler(const SchedulerSettings& settings)
{
    auto const attributes = TRY(attributes_of(settings));
    if (::syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
        return Error::from_errno("set the scheduler");
    return base::done();
}

Status check_io_priority(std::string_view io_class, int priority)
{
    TRY(io_priority_of(io_class, priority));
    return base::done();
}

Status set_io_priority(std::string_view io_class, int priority)
{
    auto const value = TRY(io_priority_of(io_class, priority));
    if (::syscall(SYS_ioprio_set, 1, 0, value) < 0)
        return Error::from_errno("set the I/O priority");
    return base::done();
}

Status check_cpu_list(std::string_view cpus)
{
    TRY(parse_cpus(cpus));
    return base::done();
}

Status set_cpu_affinity(std::string_view cpus)
{
    auto const bits = TRY(parse_cpus(cpus));
    cpu_set_t set;
    CPU_ZERO(&set);
    for (std::size_t i = 0; i < most_numbers; ++i)
        if (bits.test(i))
            CPU_SET(i, &set);
    if (::sched_setaffinity(0, sizeof set, &set) < 0)
        return Error::from_errno("set the CPU affinity");
    return base::done();
}

Status reset_cpu_affinity()
{
    cpu_set_t all;
    std::memset(&all, 0xff, sizeof all);
    if (::sched_setaffinity(0, sizeof all, &all) < 0)
        return Error::from_errno("reset the CPU affinity");
    return base::done();
}

Status check_memory_policy(std::string_view mode, std::string_view nodes, const std::vector<std::string>& flags)
{
    TRY(policy_of(mode, nodes, flags));
    return base::done();
}

Status set_memory_policy(std::string_view mode, std::string_view nodes, const std::vector<std::string>& flags)
{
    auto const policy = TRY(policy_of(mode, nodes, flags));
    bool const all = nodes.empty();
    if (::syscall(SYS_set_mempolicy, policy.mode, all ? nullptr : policy.nodes.data(), all ? 0 : most_numbers + 1) < 0)
        return Error::from_errno("set the memory policy");
    return base::done();
}

std::vector<std::string_view> known_memory_modes() { return names_of(memory_modes); }

std::vector<std::string_view> known_memory_flags() { return names_of(memory_flags); }

} // namespace nova::sys
