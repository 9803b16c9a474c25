#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// A directory that a stranger filled and that shall become somebody's "/". Every path is resolved as if it were "/" already:
/// symbolic links and ".." never lead out, and what is found is held by a descriptor.
///
/// Mounts of ours in it are held too, and what lies below their places is looked up from them: who renames in the tree meanwhile
/// moves such a place, and a look from the root would end in what he put there.
class RootDirectory {
public:
    explicit RootDirectory(UniqueFd fd);
    RootDirectory(RootDirectory&&) noexcept;
    RootDirectory& operator=(RootDirectory&&) noexcept;
    ~RootDirectory();

    int fd() const { return fd_.get(); }

    enum class Content {
        strange, ///< A stranger may have filled it: links in it are followed as from the root.
        ours,    ///< The kernel or we did: what it lacks is looked for nowhere else.
    };

    /// Attaches a mount onto `target`, which is what was found at `path`. One of ours is held from then on.
    Status attach(const UniqueFd& mount, const UniqueFd& target, const std::string& path, Content content);

    bool holds(const std::string& path) const; ///< A mount of ours lies there.

    /// What lies there, links followed. `flags`: of open(2). Errors: not_found - also where a mount of ours lacks it, and
    /// something else has come to lie at that mount's place.
    Result<UniqueFd> open(const std::string& path, int flags) const;

    /// A handle of it (O_PATH).
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
    struct Held;
    /// The mount in which a path lies, and the rest of the way; null: none of ours.
    std::pair<const RootDirectory*, std::string> start_of(const std::string& path) const;
    /// A directory, by a descriptor that is held anyway or by one of its own.
    struct Place {
        int fd = -1;
        UniqueFd opened;
    };
    Result<UniqueFd> look_up(const std::string& path, int flags) const; ///< From our own root; notes that there was a link.
    Result<Place> open_place(const std::string& path) const;            ///< From our own root; mounts in it are not asked.
    Result<Place> ensure_place(const std::string& path) const;
    Result<UniqueFd> ensure_below(const std::string& path, unsigned mode, int links_left) const;
    Result<UniqueFd> ensure_step(const std::string& before, const std::string& name, const std::string& rest, unsigned mode,
                                 int links_left) const;

    UniqueFd fd_;
    mutable bool met_links_ = false;
    std::vector<Held> held_; ///< In the order in which they were mounted: the last one covers.
};

/// Resolves "a/./b//c/" to "a/b/c"; ".." is taken back lexically. For paths of configurations, before they meet a file system.
std::string clean_path(std::string_view path);

} // namespace nova::sys
