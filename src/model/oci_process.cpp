#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
static Status read(const Field& field, User& user)
{
    TRY(read_object(field, may("uid", user.uid), may("gid", user.gid), may("umask", user.umask),
                    may("additionalGids", user.additional_gids)));
    if (user.umask && *user.umask > 0777)
        return field.wrong_member("umask", "0 to 511 (octal 777)");
    return done();
}

static Status read(const Field& field, Capabilities& capabilities)
{
    return read_object(field, may("bounding", capabilities.bounding), may("effective", capabilities.effective),
                       may("inheritable", capabilities.inheritable), may("permitted", capabilities.permitted),
                       may("ambient", capabilities.ambient));
}

static Status read(const Field& field, Rlimit& limit)
{
    TRY(read_object(field, need("type", limit.type), need("soft", limit.soft), need("hard", limit.hard)));
    if (limit.soft > limit.hard)
        return field.wrong_member("soft", "at most hard");
    return done();
}

static Status read(const Field& field, Scheduler& scheduler)
{
    return read_object(field, need("policy", scheduler.policy), may("nice", scheduler.nice), may("priority", scheduler.priority),
                       may("flags", scheduler.flags), may("runtime", scheduler.runtime), may("deadline", scheduler.deadline),
                       may("period", scheduler.period));
}

static Status read(const Field& field, IoPriority& priority)
{
    return read_object(field, need("class", priority.io_class), may("priority", priority.priority));
}

static Status read(const Field& field, CpuAffinity& affinity)
{
    return read_object(field, may("initial", affinity.initial), may("final", affinity.final));
}

static Status read(const Field& field, ConsoleSize& size)
{
    return read_object(field, may("height", size.height), may("width", size.width));
}

static Status read(const Field& field, LandlockPathRule& rule)
{
    return read_object(field, need("allowedAccess", rule.allowed_access), need("paths", rule.paths));
}

static Status read(const Field& field, LandlockPortRule& rule)
{
    return read_object(field, need("allowedAccess", rule.allowed_access), need("ports", rule.ports));
}

static Status read(const Field& field, Landlock& landlock)
{
    return read_object(field,
                       inside("ruleset", may("handledAccessFS", landlock.handled_access_fs),
                              may("handledAccessNet", landlock.handled_access_net), may("scoped", landlock.scoped)),
                       inside("rules", may("pathBeneath", landlock.path_beneath), may("netPort", landlock.net_port)),
                       may("disableBestEffort", landlock.disable_best_effort));
}

Status read(const Field& field, Process& process)
{
    TRY(read_object(field, may("terminal", process.terminal), may("consoleSize", process.console_size), may("user", process.user),
                    may("args", process.args), may("env", process.env), may("cwd", process.cwd),
                    may("capabilities", process.capabilities), may("rlimits", process.rlimits),
                    may("noNewPrivileges", process.no_new_privileges), may("apparmorProfile", process.apparmor_profile),
                    may("selinuxLabel", process.selinux_label), may("oomScoreAdj", process.oom_score_adj),
                    may("scheduler", process.scheduler), may("ioPriority", process.io_priority),
                    may("execCPUAffinity", process.exec_cpu_affinity), may("landlock", process.landlock)));
    if (process.cwd.substr(0, 1) != "/")
        return field.find("cwd") ? field.wrong_member("cwd", "an absolute path") : field.missing("cwd");
    return done();
}

} // namespace nova::model::oci
