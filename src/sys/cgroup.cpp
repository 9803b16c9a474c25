#include "sys/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/strings.h"
#include "base/undo.h"
#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

const std::string mount_root = "/sys/fs/cgroup";
const std::string hybrid_root = mount_root + "/unified"; ///< Where a hybrid host has version 2, with what version 1 has not.

long magic_of(const std::string& path)
{
    struct statfs status {};
    return ::statfs(path.c_str(), &status) == 0 ? static_cast<long>(status.f_type) : 0;
}

void pause_ms(int milliseconds) { (void)::poll(nullptr, 0, milliseconds); }

/// Makes one directory; says whether it was us.
Result<bool> make_one(const std::string& directory)
{
    if (::mkdir(directory.c_str(), 0755) == 0)
        return true;
    if (errno == EEXIST)
        return false;
    int const errnum = errno;
    return Error::from_errno("make cgroup " + directory, errnum);
}

/// Makes the directory and those above it; notes the made ones, outermost first.
Status make_chain(const std::string& root, const std::string& path, std::vector<std::string>& made)
{
    auto const whole = root + path;
    if (auto const direct = make_one(whole); direct.ok()) { // The usual case: only the last one is missing.
        if (direct.value())
            made.push_back(whole);
        return base::done();
    }
    for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
        auto const part = root + path.substr(0, end);
        if (TRY(make_one(part)))
            made.push_back(part);
        if (end == std::string::npos)
            return base::done();
    }
}

/// A new cpuset of version 1 is empty and takes no process before it got CPUs and nodes; its parents give theirs.
Status fill_cpuset(const std::string& root, const std::string& path)
{
    for (const std::string file : {"/cpuset.cpus", "/cpuset.mems"}) {
        std::string above = base::trim(TRY(read_file(root + file)));
        for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
            auto const place = root + path.substr(0, end) + file;
            auto const own = base::trim(TRY(read_file(place)));
            if (own.empty())
                TRY(write_kernel_file(place, above));
            else
                above = own;
            if (end == std::string::npos)
                break;
        }
    }
    return base::done();
}

/// Version 2: a controller works in a cgroup only where every one above it hands it down.
void enable_controllers(const std::string& root, const std::string& path, const std::vector<std::string>& controllers)
{
    for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
        auto const slash = path.substr(0, end).rfind('/');
        auto const file = root + path.substr(0, slash) + "/cgroup.subtree_control";
        if (!write_kernel_file(file, "+" + base::join(controllers, " +")).ok())
            for (const auto& controller : controllers) // One that is not there must not keep the others away.
                (void)write_kernel_file(file, "+" + controller);
        if (end == std::string::npos)
            return;
    }
}

/// What a file of version 2 lists in its one line.
std::vector<std::string> words_of(const std::string& file)
{
    auto const text = read_file(file);
    return text.ok() ? base::split(base::trim(text.value()), ' ') : std::vector<std::string>{};
}

/// Also those that limit nothing: they count what the container uses, and it may hand them on to cgroups of its own.
void enable_all_controllers(const std::string& path)
{
    enable_controllers(mount_root, path, words_of(mount_root + "/cgroup.controllers"));
}

bool lists(const std::string& file, std::string_view word)
{
    auto const words = words_of(file);
    return std::find(words.begin(), words.end(), word) != words.end();
}

void collect_pids(const std::string& directory, std::vector<pid_t>& pids)
{
    auto const text = read_file(directory + "/cgroup.procs");
    if (text.ok())
        for (const auto& line : base::split(text.value(), '\n'))
            if (auto const pid = base::parse_integer(line, 1, 1 << 30); pid.ok())
                pids.push_back(static_cast<pid_t>(pid.value()));
    auto* const handle = ::opendir(directory.c_str());
    if (!handle)
        return;
    while (const auto* const entry = ::readdir(handle))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            collect_pids(directory + "/" + entry->d_name, pids);
    ::closedir(handle);
}

/// rmdir of the whole tree, leaves first. Returns the last errno, or 0.
int remove_directories(const std::string& directory)
{
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT)
        return 0;
    int problem = errno;
    auto* const handle = ::opendir(directory.c_str());
    if (!handle)
        return problem;
    while (const auto* const entry = ::readdir(handle))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)remove_directories(directory + "/" + entry->d_name);
    ::closedir(handle);
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT)
        return 0;
    problem = errno;
    return problem;
}

} // namespace

CgroupLayout cgroup_layout()
{
    static std::atomic<CgroupLayout> known{CgroupLayout::none};
    if (auto const layout = known.load(); layout != CgroupLayout::none)
        return layout; // A host keeps it, and each look walks through two mounts.
    auto const magic = magic_of(mount_root);
    known = magic == CGROUP2_SUPER_MAGIC ? CgroupLayout::unified
            : magic == TMPFS_MAGIC       ? CgroupLayout::legacy
                                         : CgroupLayout::none;
    return known;
}

std::string hierarchy_directory(std::string_view controller) { return mount_root + "/" + std::string{controller}; }

bool has_hierarchy(const std::string& controller)
{
    static std::mutex lock;
    static std::set<std::string> found;
    std::lock_guard const guard{lock};
    if (found.contains(controller))
        return true;
    if (magic_of(hierarchy_directory(controller)) != CGROUP_SUPER_MAGIC)
        return false;
    found.insert(controller);
    return true;
}

std::vector<std::string> cgroup_controllers()
{
    std::vector<std::string> found;
    if (cgroup_layout() == CgroupLayout::unified) {
        auto const text = read_file(mount_root + "/cgroup.controllers");
        if (text.ok())
            found = base::split(base::trim(text.value()), ' ');
        return found;
    }
    auto const names = list_directory(mount_root);
    for (const auto& name : names.ok() ? names.value() : std::vector<std::string>{})
        if (has_hierarchy(name))
            found.push_back(name);
    return found;
}

const std::vector<std::string>& Cgroup::usual_controllers()
{
    static const std::vector<std::string> usual{"memory", "pids", "cpu", "cpuacct", "devices", "freezer"};
    return usual;
}

void Cgroup::add_place(const std::string& controller)
{
    if (!directory(controller).empty())
        return;
    if (has_hierarchy(controller))
        places_.push_back({controller, hierarchy_directory(controller) + path_, CgroupLayout::legacy});
    else if (magic_of(hybrid_root) == CGROUP2_SUPER_MAGIC && lists(hybrid_root + "/cgroup.controllers", controller))
        places_.push_back({controller, hybrid_root + path_, CgroupLayout::unified});
}

Cgroup Cgroup::at(const std::string& path, const std::vector<std::string>& controllers)
{
    Cgroup group{path, cgroup_layout()};
    if (group.layout_ == CgroupLayout::unified)
        group.places_.push_back({"", mount_root + path, CgroupLayout::unified});
    if (group.layout_ == CgroupLayout::legacy)
        for (const auto& controller : controllers)
            group.add_place(controller);
    return group;
}

bool Cgroup::is_unified(std::string_view controller) const
{
    for (const auto& place : places_)
        if (place.controller.empty() || place.controller == controller)
            return place.layout == CgroupLayout::unified;
    return layout_ == CgroupLayout::unified;
}

Status Cgroup::make_directories_of(std::vector<std::string>& made) const
{
    for (const auto& place : places_) {
        auto const root = place.directory.substr(0, place.directory.size() - path_.size());
        TRY(make_chain(root, path_, made));
        if (place.controller == "cpuset")
            TRY(fill_cpuset(root, path_).context("fill cpuset"));
        if (place.layout == CgroupLayout::unified && !place.controller.empty())
            enable_controllers(root, path_, {place.controller});
    }
    return base::done();
}

Status Cgroup::extend(const std::vector<std::string>& controllers)
{
    auto const known = places_.size();
    if (layout_ == CgroupLayout::unified)
        enable_controllers(mount_root, path_, controllers);
    for (const auto& controller : controllers)
        if (layout_ == CgroupLayout::legacy)
            add_place(controller);
    if (places_.size() == known)
        return base::done();
    std::vector<std::string> made;
    TRY(make_directories_of(made));
    std::vector<pid_t> moved;
    constexpr int most_rounds = 20; // They may have children meanwhile; but one that does nothing else must not keep us.
    for (int round = 0; round < most_rounds; ++round) {
        auto all = TRY(processes());
        if (all == moved)
            break;
        for (auto const pid : all)
            for (auto place = places_.begin() + static_cast<std::ptrdiff_t>(known); place != places_.end(); ++place)
                (void)write_kernel_file(place->directory + "/cgroup.procs", std::to_string(pid)); // It may have ended.
        moved = std::move(all);
    }
    return base::done();
}

Result<Cgroup> Cgroup::create(const std::string& path, const std::vector<std::string>& controllers)
{
    auto group = at(path, controllers);
    if (group.places_.empty())
        return Error{Code::unimplemented, "make cgroup " + path + ": no cgroups are mounted on " + mount_root};
    base::Undo undo;
    undo.add([&] { group.remove_made(); });
    auto& made = group.made_;
    TRY(group.make_directories_of(made));
    if (group.layout_ == CgroupLayout::unified)
        enable_all_controllers(path);
    bool const all_new = std::all_of(group.places_.begin(), group.places_.end(), [&](const auto& place) {
        return std::find(made.begin(), made.end(), place.directory) != made.end(); // Those above it are in there too.
    });
    if (!all_new && !TRY(group.processes()).empty())
        return Error{Code::failed_precondition, "container's cgroup is not empty: there are processes in " + path + " already"};
    if (!all_new && group.frozen()) // Whoever joined would stand still, and could not even be killed.
        return Error{Code::failed_precondition, "container's cgroup unexpectedly frozen: " + path};
    undo.commit();
    return group;
}

void Cgroup::remove_made() const
{
    for (auto directory = made_.rbegin(); directory != made_.rend(); ++directory)
        ::rmdir(directory->c_str()); // What others use meanwhile stays.
}

Result<Cgroup> Cgroup::adopt(const std::string& path, const std::vector<std::string>& controllers)
{
    auto group = at(path, controllers);
    if (group.layout_ == CgroupLayout::unified)
        enable_all_controllers(path); // Those that systemd knows nothing of.
    std::vector<std::string> made;
    if (group.layout_ == CgroupLayout::legacy)
        TRY(group.make_directories_of(made));
    return group;
}

std::string Cgroup::directory(std::string_view controller) const
{
    for (const auto& place : places_)
        if (place.controller.empty() || place.controller == controller)
            return place.directory;
    return {};
}

bool Cgroup::has(std::string_view controller) const
{
    auto const place = directory(controller);
    return !place.empty() && (!is_unified(controller) || lists(place + "/cgroup.controllers", controller));
}

Status Cgroup::write(std::string_view controller, const std::string& file, std::string_view text) const
{
    auto const place = directory(controller);
    if (place.empty())
        return Error{Code::unimplemented, "set " + file + " of cgroup " + path_ + ": controller " + std::string{controller} +
                                              " is not available here"};
    auto written = write_kernel_file(place + "/" + file, text);
    if (failed_with(written, Code::not_found) && !controller.empty() && !has(controller))
        return Error{Code::unimplemented,
                     "set " + file + ": controller `" + std::string{controller} + "` is not available under cgroup " + path_};
    return written;
}

Result<std::string> Cgroup::read(std::string_view controller, const std::string& file) const
{
    auto const place = directory(controller);
    if (place.empty())
        return Error{Code::unimplemented, "controller " + std::string{controller} + " is not available here"};
    return read_file(place + "/" + file);
}

Result<UniqueFd> Cgroup::open_for_writing(std::string_view controller, const std::string& file) const
{
    auto const place = directory(controller);
    if (place.empty())
        return Error{Code::unimplemented, "controller " + std::string{controller} + " is not available here"};
    return open_file(place + "/" + file, O_WRONLY);
}

bool Cgroup::has_file(std::string_view controller, const std::string& file) const
{
    auto const place = directory(controller);
    return !place.empty() && exists(place + "/" + file);
}

Result<UniqueFd> Cgroup::open_directory() const
{
    if (layout_ != CgroupLayout::unified)
        return UniqueFd{};
    return open_file(places_.front().directory, O_RDONLY | O_DIRECTORY);
}

Result<std::vector<UniqueFd>> Cgroup::open_tasks() const
{
    std::vector<UniqueFd> tasks;
    if (layout_ == CgroupLayout::legacy)
        for (const auto& place : places_)
            tasks.push_back(
                TRY(open_file(place.directory + (place.layout == CgroupLayout::unified ? "/cgroup.procs" : "/tasks"), O_WRONLY)));
    return tasks;
}

Status Cgroup::add_process(pid_t pid) const
{
    for (const auto& place : places_)
        TRY(write_kernel_file(place.directory + "/cgroup.procs", std::to_string(pid)));
    return base::done();
}

Result<std::vector<pid_t>> Cgroup::processes() const
{
    std::vector<pid_t> pids;
    for (const auto& place : places_)
        collect_pids(place.directory, pids);
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

Status Cgroup::signal_all(int signal) const
{
    for (auto const pid : TRY(processes()))
        if (::kill(pid, signal) < 0 && errno != ESRCH)
            return Error::from_errno("signal process " + std::to_string(pid));
    return base::done();
}

Status Cgroup::kill_all(base::Deadline deadline) const
{
    if (layout_ == CgroupLayout::unified && has_file("", "cgroup.kill"))
        (void)write("", "cgroup.kill", "1");
    for (int wait_ms = 1; !TRY(processes()).empty(); wait_ms = std::min(2 * wait_ms, 50)) {
        TRY(signal_all(SIGKILL));
        (void)thaw(base::Deadline::after(std::chrono::milliseconds{100})); // The frozen die only when they run.
        if (deadline.passed())
            return Error{Code::deadline_exceeded, "kill all in cgroup " + path_ + ": some do not end"};
        pause_ms(wait_ms);
    }
    return base::done();
}

bool Cgroup::frozen() const
{
    if (layout_ == CgroupLayout::unified) {
        auto const events = read("", "cgroup.events");
        return events.ok() && events.value().find("frozen 1") != std::string::npos;
    }
    auto const state = read("freezer", "freezer.state");
    return state.ok() && base::trim(state.value()) == "FROZEN";
}

Status Cgroup::freeze(base::Deadline deadline) const
{
    bool const unified = layout_ == CgroupLayout::unified;
    while (true) {
        TRY(unified ? write("", "cgroup.freeze", "1") : write("freezer", "freezer.state", "FROZEN"));
        if (frozen())
            return base::done();
        if (deadline.passed()) {
            (void)thaw(base::Deadline::after(std::chrono::seconds{0}));
            return Error{Code::deadline_exceeded, "freeze cgroup " + path_ + ": some process does not stop"};
        }
        pause_ms(1);
    }
}

Status Cgroup::thaw(base::Deadline deadline) const
{
    bool const unified = layout_ == CgroupLayout::unified;
    if (!unified && directory("freezer").empty())
        return base::done();
    while (true) {
        TRY(unified ? write("", "cgroup.freeze", "0") : write("freezer", "freezer.state", "THAWED"));
        if (!frozen())
            return base::done();
        if (deadline.passed())
            return Error{Code::deadline_exceeded, "thaw cgroup " + path_};
        pause_ms(1);
    }
}

Result<std::uint64_t> Cgroup::oom_kills() const
{
    auto const text = TRY(read("memory", layout_ == CgroupLayout::unified ? "memory.events" : "memory.oom_control"));
    for (const auto& line : base::split(text, '\n'))
        if (auto const words = base::split(base::trim(line), ' '); words.size() == 2 && words[0] == "oom_kill")
            return static_cast<std::uint64_t>(TRY(base::parse_integer(words[1], 0, INT64_MAX)));
    return std::uint64_t{0};
}

bool Cgroup::remove_if_empty() const
{
    bool gone = true;
    for (const auto& place : places_) // All: what a container made below it is found in one hierarchy only.
        if (::rmdir(place.directory.c_str()) < 0 && errno != ENOENT)
            gone = false;
    return gone;
}

Status Cgroup::remove(base::Deadline deadline) const
{
    for (const auto& place : places_)
        for (int wait_ms = 1;; wait_ms = std::min(2 * wait_ms, 50)) {
            int const problem = remove_directories(place.directory);
            if (problem == 0)
                break;
            if (problem != EBUSY || deadline.passed())
                return Error::from_errno("remove cgroup " + place.directory, problem);
            pause_ms(wait_ms);
        }
    return base::done();
}

Status join_cgroups(const std::vector<UniqueFd>& tasks)
{
    for (const auto& file : tasks)
        TRY(write_all(file.get(), "0").context("join the cgroup"));
    return base::done();
}

} // namespace nova::sys
