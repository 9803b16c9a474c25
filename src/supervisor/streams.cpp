#include "supervisor/streams.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t most_said = 4096;
constexpr int most_terminal_rounds = 64;

Result<sys::UniqueFd> copy_of(const sys::UniqueFd& fd)
{
    sys::UniqueFd copy{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3)};
    if (!copy)
        return Error::from_errno("copy a descriptor");
    return copy;
}

} // namespace

Streams::Streams(sys::Loop& loop, std::string directory, Output output, const model::ProcessSpec& spec)
    : loop_(loop),
      directory_(std::move(directory)),
      mode_(spec.stdio),
      console_(spec.console_fifo),
      terminal_socket_(spec.terminal_socket),
      output_(std::move(output)),
      attachments_(loop, -1)
{}

Result<std::unique_ptr<Streams>> Streams::open(sys::Loop& loop, const std::string& directory, const model::ProcessSpec& spec,
                                               How how, KeptFds kept)
{
    auto output = TRY(Output::open(directory, spec.log));
    std::unique_ptr<Streams> streams{new Streams{loop, directory, std::move(output), spec}};
    TRY(streams->open_fifos(how));
    if (spec.stdio == model::StdioMode::terminal)
        TRY(streams->open_terminal(kept, how));
    streams->attachments_.set_input(streams->input());
    TRY(streams->watch());
    return streams;
}

std::string Streams::fifo_path(Source source) const
{
    return source == Source::console ? console_ + ".out" : directory_ + "/" + std::string{to_string(source)};
}

int Streams::input() const { return terminal_.master ? terminal_.master.get() : console_in_.get(); }

Status Streams::open_fifos(How how)
{
    TRY(open_fifo(Source::out, fifo_path(Source::out), how));
    if (mode_ == model::StdioMode::log || !terminal_socket_.empty())
        TRY(open_fifo(Source::err, fifo_path(Source::err), how));
    if (console_.empty())
        return base::done();
    TRY(open_fifo(Source::console, fifo_path(Source::console), how));
    if (how == How::afresh)
        TRY(sys::remove_file(console_ + ".in"));
    TRY(sys::ensure_fifo(console_ + ".in"));
    console_in_ = TRY(sys::open_fifo(console_ + ".in"));
    return base::done();
}

Status Streams::open_fifo(Source source, const std::string& path, How how)
{
    if (how == How::afresh)
        TRY(sys::remove_file(path));
    TRY(sys::ensure_fifo(path));
    fifos_[static_cast<std::size_t>(source)] = TRY(sys::open_fifo(path));
    return base::done();
}

Status Streams::open_terminal(KeptFds& kept, How how)
{
    if (how == How::afresh && terminal_socket_.empty()) {
        terminal_ = TRY(sys::open_pty({}));
        return base::done();
    }
    terminal_.master = std::move(kept["terminal"]);
    if (!terminal_.master && !terminal_socket_.empty())
        return await_terminal(); // Also after a sudden death: its launcher may still be about to send it.
    if (!terminal_.master) {
        base::log_warning(directory_ + ": its terminal is lost with the keeper");
        return base::done();
    }
    terminal_.slave = TRY(sys::open_pty_slave(terminal_.master.get())); // While we hold it, the master sees no hang-up.
    return base::done();
}

Status Streams::watch()
{
    for (auto const source : all_sources) {
        auto const& fifo = fifos_[static_cast<std::size_t>(source)];
        if (fifo)
            watches_.push_back(
                TRY(loop_.watch(fifo.get(), sys::Interest::read, [this, source](sys::Ready) { drain_fifo(source); })));
    }
    return terminal_.master ? watch_terminal() : base::done();
}

Status Streams::watch_terminal()
{
    watches_.push_back(TRY(loop_.watch(terminal_.master.get(), sys::Interest::read, [this](sys::Ready) { drain_terminal(); })));
    return base::done();
}

Status Streams::await_terminal()
{
    TRY(sys::remove_file(terminal_socket_));
    terminal_listener_ = TRY(sys::listen_unix(terminal_socket_, sys::SocketKind::stream));
    TRY(sys::set_nonblocking(terminal_listener_.get()));
    listener_watch_ = TRY(loop_.watch(terminal_listener_.get(), sys::Interest::read, [this](sys::Ready) { take_terminal(); }));
    return base::done();
}

/// Takes what its launcher has sent so far: a connection, then the terminal.
void Streams::take_terminal()
{
    if (terminal_listener_ && !terminal_sender_) {
        auto accepted = sys::accept_unix(terminal_listener_.get(), sys::SocketMode::nonblocking);
        if (!accepted.ok() || !accepted.value())
            return;
        terminal_sender_ = std::move(*accepted.value());
        auto watch = loop_.watch(terminal_sender_.get(), sys::Interest::read, [this](sys::Ready) { take_terminal(); });
        if (watch.ok())
            sender_watch_ = std::move(watch).value();
    }
    if (!terminal_sender_)
        return;
    auto received = sys::receive_fd(terminal_sender_.get());
    if (!received.ok() && received.error().errnum() == EAGAIN)
        return;
    sender_watch_.reset();
    terminal_sender_.reset();
    auto const used = received.ok() ? use_terminal(std::move(received).value()) : Status{received.error()};
    if (!used.ok())
        base::log_warning(directory_ + ": its terminal: " + used.error().message());
}

Status Streams::use_terminal(sys::UniqueFd master)
{
    auto slave = TRY(sys::open_pty_slave(master.get())); // Fails where it is no master.
    TRY(sys::set_nonblocking(master.get()));
    terminal_ = {std::move(master), std::move(slave)};
    attachments_.set_input(input());
    listener_watch_.reset();
    terminal_listener_.reset();
    ::unlink(terminal_socket_.c_str());
    return watch_terminal();
}

Result<Streams::ChildEnds> Streams::child_ends() const
{
    ChildEnds ends;
    if (terminal_.slave && terminal_socket_.empty()) {
        ends.in = TRY(copy_of(terminal_.slave));
        ends.out = TRY(copy_of(terminal_.slave));
        ends.err = TRY(copy_of(terminal_.slave));
        return ends;
    }
    ends.out = TRY(sys::open_fifo(fifo_path(Source::out), sys::FifoMode::blocking));
    ends.err = TRY(sys::open_fifo(fifo_path(Source::err), sys::FifoMode::blocking));
    return ends;
}

Result<KeptFds> Streams::copies() const
{
    KeptFds kept;
    for (auto const source : all_sources)
        if (auto const& fifo = fifos_[static_cast<std::size_t>(source)]; fifo)
            kept[std::string{to_string(source)}] = TRY(copy_of(fifo));
    if (console_in_)
        kept["input"] = TRY(copy_of(console_in_));
    if (terminal_.master)
        kept["terminal"] = TRY(copy_of(terminal_.master));
    return kept;
}

Status Streams::resize(sys::WindowSize size)
{
    if (!terminal_.master)
        return Error{Code::failed_precondition, "it has no terminal"};
    return sys::resize_pty(terminal_.master.get(), size);
}

void Streams::see(Source source, std::string_view bytes)
{
    attachments_.show(bytes);
    if (!listens_ || (source == Source::out && mode_ == model::StdioMode::log))
        return;
    said_.append(bytes);
    if (said_.size() > most_said)
        said_.erase(0, said_.size() - most_said);
}

std::string Streams::take_said()
{
    listens_ = false;
    return std::exchange(said_, {});
}

void Streams::drain_fifo(Source source)
{
    auto const drained = output_.drain(source, fifos_[static_cast<std::size_t>(source)].get(),
                                       [this, source](std::string_view bytes) { see(source, bytes); });
    if (!drained.ok())
        base::log_warning(directory_ + ": " + drained.error().message());
}

/// A terminal's bytes take the way of all others: into the FIFO, which outlives us in the keeper, and from there on.
void Streams::drain_terminal()
{
    for (int round = 0; round < most_terminal_rounds; ++round) {
        auto const moved = sys::move_bytes(terminal_.master.get(), fifos_[0].get(), -1, 16384);
        if (!moved.ok() || moved.value() == 0)
            return;
        drain_fifo(Source::out);
    }
}

void Streams::drain()
{
    take_terminal();
    if (terminal_.master)
        drain_terminal();
    for (auto const source : all_sources)
        if (fifos_[static_cast<std::size_t>(source)])
            drain_fifo(source);
}

void Streams::finish()
{
    drain();
    output_.finish();
    watches_.clear();
    if (terminal_listener_)
        ::unlink(terminal_socket_.c_str());
    for (auto const source : all_sources)
        if (auto& fifo = fifos_[static_cast<std::size_t>(source)]; fifo) {
            fifo.reset();
            ::unlink(fifo_path(source).c_str());
        }
    if (console_in_)
        ::unlink((console_ + ".in").c_str());
}

} // namespace nova::supervisor
