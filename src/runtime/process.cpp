#include "runtime/process.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "runtime/landlock.h"
#include "runtime/log.h"
#include "sys/capabilities.h"
#include "sys/default_signals.h"
#include "sys/file.h"
#include "sys/own_process.h"
#include "sys/proc.h"
#include "sys/resolve.h"
#include "sys/root_directory.h"
#include "sys/seccomp.h"
#include "sys/security_module.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

sys::CapabilityBits bits_of(const std::vector<std::string>& names)
{
    sys::CapabilityBits bits = 0;
    for (const auto& name : names)
        bits |= sys::find_capability(name).value_or(0);
    return bits & sys::known_capabilities();
}

sys::CapabilitySets sets_of(const oci::Process& process)
{
    if (!process.capabilities)
        return {};
    const auto& names = *process.capabilities;
    return {.bounding = bits_of(names.bounding),
            .effective = bits_of(names.effective),
            .inheritable = bits_of(names.inheritable),
            .permitted = bits_of(names.permitted),
            // The kernel takes no other; check_process has told of those.
            .ambient = bits_of(names.ambient) & bits_of(names.inheritable) & bits_of(names.permitted)};
}

/// What we do not have ourselves we can't give; the rest is given all the same, as the specification asks.
sys::CapabilitySets granted(sys::CapabilitySets sets, sys::CapabilityBits held)
{
    for (auto* const set : {&sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient})
        *set &= held;
    return sets;
}

bool is_file(const std::string& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_executable_file(const std::string& path) { return is_file(path) && ::access(path.c_str(), X_OK) == 0; }

std::string path_of(const std::vector<std::string>& env)
{
    for (const auto& entry : env)
        if (entry.starts_with("PATH="))
            return entry.substr(5);
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/// A working directory that came from a leaked descriptor lies outside the root (CVE-2024-21626).
Status check_inside_root()
{
    char path[PATH_MAX];
    bool const found = ::getcwd(path, sizeof path) != nullptr;
    if (!found && errno != ENOENT) // What the C library makes of the kernel's "(unreachable)".
        return Error::from_errno("look where the working directory is");
    if (!found || path[0] != '/')
        return Error{Code::permission_denied, "process.cwd: lies outside the container's root"};
    return done();
}

Status enter_working_directory(const std::string& cwd)
{
    if (::chdir(cwd.c_str()) < 0) {
        int const errnum = errno;
        return Error::from_errno("process.cwd: enter " + cwd, errnum);
    }
    return check_inside_root();
}

Status set_limits(const oci::Process& process)
{
    for (const auto& limit : process.rlimits)
        TRY(sys::set_rlimit(limit.type, limit.soft, limit.hard).context("process.rlimits"));
    return done();
}

sys::SchedulerSettings scheduler_settings(const oci::Scheduler& wish)
{
    return {.policy = wish.policy,
            .nice = wish.nice,
            .priority = wish.priority,
            .flags = wish.flags,
            .runtime = wish.runtime,
            .deadline = wish.deadline,
            .period = wish.period};
}

Status check_scheduling(const oci::Process& process)
{
    if (process.scheduler)
        TRY(sys::check_scheduler(scheduler_settings(*process.scheduler)).context("process.scheduler"));
    if (process.io_priority)
        TRY(sys::check_io_priority(process.io_priority->io_class, process.io_priority->priority).context("process.ioPriority"));
    if (!process.exec_cpu_affinity)
        return done();
    for (const auto* const cpus : {&process.exec_cpu_affinity->initial, &process.exec_cpu_affinity->final})
        if (!cpus->empty())
            TRY(sys::check_cpu_list(*cpus).context("process.execCPUAffinity"));
    return done();
}

Status set_scheduling(const oci::Process& process)
{
    if (process.scheduler)
        TRY(sys::set_scheduler(scheduler_settings(*process.scheduler)).context("process.scheduler"));
    if (process.io_priority)
        TRY(sys::set_io_priority(process.io_priority->io_class, process.io_priority->priority).context("process.ioPriority"));
    return done();
}

/// "exec LABEL" takes effect with the next execve. Written through the host's /proc, which nobody inside could replace.
Status set_labels(const oci::Process& process, int proc_self)
{
    if (!process.apparmor_profile.empty()) {
        auto const text = "exec " + process.apparmor_profile;
        auto written = sys::write_proc_self(proc_self, "attr/apparmor/exec", text);
        if (failed_with(written, Code::not_found)) // Kernels before 5.8, or no such profile: then this one says so.
            written = sys::write_proc_self(proc_self, "attr/exec", text);
        TRY(std::move(written).context("process.apparmorProfile"));
    }
    if (!process.selinux_label.empty())
        TRY(sys::write_proc_self(proc_self, "attr/exec", process.selinux_label).context("process.selinuxLabel"));
    return done();
}

/// The process may open its own /dev/stdout again when it is not root. A terminal stays with its group.
void own_standard_streams(const oci::Process& process)
{
    if (process.user.uid == 0)
        return;
    for (int fd = 0; fd < 3; ++fd) {
        struct stat status {};
        if (::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || ::isatty(fd) == 1))
            (void)::fchown(fd, process.user.uid, S_ISFIFO(status.st_mode) ? process.user.gid : status.st_gid);
    }
}

Status load_filter(const ProcessPlan& plan)
{
    if (!plan.seccomp)
        return done();
    auto const listener = TRY(sys::load_seccomp(plan.seccomp->code, plan.seccomp->flags));
    if (listener && plan.send_listener)
        TRY(plan.send_listener(plan.listener_context, listener).context("linux.seccomp.listenerPath"));
    return done();
}

/// Landlock first: a filter may deny its calls.
Status confine(const ProcessPlan& plan)
{
    if (plan.process.landlock)
        TRY(apply_landlock(*plan.process.landlock));
    return load_filter(plan);
}

/// In this order: the bounding set while we may, then the user, then the rest of the sets (which may be empty).
Status change_identity(const ProcessPlan& plan)
{
    const auto& process = plan.process;
    auto const sets = granted(sets_of(process), TRY(sys::effective_capabilities()));
    if (process.capabilities)
        TRY(sys::limit_bounding_set(sets.bounding));
    TRY(sys::keep_capabilities_over_setuid());
    // In a user namespace whose setgroups is denied there is nothing to set, and that only fails where groups are wished for.
    bool const keep_groups = plan.in_user_namespace && process.user.additional_gids.empty();
    auto changed = sys::set_user(process.user.uid, process.user.gid, process.user.additional_gids,
                                 plan.keep_groups ? sys::Groups::keep : sys::Groups::set);
    if (!changed.ok() && keep_groups)
        changed = sys::set_user(process.user.uid, process.user.gid, {}, sys::Groups::keep);
    TRY(std::move(changed).context("process.user"));
    if (process.capabilities)
        TRY(sys::set_capabilities(sets).context("process.capabilities"));
    else if (process.user.uid != 0)
        TRY(sys::set_capabilities({}));
    return done();
}

/// Of a variable that is there twice, the last one.
std::vector<std::string> without_repetition(const std::vector<std::string>& env)
{
    std::set<std::string_view> names;
    std::vector<std::string> kept;
    for (auto entry = env.rbegin(); entry != env.rend(); ++entry)
        if (names.insert(std::string_view{*entry}.substr(0, entry->find('='))).second)
            kept.push_back(*entry);
    std::reverse(kept.begin(), kept.end());
    return kept;
}

Status check_rlimits(const std::vector<oci::Rlimit>& limits)
{
    for (auto limit = limits.begin(); limit != limits.end(); ++limit) {
        auto const place = "process.rlimits[" + std::to_string(limit - limits.begin()) + "].type: ";
        if (!sys::is_rlimit(limit->type))
            return Error{Code::invalid_argument, place + "unknown limit \"" + limit->type + "\""};
        auto const before = [&](const oci::Rlimit& other) { return other.type == limit->type; };
        if (std::any_of(limits.begin(), limit, before)) // Few: each of the kernel's limits comes once.
            return Error{Code::invalid_argument, place + limit->type + " is given twice"};
    }
    return done();
}

Status finish_descriptors(const ProcessPlan& plan) { return sys::close_on_exec_from(3 + plan.preserve_fds); }

} // namespace

Status check_process(const oci::Process& process, std::vector<std::string>& warnings)
{
    if (process.args.empty() || process.args.front().empty())
        return Error{Code::invalid_argument, "process.args: must name a program"};
    for (const auto& entry : process.env)
        if (entry.find('=') == std::string::npos)
            return Error{Code::invalid_argument, "process.env: \"" + entry.substr(0, 80) + "\" must be NAME=VALUE"};
    TRY(check_rlimits(process.rlimits));
    if (!process.apparmor_profile.empty() && !sys::has_apparmor())
        return Error{Code::failed_precondition, "process.apparmorProfile: AppArmor is not in use on this host"};
    if (!process.selinux_label.empty() && !sys::has_selinux())
        return Error{Code::failed_precondition, "process.selinuxLabel: SELinux is not in use on this host"};
    TRY(check_scheduling(process));
    if (process.landlock)
        TRY(check_landlock(*process.landlock, warnings));
    if (!process.capabilities)
        return done();
    const auto& sets = *process.capabilities;
    for (const auto* const names : {&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient})
        for (const auto& name : *names)
            if (!sys::find_capability(name))
                warnings.push_back("process.capabilities: unknown capability \"" + name + "\" is left out");
    return done();
}

void tell_of_refused_ambient(const Globals& globals, const oci::Process& process)
{
    if (!process.capabilities)
        return;
    const auto& sets = *process.capabilities;
    auto const grantable = bits_of(sets.inheritable) & bits_of(sets.permitted);
    std::vector<std::string> refused;
    for (const auto& name : sets.ambient)
        if (auto const bit = sys::find_capability(name); bit && (*bit & grantable) == 0)
            refused.push_back(name);
    if (!refused.empty())
        tell(globals, sets.inheritable.empty() ? Severity::notice : Severity::warning,
             "process.capabilities.ambient: can't raise what is not inheritable and permitted: " + base::join(refused, ", "));
}

void warn_of_capabilities(const oci::Process& process, std::vector<std::string>& warnings)
{
    auto const held = sys::effective_capabilities();
    if (!process.capabilities || !held.ok())
        return;
    const auto& sets = *process.capabilities;
    std::set<std::string> told;
    for (const auto* const names : {&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient})
        for (const auto& name : *names)
            if (auto const bit = sys::find_capability(name); bit && (*bit & held.value()) == 0 && told.insert(name).second)
                warnings.push_back("process.capabilities: " + name + " cannot be granted: we do not have it ourselves");
}

Status take_on_character(const oci::Linux& config)
{
    if (config.personality)
        TRY(sys::set_personality(config.personality->domain == "LINUX32" ? PER_LINUX32 : PER_LINUX));
    if (!config.memory_policy)
        return done();
    const auto& policy = *config.memory_policy;
    return sys::set_memory_policy(policy.mode, policy.nodes, policy.flags).context("linux.memoryPolicy");
}

// "executable file not found" and "permission denied" are what docker's command line looks for to end with 127 and
// 126; podman's tests want the letters "exec" before the second.
Result<std::string> find_executable(const oci::Process& process)
{
    const auto& name = process.args.front();
    if (name.find('/') != std::string::npos) {
        auto const path = name.front() == '/' ? name : process.cwd + "/" + name;
        struct stat status {};
        if (::stat(path.c_str(), &status) < 0) {
            int const errnum = errno;
            return Error::from_errno("executable file not found: " + name, errnum);
        }
        if (!is_executable_file(path))
            return Error::from_errno("cannot execute: permission denied: " + name, S_ISDIR(status.st_mode) ? EISDIR : EACCES);
        return name;
    }
    std::string unusable; // Told as a shell does, where there is no better one.
    for (const auto& directory : base::split(path_of(process.env), ':')) {
        auto const path = (directory.empty() ? "." : directory) + "/" + name;
        if (!is_file(path))
            continue;
        if (::access(path.c_str(), X_OK) == 0)
            return path;
        if (unusable.empty())
            unusable = path;
    }
    if (!unusable.empty())
        return Error::from_errno("cannot execute: permission denied: " + unusable, EACCES);
    return Error{Code::not_found, "executable file not found: \"" + name + "\" not found in $PATH: No such file or directory"};
}

bool wants_original_groups(const oci::Config& config)
{
    auto const found = config.annotations.find("run.oci.keep_original_groups");
    return found != config.annotations.end() && found->second == "1";
}

std::vector<std::string> with_home(std::vector<std::string> env, std::uint32_t uid)
{
    env = without_repetition(env);
    for (const auto& entry : env)
        if (entry.starts_with("HOME=") && entry.size() > 5)
            return env;
    std::erase(env, "HOME=");
    std::string home = uid == 0 ? "/root" : "/";
    auto const root = sys::open_file("/", O_PATH | O_DIRECTORY);
    auto const file = root.ok() ? sys::open_in_root(root.value().get(), "/etc/passwd", O_RDONLY | O_NONBLOCK) : sys::UniqueFd{};
    auto const text = file.ok() ? sys::read_all(file.value().get(), 1u << 20) : std::string{};
    for (const auto& line : base::split(text.ok() ? text.value() : "", '\n')) {
        auto const fields = base::split(line, ':');
        if (fields.size() >= 6 && fields[2] == std::to_string(uid) && !fields[5].empty()) {
            home = fields[5];
            break;
        }
    }
    env.push_back("HOME=" + home);
    return env;
}

namespace {

bool is_null_device(int fd)
{
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

} // namespace

Status take_own_null_device()
{
    sys::UniqueFd null;
    for (int fd = 0; fd < 3; ++fd) {
        if (!is_null_device(fd))
            continue;
        if (!null) {
            auto opened = sys::open_file("/dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY);
            if (!opened.ok() || !is_null_device(opened.value().get()))
                return done(); // A root without one, or with something else in its place.
            null = std::move(opened).value();
        }
        if (::dup2(null.get(), fd) < 0)
            return Error::from_errno("use the container's /dev/null");
    }
    return done();
}

Status use_terminal(const sys::UniqueFd& slave)
{
    TRY(sys::take_terminal(slave.get()));
    for (int fd = 0; fd < 3; ++fd)
        if (::dup2(slave.get(), fd) < 0)
            return Error::from_errno("use the terminal");
    return done();
}

Status settle_process(const ProcessPlan& plan)
{
    const auto& process = plan.process;
    if (plan.new_keyring) {
        auto const joined = sys::join_new_keyring(plan.keyring);
        if (!joined.ok() && joined.error().code() != Code::unimplemented && joined.error().code() != Code::permission_denied)
            return joined;
    }
    TRY(set_labels(process, plan.proc_self));
    TRY(set_scheduling(process));
    TRY(set_limits(process));
    ::umask(process.user.umask.value_or(0022));
    own_standard_streams(process);
    bool const entered = enter_working_directory(process.cwd).ok();
    TRY(finish_descriptors(plan)); // Profiles that are older than close_range(2) forbid it.
    if (!process.no_new_privileges)
        TRY(confine(plan)); // While we still have CAP_SYS_ADMIN.
    TRY(change_identity(plan));
    if (!entered) // A directory that only its owner may enter.
        TRY(enter_working_directory(process.cwd));
    sys::reset_signals();
    return done();
}

Status confine_process(const ProcessPlan& plan)
{
    if (!plan.process.no_new_privileges)
        return done();
    TRY(sys::set_no_new_privileges());
    return confine(plan);
}

Status execute_program(const ProcessPlan& plan) { return sys::execute(plan.executable, plan.process.args, plan.env); }

} // namespace nova::runtime
