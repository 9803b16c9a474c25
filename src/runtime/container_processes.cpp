#include "runtime/container_processes.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;

namespace {

constexpr auto thaw_deadline = std::chrono::seconds{1};

/// Empty: it has ended, or is not ours to look at.
std::string pid_namespace(const std::string& pid)
{
    std::error_code unreadable;
    return std::filesystem::read_symlink("/proc/" + pid + "/ns/pid", unreadable).string();
}

Result<std::vector<pid_t>> processes_in_namespace(const Record& record)
{
    auto const wanted = pid_namespace(std::to_string(record.pid));
    if (wanted.empty() || wanted == pid_namespace("self"))
        return Error{Code::failed_precondition,
                     "container \"" + record.id + "\" has neither a cgroup nor a pid namespace of its own"};
    std::vector<pid_t> pids;
    for (const auto& name : TRY(sys::list_directory("/proc")))
        if (auto const pid = base::parse_integer(name, 1, 1 << 30); pid.ok() && pid_namespace(name) == wanted)
            pids.push_back(static_cast<pid_t>(pid.value()));
    std::sort(pids.begin(), pids.end());
    return pids;
}

Status signal_one(pid_t pid, int signal)
{
    auto const handle = sys::open_pidfd(pid);
    auto sent = handle.ok() ? sys::signal_pidfd(handle.value().get(), signal) : Status{Error{handle.error()}};
    return failed_with(sent, Code::not_found) ? done() : std::move(sent); // It has ended meanwhile.
}

} // namespace

Result<std::vector<pid_t>> processes_of(const Record& record)
{
    if (record.cgroup.empty())
        return processes_in_namespace(record);
    return sys::Cgroup::at(record.cgroup, record.controllers).processes();
}

Status signal_processes(const Record& record, int signal)
{
    constexpr int most_rounds = 20; // One that does nothing but fork must not keep us.
    std::set<pid_t> reached;
    for (int round = 0; round < most_rounds; ++round) {
        auto const before = reached.size();
        for (auto const pid : TRY(processes_of(record)))
            if (reached.insert(pid).second)
                TRY(signal_one(pid, signal));
        if (reached.size() == before)
            break;
    }
    if (signal == SIGKILL && !record.cgroup.empty()) // Version 1: the frozen die only when they run.
        (void)sys::Cgroup::at(record.cgroup, record.controllers).thaw(Deadline::after(thaw_deadline));
    return done();
}

void thaw_first_process(const Record& record)
{
    auto const text = sys::read_file("/proc/" + std::to_string(record.pid) + "/cgroup");
    constexpr std::string_view mark = ":freezer:";
    for (const auto& line : base::split(text.ok() ? text.value() : "", '\n')) {
        auto const at = line.find(mark);
        if (at == std::string::npos)
            continue;
        auto const path = line.substr(at + mark.size());
        if (path != "/" && path != record.cgroup)
            (void)sys::Cgroup::at(path, {"freezer"}).thaw(Deadline::after(thaw_deadline));
    }
}

} // namespace nova::runtime
