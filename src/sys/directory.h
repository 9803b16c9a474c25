#pragma once

#include <ctime>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// What a file carries besides its content.
struct FileAttributes {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    unsigned mode = 0; ///< Permission bits with set-id and sticky.
    timespec modified{};
    std::vector<std::pair<std::string, std::string>> xattrs;
};

/// Owner, then mode (chown clears set-id bits), then extended attributes (chown clears capabilities), then the time.
/// Attributes "user.*" that the file system has no place for are left out. Errors: as the calls; invalid_argument - bad xattr.
Status apply_attributes(int fd, const FileAttributes& attributes);

Result<FileAttributes> attributes_of(int fd); ///< Without the extended ones.
Status set_modified(int fd, timespec modified);
Result<std::uint64_t> size_of(int fd); ///< Errors: invalid_argument - no regular file.

Status set_size(int fd, std::uint64_t size);
Status write_all_at(int fd, std::string_view bytes, std::uint64_t offset);

enum class FileKind { regular, directory, symlink, fifo, whiteout, other };

/// An open directory in which entries are made one by one, by a single name each: never through a link, never outside.
/// A name with '/' in it, "", "." or ".." is a programmer's error.
class Directory {
public:
    static Result<Directory> open(const std::string& path);

    /// A directory below; no symbolic link on the way. "" is this directory itself, newly opened.
    /// Errors: not_found; invalid_argument - a link or something else than a directory on the way.
    Result<Directory> beneath(const std::string& path) const;

    Result<std::optional<FileKind>> kind_of(const std::string& name) const; ///< Empty: there is none. Does not follow links.

    Status make_directory(const std::string& name, unsigned mode) const;
    Result<UniqueFd> create_file(const std::string& name) const; ///< Mode 0600, for writing. Errors: already_exists.
    Status make_symlink(const std::string& name, const std::string& target) const;
    Status make_fifo(const std::string& name) const;
    Status make_whiteout(const std::string& name) const; ///< As overlayfs wants it: character device 0:0.
    Status link(const Directory& from, const std::string& from_name, const std::string& name) const; ///< Follows no link.
    Status remove(const std::string& name) const;                                                    ///< No directories.

    /// For links and fifos, which are not opened: owner, mode (not of links), time.
    Status apply_attributes_to(const std::string& name, FileKind kind, const FileAttributes& attributes) const;
    Status make_opaque() const; ///< Hides, in an overlay, what layers below have in this directory.

    int fd() const { return fd_.get(); }

private:
    explicit Directory(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

/// rename(2) that keeps what is at `to`. Errors: already_exists.
Status rename_to_free(const std::string& from, const std::string& to);
Status rename_over(const std::string& from, const std::string& to);
Status link_to_free(const std::string& from, const std::string& to); ///< A hard link; follows none. Errors: already_exists.
Status sync_directory(const std::string& path);                      ///< Makes renames in it durable.
Status sync_file_system(const std::string& path); ///< Makes everything on its file system durable: one call for many new files.

} // namespace nova::sys
