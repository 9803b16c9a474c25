#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
static Status read(const Field& field, User& user)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "uid", user.uid));
    TRY(member(field, "gid", user.gid));
    TRY(member(field, "umask", user.umask));
    if (user.umask && *user.umask > 0777)
        return field.find("umask")->wrong("0 to 511 (octal 777)");
    return member(field, "additionalGids", user.additional_gids);
}

static Status read(const Field& field, Capabilities& capabilities)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "bounding", capabilities.bounding));
    TRY(member(field, "effective", capabilities.effective));
    TRY(member(field, "inheritable", capabilities.inheritable));
    TRY(member(field, "permitted", capabilities.permitted));
    return member(field, "ambient", capabilities.ambient);
}

static Status read(const Field& field, Rlimit& limit)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "type", limit.type));
    TRY(required(field, "soft", limit.soft));
    TRY(required(field, "hard", limit.hard));
    if (limit.soft > limit.hard)
        return field.find("soft")->wrong("at most hard");
    return done();
}

static Status read(const Field& field, Scheduler& scheduler)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "policy", scheduler.policy));
    TRY(member(field, "nice", scheduler.nice));
    TRY(member(field, "priority", scheduler.priority));
    TRY(member(field, "flags", scheduler.flags));
    TRY(member(field, "runtime", scheduler.runtime));
    TRY(member(field, "deadline", scheduler.deadline));
    return member(field, "period", scheduler.period);
}

static Status read(const Field& field, IoPriority& priority)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "class", priority.io_class));
    return member(field, "priority", priority.priority);
}

static Status read(const Field& field, CpuAffinity& affinity)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "initial", affinity.initial));
    return member(field, "final", affinity.final);
}

static Status read(const Field& field, ConsoleSize& size)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "height", size.height));
    return member(field, "width", size.width);
}

static Status check(const Field& field, const Process& process)
{
    if (process.cwd.substr(0, 1) != "/") {
        auto const cwd = field.find("cwd");
        return cwd ? cwd->wrong("an absolute path") : field.wrong("with a cwd");
    }
    return done();
}

Status read(const Field& field, Process& process)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "terminal", process.terminal));
    TRY(member(field, "consoleSize", process.console_size));
    TRY(member(field, "user", process.user));
    TRY(member(field, "args", process.args));
    TRY(member(field, "env", process.env));
    TRY(member(field, "cwd", process.cwd));
    TRY(member(field, "capabilities", process.capabilities));
    TRY(member(field, "rlimits", process.rlimits));
    TRY(member(field, "noNewPrivileges", process.no_new_privileges));
    TRY(member(field, "apparmorProfile", process.apparmor_profile));
    TRY(member(field, "selinuxLabel", process.selinux_label));
    TRY(member(field, "oomScoreAdj", process.oom_score_adj));
    TRY(member(field, "scheduler", process.scheduler));
    TRY(member(field, "ioPriority", process.io_priority));
    TRY(member(field, "execCPUAffinity", process.exec_cpu_affinity));
    return check(field, process);
}

} // namespace nova::model::oci
