#include "runtime/devices.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <array>

#include "runtime/mount_options.h"
#include "sys/file.h"
#include "sys/mount_api.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::UniqueFd;
namespace oci = model::oci;

namespace {

struct DefaultDevice {
    const char* path;
    unsigned major;
    unsigned minor;
};
constexpr std::array<DefaultDevice, 6> default_devices{{{"/dev/null", 1, 3},
                                                        {"/dev/zero", 1, 5},
                                                        {"/dev/full", 1, 7},
                                                        {"/dev/random", 1, 8},
                                                        {"/dev/urandom", 1, 9},
                                                        {"/dev/tty", 5, 0}}};

struct DefaultLink {
    const char* path;
    const char* target;
};
constexpr std::array<DefaultLink, 5> default_links{{{"/dev/fd", "/proc/self/fd"},
                                                    {"/dev/stdin", "/proc/self/fd/0"},
                                                    {"/dev/stdout", "/proc/self/fd/1"},
                                                    {"/dev/stderr", "/proc/self/fd/2"},
                                                    {"/dev/ptmx", "pts/ptmx"}}};

Status attach_node(const sys::RootDirectory& root, const std::string& path, const UniqueFd& node)
{
    auto const target = TRY(root.ensure_file(path));
    return sys::attach_mount(node.get(), target.get());
}

/// The host's own node in its place, checked to be that device.
Status bind_node(const sys::RootDirectory& root, const std::string& path, dev_t device)
{
    auto const source = TRY(sys::open_file(path, O_PATH | O_NOFOLLOW));
    struct stat status {};
    if (::fstat(source.get(), &status) < 0 || (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) || status.st_rdev != device)
        return Error{Code::failed_precondition, "the host's " + path + " is not that device"};
    auto const copy = TRY(sys::clone_tree(source.get(), sys::Subtree::this_mount));
    TRY(sys::set_mount_attributes(copy.get(), {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC}, sys::Subtree::this_mount));
    return attach_node(root, path, copy);
}

struct NodeWish {
    std::string path;
    mode_t mode = 0;
    dev_t device = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

Status make_node(const sys::RootDirectory& root, const NodeWish& wish)
{
    auto made = root.ensure_node(wish.path, wish.mode, wish.device, wish.uid, wish.gid);
    if (made.ok() || !failed_with(made, Code::permission_denied))
        return made;
    return bind_node(root, wish.path, wish.device).context("bind device " + wish.path);
}

mode_t type_bits(const std::string& type) { return type == "b" ? S_IFBLK : type == "p" ? S_IFIFO : S_IFCHR; }

/// No image has its /dev elsewhere: who leads us there wants something.
Status check_dev(const sys::RootDirectory& root)
{
    auto const dev = sys::open_at(root.fd(), "dev", O_PATH | O_NOFOLLOW);
    struct stat status {};
    if (dev.ok() && ::fstat(dev.value().get(), &status) == 0 && S_ISLNK(status.st_mode))
        return Error{Code::invalid_argument, "/dev is a symbolic link in the rootfs"};
    return done();
}

Status make_wished(const sys::RootDirectory& root, const oci::Device& device, const UniqueFd* node)
{
    if (node && *node)
        return attach_node(root, device.path, *node).context("bind device " + device.path);
    auto const number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    auto const mode = type_bits(device.type) | (device.file_mode.value_or(0666) & 07777);
    return make_node(root, {device.path, mode, number, device.uid.value_or(0), device.gid.value_or(0)});
}

/// Someone who mounts the host's /dev wants that one, as it is.
bool dev_is_foreign(const oci::Config& config)
{
    for (const auto& mount : config.mounts) {
        if (sys::clean_path(mount.destination) != "dev")
            continue;
        auto const options = parse_mount_options(mount.options);
        return mount.type == "bind" || mount.type == "rbind" || (options.ok() && options.value().bind);
    }
    return false;
}

} // namespace

Status make_devices(const sys::RootDirectory& root, const oci::Config& config, const std::vector<UniqueFd>& nodes)
{
    if (dev_is_foreign(config))
        return done();
    TRY(check_dev(root));
    for (const auto& device : default_devices)
        TRY(make_node(root, {device.path, S_IFCHR | 0666, makedev(device.major, device.minor), 0, 0}));
    for (std::size_t i = 0; i < config.platform.devices.size(); ++i)
        TRY(make_wished(root, config.platform.devices[i], i < nodes.size() ? &nodes[i] : nullptr).context("linux.devices"));
    for (const auto& link : default_links)
        TRY(root.ensure_symlink(link.target, link.path));
    if (sys::exists("/proc/kcore"))
        TRY(root.ensure_symlink("/proc/kcore", "/dev/core"));
    return done();
}

Status finish_dev(const sys::RootDirectory& root, const oci::Config& config)
{
    if (dev_is_foreign(config))
        return done();
    for (const auto& mount : config.mounts) {
        if (sys::clean_path(mount.destination) != "dev")
            continue;
        auto const options = TRY(parse_mount_options(mount.options));
        if ((options.set & MOUNT_ATTR_RDONLY) == 0)
            continue;
        auto const dev = TRY(root.find("dev"));
        TRY(sys::set_mount_attributes(dev.get(), {.set = MOUNT_ATTR_RDONLY}, sys::Subtree::this_mount).context("mount /dev"));
    }
    return done();
}

Result<Terminal> open_terminal(const sys::RootDirectory& root, const oci::Process& process)
{
    Terminal terminal;
    terminal.master = TRY(root.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY).context("open a terminal"));
    struct stat status {};
    struct statfs filesystem {};
    if (::fstat(terminal.master.get(), &status) < 0 || ::fstatfs(terminal.master.get(), &filesystem) < 0)
        return Error::from_errno("look at /dev/pts/ptmx");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) || filesystem.f_type != DEVPTS_SUPER_MAGIC)
        return Error{Code::failed_precondition, "/dev/pts/ptmx of the container is not a terminal's"};
    int const unlock = 0;
    if (::ioctl(terminal.master.get(), TIOCSPTLCK, &unlock) < 0)
        return Error::from_errno("unlock the terminal");
    terminal.slave = UniqueFd{::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)};
    if (!terminal.slave)
        return Error::from_errno("open the terminal's other end");
    if (process.console_size) {
        struct winsize const size{process.console_size->height, process.console_size->width, 0, 0};
        (void)::ioctl(terminal.master.get(), TIOCSWINSZ, &size);
    }
    return terminal;
}

Result<Terminal> make_console(const sys::RootDirectory& root, const oci::Process& process)
{
    auto terminal = TRY(open_terminal(root, process));
    auto const target = TRY(root.ensure_file("/dev/console"));
    auto const copy = TRY(sys::clone_tree(terminal.slave.get(), sys::Subtree::this_mount).context("console"));
    TRY(sys::attach_mount(copy.get(), target.get()).context("console"));
    return terminal;
}

} // namespace nova::runtime
