// Hands the seccomp listener to the agent that answers for it (linux.seccomp.listenerPath).
#include "model/json_writer.h"
#include "runtime/launch.h"
#include "runtime/seccomp_profile.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

Result<sys::UniqueFd> connect_agent(const model::oci::Seccomp& profile)
{
    if (profile.listener_path.empty())
        return sys::UniqueFd{};
    auto agent = sys::connect_unix(profile.listener_path, sys::SocketKind::stream).context("linux.seccomp.listenerPath");
    if (!agent.ok() && !notifies(profile))
        return sys::UniqueFd{};
    return agent;
}

Status deliver_listener(const sys::UniqueFd& agent, const model::oci::Seccomp& profile, const Watched& watched,
                        const sys::UniqueFd& listener)
{
    if (!agent)
        return base::done(); // No rule asks it, and it is not there.
    model::JsonWriter json;
    json.begin('{').member("ociVersion", watched.record.version).key("fds").begin('[').value("seccompFd").end(']');
    json.member("pid", static_cast<std::int64_t>(watched.pid)).member("metadata", profile.listener_metadata);
    json.key("state").raw(state_json(watched.record, watched.phase)).end('}');
    return send_descriptor(agent.get(), json.text(), listener);
}

} // namespace nova::runtime
