#include "sys/local_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sys/file.h"
#include "sys/socket_address.h"

namespace nova::sys {
namespace {

constexpr int backlog = 1024;

Result<UniqueFd> stream_socket()
{
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket)
        return base::Error::from_errno("make a unix socket");
    return socket;
}

Result<UniqueFd> take_lock(const std::string& path)
{
    auto lock = TRY(open_file(path + ".lock", O_RDWR | O_CREAT, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
        return lock;
    if (errno == EWOULDBLOCK)
        return base::Error{base::Code::failed_precondition, "another process listens on " + path};
    return base::Error::from_errno("lock " + path + ".lock");
}

/// The mode is set between bind and listen: until then nobody can connect.
Status bind_at(int socket, const std::string& path, unsigned mode, std::optional<std::uint32_t> group)
{
    auto const address = TRY(SocketAddress::of(path));
    if (::bind(socket, address.get(), SocketAddress::size()) < 0)
        return base::Error::from_errno("bind " + path);
    if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) < 0)
        return base::Error::from_errno("give " + path + " to its group");
    if (::chmod(path.c_str(), mode) < 0)
        return base::Error::from_errno("set the mode of " + path);
    if (::listen(socket, backlog) < 0)
        return base::Error::from_errno("listen on " + path);
    return base::done();
}

} // namespace

Result<Peer> peer_of(int socket)
{
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return base::Error::from_errno("ask who the peer is");
    Peer peer{credentials.pid, credentials.uid, credentials.gid, std::vector<std::uint32_t>(64)};
    size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
    int asked = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
    if (asked < 0 && errno == ERANGE) { // size now says how much it takes
        peer.groups.resize(size / sizeof(gid_t));
        asked = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
    }
    if (asked < 0)
        return base::Error::from_errno("ask for the peer's groups");
    peer.groups.resize(size / sizeof(gid_t));
    return peer;
}

std::optional<std::uint32_t> find_group(const std::string& name)
{
    group entry{};
    group* found = nullptr;
    std::string buffer(16384, '\0');
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return entry.gr_gid;
}

Result<LocalListener> LocalListener::open(const std::string& path, unsigned mode, std::optional<std::uint32_t> group)
{
    auto lock = TRY(take_lock(path));
    TRY(remove_file(path)); // We own the path, so what lies there is a dead process's.
    auto socket = TRY(stream_socket());
    TRY(bind_at(socket.get(), path, mode, group));
    return LocalListener{path, std::move(lock), std::move(socket)};
}

LocalListener::~LocalListener()
{
    if (socket_)
        ::unlink(path_.c_str()); // While the lock is still held: a successor's socket can't be hit.
}

void limit_sending(int socket, std::chrono::seconds limit)
{
    timeval const time{limit.count(), 0};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

Result<UniqueFd> connect_local(const std::string& path, std::optional<std::chrono::seconds> patience)
{
    auto const address = TRY(SocketAddress::of(path));
    auto socket = TRY(stream_socket());
    if (patience)
        limit_sending(socket.get(), *patience);
    if (::connect(socket.get(), address.get(), SocketAddress::size()) < 0) {
        int const errnum = errno;
        if (errnum == EAGAIN)
            return base::Error{base::Code::deadline_exceeded, "connect to " + path + ": it lets nobody in"};
        return base::Error::from_errno("connect to " + path, errnum);
    }
    return socket;
}

} // namespace nova::sys
