#include "runtime/channel.h"

#include <cstring>

#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t most_text = 4000;

/// note, code, errno (two bytes), text.
std::string pack(Note note, Code code, int errnum, std::string_view text)
{
    std::string packed{static_cast<char>(note), static_cast<char>(code), static_cast<char>(errnum & 0xff),
                       static_cast<char>(errnum >> 8 & 0xff)};
    return packed.append(text.substr(0, most_text));
}

} // namespace

Status send_descriptor(int socket, std::string_view text, const sys::UniqueFd& fd)
{
    int const number = fd.get();
    return sys::send_message(socket, text, std::span{&number, 1});
}

Error Received::error() const { return Error{code, text}; }

Result<Channel::Pair> Channel::create()
{
    auto [ours, theirs] = TRY(sys::socket_pair(sys::SocketKind::packets));
    return Pair{Channel{std::move(ours)}, Channel{std::move(theirs)}};
}

Status Channel::send(Note note, std::string_view text, int fd) const
{
    auto const packed = pack(note, Code::internal, 0, text);
    if (fd < 0)
        return sys::send_message(socket_.get(), packed);
    return sys::send_message(socket_.get(), packed, std::span{&fd, 1});
}

Status Channel::send(Note note, const std::vector<sys::UniqueFd>& fds) const
{
    std::vector<int> numbers;
    for (const auto& fd : fds)
        numbers.push_back(fd.get());
    return sys::send_message(socket_.get(), pack(note, Code::internal, 0, {}), numbers);
}

void Channel::send_failure(const Error& error, Note note) const
{
    // Where even this fails the other side learns from the closed line that we are gone.
    (void)sys::send_message(socket_.get(), pack(note, error.code(), error.errnum(), error.message()));
}

Result<Received> Channel::expect_out_of_turn(Note note)
{
    std::deque<Received> early;
    while (true) {
        auto received = TRY(receive());
        if (received.note == note) {
            early_ = std::move(early);
            return received;
        }
        if (received.note == Note::failed)
            return received.error();
        if (received.note == Note::ended)
            return Error{Code::internal, "the container's process ended before it was set up"};
        early.push_back(std::move(received));
    }
}

Result<Received> Channel::receive()
{
    if (!early_.empty()) {
        auto received = std::move(early_.front());
        early_.pop_front();
        return received;
    }
    auto message = sys::receive_message(socket_.get(), most_text + 4);
    // The other side ended before it had read all of ours: the kernel says that first, once. Its own words are still here.
    if (!message.ok() && message.error().errnum() == ECONNRESET)
        message = sys::receive_message(socket_.get(), most_text + 4);
    if (!message.ok() && message.error().errnum() == ECONNRESET)
        return Received{};
    auto taken = TRY(std::move(message));
    if (!taken)
        return Received{};
    if (taken->text.size() < 4)
        return Error{Code::internal, "the container's process sent half a note"};
    Received received;
    received.note = static_cast<Note>(taken->text[0]);
    received.code = static_cast<Code>(taken->text[1]);
    received.errnum = static_cast<unsigned char>(taken->text[2]) | static_cast<unsigned char>(taken->text[3]) << 8;
    received.text = taken->text.substr(4);
    received.fds = std::move(taken->fds);
    return received;
}

Result<Received> Channel::expect(Note note)
{
    auto received = TRY(receive());
    if (received.note == note)
        return received;
    if (received.note == Note::failed)
        return received.error();
    if (received.note == Note::ended)
        return Error{Code::internal, "the container's process ended before it was set up"};
    return Error{Code::internal, std::string{"unexpected note "} + static_cast<char>(received.note)};
}

} // namespace nova::runtime
