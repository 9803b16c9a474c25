#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Who is at the other end of a unix socket, as the kernel saw it at connect(2).
struct Peer {
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups; ///< Supplementary ones.
};

/// Errors: as getsockopt(2).
Result<Peer> peer_of(int socket);

/// The number of a group in the group database; empty where there is none of that name.
std::optional<std::uint32_t> find_group(const std::string& name);

/// A listening unix stream socket at a path. Whoever holds the lock file beside it ("PATH.lock") owns the path, so that what a
/// dead process left is replaced and a living one is never robbed. The socket goes when this does.
class LocalListener {
public:
    /// `group` becomes the socket's group where it is given. Paths over 107 bytes work.
    /// Errors: failed_precondition - a living process listens there; as bind(2).
    static Result<LocalListener> open(const std::string& path, unsigned mode, std::optional<std::uint32_t> group = std::nullopt);

    LocalListener(LocalListener&&) noexcept = default;
    LocalListener& operator=(LocalListener&&) = delete;
    ~LocalListener();

    int fd() const { return socket_.get(); }

private:
    LocalListener(std::string path, UniqueFd lock, UniqueFd socket)
        : path_(std::move(path)), lock_(std::move(lock)), socket_(std::move(socket))
    {}

    std::string path_;
    UniqueFd lock_;
    UniqueFd socket_;
};

/// Bounds how long connect(2) waits while the listener lets nobody in and its queue is full, and each later send that blocks.
void limit_sending(int socket, std::chrono::seconds limit);

/// Connects to a unix stream socket. Paths over 107 bytes work. `patience`: see limit_sending; else there is no bound.
/// Errors: not_found - no such path; unavailable - nobody listens; deadline_exceeded - it lets nobody in; permission_denied.
Result<UniqueFd> connect_local(const std::string& path, std::optional<std::chrono::seconds> patience = std::nullopt);

} // namespace nova::sys
