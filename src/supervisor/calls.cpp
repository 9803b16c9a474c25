#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/protocol.h"
#include "supervisor/server.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/pty.h"

/// What each call of the protocol does.
namespace nova::supervisor {

using base::Code;
using base::Error;
using nlohmann::json;

namespace {

Result<std::string> text_of(const json& arguments, const char* name)
{
    auto const found = arguments.find(name);
    if (found == arguments.end() || !found->is_string())
        return Error{Code::invalid_argument, std::string{name} + ": must be a text"};
    return found->get<std::string>();
}

Result<long long> number_of(const json& arguments, const char* name, long long least, long long most)
{
    auto const found = arguments.find(name);
    auto const number = found != arguments.end() && found->is_number_integer() ? found->get<long long>() : least - 1;
    if (number < least || number > most)
        return Error{Code::invalid_argument,
                     std::string{name} + ": must be " + std::to_string(least) + " to " + std::to_string(most)};
    return number;
}

Result<sys::WindowSize> size_of(const json& arguments)
{
    auto const columns = TRY(number_of(arguments, "columns", 1, 65535));
    auto const rows = TRY(number_of(arguments, "rows", 1, 65535));
    return sys::WindowSize{static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)};
}

struct Pipe {
    sys::UniqueFd read;
    sys::UniqueFd write;
};

Result<Pipe> make_pipe()
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0)
        return Error::from_errno("make a pipe");
    return Pipe{sys::UniqueFd{fds[0]}, sys::UniqueFd{fds[1]}};
}

/// The streams of an exec: the child's ends, and what the client gets in their place: in, out and, without a terminal, err.
struct ExecEnds {
    sys::UniqueFd in, out, err;
    std::vector<sys::UniqueFd> client;
};

Result<ExecEnds> terminal_ends(sys::WindowSize size)
{
    auto pty = TRY(sys::open_pty(size));
    ExecEnds ends;
    ends.in = std::move(pty.slave);
    ends.client.emplace_back(::fcntl(pty.master.get(), F_DUPFD_CLOEXEC, 3));
    ends.client.push_back(std::move(pty.master));
    return ends;
}

Result<ExecEnds> pipe_ends()
{
    auto in = TRY(make_pipe());
    auto out = TRY(make_pipe());
    auto err = TRY(make_pipe());
    ExecEnds ends{std::move(in.read), std::move(out.write), std::move(err.write), {}};
    ends.client.push_back(std::move(in.write));
    ends.client.push_back(std::move(out.read));
    ends.client.push_back(std::move(err.read));
    return ends;
}

Result<std::vector<std::string>> texts_of(const json& arguments, const char* name)
{
    std::vector<std::string> texts;
    auto const found = arguments.find(name);
    if (found != arguments.end() && found->is_array())
        for (const auto& item : *found)
            if (item.is_string())
                texts.push_back(item.get<std::string>());
    if (texts.empty() || texts.size() != found->size())
        return Error{Code::invalid_argument, std::string{name} + ": must be a list of texts"};
    return texts;
}

} // namespace

Result<Process*> Server::find(const json& arguments)
{
    auto const id = TRY(text_of(arguments, "id"));
    auto const found = processes_.find(id);
    if (found == processes_.end())
        return Error{Code::not_found, "there is no process " + id};
    return found->second.get();
}

Result<Server::Answer> Server::start(Call& call)
{
    auto const spec = TRY(parse_spec(call.arguments.value("spec", json())));
    if (auto const found = processes_.find(spec.id); found != processes_.end() && found->second->is_running()) {
        auto const recorded = read_record(around_.directory + "/" + spec.id);
        bool const is_same_launch =
            found->second->phase() == Record::Phase::launching && recorded.ok() && recorded.value().spec == spec;
        if (!is_same_launch)
            return Error{Code::already_exists, spec.id + " runs already"};
        waiting_.emplace(spec.id, call.connection); // Asked again by one whose connection broke.
        return Answer{.when = Answer::When::later};
    }
    processes_.erase(spec.id);
    auto process = TRY(Process::start(around_, spec));
    auto& started = *(processes_[spec.id] = std::move(process));
    call.arguments = {};
    if (started.phase() == Record::Phase::launching) {
        waiting_.emplace(spec.id, call.connection);
        return Answer{.when = Answer::When::later};
    }
    on_changed(started);
    return Answer{.ok = to_json(started.status())};
}

/// In pages, each after the id that ended the one before.
Result<Server::Answer> Server::list(Call& call)
{
    auto const after = call.arguments.value("after", json(""));
    json page = json::array();
    auto next = processes_.upper_bound(after.is_string() ? after.get<std::string>() : "");
    for (; next != processes_.end() && page.size() < most_statuses_per_message; ++next)
        page.push_back(to_json(next->second->status()));
    return Answer{.ok = {{"processes", std::move(page)}, {"more", next != processes_.end()}}};
}

Result<Server::Answer> Server::get(Call& call) { return Answer{.ok = to_json(TRY(find(call.arguments))->status())}; }

Result<Server::Answer> Server::signal(Call& call)
{
    auto* const process = TRY(find(call.arguments));
    auto const number = TRY(number_of(call.arguments, "signal", 1, 64));
    TRY(process->signal(static_cast<int>(number)));
    return Answer{};
}

Result<Server::Answer> Server::forget(Call& call)
{
    auto const id = TRY(text_of(call.arguments, "id"));
    auto const found = processes_.find(id);
    if (found == processes_.end())
        return Answer{};
    TRY(found->second->forget());
    processes_.erase(found);
    return Answer{};
}

Result<Server::Answer> Server::exec(Call& call)
{
    auto* const process = TRY(find(call.arguments));
    if (process->phase() != Record::Phase::running)
        return Error{Code::failed_precondition, process->id() + " does not run"};
    auto const argv = TRY(texts_of(call.arguments, "argv"));
    bool const terminal = call.arguments.value("terminal", json(false)) == json(true);
    auto const size = terminal ? TRY(size_of(call.arguments)) : sys::WindowSize{};
    auto ends = terminal ? TRY(terminal_ends(size)) : TRY(pipe_ends());
    auto exit = TRY(make_pipe());
    sys::ChildSpec spec;
    if (argv.front() == "nb")
        spec.program_fd = around_.program;
    else
        spec.program = argv.front();
    spec.argv = argv;
    spec.env.emplace();
    spec.cwd = "/";
    spec.in = ends.in.get();
    spec.out = terminal ? ends.in.get() : ends.out.get();
    spec.err = terminal ? ends.in.get() : ends.err.get();
    spec.session = terminal ? sys::Session::with_terminal : sys::Session::own;
    auto child = TRY(sys::spawn(spec));
    TRY(add_exec(child.let_go(), std::move(exit.write)));
    Answer answer;
    answer.fds = std::move(ends.client);
    answer.fds.push_back(std::move(exit.read));
    return answer;
}

Status Server::add_exec(sys::UniqueFd pidfd, sys::UniqueFd exit)
{
    auto& exec = execs_.emplace_back();
    exec.pidfd = std::move(pidfd);
    exec.exit = std::move(exit);
    if (auto const pid = sys::pid_of(exec.pidfd.get()); pid.ok())
        exec.pid = pid.value();
    exec.watch = TRY(loop_.watch(exec.pidfd.get(), sys::Interest::read, [this, &exec](sys::Ready) { on_exec_end(exec); }));
    return base::done();
}

void Server::resume_exec(sys::UniqueFd pidfd, sys::UniqueFd exit) { (void)add_exec(std::move(pidfd), std::move(exit)).ok(); }

void Server::on_exec_end(RunningExec& exec)
{
    auto const status = sys::wait_pidfd(exec.pidfd.get(), base::Deadline::never());
    if (status.ok() && status.value()) {
        int const code = status.value()->as_exit_code();
        (void)sys::write_all(exec.exit.get(), {reinterpret_cast<const char*>(&code), sizeof code}).ok();
    }
    execs_.remove_if([&](const RunningExec& other) { return &other == &exec; });
}

Result<Server::Answer> Server::attach(Call& call)
{
    Answer answer;
    auto* const process = TRY(find(call.arguments));
    answer.fds.push_back(TRY(process->attach()));
    return answer;
}

Result<Server::Answer> Server::resize(Call& call)
{
    auto* const process = TRY(find(call.arguments));
    auto const size = TRY(size_of(call.arguments));
    TRY(process->resize(size));
    return Answer{};
}

Result<Server::Answer> Server::subscribe(Call& call)
{
    connections_.at(call.connection).subscribed = true;
    return Answer{};
}

bool Server::anything_runs() const
{
    return !execs_.empty() ||
           std::any_of(processes_.begin(), processes_.end(), [](const auto& entry) { return entry.second->is_running(); });
}

Result<Server::Answer> Server::shut_down(Call&)
{
    if (anything_runs())
        return Error{Code::failed_precondition, "something still runs"};
    done_ = true;
    keeper_.disconnect();
    TRY(sys::remove_tree(directory_)); // With the lock: whoever takes it now makes a new file.
    return Answer{};
}

Result<Server::Answer> Server::upgrade(Call& call)
{
    if (call.fds.size() != 1)
        return Error{Code::invalid_argument, "upgrade: needs the new program's descriptor"};
    // A program that can't even say what it speaks must not become the parent of everything.
    sys::RunSpec check;
    check.child = {.program_fd = call.fds.front().get(), .argv = {"nb", "supervise", "--check"}};
    check.deadline = base::Deadline::after(std::chrono::seconds{5});
    auto const said = TRY(sys::run_child_that_succeeds(check).context("upgrade: try the new program"));
    if (said.out != "supervisor " + std::to_string(protocol_version) + "\n")
        return Error{Code::failed_precondition, "upgrade: the new program is no supervisor of this protocol"};
    std::vector<int> keep{handles_.lock.get(), handles_.listener.get()};
    auto const argv = successor_arguments(keep, connections_.at(call.connection).socket.get());
    TRY(sys::replace_program(call.fds.front().get(), argv, keep));
    return Answer{};
}

std::vector<std::string> Server::successor_arguments(std::vector<int>& keep, int reply) const
{
    std::vector<std::string> argv{"nb",          "supervise",
                                  "--directory", directory_,
                                  "--lock",      std::to_string(handles_.lock.get()),
                                  "--listener",  std::to_string(handles_.listener.get()),
                                  "--greet",     std::to_string(reply)};
    keep.push_back(reply);
    for (const auto& exec : execs_) {
        argv.insert(argv.end(), {"--exec", std::to_string(exec.pidfd.get()) + ":" + std::to_string(exec.exit.get())});
        keep.insert(keep.end(), {exec.pidfd.get(), exec.exit.get()});
    }
    return argv;
}

void Server::greet(sys::UniqueFd connection)
{
    (void)sys::send_message(connection.get(), to_text({{"ok", json::object()}})).ok();
}

} // namespace nova::supervisor
