// events: what a container uses, and when it runs out of memory or has to wait, in the shape that containerd reads from runc.
#include <poll.h>
#include <unistd.h>

#include <array>

#include "model/json_writer.h"
#include "runtime/arguments.h"
#include "runtime/cgroup_stats.h"
#include "runtime/commands.h"
#include "runtime/event_options.h"
#include "runtime/intel_rdt.h"
#include "runtime/state.h"
#include "sys/cgroup_watch.h"
#include "sys/file.h"
#include "sys/inotify.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
using Kind = Option::Kind;

namespace {

/// Tells each time that the kernel killed in the group for want of memory.
class MemoryAlarm {
public:
    static Result<MemoryAlarm> open(const sys::Cgroup& cgroup)
    {
        MemoryAlarm alarm{cgroup};
        auto const directory = cgroup.directory("memory");
        if (directory.empty() || !cgroup.has("memory"))
            return alarm; // Nobody counts: it never happens.
        if (cgroup.layout() == sys::CgroupLayout::unified) {
            alarm.files_ = TRY(sys::Inotify::open());
            TRY(alarm.files_->watch_content(directory + "/memory.events"));
            alarm.kills_ = cgroup.oom_kills().value_or(0);
        } else {
            alarm.event_ = TRY(sys::watch_legacy_memory(directory, "memory.oom_control", ""));
        }
        return alarm;
    }

    int fd() const { return files_ ? files_->fd() : event_.get(); }

    /// How often since the last call.
    std::uint64_t take()
    {
        if (!files_) {
            std::uint64_t count = 0;
            bool const any = event_ && ::read(event_.get(), &count, sizeof count) == sizeof count;
            return any && cgroup_->has_file("memory", "memory.oom_control") ? count : 0; // The group's end is told too.
        }
        (void)files_->take();
        auto const before = kills_;
        kills_ = cgroup_->oom_kills().value_or(before);
        return kills_ - before;
    }

private:
    explicit MemoryAlarm(const sys::Cgroup& cgroup) : cgroup_(&cgroup) {}

    const sys::Cgroup* cgroup_;
    std::optional<sys::Inotify> files_; ///< Version 2.
    sys::UniqueFd event_;               ///< Version 1.
    std::uint64_t kills_ = 0;
};

/// Follows one container and prints a line for each thing that happens.
class EventStream {
public:
    EventStream(const Globals& globals, const Record& record, const sys::Cgroup& cgroup)
        : globals_(globals), record_(record), cgroup_(cgroup)
    {}

    Status print_stats() const { return sys::write_all(1, stats_event(record_.id, cgroup_, rdt_stats_json(globals_, record_))); }

    Status watch(const std::vector<PressureWish>& wishes)
    {
        alarm_ = TRY(MemoryAlarm::open(cgroup_));
        for (const auto& wish : wishes) {
            pressures_.push_back(TRY(open_pressure(wish).context("--pressure " + wish.resource)));
            resources_.push_back(wish.resource);
        }
        return done();
    }

    Status follow(int process, std::chrono::microseconds interval)
    {
        TRY(print_stats());
        auto next = Deadline::after(interval);
        while (true) {
            auto fds = what_to_poll(process);
            if (::poll(fds.data(), fds.size(), next.poll_timeout_ms()) < 0 && errno != EINTR)
                return Error::from_errno("wait for events");
            TRY(tell(fds));
            if (fds[0].revents != 0)
                return done();
            if (!next.passed())
                continue;
            TRY(print_stats());
            next = Deadline::after(interval);
        }
    }

private:
    Result<sys::UniqueFd> open_pressure(const PressureWish& wish) const
    {
        if (cgroup_.layout() == sys::CgroupLayout::unified)
            return sys::watch_pressure(cgroup_.directory(""), wish.resource, wish.level);
        if (wish.resource != "memory" || !cgroup_.has("memory"))
            return Error{Code::unimplemented, "cgroup version 1 tells of memory alone"};
        return sys::watch_legacy_memory(cgroup_.directory("memory"), "memory.pressure_level", "medium");
    }

    std::vector<pollfd> what_to_poll(int process) const
    {
        bool const unified = cgroup_.layout() == sys::CgroupLayout::unified;
        std::vector<pollfd> fds{{process, POLLIN, 0}, {alarm_->fd(), POLLIN, 0}};
        for (const auto& pressure : pressures_)
            fds.push_back({pressure.get(), static_cast<short>(unified ? POLLPRI : POLLIN), 0});
        return fds;
    }

    Status tell(const std::vector<pollfd>& fds)
    {
        // Asked at the end too: the kill that ended the container may be told at the same moment.
        for (auto kills = alarm_->take(); kills > 0; --kills)
            TRY(print("oom", {}));
        for (std::size_t i = 0; i < pressures_.size(); ++i) {
            auto const& polled = fds[i + 2];
            if ((polled.revents & POLLERR) != 0)
                pressures_[i].reset(); // The group is gone.
            else if (polled.revents != 0 && take_pressure(polled))
                TRY(print("pressure", pressure_data(resources_[i])));
        }
        return done();
    }

    static bool take_pressure(const pollfd& polled)
    {
        std::uint64_t count = 0;
        return (polled.revents & POLLPRI) != 0 || ::read(polled.fd, &count, sizeof count) == sizeof count;
    }

    std::string pressure_data(const std::string& resource) const
    {
        auto const numbers = pressure_json(cgroup_, resource);
        return numbers.empty() ? R"({"resource":")" + resource + R"(","level":"medium"})"
                               : R"({"resource":")" + resource + R"(","psi":)" + numbers + "}";
    }

    Status print(std::string_view type, const std::string& data) const
    {
        model::JsonWriter json;
        json.begin('{').member("type", type).member("id", record_.id);
        if (!data.empty())
            json.key("data").raw(data);
        return sys::write_all(1, json.end('}').text() + "\n");
    }

    const Globals& globals_;
    const Record& record_;
    const sys::Cgroup& cgroup_;
    std::optional<MemoryAlarm> alarm_;
    std::vector<sys::UniqueFd> pressures_;
    std::vector<std::string> resources_;
};

} // namespace

std::span<const Option> events_options()
{
    static constexpr std::array all{
        Option{"stats", 0, Kind::flag, "", "once, and then end"},
        Option{"interval", 0, Kind::text, "DURATION", "between two of them (default: 5s)"},
        Option{"pressure", 0, Kind::text, "LIST", "who waits for memory, cpu or io: memory,io:full:200ms/2s"},
    };
    return all;
}

Result<int> events_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, events_options(), OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    auto const interval = TRY(parse_duration(arguments.get("interval", "5s")).context("--interval"));
    auto const pressure = arguments.find("pressure");
    auto const wishes = pressure ? TRY(parse_pressure(*pressure).context("--pressure")) : std::vector<PressureWish>{};
    auto const directory = TRY(StateDirectory::open(globals.root, id));
    auto const record = TRY(directory.read());
    if (observe(directory, record) == Phase::stopped)
        return Error{Code::failed_precondition, "container \"" + id + "\" is stopped"};
    if (record.cgroup.empty()) // Its path would be that of the whole host's.
        return Error{Code::failed_precondition, "container \"" + id + "\" has no cgroup of its own"};
    auto const cgroup = sys::Cgroup::at(record.cgroup, record.controllers);
    EventStream stream{globals, record, cgroup};
    if (arguments.has("stats")) {
        TRY(stream.print_stats());
        return 0;
    }
    auto const process = TRY(open_process(record));
    TRY(stream.watch(wishes));
    TRY(stream.follow(process.get(), interval));
    return 0;
}

} // namespace nova::runtime
