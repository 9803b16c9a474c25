#include "vm/qmp.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace nova::vm {
namespace {

using base::Code;
using base::Error;
using nlohmann::json;

/// The deepest nesting of a JSON text, without parsing it; text that is no JSON gives some number.
int depth_of(std::string_view text)
{
    int depth = 0;
    int deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const c = text[i];
        if (in_string && c == '\\')
            ++i;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            deepest = std::max(deepest, ++depth);
        else if (!in_string && (c == '}' || c == ']'))
            --depth;
    }
    return deepest;
}

/// A member that is text; empty where it is absent or of another type.
std::string text_of(const json& object, const char* member)
{
    auto const found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Error refusal(const json& error)
{
    auto const kind = error.is_object() ? text_of(error, "class") : std::string{};
    auto const words = error.is_object() ? text_of(error, "desc") : std::string{};
    auto const message = words.empty() ? std::string{"QEMU gives no reason"} : words;
    if (kind == "CommandNotFound")
        return Error{Code::unimplemented, message};
    if (kind == "DeviceNotFound")
        return Error{Code::not_found, message};
    return Error{Code::failed_precondition, message};
}

bool is_event(const json& message) { return message.contains("event"); }

} // namespace

Result<json> parse_qmp_message(std::string_view line)
{
    if (depth_of(line) > most_qmp_depth)
        return Error{Code::data_loss, "the monitor's answer is nested too deeply"};
    auto message = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!message.is_object())
        return Error{Code::data_loss, "the monitor's answer is no JSON object"};
    return message;
}

Qmp::Qmp(sys::UnixStream stream) : stream_(std::move(stream)) {}
Qmp::Qmp(Qmp&&) noexcept = default;
Qmp& Qmp::operator=(Qmp&&) noexcept = default;
Qmp::~Qmp() = default;

Result<Qmp> Qmp::connect(const std::string& path, Deadline deadline)
{
    auto stream = TRY(sys::UnixStream::connect(path, deadline));
    return open(std::move(stream), deadline).context("monitor " + path);
}

Result<Qmp> Qmp::open(sys::UnixStream stream, Deadline deadline)
{
    Qmp qmp{std::move(stream)};
    auto const greeting = TRY(qmp.read_message(deadline).context("read the greeting"));
    if (!greeting.contains("QMP"))
        return Error{Code::data_loss, "this is no QMP monitor: it sends no greeting"};
    TRY(qmp.execute("qmp_capabilities", deadline));
    return qmp;
}

Result<json> Qmp::read_message(Deadline deadline)
{
    for (;;) {
        auto const line = TRY(stream_.read_line(most_qmp_line, deadline));
        if (!line.empty())
            return parse_qmp_message(line);
    }
}

void Qmp::keep_event(json event)
{
    if (events_.size() == most_qmp_events)
        events_.pop_front();
    events_.push_back(std::move(event));
}

Result<json> Qmp::execute(const std::string& command, Deadline deadline) { return execute(command, json::object(), deadline); }

Result<json> Qmp::execute(const std::string& command, const json& arguments, Deadline deadline)
{
    auto const id = ++last_id_;
    json request{{"execute", command}, {"id", id}};
    if (!arguments.empty())
        request["arguments"] = arguments;
    // Text that is no UTF-8 must not throw; QEMU would refuse it anyway.
    auto const line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    TRY(stream_.send(line, deadline).context(command));
    for (;;) {
        auto message = TRY(read_message(deadline).context(command));
        if (is_event(message)) {
            keep_event(std::move(message));
            continue;
        }
        // An error without an id is QEMU's answer to a line it could not read: that line was ours.
        if (message.contains("id") ? message["id"] != json(id) : !message.contains("error"))
            continue;
        if (message.contains("error"))
            return refusal(message["error"]).context(command);
        if (message.contains("return"))
            return std::move(message["return"]);
        return Error{Code::data_loss, command + ": the monitor's answer has neither return nor error"};
    }
}

Result<json> Qmp::wait_for_event(std::string_view name, Deadline deadline)
{
    auto const seen =
        std::find_if(events_.begin(), events_.end(), [&](const json& event) { return text_of(event, "event") == name; });
    if (seen != events_.end()) {
        auto event = std::move(*seen);
        events_.erase(seen);
        return event;
    }
    for (;;) {
        auto message = TRY(read_message(deadline).context("wait for " + std::string{name}));
        if (!is_event(message))
            continue;
        if (text_of(message, "event") == name)
            return message;
        keep_event(std::move(message));
    }
}

std::vector<json> Qmp::take_events()
{
    std::vector<json> events{std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end())};
    events_.clear();
    return events;
}

} // namespace nova::vm
