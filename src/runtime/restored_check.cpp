#include "runtime/restored_check.h"

#include <sys/stat.h>

#include <array>
#include <charconv>

#include "base/strings.h"
#include "sys/capabilities.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;
namespace oci = model::oci;

namespace {

Error refusal(pid_t pid, const std::string& what)
{
    return Error{Code::failed_precondition, "the checkpoint's process " + std::to_string(pid) + " " + what};
}

/// "Name:\tvalue" of /proc/PID/status.
std::string field_of(const std::string& status, const std::string& name)
{
    auto const at = status.find("\n" + name + ":\t");
    if (at == std::string::npos)
        return {};
    auto const begin = at + name.size() + 3;
    return status.substr(begin, status.find('\n', begin) - begin);
}

std::uint64_t hexadecimal(const std::string& text)
{
    std::uint64_t value = ~std::uint64_t{0}; // What is not there counts as everything.
    (void)std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

std::uint64_t allowed_capabilities(const oci::Process& process)
{
    if (!process.capabilities)
        return process.user.uid == 0 ? ~std::uint64_t{0} : 0;
    std::uint64_t bits = 0;
    for (const auto& name : process.capabilities->bounding)
        bits |= sys::find_capability(name).value_or(0);
    return bits;
}

Status check_rights(const oci::Config& config, pid_t pid, const std::string& thread)
{
    auto const status = TRY(sys::read_file(thread + "/status"));
    auto const allowed = allowed_capabilities(*config.process);
    for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        if ((hexadecimal(field_of(status, set)) & ~allowed) != 0)
            return refusal(pid, "has capabilities that process.capabilities does not allow");
    if (config.process->no_new_privileges && field_of(status, "NoNewPrivs") != "1")
        return refusal(pid, "may gain privileges, unlike process.noNewPrivileges says");
    if (config.platform.seccomp && field_of(status, "Seccomp") != "2")
        return refusal(pid, "has no seccomp filter, unlike linux.seccomp says");
    return done();
}

/// Each thread has rights of its own.
Status check_rights(const oci::Config& config, pid_t pid)
{
    auto const threads = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& thread : TRY(sys::list_directory(threads)))
        TRY(check_rights(config, pid, threads + "/" + thread));
    return done();
}

/// New namespaces of the configuration must not be ours; those by path must be what lies there.
Status check_namespaces(const oci::Config& config, pid_t pid)
{
    constexpr std::array<std::pair<std::string_view, const char*>, 7> files{{{"mount", "mnt"},
                                                                             {"pid", "pid"},
                                                                             {"network", "net"},
                                                                             {"ipc", "ipc"},
                                                                             {"uts", "uts"},
                                                                             {"user", "user"},
                                                                             {"cgroup", "cgroup"}}};
    for (const auto& entry : config.platform.namespaces)
        for (const auto& [type, file] : files) {
            if (entry.type != type)
                continue;
            struct stat theirs {};
            struct stat other {};
            auto const place = "/proc/" + std::to_string(pid) + "/ns/" + file;
            auto const compared = entry.path.empty() ? std::string{"/proc/self/ns/"} + file : entry.path;
            if (::stat(place.c_str(), &theirs) < 0 || ::stat(compared.c_str(), &other) < 0)
                return refusal(pid, "has a " + entry.type + " namespace that can't be looked at");
            if ((theirs.st_ino == other.st_ino) == entry.path.empty())
                return refusal(pid, "is not in the " + entry.type + " namespace that linux.namespaces says");
        }
    return done();
}

bool is_same_file(const std::string& left, const std::string& right)
{
    struct stat one {};
    struct stat other {};
    return ::stat(left.c_str(), &one) == 0 && ::stat(right.c_str(), &other) == 0 && one.st_ino == other.st_ino &&
           one.st_dev == other.st_dev;
}

std::string program_of(pid_t pid) { return "/proc/" + std::to_string(pid) + "/exe"; }

} // namespace

Status check_restored(const oci::Config& config, const RestoredProcesses& processes)
{
    auto const first = processes.first;
    if (!is_same_file("/proc/" + std::to_string(first) + "/root/.", processes.rootfs))
        return refusal(first, "has another root than root.path");
    TRY(check_namespaces(config, first));
    TRY(check_rights(config, first));
    if (!processes.cgroup)
        return done();
    for (auto const pid : TRY(processes.cgroup->processes())) {
        if (pid == first || is_same_file(program_of(pid), program_of(processes.criu)))
            continue;
        TRY(check_namespaces(config, pid));
        TRY(check_rights(config, pid));
    }
    return done();
}

} // namespace nova::runtime
