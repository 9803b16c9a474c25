#include "apps/nebulon/metadata.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "model/text_limits.h"

namespace nova::nebulon {

using base::Code;
using base::Error;
using Json = nlohmann::ordered_json; // The order of the fields is part of the form.

namespace {

constexpr std::array<std::string_view, 4> states{"Created", "Running", "Stopped", "Exited"};
constexpr std::size_t most_hostname = 64;
constexpr std::size_t most_path = 4095;
constexpr std::uint64_t most_id = 0xfffffffe; // 2^32 - 1 is nobody for the kernel.
constexpr double most_cpus = 100000;

Error bad(std::string_view field, const std::string& problem)
{
    return Error{Code::invalid_argument, std::string{field} + ": " + problem};
}

Status check_text(std::string_view field, const std::string& text)
{
    if (model::find_no_utf8(text) != std::string_view::npos || text.find('\0') != std::string::npos)
        return bad(field, "must be UTF-8 without NUL");
    return base::done();
}

Status check_path(std::string_view field, const std::string& path)
{
    TRY(check_text(field, path));
    if (path.empty() || path.front() != '/' || path.size() > most_path)
        return bad(field, "must be an absolute path, is \"" + path.substr(0, 80) + "\"");
    return base::done();
}

Status check_hostname(const std::string& name)
{
    bool const fits =
        !name.empty() && name.size() <= most_hostname && name.front() != '-' && name.front() != '.' &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == std::string::npos;
    return fits ? base::done() : Status{bad("hostname", "must be 1 to 64 letters, digits, '-', '.' or '_'")};
}

Status check_volumes(const std::vector<Volume>& volumes)
{
    for (const auto& volume : volumes) {
        if (volume.source.empty() || (volume.is_named() && !base::is_dns_label(volume.source)))
            return bad("volumes", "\"" + volume.source.substr(0, 80) + "\" is neither an absolute path nor a volume's name");
        TRY(check_text("volumes", volume.source));
        TRY(check_path("volumes", volume.target));
    }
    return base::done();
}

// ---- reading: a field that is missing or of another type is data_loss with its name -----------------------------------------

Error damaged(std::string_view field, std::string_view wanted)
{
    return Error{Code::data_loss, "metadata.json: " + std::string{field} + ": must be " + std::string{wanted}};
}

Result<std::string> text_of(const Json& object, const char* field)
{
    auto const found = object.find(field);
    if (found == object.end() || !found->is_string())
        return damaged(field, "a text");
    return found->get<std::string>();
}

Result<std::uint64_t> number_of(const Json& object, const char* field, std::uint64_t most)
{
    auto const found = object.find(field);
    if (found == object.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > most)
        return damaged(field, "a whole number up to " + std::to_string(most));
    return found->get<std::uint64_t>();
}

Result<std::vector<std::string>> texts_of(const Json& object, const char* field)
{
    auto const found = object.find(field);
    if (found == object.end() || !found->is_array())
        return damaged(field, "a list of texts");
    std::vector<std::string> texts;
    for (const auto& item : *found) {
        if (!item.is_string())
            return damaged(field, "a list of texts");
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

Result<std::vector<Volume>> volumes_of(const Json& object)
{
    std::vector<Volume> volumes;
    auto const found = object.find("volumes");
    if (found == object.end())
        return volumes;
    if (!found->is_array())
        return damaged("volumes", "a list");
    for (const auto& item : *found) {
        auto const read_only = item.is_object() ? item.find("read_only") : item.end();
        if (!item.is_object() || read_only == item.end() || !read_only->is_boolean())
            return damaged("volumes", "a list of source, target and read_only");
        auto& volume = volumes.emplace_back();
        volume.source = TRY(text_of(item, "source"));
        volume.target = TRY(text_of(item, "target"));
        volume.read_only = read_only->get<bool>();
    }
    return volumes;
}

Result<ContainerConfig> config_of(const Json& object)
{
    ContainerConfig config;
    auto const command = TRY(texts_of(object, "command"));
    if (command.size() != 1)
        return damaged("command", "a list of one text");
    config.command = command.front();
    config.args = TRY(texts_of(object, "args"));
    config.env = TRY(texts_of(object, "env_vars"));
    config.working_dir = TRY(text_of(object, "working_dirs"));
    config.hostname = TRY(text_of(object, "hostname"));
    config.rootfs = TRY(text_of(object, "rootfs"));
    config.uid = static_cast<std::uint32_t>(TRY(number_of(object, "uid", most_id)));
    config.gid = static_cast<std::uint32_t>(TRY(number_of(object, "gid", most_id)));
    config.volumes = TRY(volumes_of(object));
    if (object.contains("memory_limit"))
        config.memory = base::Bytes{TRY(number_of(object, "memory_limit", INT64_MAX))};
    if (auto const cpus = object.find("cpu_limit"); cpus != object.end()) {
        if (!cpus->is_number())
            return damaged("cpu_limit", "a number");
        config.cpus = cpus->get<double>();
    }
    return config;
}

Json json_of(const ContainerConfig& config)
{
    Json json{{"command", Json::array({config.command})},
              {"args", config.args},
              {"env_vars", config.env},
              {"working_dirs", config.working_dir},
              {"hostname", config.hostname},
              {"rootfs", config.rootfs},
              {"uid", config.uid},
              {"gid", config.gid}};
    for (const auto& volume : config.volumes)
        json["volumes"].push_back(Json{{"source", volume.source}, {"target", volume.target}, {"read_only", volume.read_only}});
    if (config.memory)
        json["memory_limit"] = config.memory->count;
    if (config.cpus)
        json["cpu_limit"] = *config.cpus;
    return json;
}

} // namespace

std::string_view to_string(State state) { return states.at(static_cast<std::size_t>(state)); }

Status check_id(const std::string& id)
{
    if (id.size() != 11 || !id.starts_with("nb-") || id.find_first_not_of("0123456789abcdef", 3) != std::string::npos)
        return Error{Code::invalid_argument, "\"" + id.substr(0, 80) +
                                                 "\" is no container's id, as nb-317d1158 is; an OCI bundle is "
                                                 "named with --bundle"};
    return base::done();
}

Result<Volume> parse_volume(const std::string& text)
{
    auto const parts = base::split(text, ':');
    bool const fits = (parts.size() == 2 || (parts.size() == 3 && (parts[2] == "ro" || parts[2] == "rw"))) && !parts[0].empty();
    if (!fits)
        return bad("--volume", "must be SOURCE:TARGET[:ro], is \"" + text.substr(0, 80) + "\"");
    return Volume{parts[0], parts[1], parts.size() == 3 && parts[2] == "ro"};
}

Status check_config(const ContainerConfig& config)
{
    if (config.command.empty())
        return bad("command", "is missing");
    TRY(check_text("command", config.command));
    for (const auto& text : config.args)
        TRY(check_text("args", text));
    for (const auto& entry : config.env) {
        TRY(check_text("env", entry));
        if (entry.find('=') == std::string::npos || entry.front() == '=')
            return bad("env", "must be NAME=VALUE, is \"" + entry.substr(0, 80) + "\"");
    }
    TRY(check_path("workdir", config.working_dir));
    TRY(check_hostname(config.hostname));
    if (config.rootfs.empty())
        return bad("rootfs", "is empty");
    TRY(check_text("rootfs", config.rootfs));
    TRY(check_volumes(config.volumes));
    if (config.cpus && !(*config.cpus >= 0.01 && *config.cpus <= most_cpus))
        return bad("cpus", "must be 0.01 to 100000");
    if (config.memory && config.memory->count < 4096)
        return bad("memory", "must be at least 4096 bytes");
    return base::done();
}

std::string to_json(const Container& container)
{
    Json const json{{"id", container.id},
                    {"pid", container.pid},
                    {"status", to_string(container.state)},
                    {"config", json_of(container.config)}};
    return json.dump(2) + "\n";
}

Result<Container> parse_container(const std::string& text)
{
    auto const json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object())
        return Error{Code::data_loss, "metadata.json: is no JSON object"};
    Container container;
    container.id = TRY(text_of(json, "id"));
    TRY(check_id(container.id));
    container.pid = static_cast<pid_t>(TRY(number_of(json, "pid", INT32_MAX)));
    auto const state = TRY(text_of(json, "status"));
    auto const found = std::find(states.begin(), states.end(), state);
    if (found == states.end())
        return damaged("status", "Created, Running, Stopped or Exited");
    container.state = static_cast<State>(found - states.begin());
    auto const config = json.find("config");
    if (config == json.end() || !config->is_object())
        return damaged("config", "an object");
    container.config = TRY(config_of(*config));
    TRY(check_config(container.config).context("metadata.json"));
    return container;
}

} // namespace nova::nebulon
