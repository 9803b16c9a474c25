// ps, pause and resume: what is done through the container's cgroup.
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "model/json_writer.h"
#include "runtime/arguments.h"
#include "runtime/commands.h"
#include "runtime/container_processes.h"
#include "runtime/state.h"
#include "sys/child.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
using Kind = Option::Kind;

namespace {

constexpr auto freeze_deadline = std::chrono::seconds{10};

struct Found {
    Record record;
    sys::Cgroup cgroup;
    Phase phase;
};

/// The container and its cgroup. Errors: not_found; failed_precondition - it is none of `phases`, or has no cgroup of its own.
Result<Found> find_running(const Globals& globals, const std::string& id, std::initializer_list<Phase> phases)
{
    auto directory = TRY(StateDirectory::open(globals.root, id));
    auto record = TRY(directory.read());
    auto const phase = observe(directory, record);
    if (std::find(phases.begin(), phases.end(), phase) == phases.end())
        return Error{Code::failed_precondition, "container \"" + id + "\" is " + std::string{to_string(phase)}};
    if (record.cgroup.empty())
        return Error{Code::failed_precondition, "container \"" + id + "\" has no cgroup of its own"};
    auto cgroup = sys::Cgroup::at(record.cgroup, record.controllers);
    return Found{std::move(record), std::move(cgroup), phase};
}

Result<std::vector<pid_t>> listed_processes(const Globals& globals, const std::string& id)
{
    auto const directory = TRY(StateDirectory::open(globals.root, id));
    auto const record = TRY(directory.read());
    auto const phase = observe(directory, record);
    if (phase == Phase::creating)
        return Error{Code::failed_precondition, "container \"" + id + "\" is " + std::string{to_string(phase)}};
    if (record.cgroup.empty() && phase == Phase::stopped) // Else what the first process left behind is seen too.
        return std::vector<pid_t>{};
    return processes_of(record);
}

Status print_json(const std::vector<pid_t>& pids)
{
    model::JsonWriter json;
    json.begin('[');
    for (auto const pid : pids)
        json.value(pid);
    return sys::write_all(1, json.end(']').text() + "\n");
}

/// The lines of ps(1) that belong to these pids, which stand in the column "PID".
std::string chosen_lines(const std::string& table, const std::vector<pid_t>& pids)
{
    std::string text;
    std::size_t column = 0;
    for (const auto& line : base::split(table, '\n')) {
        std::vector<std::string> words;
        for (auto& word : base::split(line, ' '))
            if (!word.empty())
                words.push_back(std::move(word));
        if (text.empty()) {
            column = static_cast<std::size_t>(std::find(words.begin(), words.end(), "PID") - words.begin());
            text = line + "\n";
        } else if (column < words.size()) {
            auto const pid = base::parse_integer(words[column], 1, 1 << 30);
            if (pid.ok() && std::binary_search(pids.begin(), pids.end(), static_cast<pid_t>(pid.value())))
                text += line + "\n";
        }
    }
    return text;
}

Status print_table(const std::vector<pid_t>& pids, std::vector<std::string> options)
{
    if (options.empty())
        options = {"-ef"};
    sys::RunSpec run;
    run.child.program = TRY(sys::find_program("ps"));
    run.child.argv = {"ps"};
    run.child.argv.insert(run.child.argv.end(), options.begin(), options.end());
    auto const finished = TRY(sys::run_child_that_succeeds(run));
    return sys::write_all(1, chosen_lines(finished.out, pids));
}

} // namespace

std::span<const Option> ps_options()
{
    static constexpr std::array all{
        Option{"format", 'f', Kind::text, "table|json", "json: the pids alone"},
    };
    return all;
}

Result<int> ps_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, ps_options(), OptionOrder::before_arguments));
    if (arguments.rest().empty())
        return Error{Code::invalid_argument, "needs the container's id"};
    auto const pids = TRY(listed_processes(globals, arguments.rest().front()));
    auto const format = arguments.get("format", "table");
    if (format != "table" && format != "json")
        return Error{Code::invalid_argument, "--format: must be table or json"};
    TRY(format == "json" ? print_json(pids) : print_table(pids, {arguments.rest().begin() + 1, arguments.rest().end()}));
    return 0;
}

Result<int> pause_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, {}, OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    auto const found = TRY(find_running(globals, id, {Phase::created, Phase::running}));
    TRY(found.cgroup.freeze(Deadline::after(freeze_deadline)));
    return 0;
}

Result<int> resume_command(const Globals& globals, Words words)
{
    auto const arguments = TRY(Arguments::parse(words, {}, OptionOrder::anywhere));
    auto const id = TRY(arguments.only("the container's id"));
    auto const found = TRY(find_running(globals, id, {Phase::paused}));
    TRY(found.cgroup.thaw(Deadline::after(freeze_deadline)));
    return 0;
}

} // namespace nova::runtime
