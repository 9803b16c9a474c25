#include "supervisor/process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>

#include "base/log.h"
#include "base/strings.h"
#include "base/undo.h"
#include "sys/child.h"
#include "sys/file.h"

namespace nova::supervisor {

using base::Code;
using base::Error;
using Phase = Record::Phase;

namespace {

constexpr auto launch_within = std::chrono::minutes{2};
constexpr auto reaped_within = std::chrono::seconds{3};

std::string now() { return base::to_rfc3339(base::system_clock().now(), 9); }

/// How it ended, where anybody can still tell.
std::optional<sys::ExitStatus> collect(int pidfd)
{
    auto const status = sys::wait_pidfd(pidfd, base::Deadline::never());
    if (status.ok())
        return status.value();
    return sys::exit_of_stranger(pidfd, base::Deadline::after({})).value_or(std::nullopt);
}

Result<pid_t> read_pid_file(const std::string& path)
{
    auto const text = TRY(sys::read_file(path, 64));
    return static_cast<pid_t>(TRY(base::parse_integer(base::trim(text), 2, INT32_MAX).context(path)));
}

} // namespace

Result<std::unique_ptr<Process>> Process::start(Surroundings& surroundings, const model::ProcessSpec& spec)
{
    Record record;
    record.spec = spec;
    record.phase = spec.pid_file.empty() ? Phase::running : Phase::launching;
    record.boot = surroundings.boot;
    record.started = now();
    std::unique_ptr<Process> process{new Process{surroundings, std::move(record)}};
    base::Undo undo;
    undo.add([&] {
        if (process->streams_)
            process->streams_->finish();
        surroundings.keeper.drop(spec.id);
        (void)sys::remove_tree(process->directory()).ok();
    });
    TRY(process->run());
    undo.commit();
    // From now on the record on disk has them; in memory they would be the greatest part.
    process->record_.spec.argv = {};
    process->record_.spec.env = {};
    return process;
}

Status Process::run()
{
    auto const& spec = record_.spec;
    TRY(sys::remove_tree(directory()));
    TRY(sys::make_directories(directory(), 0700));
    if (!spec.pid_file.empty())
        TRY(sys::remove_file(spec.pid_file));
    streams_ = TRY(Streams::open(around_.loop, directory(), spec, Streams::How::afresh, {}));
    auto const ends = TRY(streams_->child_ends());
    auto const child_spec = TRY(make_child_spec(ends));
    auto held = TRY(sys::spawn_held(child_spec));
    TRY(write_down(held));
    entrust();
    if (phase() == Phase::launching)
        streams_->listen();
    auto child = TRY(std::move(held).go());
    pidfd_ = child.let_go();
    launched_at_ = std::chrono::steady_clock::now();
    return watch();
}

Result<sys::ChildSpec> Process::make_child_spec(const Streams::ChildEnds& ends) const
{
    auto const& spec = record_.spec;
    sys::ChildSpec child;
    child.argv = spec.argv;
    if (spec.argv.front() == "nb")
        child.program_fd = around_.program;
    else
        child.program = spec.argv.front();
    child.env = spec.env;
    child.cwd = spec.cwd;
    child.in = ends.in.get();
    child.out = ends.out.get();
    child.err = ends.err.get();
    // A launcher that led the terminal's session would take the session down with it when it ends.
    bool const leads_terminal = ends.in && spec.pid_file.empty();
    child.session = leads_terminal ? sys::Session::with_terminal : sys::Session::own;
    return child;
}

Status Process::write_down(sys::HeldChild& child)
{
    record_.pid = child.pid();
    record_.start_ticks = TRY(sys::start_ticks(child.pid()));
    pidfd_ = TRY(sys::open_pidfd(child.pid()));
    return save();
}

Status Process::save()
{
    if (!record_.spec.argv.empty())
        return write_record(directory(), record_);
    // argv and env are only on disk.
    auto whole = TRY(read_record(directory()));
    auto const spec = std::move(whole.spec);
    whole = record_;
    whole.spec = spec;
    return write_record(directory(), whole);
}

void Process::entrust()
{
    if (!is_running())
        return;
    auto kept = streams_->copies();
    if (kept.ok()) {
        kept.value()["pidfd"] = sys::UniqueFd{::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 3)};
        auto const put = around_.keeper.put(id(), kept.value());
        if (!put.ok())
            base::log_warning(id() + ": " + put.error().message());
    }
}

Status Process::watch()
{
    pid_watch_ = TRY(around_.loop.watch(pidfd_.get(), sys::Interest::read, [this](sys::Ready) { on_end(); }));
    return base::done();
}

Result<std::unique_ptr<Process>> Process::adopt(Surroundings& surroundings, const std::string& id)
{
    auto record = TRY(read_record(surroundings.directory + "/" + id));
    if (record.spec.id != id)
        return Error{Code::data_loss, "the record in " + id + " is that of " + record.spec.id};
    record.spec.argv = {};
    record.spec.env = {};
    std::unique_ptr<Process> process{new Process{surroundings, std::move(record)}};
    if (process->is_running())
        TRY(process->take_over(surroundings.keeper.get(id)));
    return process;
}

Status Process::take_over(KeptFds kept)
{
    // Opened first, compared then: so it can't be a later process with the same number.
    auto opened = sys::open_pidfd(record_.pid);
    auto const ticks = sys::start_ticks(record_.pid);
    bool const is_it = opened.ok() && ticks.ok() && ticks.value() == record_.start_ticks && record_.boot == around_.boot;
    pidfd_ = is_it ? std::move(opened).value() : std::move(kept["pidfd"]);
    auto streams = Streams::open(around_.loop, directory(), record_.spec, Streams::How::again, std::move(kept));
    if (!streams.ok())
        base::log_error(id() + ": its output can't be taken over: " + streams.error().message());
    else
        streams_ = std::move(streams).value();
    if (!pidfd_) {
        end_as(std::nullopt);
        return base::done();
    }
    launched_at_ = std::chrono::steady_clock::now();
    TRY(watch());
    if (sys::has_ended(pidfd_.get()))
        on_end();
    return base::done();
}

/// The child of a predecessor belongs to another parent by now, and the kernel tells how it ended once that one has reaped it.
bool Process::waits_for_reaper()
{
    auto const is_ours = sys::is_child(pidfd_.get());
    auto const stranger = sys::exit_of_stranger(pidfd_.get(), base::Deadline::after({}));
    if (is_ours || !stranger.ok() || stranger.value())
        return false;
    auto const now = std::chrono::steady_clock::now();
    if (!reaped_by_)
        reaped_by_ = now + reaped_within;
    return now < *reaped_by_;
}

void Process::on_end()
{
    if (waits_for_reaper()) {
        pid_watch_.want(sys::Interest::nothing); // The hang-up, which is always told, is the reaping.
        return;
    }
    pid_watch_.reset();
    reaped_by_.reset();
    auto const status = collect(pidfd_.get());
    if (phase() == Phase::launching)
        on_launcher_end(status);
    else
        end_as(status);
}

void Process::on_launcher_end(const std::optional<sys::ExitStatus>& status)
{
    if (streams_)
        streams_->drain();
    if (status && !status->success())
        return fail_launch(sys::to_string(*status));
    auto const followed = follow_daemon();
    if (!followed.ok())
        return fail_launch(followed.error().message());
    if (streams_)
        streams_->take_said();
    around_.changed(*this);
}

Status Process::follow_daemon()
{
    auto const pid = TRY(read_pid_file(record_.spec.pid_file).context("the launcher left no pid"));
    auto pidfd = TRY(sys::open_pidfd(pid));
    record_.start_ticks = TRY(sys::start_ticks(pid));
    record_.pid = pid;
    record_.phase = Phase::running;
    pidfd_ = std::move(pidfd);
    TRY(save());
    entrust();
    return watch();
}

void Process::fail_launch(const std::string& why)
{
    auto said = streams_ ? base::trim(streams_->take_said()) : std::string{};
    launch_error_ = Error{Code::internal, said.empty() ? why : said};
    end_as(std::nullopt);
}

void Process::give_up()
{
    if (reaped_by_)
        on_end();
    else
        (void)signal(SIGKILL).ok(); // The launcher's end then fails the launch.
}

std::optional<base::SteadyTime> Process::deadline() const
{
    if (reaped_by_)
        return reaped_by_;
    if (phase() != Phase::launching)
        return std::nullopt;
    return launched_at_ + launch_within;
}

void Process::end_as(const std::optional<sys::ExitStatus>& status)
{
    if (streams_)
        streams_->finish();
    streams_.reset();
    pid_watch_.reset();
    pidfd_.reset();
    record_.phase = status ? Phase::exited : Phase::lost;
    record_.exit_code = status ? std::optional{status->as_exit_code()} : std::nullopt;
    record_.finished = now();
    auto const saved = save();
    if (!saved.ok())
        base::log_error(id() + ": " + saved.error().message());
    around_.keeper.drop(id());
    around_.changed(*this);
}

model::ProcessStatus Process::status() const
{
    using State = model::ProcessStatus::State;
    model::ProcessStatus status;
    status.id = id();
    status.state = is_running() ? State::running : phase() == Phase::exited ? State::exited : State::lost;
    status.pid = record_.pid;
    status.exit_code = record_.exit_code;
    status.started = record_.started;
    status.finished = record_.finished;
    return status;
}

Status Process::signal(int signal)
{
    if (!is_running() || !pidfd_)
        return Error{Code::not_found, id() + " does not run"};
    return sys::signal_pidfd(pidfd_.get(), signal);
}

Status Process::resize(sys::WindowSize size)
{
    if (!streams_)
        return Error{Code::not_found, id() + " does not run"};
    return streams_->resize(size);
}

Result<sys::UniqueFd> Process::attach()
{
    if (!streams_)
        return Error{Code::not_found, id() + " does not run"};
    return streams_->attach();
}

Status Process::forget()
{
    if (is_running())
        return Error{Code::failed_precondition, id() + " still runs"};
    return sys::remove_tree(directory());
}

} // namespace nova::supervisor
