#include "supervisor/record.h"

#include <fcntl.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "sys/file.h"

namespace nova::supervisor {

using base::Code;
using base::Error;
using nlohmann::json;
using State = model::ProcessStatus::State;

namespace {

constexpr std::size_t longest_id = 200;
constexpr std::size_t most_record_bytes = 4u << 20;

/// Reads fields and remembers the first that is wrong, so that a reader is one list of fields.
class Fields {
public:
    explicit Fields(const json& object) : object_(object)
    {
        if (!object.is_object())
            wrong_ = "is not an object";
    }

    void read(const char* name, std::string& into)
    {
        if (auto const* field = find(name, &json::is_string))
            into = field->get<std::string>();
    }

    void read(const char* name, std::vector<std::string>& into)
    {
        if (auto const* field = find(name, &json::is_array))
            for (const auto& item : *field) {
                if (!item.is_string())
                    return complain(name);
                into.push_back(item.get<std::string>());
            }
    }

    template <typename Number>
    requires std::is_integral_v<Number>
    void read(const char* name, Number& into)
    {
        if (auto const* field = find(name, &json::is_number_integer))
            into = field->get<Number>();
    }

    void read(const char* name, std::optional<int>& into)
    {
        if (auto const* field = find(name, &json::is_number_integer))
            into = field->get<int>();
    }

    const json* object(const char* name) { return find(name, &json::is_object); }

    void complain(const char* name)
    {
        if (wrong_.empty())
            wrong_ = std::string{name} + ": is not of the right type";
    }

    Status result() const { return wrong_.empty() ? base::done() : Status{Error{Code::invalid_argument, wrong_}}; }

private:
    const json* find(const char* name, bool (json::*is_right)() const noexcept)
    {
        if (!object_.is_object())
            return nullptr;
        auto const found = object_.find(name);
        if (found == object_.end() || found->is_null())
            return nullptr;
        if (((*found).*is_right)())
            return &*found;
        complain(name);
        return nullptr;
    }

    const json& object_;
    std::string wrong_;
};

std::string_view to_string(Record::Phase phase)
{
    switch (phase) {
    case Record::Phase::launching: return "launching";
    case Record::Phase::running: return "running";
    case Record::Phase::exited: return "exited";
    case Record::Phase::lost: return "lost";
    }
    return "lost";
}

Record::Phase phase_from(std::string_view text)
{
    for (auto const phase : {Record::Phase::launching, Record::Phase::running, Record::Phase::exited})
        if (to_string(phase) == text)
            return phase;
    return Record::Phase::lost;
}

std::string_view to_string(State state)
{
    switch (state) {
    case State::running: return "running";
    case State::exited: return "exited";
    case State::lost: return "lost";
    }
    return "lost";
}

State state_from(std::string_view text)
{
    if (text == "running")
        return State::running;
    return text == "exited" ? State::exited : State::lost;
}

json optional_number(const std::optional<int>& number) { return number ? json(*number) : json(nullptr); }

/// As sys::write_file_atomically, but without waiting for the disk: after a power loss nothing of what it tells is true any more.
Status replace_file(const std::string& path, std::string_view text)
{
    auto const temporary = path + ".new";
    TRY(sys::remove_file(temporary));
    auto const file = TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(sys::write_all(file.get(), text));
    if (::rename(temporary.c_str(), path.c_str()) < 0)
        return Error::from_errno("rename to " + path);
    return base::done();
}

} // namespace

bool is_process_id(std::string_view id)
{
    auto const is_fine = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
               letter == '-' || letter == '_' || letter == '.';
    };
    return !id.empty() && id.size() <= longest_id && id.front() != '.' && std::all_of(id.begin(), id.end(), is_fine);
}

json to_json(const model::ProcessSpec& spec)
{
    return {{"id", spec.id},
            {"argv", spec.argv},
            {"env", spec.env},
            {"cwd", spec.cwd},
            {"stdio", spec.stdio == model::StdioMode::terminal ? "terminal" : "log"},
            {"log", {{"path", spec.log.path}, {"rotate_at", spec.log.rotate_at.count}, {"keep_files", spec.log.keep_files}}},
            {"console_fifo", spec.console_fifo},
            {"pid_file", spec.pid_file},
            {"terminal_socket", spec.terminal_socket}};
}

Result<model::ProcessSpec> parse_spec(const json& object)
{
    model::ProcessSpec spec;
    Fields fields{object};
    std::string stdio;
    fields.read("id", spec.id);
    fields.read("argv", spec.argv);
    fields.read("env", spec.env);
    fields.read("cwd", spec.cwd);
    fields.read("stdio", stdio);
    fields.read("console_fifo", spec.console_fifo);
    fields.read("pid_file", spec.pid_file);
    fields.read("terminal_socket", spec.terminal_socket);
    if (auto const* log = fields.object("log")) {
        Fields log_fields{*log};
        log_fields.read("path", spec.log.path);
        log_fields.read("rotate_at", spec.log.rotate_at.count);
        log_fields.read("keep_files", spec.log.keep_files);
        TRY(log_fields.result().context("log"));
    }
    TRY(fields.result());
    spec.stdio = stdio == "terminal" ? model::StdioMode::terminal : model::StdioMode::log;
    if (!is_process_id(spec.id))
        return Error{Code::invalid_argument, "id: must be 1 to 200 letters, digits, '-', '_' or '.', is \"" + spec.id + "\""};
    if (spec.argv.empty())
        return Error{Code::invalid_argument, "argv: must not be empty"};
    if (!spec.log.path.starts_with('/'))
        return Error{Code::invalid_argument, "log.path: must be absolute, is \"" + spec.log.path + "\""};
    return spec;
}

json to_json(const model::ProcessStatus& status)
{
    return {{"id", status.id},           {"state", to_string(status.state)}, {"pid", status.pid},
            {"started", status.started}, {"finished", status.finished},      {"exit_code", optional_number(status.exit_code)}};
}

Result<model::ProcessStatus> parse_status(const json& object)
{
    model::ProcessStatus status;
    std::string state;
    Fields fields{object};
    fields.read("id", status.id);
    fields.read("state", state);
    fields.read("pid", status.pid);
    fields.read("started", status.started);
    fields.read("finished", status.finished);
    fields.read("exit_code", status.exit_code);
    TRY(fields.result());
    status.state = state_from(state);
    return status;
}

Status write_record(const std::string& directory, const Record& record)
{
    json const object = {{"spec", to_json(record.spec)},
                         {"phase", to_string(record.phase)},
                         {"pid", record.pid},
                         {"start_ticks", record.start_ticks},
                         {"boot", record.boot},
                         {"exit_code", optional_number(record.exit_code)},
                         {"started", record.started},
                         {"finished", record.finished}};
    // A name on Linux may be any bytes; what is no UTF-8 must not keep a process from being recorded.
    auto const text = object.dump(1, ' ', false, json::error_handler_t::replace);
    return replace_file(directory + "/record.json", text + "\n").context("record");
}

Result<Record> read_record(const std::string& directory)
{
    auto const text = TRY(sys::read_file(directory + "/record.json", most_record_bytes));
    auto const object = json::parse(text, nullptr, false);
    Record record;
    std::string phase;
    Fields fields{object};
    fields.read("phase", phase);
    fields.read("pid", record.pid);
    fields.read("start_ticks", record.start_ticks);
    fields.read("boot", record.boot);
    fields.read("exit_code", record.exit_code);
    fields.read("started", record.started);
    fields.read("finished", record.finished);
    auto const* spec = fields.object("spec");
    if (auto const read = fields.result(); !read.ok() || spec == nullptr)
        return Error{Code::data_loss, directory + "/record.json can't be read"};
    record.spec = TRY(parse_spec(*spec).context(directory + "/record.json"));
    record.phase = phase_from(phase);
    return record;
}

} // namespace nova::supervisor
