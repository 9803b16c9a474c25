#pragma once

#include <deque>
#include <functional>
#include <string>

#include "base/clock.h"
#include "sys/dbus_message.h"
#include "sys/unix_stream.h"

namespace nova::sys {

/// Who is at the other end of the socket.
enum class BusPeer {
    broker,  ///< A message bus: it names us, and passes messages on by destination.
    service, ///< The service itself, on a socket of its own.
};

/// What to ask for.
struct BusCall {
    std::string destination;
    std::string path;
    std::string interface;
    std::string member;
    std::string signature{};
    std::string body{}; ///< As BusWriter makes it.
};

/// One connection to a message bus or service; blocking, for one thread.
class Bus {
public:
    /// Authenticates as whom the kernel says we are, which holds in a user namespace too.
    /// Errors: not_found, unavailable - nobody is there; permission_denied - refused; deadline_exceeded.
    static Result<Bus> connect(const std::string& path, BusPeer peer, Deadline deadline);

    /// The answer. Errors: not_found, already_exists, permission_denied or failed_precondition for what the other side answered,
    /// "NAME: words"; those of the stream.
    Result<BusMessage> call(const BusCall& call, Deadline deadline);

    /// Asks the bus for signals. Without effect where the service itself is at the other end: it sends all of its own.
    Status subscribe(const std::string& rule, Deadline deadline);

    /// The next signal that fits, also one that came during a call. Others are dropped.
    Result<BusMessage> wait_for_signal(const std::function<bool(const BusMessage&)>& fits, Deadline deadline);

private:
    Bus(UnixStream stream, BusPeer peer) : stream_(std::move(stream)), peer_(peer) {}
    Status authenticate(Deadline deadline);
    Result<BusMessage> receive(Deadline deadline);

    UnixStream stream_;
    BusPeer peer_;
    std::uint32_t serial_ = 0;
    std::deque<BusMessage> signals_;
};

} // namespace nova::sys
