#include "sys/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/must.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace nova::sys {

using base::Error;

namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// Captures errno before the text is built.
Error failed(const char* doing, const std::string& what)
{
    int const errnum = errno;
    return Error::from_errno(std::string{doing} + " " + what, errnum);
}

const char* checked(const std::string& name)
{
    base::must(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos,
               "one name of a directory entry");
    return name.c_str();
}

} // namespace

Status apply_attributes(int fd, const FileAttributes& attributes)
{
    if (::fchown(fd, attributes.uid, attributes.gid) < 0)
        return Error::from_errno("set the owner");
    if (::fchmod(fd, attributes.mode) < 0)
        return Error::from_errno("set the mode");
    for (const auto& [name, value] : attributes.xattrs) {
        bool const may_fail = name.starts_with("user.");
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) < 0 && !(may_fail && errno == EOPNOTSUPP))
            return failed("set the attribute", name);
    }
    return set_modified(fd, attributes.modified);
}

Status set_modified(int fd, timespec modified)
{
    timespec const times[2] = {modified, modified};
    if (::futimens(fd, times) < 0)
        return Error::from_errno("set the time");
    return base::done();
}

Result<FileAttributes> attributes_of(int fd)
{
    struct stat found {};
    if (::fstat(fd, &found) < 0)
        return Error::from_errno("look at the file");
    return FileAttributes{found.st_uid, found.st_gid, found.st_mode & 07777, found.st_mtim, {}};
}

Result<std::uint64_t> size_of(int fd)
{
    struct stat found {};
    if (::fstat(fd, &found) < 0)
        return Error::from_errno("look at the file");
    if (!S_ISREG(found.st_mode))
        return Error{base::Code::invalid_argument, "no regular file"};
    return static_cast<std::uint64_t>(found.st_size);
}

Status set_size(int fd, std::uint64_t size)
{
    if (::ftruncate(fd, static_cast<off_t>(size)) < 0)
        return Error::from_errno("set the size");
    return base::done();
}

Status write_all_at(int fd, std::string_view bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        auto const count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("write");
        bytes.remove_prefix(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return base::done();
}

Result<Directory> Directory::open(const std::string& path) { return Directory{TRY(open_file(path, directory_flags))}; }

Result<Directory> Directory::beneath(const std::string& path) const
{
    return Directory{TRY(open_beneath(fd_.get(), path.empty() ? "." : path, directory_flags))};
}

Result<std::optional<FileKind>> Directory::kind_of(const std::string& name) const
{
    struct stat found {};
    if (::fstatat(fd_.get(), checked(name), &found, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return std::optional<FileKind>{};
        return failed("look at", name);
    }
    switch (found.st_mode & S_IFMT) {
    case S_IFREG: return std::optional{FileKind::regular};
    case S_IFDIR: return std::optional{FileKind::directory};
    case S_IFLNK: return std::optional{FileKind::symlink};
    case S_IFIFO: return std::optional{FileKind::fifo};
    case S_IFCHR: return std::optional{found.st_rdev == 0 ? FileKind::whiteout : FileKind::other};
    default: return std::optional{FileKind::other};
    }
}

Status Directory::make_directory(const std::string& name, unsigned mode) const
{
    return ::mkdirat(fd_.get(), checked(name), mode) < 0 ? Status{failed("make directory", name)} : base::done();
}

Result<UniqueFd> Directory::create_file(const std::string& name) const
{
    return open_at(fd_.get(), checked(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

Status Directory::make_symlink(const std::string& name, const std::string& target) const
{
    return ::symlinkat(target.c_str(), fd_.get(), checked(name)) < 0 ? Status{failed("make symbolic link", name)} : base::done();
}

Status Directory::make_fifo(const std::string& name) const
{
    return ::mkfifoat(fd_.get(), checked(name), 0600) < 0 ? Status{failed("make fifo", name)} : base::done();
}

Status Directory::make_whiteout(const std::string& name) const
{
    return ::mknodat(fd_.get(), checked(name), S_IFCHR, makedev(0, 0)) < 0 ? Status{failed("make whiteout", name)} : base::done();
}

Status Directory::link(const Directory& from, const std::string& from_name, const std::string& name) const
{
    return ::linkat(from.fd_.get(), checked(from_name), fd_.get(), checked(name), 0) < 0 ? Status{failed("link", name)}
                                                                                         : base::done();
}

Status Directory::remove(const std::string& name) const
{
    return ::unlinkat(fd_.get(), checked(name), 0) < 0 ? Status{failed("remove", name)} : base::done();
}

Status Directory::apply_attributes_to(const std::string& name, FileKind kind, const FileAttributes& attributes) const
{
    if (::fchownat(fd_.get(), checked(name), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) < 0)
        return failed("set the owner of", name);
    if (kind != FileKind::symlink && ::fchmodat(fd_.get(), name.c_str(), attributes.mode, 0) < 0)
        return failed("set the mode of", name);
    timespec const times[2] = {attributes.modified, attributes.modified};
    if (::utimensat(fd_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
        return failed("set the time of", name);
    return base::done();
}

Status Directory::make_opaque() const
{
    if (::fsetxattr(fd_.get(), "trusted.overlay.opaque", "y", 1, 0) < 0)
        return Error::from_errno("make the directory opaque");
    return base::done();
}

Status rename_to_free(const std::string& from, const std::string& to)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) < 0)
        return failed("rename to", to);
    return base::done();
}

Status rename_over(const std::string& from, const std::string& to)
{
    return ::rename(from.c_str(), to.c_str()) < 0 ? Status{failed("rename to", to)} : base::done();
}

Status link_to_free(const std::string& from, const std::string& to)
{
    return ::link(from.c_str(), to.c_str()) < 0 ? Status{failed("link to", to)} : base::done();
}

Status sync_directory(const std::string& path)
{
    auto const directory = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    return ::fsync(directory.get()) < 0 ? Status{failed("sync", path)} : base::done();
}

Status sync_file_system(const std::string& path)
{
    auto const directory = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    return ::syncfs(directory.get()) < 0 ? Status{failed("sync the file system of", path)} : base::done();
}

} // namespace nova::sys
