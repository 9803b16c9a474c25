#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// open(2) with O_CLOEXEC. Errors: as open(2), "open PATH: …".
Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0);
Result<UniqueFd> open_at(int directory, const std::string& path, int flags, unsigned mode = 0);

/// A second handle of the same open file, close-on-exec.
Result<UniqueFd> duplicate(int fd);

/// The whole content. Errors: as open(2) and read(2); resource_exhausted - more than `most` bytes.
Result<std::string> read_file(const std::string& path, std::size_t most = 64u << 20);
Result<std::string> read_all(int fd, std::size_t most = 64u << 20);

/// Writes everything, in as many write(2) as it takes; retries EINTR.
Status write_all(int fd, std::string_view text);

/// Writes into an existing file in place, as files of the kernel want it (cgroup, sysctl): one write(2), no create.
Status write_kernel_file(const std::string& path, std::string_view text);

/// Replaces a file so that a reader, and a crash at any instant, sees the old content or the new, never a part: temporary file,
/// fsync, rename, fsync of the directory.
Status write_file_atomically(const std::string& path, std::string_view text, unsigned mode = 0644);

/// As write_file_atomically, but without waiting for the disk, which takes milliseconds: after a power loss the file may be the
/// old one, empty or missing. For what is written anew before it is read again.
Status replace_file(const std::string& path, std::string_view text, unsigned mode = 0644);

/// Removes the temporaries of the two above that killed writers left in a directory. Only for who knows that nobody writes there
/// now. Accepts the directory's absence.
Status sweep_temporaries(const std::string& directory);

/// Waits until the file and its name are on the disk: what replace_file left out.
Status sync_file(const std::string& path);

/// mkdir -p. The mode is that of directories it makes.
Status make_directories(const std::string& path, unsigned mode = 0755);

/// Makes one directory, or takes the one that is there, and opens it (O_PATH); never follows a link.
Result<UniqueFd> make_directory_at(int directory, const std::string& name, unsigned mode = 0755);

/// Removes a tree without following a link or crossing a mount. Accepts absence.
Status remove_tree(const std::string& path);

/// Accepts absence.
Status remove_file(const std::string& path);

bool exists(const std::string& path); ///< Of any kind; does not follow a last link.

/// Names in a directory, sorted, without "." and "..". Errors: not_found.
Result<std::vector<std::string>> list_directory(const std::string& path);

} // namespace nova::sys
