#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/strings.h"
#include "sys/child.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe()
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0)
        return Error::from_errno("make a pipe");
    return Pipe{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

/// stdin is a socket, not a pipe: a child that closes it early must not cost us a SIGPIPE.
Result<Pipe> make_input()
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return Error::from_errno("make a socket pair");
    return Pipe{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

class Run {
public:
    Run(const RunSpec& spec, Child child, UniqueFd in, UniqueFd out, UniqueFd err)
        : spec_(spec), child_(std::move(child)), in_(std::move(in)), out_(std::move(out)), err_(std::move(err))
    {
        for (const auto* fd : {&in_, &out_, &err_})
            if (*fd)
                ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }

    Result<Finished> to_end()
    {
        bool ended = false;
        while (!ended) {
            std::array<pollfd, 4> fds{
                {{in_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {child_.pidfd(), POLLIN, 0}}};
            int const ready = ::poll(fds.data(), fds.size(), spec_.deadline.poll_timeout_ms());
            if (ready < 0 && errno != EINTR)
                return Error::from_errno("wait for a program");
            if (ready == 0)
                return Error{Code::deadline_exceeded, "took too long and was killed"};
            if (ready < 0)
                continue;
            ended = fds[3].revents != 0;
            if (fds[0].revents != 0)
                feed();
            drain(out_, finished_.out);
            drain(err_, finished_.err);
        }
        finished_.status = *TRY(child_.wait(base::Deadline::never()));
        return std::move(finished_);
    }

private:
    void feed()
    {
        auto const rest = std::string_view{spec_.input}.substr(fed_);
        auto const count = ::send(in_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count >= 0)
            fed_ += static_cast<std::size_t>(count);
        if ((count < 0 && errno != EAGAIN && errno != EINTR) || fed_ == spec_.input.size())
            in_.reset();
    }

    void drain(UniqueFd& from, std::string& into)
    {
        char buffer[16384];
        while (from) {
            auto const count = ::read(from.get(), buffer, sizeof buffer);
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0 && errno == EAGAIN)
                return;
            if (count <= 0)
                from.reset();
            else
                into.append(buffer, std::min(static_cast<std::size_t>(count), spec_.most_output - into.size()));
        }
    }

    const RunSpec& spec_;
    Child child_;
    UniqueFd in_;
    UniqueFd out_;
    UniqueFd err_;
    std::size_t fed_ = 0;
    Finished finished_;
};

std::string name_of(const ChildSpec& spec) { return spec.argv.empty() ? spec.program : spec.argv.front(); }

std::string last_line(const std::string& text)
{
    auto const trimmed = base::trim(text);
    return trimmed.substr(trimmed.rfind('\n') + 1);
}

} // namespace

Result<Finished> run_child(const RunSpec& spec)
{
    auto out = TRY(make_pipe());
    auto err = TRY(make_pipe());
    Pipe in;
    if (!spec.input.empty())
        in = TRY(make_input());
    auto child_spec = spec.child;
    child_spec.in = in.read.get();
    child_spec.out = out.write.get();
    child_spec.err = err.write.get();
    auto child = TRY(spawn(child_spec));
    in.read.reset();
    out.write.reset();
    err.write.reset();
    return Run{spec, std::move(child), std::move(in.write), std::move(out.read), std::move(err.read)}.to_end().context(
        name_of(spec.child));
}

Result<Finished> run_child_that_succeeds(const RunSpec& spec)
{
    auto finished = TRY(run_child(spec));
    if (finished.status.success())
        return finished;
    auto const said = last_line(finished.err);
    return Error{Code::internal, name_of(spec.child) + ": " + to_string(finished.status) + (said.empty() ? "" : ": " + said)};
}

} // namespace nova::sys
