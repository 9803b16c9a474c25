#include "runtime/pid_file.h"

#include <fcntl.h>

#include <cstdio>

#include "runtime/channel.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

base::Status write_pid_file(const std::string& path, pid_t pid)
{
    auto const temporary = path + ".new";
    {
        auto const file = TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
        TRY(sys::write_all(file.get(), std::to_string(pid)));
    }
    if (::rename(temporary.c_str(), path.c_str()) < 0)
        return base::Error::from_errno("rename to " + path);
    return base::done();
}

base::Status send_pidfd(const std::string& socket_path, const sys::UniqueFd& pidfd)
{
    auto const socket = TRY(sys::connect_unix(socket_path, sys::SocketKind::stream).context("--pidfd-socket"));
    return send_descriptor(socket.get(), "pidfd", pidfd).context("--pidfd-socket");
}

} // namespace nova::runtime
