#include "control/workload.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/clock.h"
#include "base/strings.h"
#include "sys/file.h"

namespace nova::control {
namespace {

constexpr std::chrono::milliseconds longest_delay{5 * 60 * 1000};

std::string applied_path(const std::string& directory) { return directory + "/applied.json"; }

std::string json_text(const Applied& applied)
{
    return nlohmann::json{{"spec", applied.spec},
                          {"image", applied.image},
                          {"address", applied.address},
                          {"layers", applied.layers},
                          {"done", applied.done}}
        .dump();
}

} // namespace

std::string workload_id(const model::Key& key) { return (key.kind == "Pod" ? "pod." : "vm.") + key.space + "." + key.name; }

std::optional<model::Key> workload_key(const std::string& id)
{
    auto const kind_end = id.find('.');
    auto const space_end = id.find('.', kind_end + 1);
    if (kind_end == std::string::npos || space_end == std::string::npos)
        return std::nullopt;
    auto const kind = id.substr(0, kind_end);
    if (kind != "pod" && kind != "vm")
        return std::nullopt;
    return model::Key{kind == "pod" ? "Pod" : "VirtualMachine", id.substr(kind_end + 1, space_end - kind_end - 1),
                      id.substr(space_end + 1)};
}

std::string capsule_directory(const Places& places, const std::string& id) { return places.state + "/capsules/" + id; }

std::string log_path(const Places& places, const std::string& id) { return places.state + "/logs/" + id + ".log"; }

Status remove_log(const Places& places, const std::string& id)
{
    auto const path = log_path(places, id);
    model::LogSpec const limits;
    for (std::uint32_t i = 1; i <= limits.keep_files; ++i)
        TRY(sys::remove_file(path + "." + std::to_string(i)));
    return sys::remove_file(path);
}

std::chrono::milliseconds between(const std::string& first, const std::string& last)
{
    auto const begin = base::parse_rfc3339(first);
    auto const end = base::parse_rfc3339(last);
    if (!begin.ok() || !end.ok())
        return std::chrono::milliseconds{0};
    return std::chrono::duration_cast<std::chrono::milliseconds>(end.value() - begin.value());
}

std::chrono::milliseconds since(const std::string& moment)
{
    return between(moment, base::to_rfc3339(base::system_clock().now(), 9));
}

std::string ended_words(const std::optional<model::ProcessStatus>& ended)
{
    if (!ended)
        return "it does not run";
    if (!ended->exit_code)
        return "it ended, and how can't be known any more";
    if (*ended->exit_code > 128)
        return "it was ended by signal " + std::to_string(*ended->exit_code - 128);
    return "it ended with exit code " + std::to_string(*ended->exit_code);
}

std::optional<Applied> read_applied(const std::string& directory)
{
    auto const text = sys::read_file(applied_path(directory));
    if (!text.ok())
        return std::nullopt;
    auto const json = nlohmann::json::parse(text.value(), nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    Applied applied{text_of(json, "/spec"), text_of(json, "/image"), text_of(json, "/address")};
    for (const auto& layer : field_of(json, "/layers"))
        if (layer.is_string())
            applied.layers.push_back(layer.get<std::string>());
    applied.done = field_of(json, "/done") == true;
    return applied;
}

Status write_applied(const std::string& directory, const Applied& applied)
{
    return sys::write_file_atomically(applied_path(directory), json_text(applied));
}

Status note_applied(const std::string& directory, const Applied& applied)
{
    return sys::replace_file(applied_path(directory), json_text(applied));
}

Status keep_applied(const std::string& directory) { return sys::sync_file(applied_path(directory)); }

Status forget_start(const std::string& directory)
{
    auto applied = read_applied(directory);
    if (!applied || applied->spec.empty())
        return base::done();
    applied->spec.clear();
    return write_applied(directory, *applied);
}

Status keep_ended(const std::string& directory)
{
    auto applied = read_applied(directory);
    if (!applied || applied->done)
        return base::done();
    applied->done = true;
    return write_applied(directory, *applied);
}

bool runs(const std::optional<model::ProcessStatus>& observed)
{
    return observed && observed->state == model::ProcessStatus::State::running;
}

Result<std::optional<model::ProcessStatus>> observe_process(supervisor::Client& supervisor, const std::string& id)
{
    auto found = supervisor.get(id);
    if (base::failed_with(found, base::Code::not_found))
        return std::optional<model::ProcessStatus>{};
    return std::optional<model::ProcessStatus>{TRY(std::move(found))};
}

std::chrono::milliseconds RestartDelays::before_next(const std::string& id, std::chrono::milliseconds since_end,
                                                     std::chrono::milliseconds ran)
{
    return entries_.with([&](auto& entries) {
        auto& entry = entries[id];
        if (ran >= good_run_)
            entry.delay = std::chrono::milliseconds{0};
        if (since_end < entry.delay)
            return entry.delay - since_end;
        entry.delay = std::min(std::max(entry.delay * 2, std::chrono::milliseconds{1000}), longest_delay);
        return std::chrono::milliseconds{0};
    });
}

void RestartDelays::forget(const std::string& id)
{
    entries_.with([&](auto& entries) { entries.erase(id); });
}

bool Graces::begin(const std::string& id)
{
    return begun_.with([&](auto& begun) { return begun.try_emplace(id).second; });
}

std::chrono::milliseconds Graces::left(const std::string& id, std::chrono::seconds grace)
{
    return begun_.with([&](auto& begun) {
        auto const begin = begun.try_emplace(id).first->second.begun;
        auto const left = begin + grace - std::chrono::steady_clock::now();
        return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds{0});
    });
}

bool Graces::begin_kill(const std::string& id)
{
    return begun_.with([&](auto& begun) { return !std::exchange(begun[id].killed, true); });
}

void Graces::forget(const std::string& id)
{
    begun_.with([&](auto& begun) { begun.erase(id); });
}

} // namespace nova::control
