#include "runtime/exec_cgroup.h"

#include <algorithm>

#include "base/strings.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::UniqueFd;

namespace {

struct SubCgroup {
    std::vector<std::string> controllers; ///< Empty: all.
    std::string path;                     ///< Clean; "." is the container's own.
};

SubCgroup parse(const std::string& wish)
{
    auto const colon = wish.find(':');
    if (colon == std::string::npos)
        return {{}, sys::clean_path(wish)};
    return {base::split(wish.substr(0, colon), ','), sys::clean_path(wish.substr(colon + 1))};
}

std::string below(const Record& record, const std::string& path)
{
    return path == "." ? record.cgroup : record.cgroup + "/" + path;
}

Error cannot_join(const std::string& path, const Error& why)
{
    return Error{why}.context("--cgroup: adding pid to " + path + " below the container's cgroup");
}

/// Version 2: where a process may be added. A cgroup that hands controllers down to groups inside it, as systemd in a container
/// has it, takes none itself, and one from which the processes were moved away may be gone: then it is that of the container's
/// first process.
Result<std::string> joinable_cgroup(const Record& record)
{
    auto const own = sys::Cgroup::at(record.cgroup, record.controllers);
    if (own.layout() != sys::CgroupLayout::unified)
        return record.cgroup;
    auto const handed_down = own.read("", "cgroup.subtree_control");
    bool const is_gone = failed_with(handed_down, Code::not_found);
    if (!is_gone && (!handed_down.ok() || base::trim(handed_down.value()).empty()))
        return record.cgroup;
    std::string const prefix = "0::";
    auto const above = prefix + (is_gone ? "" : record.cgroup) + "/";
    auto const text = TRY(sys::read_file("/proc/" + std::to_string(record.pid) + "/cgroup"));
    for (const auto& line : base::split(text, '\n'))
        if (line.starts_with(above) && !line.starts_with(prefix + "/.."))
            return line.substr(prefix.size());
    return record.cgroup;
}

/// The container's in this hierarchy, or the one below it that the wishes name. The last wish for it counts.
Result<UniqueFd> open_tasks_of(const Record& record, const std::string& controller, const std::vector<SubCgroup>& wishes,
                               std::vector<bool>& met)
{
    auto const open = [&](const std::string& path) -> Result<UniqueFd> {
        auto tasks = TRY(sys::Cgroup::at(below(record, path), {controller}).open_tasks());
        return tasks.empty() ? UniqueFd{} : std::move(tasks.front());
    };
    for (std::size_t i = wishes.size(); i-- > 0;) {
        const auto& [controllers, path] = wishes[i];
        bool const named = std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
        if (!named && !controllers.empty())
            continue;
        auto tasks = open(path);
        if (failed_with(tasks, Code::not_found) && !named)
            continue; // It may be in another hierarchy.
        if (!tasks.ok())
            return cannot_join(path, tasks.error());
        met[i] = true;
        return tasks;
    }
    return open(".");
}

Status check_controllers(const Record& record, const std::vector<SubCgroup>& wishes)
{
    for (const auto& wish : wishes)
        for (const auto& controller : wish.controllers)
            if (std::find(record.controllers.begin(), record.controllers.end(), controller) == record.controllers.end())
                return Error{Code::invalid_argument,
                             "--cgroup: unknown controller " + controller + ": the container has no part in it"};
    return done();
}

Result<EntryCgroup> open_unified(const Record& record, const std::vector<SubCgroup>& wishes)
{
    if (!wishes.empty() && !wishes.back().controllers.empty())
        return Error{Code::invalid_argument, "--cgroup: there are no controllers to name on version 2"};
    auto const path = wishes.empty() ? TRY(joinable_cgroup(record)) : below(record, wishes.back().path);
    auto directory = sys::Cgroup::at(path, record.controllers).open_directory();
    if (!directory.ok() && !wishes.empty())
        return cannot_join(wishes.back().path, directory.error());
    return EntryCgroup{TRY(std::move(directory)), {}};
}

} // namespace

Status check_sub_cgroups(const std::vector<std::string>& wishes)
{
    for (const auto& wish : wishes)
        for (const auto& part : base::split(wish.substr(wish.find(':') + 1), '/'))
            if (part == "..")
                return Error{Code::invalid_argument,
                             "--cgroup: bad sub cgroup path \"" + wish.substr(0, 200) + "\": `..` components are not allowed"};
    return done();
}

Result<EntryCgroup> open_entry_cgroup(const Record& record, const std::vector<std::string>& wishes)
{
    TRY(check_sub_cgroups(wishes));
    std::vector<SubCgroup> parsed;
    for (const auto& wish : wishes)
        parsed.push_back(parse(wish));
    if (sys::cgroup_layout() == sys::CgroupLayout::unified)
        return open_unified(record, parsed);
    TRY(check_controllers(record, parsed));
    EntryCgroup entry;
    std::vector<bool> met(parsed.size());
    for (const auto& controller : record.controllers)
        if (auto tasks = TRY(open_tasks_of(record, controller, parsed, met)))
            entry.tasks.push_back(std::move(tasks));
    for (std::size_t i = 0; i < met.size(); ++i)
        if (!met[i] && parsed[i].controllers.empty())
            return cannot_join(parsed[i].path, Error{Code::not_found, "No such file or directory"});
    return entry;
}

} // namespace nova::runtime
