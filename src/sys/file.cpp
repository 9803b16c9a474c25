#include "sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "sys/random.h"

namespace nova::sys {

using base::Error;

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) { return open_at(AT_FDCWD, path, flags, mode); }

Result<UniqueFd> open_at(int directory, const std::string& path, int flags, unsigned mode)
{
    UniqueFd fd{::openat(directory, path.c_str(), flags | O_CLOEXEC, mode)};
    if (!fd) {
        int const errnum = errno;
        return Error::from_errno("open " + path, errnum);
    }
    return fd;
}

Result<UniqueFd> duplicate(int fd)
{
    UniqueFd copy{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
    if (!copy)
        return Error::from_errno("duplicate a descriptor");
    return copy;
}

Result<std::string> read_all(int fd, std::size_t most)
{
    std::string text;
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        text.reserve(std::min(static_cast<std::size_t>(status.st_size), most) + 1); // The kernel's own files tell none.
    char part[4096];                                                                // Not cleared: most files are much shorter.
    while (true) {
        auto const count = ::read(fd, part, sizeof part);
        if (count < 0 && errno != EINTR)
            return Error::from_errno("read");
        if (count == 0)
            return text;
        text.append(part, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (text.size() > most)
            return Error{base::Code::resource_exhausted, "read: more than " + std::to_string(most) + " bytes"};
    }
}

Result<std::string> read_file(const std::string& path, std::size_t most)
{
    auto const file = TRY(open_file(path, O_RDONLY));
    return read_all(file.get(), most).context(path);
}

Status write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        auto const count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("write");
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return base::done();
}

Status write_kernel_file(const std::string& path, std::string_view text)
{
    auto const file = TRY(open_file(path, O_WRONLY));
    if (::write(file.get(), text.data(), text.size()) < 0) {
        int const errnum = errno;
        return Error::from_errno("write \"" + std::string{text.substr(0, 80)} + "\" to " + path, errnum);
    }
    return base::done();
}

namespace {

Status sync_directory(const std::string& path)
{
    auto const directory = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(directory.get()) < 0)
        return Error::from_errno("sync " + path);
    return base::done();
}

constexpr std::string_view temporary_mark = ".new-";
constexpr std::size_t temporary_digits = 8;

/// The inverse of temporary_of.
bool is_temporary(std::string_view name)
{
    auto const end = name.size() - std::min(name.size(), temporary_digits);
    return name.substr(0, end).ends_with(temporary_mark) && end > temporary_mark.size() &&
           name.find_first_not_of("0123456789abcdef", end) == std::string_view::npos;
}

std::string temporary_of(const std::string& path) { return path + std::string{temporary_mark} + random_hex(temporary_digits); }

enum class Durable { no, yes };

Status write_new(const std::string& path, std::string_view text, unsigned mode, Durable durable)
{
    auto const file = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    TRY(write_all(file.get(), text).context(path));
    if (durable == Durable::yes && ::fsync(file.get()) < 0)
        return Error::from_errno("sync " + path);
    return base::done();
}

Status replace(const std::string& path, std::string_view text, unsigned mode, Durable durable)
{
    auto const temporary = temporary_of(path);
    auto written = write_new(temporary, text, mode, durable);
    if (written.ok() && ::rename(temporary.c_str(), path.c_str()) < 0)
        written = Error::from_errno("rename to " + path);
    if (!written.ok())
        ::unlink(temporary.c_str());
    return written;
}

} // namespace

Status write_file_atomically(const std::string& path, std::string_view text, unsigned mode)
{
    TRY(replace(path, text, mode, Durable::yes));
    return sync_directory(std::filesystem::path{path}.parent_path().string());
}

Status replace_file(const std::string& path, std::string_view text, unsigned mode)
{
    return replace(path, text, mode, Durable::no);
}

Status sweep_temporaries(const std::string& directory)
{
    auto names = list_directory(directory);
    if (base::failed_with(names, base::Code::not_found))
        return base::done();
    for (const auto& name : TRY(std::move(names)))
        if (is_temporary(name))
            TRY(remove_file(directory + "/" + name));
    return base::done();
}

Status sync_file(const std::string& path)
{
    auto const file = TRY(open_file(path, O_RDONLY | O_NOFOLLOW));
    if (::fsync(file.get()) < 0)
        return Error::from_errno("sync " + path);
    return sync_directory(std::filesystem::path{path}.parent_path().string());
}

Status make_directories(const std::string& path, unsigned mode)
{
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        auto const part = path.substr(0, end);
        if (::mkdir(part.c_str(), mode) < 0 && errno != EEXIST) {
            int const errnum = errno;
            return Error::from_errno("make directory " + part, errnum);
        }
        if (end == std::string::npos)
            return base::done();
    }
}

Result<UniqueFd> make_directory_at(int directory, const std::string& name, unsigned mode)
{
    if (::mkdirat(directory, name.c_str(), mode) < 0 && errno != EEXIST) {
        int const errnum = errno;
        return Error::from_errno("make directory " + name, errnum);
    }
    return open_at(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

namespace {

Result<std::vector<std::string>> names_in(int directory, const std::string& path)
{
    // The stream takes over its descriptor, so it gets one of its own, opened afresh: a dup would share the position.
    auto fd = TRY(open_at(directory, ".", O_RDONLY | O_DIRECTORY));
    DIR* const stream = ::fdopendir(fd.release());
    if (stream == nullptr)
        return Error::from_errno("list " + path);
    std::vector<std::string> names;
    while (auto const* entry = ::readdir(stream)) {
        std::string name{entry->d_name};
        if (name != "." && name != "..")
            names.push_back(std::move(name));
    }
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
}

/// Takes a tree down. Each level costs a descriptor, and a stranger may have nested thousands: what lies deeper than a few levels
/// is moved up to the top first.
class Removal {
public:
    Removal(int top, dev_t device) : top_(top), device_(device) {}

    Status remove_all(const std::string& path)
    {
        while (true) {
            auto const names = TRY(names_in(top_, path));
            if (names.empty())
                return base::done();
            for (const auto& name : names)
                TRY(remove_entry(top_, name, path + "/" + name, 1));
        }
    }

private:
    static constexpr int most_levels = 64;

    Status remove_entry(int directory, const std::string& name, const std::string& path, int level)
    {
        struct stat found {};
        if (::fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? base::done() : Status{Error::from_errno("look at " + path)};
        if (S_ISDIR(found.st_mode)) {
            if (found.st_dev != device_)
                return Error{base::Code::failed_precondition, "remove " + path + ": something is mounted there"};
            if (level == most_levels)
                return move_up(directory, name, path);
            auto const inner = TRY(open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
            for (const auto& one : TRY(names_in(inner.get(), path)))
                TRY(remove_entry(inner.get(), one, path + "/" + one, level + 1));
        }
        return unlink_entry(directory, name, path, S_ISDIR(found.st_mode) ? AT_REMOVEDIR : 0);
    }

    Status move_up(int directory, const std::string& name, const std::string& path)
    {
        if (::renameat(directory, name.c_str(), top_, ("deeper-" + random_hex(16)).c_str()) < 0) {
            int const errnum = errno;
            return Error::from_errno("move up " + path, errnum);
        }
        return base::done();
    }

    static Status unlink_entry(int directory, const std::string& name, const std::string& path, int flags)
    {
        if (::unlinkat(directory, name.c_str(), flags) < 0 && errno != ENOENT) {
            int const errnum = errno;
            return Error::from_errno("remove " + path, errnum);
        }
        return base::done();
    }

    int top_;
    dev_t device_;
};

Status remove_directory(const std::string& path, dev_t device)
{
    {
        auto const top = TRY(open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        TRY(Removal(top.get(), device).remove_all(path));
    }
    if (::rmdir(path.c_str()) < 0 && errno != ENOENT) {
        int const errnum = errno;
        return Error::from_errno("remove " + path, errnum);
    }
    return base::done();
}

} // namespace

Status remove_tree(const std::string& path)
{
    struct stat found {};
    if (::lstat(path.c_str(), &found) < 0)
        return errno == ENOENT ? base::done() : Status{Error::from_errno("look at " + path)};
    if (!S_ISDIR(found.st_mode))
        return remove_file(path);
    // The parent's device is the measure for the top: a mount point is not entered.
    struct stat parent {};
    auto const above = std::filesystem::path{path}.parent_path().string();
    if (::stat(above.empty() ? "." : above.c_str(), &parent) < 0)
        return Error::from_errno("look at " + above);
    if (found.st_dev != parent.st_dev)
        return Error{base::Code::failed_precondition, "remove " + path + ": something is mounted there"};
    return remove_directory(path, parent.st_dev);
}

Status remove_file(const std::string& path)
{
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) {
        int const errnum = errno;
        return Error::from_errno("remove " + path, errnum);
    }
    return base::done();
}

bool exists(const std::string& path)
{
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0;
}

Result<std::vector<std::string>> list_directory(const std::string& path)
{
    auto const directory = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    return names_in(directory.get(), path);
}

} // namespace nova::sys
