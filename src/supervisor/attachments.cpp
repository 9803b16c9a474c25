#include "supervisor/attachments.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/unix_socket.h"

namespace nova::supervisor {

namespace {

constexpr std::size_t most_unsent = 256 * 1024;
constexpr std::size_t most_typed = 256 * 1024; ///< By those who have left, while the process does not read.

} // namespace

Result<sys::UniqueFd> Attachments::add()
{
    auto ends = TRY(sys::socket_pair(sys::SocketKind::stream));
    TRY(sys::set_nonblocking(ends.first.get()));
    auto& attachment = all_.emplace_back();
    attachment.socket = std::move(ends.first);
    auto watch = loop_.watch(attachment.socket.get(), sys::Interest::read,
                             [this, &attachment](sys::Ready ready) { on_ready(attachment, ready); });
    if (!watch.ok()) {
        all_.pop_back();
        return std::move(watch).take_error();
    }
    attachment.watch = std::move(watch).value();
    return std::move(ends.second);
}

void Attachments::show(std::string_view bytes)
{
    for (auto& attachment : all_) {
        if (attachment.unsent.empty())
            send(attachment, bytes);
        else
            attachment.unsent.append(bytes);
        attachment.is_gone |= attachment.unsent.size() > most_unsent;
        update(attachment);
    }
    sweep();
}

void Attachments::on_ready(Attachment& attachment, sys::Ready ready)
{
    if (ready.writable) {
        auto const waiting = std::move(attachment.unsent);
        attachment.unsent.clear();
        send(attachment, waiting);
    }
    if (ready.hung_up)
        leave(attachment);
    else if (ready.readable)
        read_typed(attachment);
    update(attachment);
    sweep();
}

void Attachments::send(Attachment& attachment, std::string_view bytes)
{
    while (!bytes.empty()) {
        auto const count = ::send(attachment.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            return leave(attachment);
    }
    attachment.unsent.append(bytes);
}

void Attachments::read_typed(Attachment& attachment)
{
    char buffer[4096];
    auto const count = ::read(attachment.socket.get(), buffer, sizeof buffer);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        attachment.has_stopped_typing = true; // He may still watch, until he closes his end altogether.
        attachment.is_gone |= count < 0;
        return;
    }
    if (input_ < 0)
        return;
    typed_.append(buffer, static_cast<std::size_t>(count));
    write_typed();
}

/// What he typed before he left is still the process's, also while it does not read and whatever it answers.
void Attachments::leave(Attachment& attachment)
{
    char buffer[4096];
    ssize_t count = 0;
    while (typed_.size() < most_typed && (count = ::read(attachment.socket.get(), buffer, sizeof buffer)) > 0)
        if (input_ >= 0)
            typed_.append(buffer, static_cast<std::size_t>(count));
    attachment.is_gone = true;
    write_typed();
}

void Attachments::write_typed()
{
    while (!typed_.empty()) {
        auto const count = ::write(input_, typed_.data(), typed_.size());
        if (count <= 0 && errno == EINTR)
            continue;
        if (count <= 0 && errno != EAGAIN)
            typed_.clear();
        if (count <= 0)
            break;
        typed_.erase(0, static_cast<std::size_t>(count));
    }
    if (typed_.empty()) {
        input_watch_.reset();
        input_copy_.reset();
        typed_.shrink_to_fit();
    } else if (!input_watch_) {
        input_copy_ = sys::UniqueFd{::fcntl(input_, F_DUPFD_CLOEXEC, 3)};
        auto watch = loop_.watch(input_copy_.get(), sys::Interest::write, [this](sys::Ready) {
            write_typed();
            for (auto& attachment : all_)
                update(attachment);
        });
        if (watch.ok())
            input_watch_ = std::move(watch).value();
    }
}

/// Nobody types while typed bytes still wait: so they are bounded.
void Attachments::update(Attachment& attachment)
{
    bool const reads = typed_.empty() && !attachment.has_stopped_typing;
    bool const writes = !attachment.unsent.empty();
    if (reads)
        attachment.watch.want(writes ? sys::Interest::both : sys::Interest::read);
    else
        attachment.watch.want(writes ? sys::Interest::write : sys::Interest::nothing);
}

void Attachments::sweep()
{
    all_.remove_if([](const Attachment& attachment) { return attachment.is_gone; });
}

} // namespace nova::supervisor
