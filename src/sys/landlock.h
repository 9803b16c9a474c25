#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

/// Landlock: a process gives up rights that no later program of it gets back (landlock(7)).
namespace nova::sys {

using base::Result;
using base::Status;

/// Rights as the kernel's bits.
struct LandlockRights {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scopes = 0;

    bool none() const { return files == 0 && network == 0 && scopes == 0; }
    bool operator==(const LandlockRights&) const = default;
};

/// "read_file", "bind_tcp", "signal" to their bits. Errors: invalid_argument.
Result<std::uint64_t> parse_landlock_file_right(std::string_view name);
Result<std::uint64_t> parse_landlock_network_right(std::string_view name);
Result<std::uint64_t> parse_landlock_scope(std::string_view name);

/// What this kernel knows; nothing where Landlock is not there or switched off.
LandlockRights known_landlock_rights();

/// Rules under construction: what is handled is denied, but where a rule allows it.
class LandlockRules {
public:
    /// Errors: unimplemented - no Landlock; invalid_argument - a right that this kernel does not know.
    static Result<LandlockRules> create(const LandlockRights& handled);

    /// Of rights that only directories can have a file is given none.
    Status allow_beneath(int path, std::uint64_t rights) const;
    Status allow_port(std::uint16_t port, std::uint64_t rights) const;

    /// Puts them on the calling process. Needs no_new_privs or CAP_SYS_ADMIN.
    Status restrict_self() const;

private:
    explicit LandlockRules(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

} // namespace nova::sys
