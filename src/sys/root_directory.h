#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// A directory that a stranger filled and that shall become somebody's "/". Every path is resolved as if it were "/" already:
/// symbolic links and ".." never lead out, and what is found is held by a descriptor.
class RootDirectory {
public:
    explicit RootDirectory(UniqueFd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }

    /// A handle (O_PATH) of what lies there, links followed. Errors: not_found.
    Result<UniqueFd> find(const std::string& path) const;

    /// The same, and directories that are missing are made. Errors: invalid_argument - something else lies there.
    Result<UniqueFd> ensure_directory(const std::string& path, unsigned mode = 0755) const;

    /// The same for a file, which is made empty: where a link leads, when it leads to nothing.
    Result<UniqueFd> ensure_file(const std::string& path) const;

    /// Leaves alone what lies there already.
    Status ensure_symlink(const std::string& target, const std::string& path) const;

    /// A device node or FIFO. Replaces nothing: accepts the same device, fails on another file.
    Status ensure_node(const std::string& path, mode_t mode, dev_t device, uid_t owner, gid_t group) const;

private:
    Result<UniqueFd> ensure_below(const std::string& path, unsigned mode, int links_left) const;
    Result<UniqueFd> ensure_step(const std::string& before, const std::string& name, const std::string& rest, unsigned mode,
                                 int links_left) const;

    UniqueFd fd_;
};

/// Resolves "a/./b//c/" to "a/b/c"; ".." is taken back lexically. For paths of configurations, before they meet a file system.
std::string clean_path(std::string_view path);

} // namespace nova::sys
