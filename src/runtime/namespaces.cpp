#include "runtime/namespaces.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>

#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/proc.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

int type_of(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, int>, 8> types{{{"mount", CLONE_NEWNS},
                                                                     {"pid", CLONE_NEWPID},
                                                                     {"network", CLONE_NEWNET},
                                                                     {"ipc", CLONE_NEWIPC},
                                                                     {"uts", CLONE_NEWUTS},
                                                                     {"user", CLONE_NEWUSER},
                                                                     {"cgroup", CLONE_NEWCGROUP},
                                                                     {"time", CLONE_NEWTIME}}};
    for (const auto& [known, type] : types)
        if (known == name)
            return type;
    return 0;
}

Result<JoinedNamespace> open_namespace(const oci::Namespace& entry)
{
    JoinedNamespace joined{type_of(entry.type), entry.path, {}};
    // O_NONBLOCK: a FIFO in its place must not keep us waiting.
    joined.fd = TRY(sys::open_file(entry.path, O_RDONLY | O_NONBLOCK).context("linux.namespaces: " + entry.type));
    if (::ioctl(joined.fd.get(), NS_GET_NSTYPE) != joined.type)
        return Error{Code::invalid_argument, "linux.namespaces: " + entry.path + " is no " + entry.type + " namespace"};
    return joined;
}

} // namespace

bool NamespacePlan::has(int type) const { return (fresh & static_cast<unsigned>(type)) != 0 || joins(type); }

bool NamespacePlan::joins(int type) const
{
    return std::any_of(joined.begin(), joined.end(), [&](const auto& entry) { return entry.type == type; });
}

bool has_user_namespace(const oci::Linux& config)
{
    return std::any_of(config.namespaces.begin(), config.namespaces.end(),
                       [](const auto& entry) { return entry.type == "user"; });
}

Result<NamespacePlan> plan_namespaces(const oci::Linux& config)
{
    NamespacePlan plan;
    for (const auto& entry : config.namespaces) {
        if (!entry.path.empty())
            plan.joined.push_back(TRY(open_namespace(entry)));
        else if (entry.type == "cgroup")
            plan.fresh_cgroup = true;
        else if (entry.type == "time")
            plan.fresh_time = true;
        else
            plan.fresh |= static_cast<unsigned>(type_of(entry.type));
    }
    std::stable_partition(plan.joined.begin(), plan.joined.end(), [](const auto& entry) { return entry.type != CLONE_NEWUSER; });
    if (!plan.has(CLONE_NEWNS))
        return Error{Code::invalid_argument, "linux.namespaces: a mount namespace is needed"};
    bool const user = plan.has(CLONE_NEWUSER);
    if ((plan.fresh & CLONE_NEWUSER) != 0 && (config.uid_mappings.empty() || config.gid_mappings.empty()))
        return Error{Code::invalid_argument, "linux.uidMappings and gidMappings: are needed for a user namespace"};
    if (!user && (!config.uid_mappings.empty() || !config.gid_mappings.empty()))
        return Error{Code::invalid_argument, "linux.uidMappings: needs a user namespace in linux.namespaces"};
    if (!config.time_offsets.empty() && !plan.fresh_time)
        return Error{Code::invalid_argument, "linux.timeOffsets: needs a new time namespace in linux.namespaces"};
    return plan;
}

Status enter_joined(const NamespacePlan& plan)
{
    // A namespace may belong to our user namespace or to the joined one: what is refused before is tried again after.
    std::vector<const JoinedNamespace*> refused;
    for (const auto& entry : plan.joined) {
        auto entered = sys::enter_namespace(entry.fd.get(), entry.type);
        if (failed_with(entered, Code::permission_denied) && entry.type != CLONE_NEWUSER)
            refused.push_back(&entry);
        else
            TRY(std::move(entered).context("join " + entry.path));
    }
    for (const auto* const entry : refused)
        TRY(sys::enter_namespace(entry->fd.get(), entry->type).context("join " + entry->path));
    return done();
}

Status make_time_namespace(const oci::Linux& config, int host_proc)
{
    TRY(sys::leave_namespaces(CLONE_NEWTIME).context("time namespace"));
    std::string text;
    for (const auto& [clock, offset] : config.time_offsets)
        text += clock + " " + std::to_string(offset.seconds) + " " + std::to_string(offset.nanoseconds) + "\n";
    if (text.empty())
        return done();
    auto const proc_self = TRY(sys::open_proc_self(host_proc));
    return sys::write_proc_self(proc_self.get(), "timens_offsets", text).context("linux.timeOffsets");
}

} // namespace nova::runtime
