#include "sys/root_directory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <vector>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/mount_api.h"
#include "sys/resolve.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

constexpr int most_links = 40; // As the kernel's own limit.

std::pair<std::string, std::string> split_last(const std::string& clean)
{
    auto const slash = clean.rfind('/');
    if (slash == std::string::npos)
        return {".", clean};
    return {clean.substr(0, slash), clean.substr(slash + 1)};
}

/// Empty: it is no symbolic link.
std::string link_target(int parent, const std::string& name)
{
    char target[PATH_MAX];
    auto const length = ::readlinkat(parent, name.c_str(), target, sizeof target);
    return length > 0 ? std::string{target, static_cast<std::size_t>(length)} : std::string{};
}

bool is_at_or_below(const std::string& path, const std::string& directory)
{
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// Which mount a handle is in, and whether it is its root.
struct MountPlace {
    std::uint64_t mount = 0;
    bool is_root = false;
};
Result<MountPlace> mount_place(const UniqueFd& fd)
{
    struct statx status {};
    if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0)
        return Error::from_errno("look at a mount");
    return MountPlace{status.stx_mnt_id, (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

bool same_node(const struct stat& found, mode_t mode, dev_t device)
{
    if ((found.st_mode & S_IFMT) != (mode & S_IFMT))
        return false;
    return S_ISFIFO(mode) || found.st_rdev == device;
}

} // namespace

namespace {

/// The usual case: nothing in it to take away but a slash at its beginning.
bool is_clean(std::string_view relative)
{
    return !relative.empty() && relative.front() != '.' && relative.back() != '/' &&
           relative.find("//") == std::string_view::npos && relative.find("/.") == std::string_view::npos;
}

} // namespace

std::string clean_path(std::string_view path)
{
    if (auto const relative = path.substr(path.starts_with('/') ? 1 : 0); is_clean(relative) && relative.front() != '/')
        return std::string{relative};
    std::vector<std::string> kept;
    for (auto& part : base::split(path, '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            kept.push_back(std::move(part));
        else if (!kept.empty())
            kept.pop_back();
    }
    return kept.empty() ? "." : base::join(kept, "/");
}

struct RootDirectory::Held {
    std::string path; ///< Clean.
    std::uint64_t mount = 0;
    RootDirectory root;
};

RootDirectory::RootDirectory(UniqueFd fd) : fd_(std::move(fd)) {}
RootDirectory::RootDirectory(RootDirectory&&) noexcept = default;
RootDirectory& RootDirectory::operator=(RootDirectory&&) noexcept = default;
RootDirectory::~RootDirectory() = default;

Status RootDirectory::attach(const UniqueFd& mount, const UniqueFd& target, const std::string& path, Content content)
{
    auto const clean = clean_path(path);
    auto const covered = TRY(mount_place(target));
    TRY(attach_mount(mount.get(), target.get()));
    std::erase_if(held_, [&](const Held& held) {
        return is_at_or_below(held.path, clean) || (covered.is_root && held.mount == covered.mount);
    });
    if (content != Content::ours)
        return base::done();
    auto const place = TRY(mount_place(mount));
    auto inside = TRY(duplicate(mount.get()));
    held_.push_back({clean, place.mount, RootDirectory{std::move(inside)}});
    return base::done();
}

std::pair<const RootDirectory*, std::string> RootDirectory::start_of(const std::string& path) const
{
    if (held_.empty())
        return {nullptr, {}};
    auto const clean = clean_path(path);
    for (auto held = held_.rbegin(); held != held_.rend(); ++held)
        if (is_at_or_below(clean, held->path))
            return {&held->root, clean == held->path ? "." : clean.substr(held->path.size() + 1)};
    return {nullptr, {}};
}

bool RootDirectory::holds(const std::string& path) const { return start_of(path).second == "."; }

Result<UniqueFd> RootDirectory::open(const std::string& path, int flags) const
{
    if (auto const [mount, rest] = start_of(path); mount) {
        auto found = mount->look_up(rest, flags);
        // What is missing is missing; but a link on the way may be meant as from our own root, and one on the way to any mount
        // may have led that over this one.
        if (!failed_with(found, Code::not_found) || !(met_links_ || mount->met_links_))
            return found;
    }
    return look_up(path, flags);
}

Result<UniqueFd> RootDirectory::look_up(const std::string& path, int flags) const
{
    auto found = open_without_links(fd(), path, flags);
    if (found.ok() || found.error().errnum() != ELOOP)
        return found;
    met_links_ = true;
    return open_in_root(fd(), path, flags);
}

Result<RootDirectory::Place> RootDirectory::open_place(const std::string& path) const
{
    if (path == ".")
        return Place{fd(), {}};
    auto opened = TRY(look_up(path, O_PATH | O_DIRECTORY));
    auto const number = opened.get();
    return Place{number, std::move(opened)};
}

Result<RootDirectory::Place> RootDirectory::ensure_place(const std::string& path) const
{
    if (auto const [mount, rest] = start_of(path); mount && rest == ".")
        return Place{mount->fd(), {}};
    auto opened = TRY(ensure_directory(path));
    auto const number = opened.get();
    return Place{number, std::move(opened)};
}

Result<UniqueFd> RootDirectory::find(const std::string& path) const { return open(path, O_PATH); }

Result<UniqueFd> RootDirectory::ensure_directory(const std::string& path, unsigned mode) const
{
    if (auto const [mount, rest] = start_of(path); mount) {
        // The usual case: little lies in what we have just mounted. One name, so that no link is on the way.
        if (rest.find('/') == std::string::npos && ::mkdirat(mount->fd(), rest.c_str(), mode) == 0)
            return mount->look_up(rest, O_PATH | O_DIRECTORY);
        return mount->ensure_directory(rest, mode);
    }
    auto found = look_up(path, O_PATH | O_DIRECTORY);
    if (found.ok() || !failed_with(found, Code::not_found))
        return found;
    // The usual case: only the last name is missing.
    auto const clean = clean_path(path);
    auto const [above, name] = split_last(clean);
    if (auto const parent = open_place(above); parent.ok() && ::mkdirat(parent.value().fd, name.c_str(), mode) == 0)
        return look_up(clean, O_PATH | O_DIRECTORY);
    return ensure_below(path, mode, most_links);
}

/// Walks with the components in hand; a link that leads to nothing yet is followed by us, still below the root.
Result<UniqueFd> RootDirectory::ensure_below(const std::string& path, unsigned mode, int links_left) const
{
    if (links_left == 0)
        return Error{Code::invalid_argument, "make directory " + path + ": too many symbolic links"};
    auto const clean = clean_path(path);
    std::string before = ".";
    for (std::size_t begin = 0; begin < clean.size();) {
        auto const end = std::min(clean.find('/', begin), clean.size());
        auto const name = clean.substr(begin, end - begin);
        auto const here = before == "." ? name : before + "/" + name;
        auto found = look_up(here, O_PATH | O_DIRECTORY);
        if (failed_with(found, Code::not_found))
            return ensure_step(before, name, clean.substr(std::min(end + 1, clean.size())), mode, links_left);
        TRY(std::move(found));
        before = here;
        begin = end + 1;
    }
    return look_up(clean, O_PATH | O_DIRECTORY);
}

Result<UniqueFd> RootDirectory::ensure_step(const std::string& before, const std::string& name, const std::string& rest,
                                            unsigned mode, int links_left) const
{
    auto const parent = TRY(look_up(before, O_RDONLY | O_DIRECTORY));
    auto const tail = rest.empty() ? "" : "/" + rest;
    if (::mkdirat(parent.get(), name.c_str(), mode) == 0 || errno == EEXIST) {
        auto const link = link_target(parent.get(), name);
        if (link.empty())
            return ensure_below(before + "/" + name + tail, mode, links_left - 1);
        return ensure_below((link.front() == '/' ? link : before + "/" + link) + tail, mode, links_left - 1);
    }
    int const errnum = errno;
    return Error::from_errno("make directory " + before + "/" + name, errnum);
}

Result<UniqueFd> RootDirectory::ensure_file(const std::string& path) const
{
    if (auto const [mount, rest] = start_of(path); mount)
        return mount->ensure_file(rest);
    auto where = path;
    for (int links_left = most_links; links_left > 0; --links_left) {
        auto found = find(where);
        if (found.ok() || !failed_with(found, Code::not_found))
            return found;
        auto const [directory, name] = split_last(clean_path(where));
        auto const parent = TRY(ensure_directory(directory));
        auto const made = open_in_root(parent.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        if (made.ok())
            return find(where);
        auto const link = made.error().errnum() == EEXIST ? link_target(parent.get(), name) : std::string{};
        if (link.empty())
            return Error{made.error()};
        where = link.front() == '/' ? link : directory + "/" + link; // It leads to nothing yet: images' resolv.conf does.
    }
    return Error{Code::invalid_argument, "make file " + path + ": too many symbolic links"};
}

Status RootDirectory::ensure_symlink(const std::string& target, const std::string& path) const
{
    auto const [directory, name] = split_last(clean_path(path));
    auto const parent = TRY(ensure_place(directory));
    if (::symlinkat(target.c_str(), parent.fd, name.c_str()) < 0 && errno != EEXIST) {
        int const errnum = errno;
        return Error::from_errno("make symbolic link " + path, errnum);
    }
    return base::done();
}

Status RootDirectory::ensure_node(const std::string& path, mode_t mode, dev_t device, uid_t owner, gid_t group) const
{
    auto const [directory, name] = split_last(clean_path(path));
    auto const parent = TRY(ensure_place(directory));
    if (::mknodat(parent.fd, name.c_str(), mode, device) < 0) {
        int const errnum = errno;
        struct stat found {};
        if (errnum == EEXIST && ::fstatat(parent.fd, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
            same_node(found, mode, device))
            return base::done();
        return Error::from_errno("make device " + path, errnum);
    }
    if (::fchmodat(parent.fd, name.c_str(), mode & 07777, 0) < 0 ||
        ((owner != 0 || group != 0) && ::fchownat(parent.fd, name.c_str(), owner, group, AT_SYMLINK_NOFOLLOW) < 0)) {
        int const errnum = errno;
        return Error::from_errno("set owner and mode of device " + path, errnum);
    }
    return base::done();
}

} // namespace nova::sys
