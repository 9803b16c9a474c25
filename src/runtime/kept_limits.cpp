#include "runtime/kept_limits.h"

#include <array>

#include "runtime/cgroup_values.h"
#include "runtime/limit_writer.h"

namespace nova::runtime {

using base::done;

namespace {

struct LimitFile {
    const char* controller;
    const char* file;
};

/// Those that systemd writes, of both versions. A group that is idle takes no weight: so that comes first.
constexpr std::array<LimitFile, 17> known_limits{{
    {"cpu", "cpu.idle"},
    {"cpu", "cpu.weight"},
    {"cpu", "cpu.max"},
    {"memory", "memory.min"},
    {"memory", "memory.low"},
    {"memory", "memory.high"},
    {"memory", "memory.max"},
    {"memory", "memory.swap.max"},
    {"io", "io.weight"},
    {"cpuset", "cpuset.cpus"},
    {"cpuset", "cpuset.mems"},
    {"pids", "pids.max"},
    {"cpu", "cpu.shares"},
    {"cpu", "cpu.cfs_period_us"},
    {"memory", "memory.limit_in_bytes"},
    {"memory", "memory.soft_limit_in_bytes"},
    {"blkio", "blkio.weight"},
}};

/// A quota that systemd was told stays as systemd rounds it, so that it is the same when systemd looks again. Without one the
/// period is ours: systemd keeps none.
bool is_quota_of_systemd(const sys::Cgroup& cgroup, std::string_view file)
{
    if (file == "cpu.max")
        return !text_in(cgroup, "cpu", "cpu.max").starts_with("max");
    return file == "cpu.cfs_period_us" && text_in(cgroup, "cpu", "cpu.cfs_quota_us") != "-1";
}

} // namespace

KeptLimits KeptLimits::read(const sys::Cgroup& cgroup)
{
    KeptLimits kept;
    for (const auto& [controller, file] : known_limits) {
        if (is_quota_of_systemd(cgroup, file))
            continue;
        if (auto const text = cgroup.read(controller, file); text.ok())
            kept.limits_.push_back({controller, file, text.value()});
    }
    return kept;
}

Status KeptLimits::set_back(const sys::Cgroup& cgroup) const
{
    for (const auto& limit : limits_) {
        auto const now = cgroup.read(limit.controller, limit.file);
        if (now.ok() && now.value() != limit.text)
            TRY(cgroup.write(limit.controller, limit.file, text_that_restores(limit.file, "default 100", limit.text)));
    }
    return done();
}

} // namespace nova::runtime
