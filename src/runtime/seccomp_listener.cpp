// Hands the seccomp listener to the agent that answers for it (linux.seccomp.listenerPath).
#include "model/json_writer.h"
#include "runtime/launch.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

Status deliver_listener(const model::oci::Seccomp& profile, const Watched& watched, const sys::UniqueFd& listener)
{
    auto const socket =
        TRY(sys::connect_unix(profile.listener_path, sys::SocketKind::stream).context("linux.seccomp.listenerPath"));
    model::JsonWriter json;
    json.begin('{').member("ociVersion", watched.record.version).key("fds").begin('[').value("seccompFd").end(']');
    json.member("pid", static_cast<std::int64_t>(watched.pid)).member("metadata", profile.listener_metadata);
    json.key("state").raw(state_json(watched.record, watched.phase)).end('}');
    return send_descriptor(socket.get(), json.text(), listener);
}

} // namespace nova::runtime
