#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

/// The address of a unix socket's path, for bind(2) and connect(2). A path that an address does not hold (from 108 bytes on) is
/// reached through a descriptor of its directory, so this must live until the call returned.
class SocketAddress {
public:
    /// Errors: invalid_argument - empty, or a last part of more than about 85 bytes; as open(2) for the directory.
    static base::Result<SocketAddress> of(const std::string& path);

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name_); }
    static constexpr socklen_t size() { return sizeof(sockaddr_un); }

private:
    sockaddr_un name_{};
    UniqueFd directory_;
};

} // namespace nova::sys
