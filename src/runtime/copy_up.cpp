#include "runtime/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "sys/file.h"

namespace nova::runtime {

using base::done;
using base::Error;
using base::Status;
using sys::UniqueFd;

namespace {

constexpr int most_depth = 200;

Status copy_entry(int from, int to, const std::string& name, int depth);

Status copy_directory(int from, int to, int depth)
{
    if (depth > most_depth)
        return Error{base::Code::invalid_argument, "directories are nested too deeply"};
    auto list = TRY(sys::open_at(from, ".", O_RDONLY | O_DIRECTORY));
    auto* const directory = ::fdopendir(list.release());
    if (!directory)
        return Error::from_errno("read a directory");
    Status result = done();
    while (result.ok()) {
        const auto* const entry = ::readdir(directory);
        if (!entry)
            break;
        std::string const name = entry->d_name;
        if (name != "." && name != "..")
            result = copy_entry(from, to, name, depth).context(name);
    }
    ::closedir(directory);
    return result;
}

Status copy_content(const UniqueFd& from, const UniqueFd& to)
{
    while (true) {
        auto const count = ::sendfile(to.get(), from.get(), nullptr, 1u << 30);
        if (count < 0)
            return Error::from_errno("copy");
        if (count == 0)
            return done();
    }
}

void copy_attributes(int from, int to)
{
    std::vector<char> names(65536);
    auto const size = ::flistxattr(from, names.data(), names.size());
    std::vector<char> value(65536);
    for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::string_view{names.data() + at}.size()) + 1) {
        auto const length = ::fgetxattr(from, names.data() + at, value.data(), value.size());
        if (length >= 0) // A tmpfs takes not every one: what it refuses stays behind.
            (void)::fsetxattr(to, names.data() + at, value.data(), static_cast<std::size_t>(length), 0);
    }
}

Status finish(int directory, const std::string& name, const struct stat& status)
{
    if (::fchownat(directory, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return Error::from_errno("set the owner");
    if (!S_ISLNK(status.st_mode) && ::fchmodat(directory, name.c_str(), status.st_mode & 07777, 0) < 0)
        return Error::from_errno("set the mode");
    struct timespec const times[2] = {status.st_atim, status.st_mtim};
    if (::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
        return Error::from_errno("set the times");
    return done();
}

Status copy_link(int from, int to, const std::string& name)
{
    char target[PATH_MAX];
    auto const length = ::readlinkat(from, name.c_str(), target, sizeof target - 1);
    if (length < 0)
        return Error::from_errno("read a link");
    target[length] = '\0';
    if (::symlinkat(target, to, name.c_str()) < 0)
        return Error::from_errno("make a link");
    return done();
}

Status copy_tree(int from, int to, const std::string& name, int depth)
{
    if (::mkdirat(to, name.c_str(), 0700) < 0)
        return Error::from_errno("make a directory");
    auto const source = TRY(sys::open_at(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    auto const target = TRY(sys::open_at(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(copy_directory(source.get(), target.get(), depth + 1));
    copy_attributes(source.get(), target.get());
    return done();
}

Status copy_file(int from, int to, const std::string& name)
{
    auto const source = TRY(sys::open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    auto const target = TRY(sys::open_at(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(copy_content(source, target));
    copy_attributes(source.get(), target.get());
    return done();
}

Status copy_entry(int from, int to, const std::string& name, int depth)
{
    struct stat status {};
    struct stat parent {};
    if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 || ::fstat(from, &parent) < 0)
        return Error::from_errno("look at it");
    if (S_ISDIR(status.st_mode) && status.st_dev != parent.st_dev)
        return done(); // Another mount.
    if (S_ISDIR(status.st_mode))
        TRY(copy_tree(from, to, name, depth));
    else if (S_ISREG(status.st_mode))
        TRY(copy_file(from, to, name));
    else if (S_ISLNK(status.st_mode))
        TRY(copy_link(from, to, name));
    else if (::mknodat(to, name.c_str(), status.st_mode, status.st_rdev) < 0)
        return Error::from_errno("make a special file");
    return finish(to, name, status);
}

} // namespace

Status copy_up(int from, int to) { return copy_directory(from, to, 0); }

} // namespace nova::runtime
