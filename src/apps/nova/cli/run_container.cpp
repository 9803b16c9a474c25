#include "apps/nova/cli/run_container.h"

#include <filesystem>
#include <iostream>

#include "apps/nova/cli/connection.h"
#include "apps/nova/cli/exit_code.h"
#include "apps/nova/cli/logs.h"
#include "apps/nova/cli/object_text.h"
#include "apps/nova/cli/waiting.h"
#include "base/strings.h"

namespace nova::app {

using nlohmann::json;

namespace {

base::Error bad(const std::string& option, const std::string& value, const std::string& form)
{
    return base::Error{base::Code::invalid_argument, option + " " + value + ": write " + form};
}

Result<json> port_from(const std::string& text)
{
    constexpr auto form = "[IP:]HOST:CONTAINER[/tcp|udp], as 8080:80";
    auto const slash = text.find('/');
    auto const protocol = slash == std::string::npos ? std::string{"tcp"} : text.substr(slash + 1);
    auto const parts = base::split(text.substr(0, slash), ':');
    if (parts.size() < 2 || parts.size() > 3 || (protocol != "tcp" && protocol != "udp"))
        return bad("--publish", text, form);
    auto const host = base::parse_integer(parts[parts.size() - 2], 1, 65535);
    auto const container = base::parse_integer(parts.back(), 1, 65535);
    if (!host.ok() || !container.ok())
        return bad("--publish", text, form);
    json port{{"containerPort", container.value()}, {"hostPort", host.value()}, {"protocol", protocol == "udp" ? "UDP" : "TCP"}};
    if (parts.size() == 3)
        port["hostIP"] = parts[0];
    return port;
}

Status add_volume(json& spec, const std::string& text)
{
    auto const parts = base::split(text, ':');
    if (parts.size() < 2 || parts.size() > 3 || (parts.size() == 3 && parts[2] != "ro" && parts[2] != "rw"))
        return bad("--volume", text, "SOURCE:TARGET[:ro], as ./site:/www:ro");
    auto const name = "volume-" + std::to_string(spec["volumes"].size());
    auto const& source = parts[0];
    bool const path = source.starts_with('/') || source.starts_with('.');
    if (path)
        spec["volumes"].push_back(
            {{"name", name}, {"hostPath", {{"path", std::filesystem::absolute(source).lexically_normal().string()}}}});
    else
        spec["volumes"].push_back({{"name", name}, {"persistentVolumeClaim", {{"claimName", source}}}});
    spec["containers"][0]["volumeMounts"].push_back(
        {{"name", name}, {"mountPath", parts[1]}, {"readOnly", parts.size() == 3 && parts[2] == "ro"}});
    return base::done();
}

bool has_ended(const json& pod)
{
    auto const phase = text_at(pod, "/status/phase");
    return phase == "Succeeded" || phase == "Failed" || phase == "Unknown";
}

} // namespace

Result<json> pod_from(const RunOptions& options, const std::string& space)
{
    json container{{"name", options.name}, {"image", options.image}};
    if (!options.command.empty())
        container["command"] = options.command;
    for (const auto& assignment : options.env) {
        auto const equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0)
            return bad("--env", assignment, "NAME=VALUE");
        container["env"].push_back({{"name", assignment.substr(0, equals)}, {"value", assignment.substr(equals + 1)}});
    }
    for (const auto& port : options.ports)
        container["ports"].push_back(TRY(port_from(port)));
    if (!options.memory.empty())
        container["resources"]["limits"]["memory"] = options.memory;
    json spec{{"containers", {container}}, {"restartPolicy", options.detach ? "Always" : "Never"}};
    if (!options.network.empty())
        spec["network"] = options.network;
    for (const auto& volume : options.volumes)
        TRY(add_volume(spec, volume));
    return json{
        {"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", options.name}, {"namespace", space}}}, {"spec", spec}};
}

namespace {

Result<int> follow_to_end(client::Client& client, const Invocation& invocation, const RunOptions& options)
{
    model::Key const key{"Pod", invocation.space, options.name};
    auto const started = base::Deadline::after(std::chrono::seconds{options.timeout_seconds});
    auto const begun = [](const json& pod) { return progress_of(pod).state != Progress::State::waiting; };
    auto const first = TRY(wait_until(client, key, begun, started));
    if (progress_of(first).state == Progress::State::failed && list_at(first, "/status/containerStatuses").empty()) {
        TRY(client.remove(key)); // It never ran: nothing of it is worth keeping.
        TRY(wait_until_gone(client, key, started));
        return base::Error{base::Code::failed_precondition, options.name + ": " + progress_of(first).words};
    }
    client::LogOptions follow;
    follow.follow = true;
    TRY(print_log(client, key, follow));
    auto const pod = TRY(wait_until(client, key, has_ended, base::Deadline::never()));
    auto const code = number_at(pod, "/status/containerStatuses/0/state/terminated/exitCode", -1);
    if (code < 0)
        return base::Error{base::Code::failed_precondition, options.name + ": " + progress_of(pod).words};
    return static_cast<int>(code);
}

} // namespace

Result<int> run_container(const Invocation& invocation, const RunOptions& options)
{
    auto const pod = TRY(pod_from(options, invocation.space));
    auto client = TRY(connect_daemon(invocation));
    model::Key const key{"Pod", invocation.space, options.name};
    TRY(client.create(pod));
    if (options.detach) {
        auto const ready = [](const json& object) { return progress_of(object).state != Progress::State::waiting; };
        auto const object =
            TRY(wait_until(client, key, ready, base::Deadline::after(std::chrono::seconds{options.timeout_seconds})));
        if (progress_of(object).state == Progress::State::failed)
            return base::Error{base::Code::failed_precondition, options.name + ": " + progress_of(object).words};
        std::cout << options.name << " started\n";
        return exit_ok;
    }
    auto const code = follow_to_end(client, invocation, options);
    if (!options.remove)
        return code;
    auto removed = client.remove(key);
    if (failed_with(removed, base::Code::not_found)) // What never ran is gone already.
        return code;
    TRY(std::move(removed));
    return code;
}

} // namespace nova::app
