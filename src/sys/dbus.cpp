#include "sys/dbus.h"

namespace nova::sys {

using base::Code;
using base::done;
using base::Error;

namespace {

constexpr std::size_t most_signals = 1024; ///< Kept while an answer is waited for; older ones are dropped.
constexpr std::size_t most_line = 4096;
constexpr auto bus_name = "org.freedesktop.DBus";
constexpr auto bus_path = "/org/freedesktop/DBus";

Code code_of(const std::string& name)
{
    if (name.ends_with(".NoSuchUnit") || name.ends_with(".ServiceUnknown") || name.ends_with(".UnknownObject"))
        return Code::not_found;
    if (name.ends_with(".UnitExists"))
        return Code::already_exists;
    if (name.ends_with(".AccessDenied") || name.ends_with(".InteractiveAuthorizationRequired"))
        return Code::permission_denied;
    return Code::failed_precondition;
}

Error error_of(const BusMessage& message)
{
    auto text = message.error_name;
    if (message.signature.starts_with("s"))
        if (auto const words = BusReader{message.body}.text(); words.ok())
            text += ": " + words.value();
    return {code_of(message.error_name), text};
}

} // namespace

Result<Bus> Bus::connect(const std::string& path, BusPeer peer, Deadline deadline)
{
    Bus bus{TRY(UnixStream::connect(path, deadline)), peer};
    TRY(bus.authenticate(deadline).context("log in at " + path));
    if (peer == BusPeer::broker)
        TRY(bus.call({bus_name, bus_path, bus_name, "Hello"}, deadline).context("log in at " + path));
    return bus;
}

/// EXTERNAL without an identity: the other side takes the one that the kernel tells it. The one that we know of ourselves would
/// be wrong in a user namespace. All of it at once: systemd on its own socket overlooks a message that comes together with BEGIN.
Status Bus::authenticate(Deadline deadline)
{
    using namespace std::string_view_literals;
    TRY(stream_.send("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"sv, deadline));
    auto answer = TRY(stream_.read_line(most_line, deadline));
    if (answer.starts_with("DATA"))
        answer = TRY(stream_.read_line(most_line, deadline));
    if (!answer.starts_with("OK "))
        return Error{Code::permission_denied, "is refused"};
    return done();
}

Result<BusMessage> Bus::receive(Deadline deadline)
{
    auto bytes = TRY(stream_.read_exactly(bus_header_size, deadline));
    auto const size = TRY(bus_message_size(bytes));
    bytes += TRY(stream_.read_exactly(size - bus_header_size, deadline));
    return parse_bus_message(bytes);
}

Result<BusMessage> Bus::call(const BusCall& call, Deadline deadline)
{
    BusMessage const message{.type = BusMessageType::call,
                             .serial = ++serial_,
                             .path = call.path,
                             .interface = call.interface,
                             .member = call.member,
                             .destination = peer_ == BusPeer::broker ? call.destination : std::string{},
                             .signature = call.signature,
                             .body = call.body};
    TRY(stream_.send(to_bytes(message), deadline).context(call.member));
    while (true) {
        auto answer = TRY(receive(deadline).context(call.member));
        if (answer.type == BusMessageType::signal) {
            if (signals_.size() == most_signals)
                signals_.pop_front();
            signals_.push_back(std::move(answer));
        } else if (answer.reply_serial == serial_) {
            if (answer.type == BusMessageType::error)
                return error_of(answer).context(call.member);
            return answer;
        }
    }
}

Status Bus::subscribe(const std::string& rule, Deadline deadline)
{
    if (peer_ == BusPeer::service)
        return done();
    BusWriter body;
    body.text(rule);
    TRY(call({bus_name, bus_path, bus_name, "AddMatch", "s", body.bytes()}, deadline));
    return done();
}

Result<BusMessage> Bus::wait_for_signal(const std::function<bool(const BusMessage&)>& fits, Deadline deadline)
{
    while (true) {
        while (!signals_.empty()) {
            auto signal = std::move(signals_.front());
            signals_.pop_front();
            if (fits(signal))
                return signal;
        }
        auto message = TRY(receive(deadline));
        if (message.type == BusMessageType::signal)
            signals_.push_back(std::move(message));
    }
}

} // namespace nova::sys
