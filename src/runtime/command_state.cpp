// state, list, kill and delete.
#include <regex.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "model/json_writer.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/container_processes.h"
#include "runtime/log.h"
#include "runtime/remove.h"
#include "runtime/signal_names.h"
#include "runtime/state.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using Kind = Option::Kind;

namespace {

struct Entry {
    Record record;
    Phase phase = Phase::stopped;
    pid_t pid() const { return phase == Phase::stopped ? 0 : record.pid; }
};

Result<std::vector<Entry>> entries(const std::string& root)
{
    std::vector<Entry> found;
    for (const auto& id : TRY(StateDirectory::list(root))) {
        auto const directory = StateDirectory::open(root, id);
        auto record = directory.ok() ? directory.value().read() : Result<Record>{directory.error()};
        if (!record.ok())
            continue; // It is being made or removed at this moment.
        auto const phase = observe(directory.value(), record.value());
        found.push_back({std::move(record).value(), phase});
    }
    return found;
}

std::string padded(std::string text, std::size_t width)
{
    text.append(text.size() < width ? width - text.size() : 1, ' ');
    return text;
}

std::string table_of(const std::vector<Entry>& list)
{
    std::size_t id_width = 12;
    for (const auto& entry : list)
        id_width = std::max(id_width, entry.record.id.size() + 2);
    auto text = padded("ID", id_width) + padded("PID", 10) + padded("STATUS", 10) + padded("BUNDLE", 40) + padded("CREATED", 32) +
                "OWNER\n";
    for (const auto& entry : list)
        text += padded(entry.record.id, id_width) + padded(std::to_string(entry.pid()), 10) +
                padded(std::string{to_string(entry.phase)}, 10) + padded(entry.record.bundle, 40) +
                padded(entry.record.created, 32) + entry.record.owner + "\n";
    return text;
}

std::string json_of(const std::vector<Entry>& list)
{
    model::JsonWriter json;
    json.begin('[');
    for (const auto& entry : list)
        json.raw(state_json(entry.record, entry.phase));
    return json.end(']').text() + "\n";
}

enum class Reach { first_process, all };

/// Where it does not end the others too, SIGKILL is for all of them.
Reach reach_of(int signal, const Record& record, Reach asked)
{
    return signal == SIGKILL && !record.own_pids && !record.cgroup.empty() ? Reach::all : asked;
}

Status signal_first(const Record& record, Phase phase, int signal)
{
    TRY(sys::signal_pidfd(TRY(open_process(record)).get(), signal));
    if (signal == SIGKILL && phase == Phase::paused) // Version 1: the frozen die only when they run.
        return sys::Cgroup::at(record.cgroup, record.controllers).thaw(base::Deadline::after(std::chrono::seconds{10}));
    return done();
}

Status signal_container(const Globals& globals, const std::string& id, int signal, Reach asked)
{
    auto const directory = TRY(StateDirectory::open(globals.root, id));
    auto const record = TRY(directory.read());
    auto const phase = observe(directory, record);
    auto const reach = reach_of(signal, record, asked);
    bool const runs = phase == Phase::created || phase == Phase::running || phase == Phase::paused;
    if (!runs) { // Without a pid namespace there may be others left.
        bool const some_left = reach == Reach::all && !record.cgroup.empty() && !TRY(processes_of(record)).empty();
        if (some_left || asked == Reach::all)
            return some_left ? signal_processes(record, signal) : done();
        return Error{Code::failed_precondition, "cannot signal container \"" + id + "\": container not running (it is " +
                                                    std::string{to_string(phase)} + ")"};
    }
    if (reach == Reach::first_process)
        return signal_first(record, phase, signal);
    if (!record.cgroup.empty() || record.own_pids)
        return signal_processes(record, signal);
    tell(globals, Severity::warning,
         "only the first process of container \"" + id + "\" is known: it has neither a cgroup nor a pid namespace of its own");
    return signal_first(record, phase, signal);
}

/// The container's id, or with --regex those that an extended regular expression (regex(7)) finds something in.
Result<std::vector<std::string>> chosen_ids(const Globals& globals, const Arguments& arguments, const std::string& text)
{
    if (!arguments.has("regex"))
        return std::vector{text};
    regex_t compiled{};
    if (::regcomp(&compiled, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
        return Error{Code::invalid_argument, "--regex: \"" + text.substr(0, 80) + "\" is no regular expression"};
    auto ids = StateDirectory::list(globals.root);
    if (ids.ok())
        std::erase_if(ids.value(), [&](const auto& id) { return ::regexec(&compiled, id.c_str(), 0, nullptr, 0) != 0; });
    ::regfree(&compiled);
    return ids;
}

/// To each, also when one before it fails. Errors: the first.
template <typename Action>
Status to_each(const std::vector<std::string>& ids, Action action)
{
    auto result = done();
    for (const auto& id : ids)
        if (auto one = action(id); !one.ok() && result.ok())
            result = std::move(one);
    return result;
}

} // namespace

std::span<const Option> list_options()
{
    static constexpr std::array all{
        Option{"format", 'f', Kind::text, "table|json", "default: table"},
        Option{"quiet", 'q', Kind::flag, "", "ids alone"},
    };
    return all;
}

std::span<const Option> delete_options()
{
    static constexpr std::array all{
        Option{"force", 'f', Kind::flag, "", "also one that runs, which is killed; none is no error"},
        Option{"regex", 'r', Kind::flag, "", "ID is a regular expression"},
    };
    return all;
}

std::span<const Option> kill_options()
{
    static constexpr std::array all{
        Option{"all", 'a', Kind::flag, "", "to all its processes"},
        Option{"regex", 'r', Kind::flag, "", "ID is a regular expression"},
    };
    return all;
}

namespace {

/// Who asks while `create` is at work gets to know what becomes of it, if that does not take long: a hook that asks is itself
/// what is waited for.
Result<Entry> settled_entry(const Globals& globals, const std::string& id)
{
    auto const deadline = base::Deadline::after(std::chrono::milliseconds{300});
    while (true) {
        auto const directory = TRY(StateDirectory::open(globals.root, id));
        bool const is_changing = directory.is_being_changed();
        auto record = TRY(directory.read());
        auto const phase = observe(directory, record);
        if (phase != Phase::creating || !is_changing || deadline.passed())
            return Entry{std::move(record), phase};
        ::usleep(1000);
    }
}

} // namespace

Result<int> state_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, {}, OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    auto const entry = TRY(settled_entry(globals, id));
    TRY(sys::write_all(1, model::indented_json(state_json(entry.record, entry.phase)) + "\n"));
    return 0;
}

Result<int> list_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, list_options(), OptionOrder::anywhere));
    auto const format = arguments.get("format", "table");
    if (format != "table" && format != "json")
        return Error{Code::invalid_argument, "--format: must be table or json"};
    auto const list = TRY(entries(globals.root));
    std::string text;
    if (arguments.has("quiet"))
        for (const auto& entry : list)
            text += entry.record.id + "\n";
    else
        text = format == "json" ? json_of(list) : table_of(list);
    TRY(sys::write_all(1, text));
    return 0;
}

Result<int> kill_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, kill_options(), OptionOrder::anywhere));
    const auto& rest = arguments.rest();
    if (rest.empty() || rest.size() > 2)
        return Error{Code::invalid_argument, "needs the container's id, and may have a signal after it"};
    auto const signal = TRY(parse_signal(rest.size() == 2 ? rest[1] : "TERM"));
    auto const reach = arguments.has("all") ? Reach::all : Reach::first_process;
    auto const ids = TRY(chosen_ids(globals, arguments, rest[0]));
    TRY(to_each(ids, [&](const auto& id) { return signal_container(globals, id, signal, reach); }));
    return 0;
}

Result<int> delete_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, delete_options(), OptionOrder::anywhere));
    auto const force = arguments.has("force") ? Force::yes : Force::no;
    auto const ids = TRY(chosen_ids(globals, arguments, TRY(arguments.only("the container's id"))));
    TRY(to_each(ids, [&](const auto& id) { return remove_container(globals, id, force); }));
    return 0;
}

} // namespace nova::runtime
