#include "runtime/log.h"

#include <fcntl.h>

#include "base/clock.h"
#include "model/json_writer.h"
#include "sys/file.h"

namespace nova::runtime {

namespace {

std::string_view to_string(Severity severity)
{
    switch (severity) {
    case Severity::debug: return "debug";
    case Severity::notice:
    case Severity::warning: return "warning";
    case Severity::error: return "error";
    }
    return "error";
}

std::string one_line(std::string_view message)
{
    std::string text{message};
    for (auto& character : text)
        if (static_cast<unsigned char>(character) < 0x20)
            character = character == '\n' ? ';' : ' ';
    return text;
}

/// As what reads logs of Go programs takes a value.
std::string quoted(const std::string& text)
{
    std::string result = "\"";
    for (auto const character : text) {
        if (character == '"' || character == '\\')
            result += '\\';
        result += character;
    }
    return result + "\"";
}

std::string json_line(Severity severity, const std::string& text)
{
    model::JsonWriter json;
    json.begin('{').member("level", to_string(severity)).member("msg", text);
    json.member("time", base::to_rfc3339(base::system_clock().now(), 9)).end('}');
    return json.text() + "\n";
}

void append(const Globals& globals, Severity severity, const std::string& text)
{
    auto const now = base::to_rfc3339(base::system_clock().now(), 0);
    auto const line = globals.log_json
                          ? json_line(severity, text)
                          : "time=\"" + now + "\" level=" + std::string{to_string(severity)} + " msg=" + quoted(text) + "\n";
    auto const file = open_log(globals);
    if (file.ok() && file.value())
        (void)sys::write_all(file.value().get(), line);
}

} // namespace

base::Result<sys::UniqueFd> open_log(const Globals& globals)
{
    if (globals.log.empty())
        return sys::UniqueFd{};
    return sys::open_file(globals.log, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644).context("--log");
}

void tell(const Globals& globals, Severity severity, std::string_view message)
{
    bool const quiet = severity == Severity::debug || severity == Severity::notice;
    if (quiet && !globals.debug && (severity == Severity::debug || globals.log.empty()))
        return;
    auto const text = one_line(message);
    if (!globals.log.empty())
        append(globals, severity, text);
    if (severity != Severity::error && !globals.log.empty())
        return;
    auto const prefix = severity == Severity::error ? std::string{"nb: "} : "nb: " + std::string{to_string(severity)} + ": ";
    (void)sys::write_all(2, globals.log_json && globals.log.empty() ? json_line(severity, text) : prefix + text + "\n");
}

} // namespace nova::runtime
