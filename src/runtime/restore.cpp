#include "runtime/restore.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/undo.h"
#include "runtime/channel.h"
#include "runtime/checkpoint_image.h"
#include "runtime/external_parts.h"
#include "runtime/image_cgroups.h"
#include "runtime/network_lock.h"
#include "runtime/restored_check.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/mount_api.h"
#include "sys/namespace.h"
#include "sys/pidfd.h"
#include "sys/root_directory.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

bool is_below_tmpfs(const oci::Config& config, const std::string& path)
{
    for (const auto& mount : config.mounts)
        if (mount.type == "tmpfs" && ("/" + sys::clean_path(path)).starts_with("/" + sys::clean_path(mount.destination) + "/"))
            return true;
    return false;
}

/// One restore. criu needs the root as a mount of its own: that is made in a mount namespace of ours, which nobody else sees and
/// which goes with us.
class Restore {
public:
    Restore(const Globals& globals, const RestorePlan& plan) : globals_(globals), plan_(plan) {}

    Result<Restored> run(const std::function<Status(pid_t)>& on_namespaces)
    {
        auto const streams = TRY(check_image(plan_.images.image_path));
        if (plan_.images.cgroup_mode != "ignore")
            TRY(choose_cgroup());
        auto const home = TRY(sys::open_file("/proc/self/ns/mnt", O_RDONLY));
        base::Undo undo;
        TRY(sys::leave_namespaces(CLONE_NEWNS));
        undo.add([&] { (void)sys::enter_namespace(home.get(), CLONE_NEWNS); });
        TRY(mount_root());
        TRY(make_places());
        CriuRequest work{.settings = plan_.images};
        work.work = CriuWork::restore;
        work.cgroup = plan_.cgroup;
        if (plan_.config.process->no_new_privileges) // Of which the images of older versions of criu say nothing.
            work.new_privileges = sys::NewPrivileges::never;
        TRY(add_options(work, streams));
        work.on_notice = [&](CriuNotice notice) { return take_notice(std::move(notice), on_namespaces); };
        auto const pid = TRY(run_criu(globals_, work));
        auto pidfd = TRY(sys::open_pidfd(pid));
        if (!checked_) {
            (void)sys::signal_pidfd(pidfd.get(), SIGKILL);
            return Error{Code::internal, "criu let the processes run without asking"};
        }
        return Restored{pid, std::move(pidfd), std::move(terminal_)};
    }

private:
    /// Where the images' cgroups go: below the container's own, whatever the one was called that they come from.
    Status choose_cgroup()
    {
        auto const theirs = TRY(check_image_cgroups(plan_.images.image_path));
        if (plan_.record.cgroup.empty())
            return Error{Code::failed_precondition, "the checkpoint is of a container with a cgroup, and this one has none: "
                                                    "take --manage-cgroups-mode ignore"};
        move_cgroup_ = theirs != plan_.record.cgroup;
        return done();
    }

    Status mount_root()
    {
        // Ours go nowhere; but the root still follows the host's mount, as the one that was dumped did: criu takes that over.
        TRY(sys::set_mount_attributes("/", {.propagation = MS_SLAVE}, sys::Subtree::with_submounts));
        root_ = plan_.directory + "/root";
        TRY(sys::make_directories(root_, 0700));
        auto const tree = TRY(sys::clone_tree(plan_.record.rootfs, sys::Subtree::with_submounts).context("rootfs"));
        auto const place = TRY(sys::open_file(root_, O_PATH | O_DIRECTORY));
        return sys::attach_mount(tree.get(), place.get());
    }

    /// Where the mounts of the images go. criu makes none of the places itself.
    Status make_places()
    {
        sys::RootDirectory const root{TRY(sys::open_file(root_, O_PATH | O_DIRECTORY))};
        for (const auto& mount : plan_.config.mounts) {
            if (is_below_tmpfs(plan_.config, mount.destination))
                continue; // Its content comes with the images.
            auto const source = absolute(mount.source);
            struct stat status {};
            bool const file = !mount.source.empty() && ::stat(source.c_str(), &status) == 0 && !S_ISDIR(status.st_mode) &&
                              (mount.type == "bind" || mount.type == "rbind");
            TRY((file ? root.ensure_file(mount.destination) : root.ensure_directory(mount.destination)).context("mounts"));
        }
        return done();
    }

    std::string absolute(const std::string& source) const
    {
        return source.starts_with('/') ? source : plan_.record.bundle + "/" + source;
    }

    Status add_options(CriuRequest& work, const StandardStreams& streams)
    {
        auto& options = work.options;
        options.text(criu_option::root, root_).flag(criu_option::sibling, true);
        if (move_cgroup_) {
            WireMessage place;
            place.text(2, plan_.record.cgroup);
            options.message(criu_option::cgroup_root, place);
        }
        for (const auto& mount : external_mounts(plan_.config))
            options.message(criu_option::external_mount, external_mount(mount.inside, absolute(mount.source)));
        options.message(criu_option::external_mount, external_mount("/dev/null", "/dev/null"));
        for (std::size_t i = 0; i < streams.size(); ++i)
            if (streams[i].starts_with("pipe:") || streams[i].starts_with("socket:"))
                inherit(options, streams[i], static_cast<int>(i));
        for (const auto& joined : joined_namespaces(plan_.config.platform)) {
            int const number = 4 + static_cast<int>(namespaces_.size());
            namespaces_.push_back(TRY(sys::open_file(joined.path, O_RDONLY | O_NONBLOCK).context("linux.namespaces")));
            work.pass.push_back({namespaces_.back().get(), number});
            inherit(options, joined.key, number);
        }
        return done();
    }

    static void inherit(WireMessage& options, const std::string& key, int fd)
    {
        WireMessage inherited;
        inherited.text(1, key).number(2, static_cast<std::uint64_t>(fd));
        options.message(criu_option::inherited, inherited);
    }

    Status take_notice(CriuNotice notice, const std::function<Status(pid_t)>& on_namespaces)
    {
        first_ = notice.pid > 0 ? notice.pid : first_; // The last notices name none.
        if (notice.script == "setup-namespaces")
            return on_namespaces(notice.pid);
        if (notice.script == "orphan-pts-master" && notice.fd)
            return take_terminal(std::move(notice.fd));
        if (notice.script == "network-unlock")
            return remove_network_lock(first_).context("unlock the network"); // Its sockets are as they were.
        if (notice.script == "pre-resume")
            return check(notice.criu);
        return done();
    }

    /// They are all there and stand still. criu would let them run whatever we say now.
    Status check(pid_t criu)
    {
        checked_ = true;
        auto checked =
            check_restored(plan_.config, {.rootfs = plan_.record.rootfs, .first = first_, .criu = criu, .cgroup = plan_.cgroup});
        if (checked.ok())
            return checked;
        if (auto const first = sys::open_pidfd(first_); first.ok())
            (void)sys::signal_pidfd(first.value().get(), SIGKILL);
        if (plan_.cgroup)
            (void)plan_.cgroup->signal_all(SIGKILL);
        return checked;
    }

    Status take_terminal(sys::UniqueFd terminal)
    {
        if (plan_.console_socket.empty()) {
            terminal_ = std::move(terminal);
            return done();
        }
        auto const socket = TRY(sys::connect_unix(plan_.console_socket, sys::SocketKind::stream).context("--console-socket"));
        return send_descriptor(socket.get(), "/dev/console", terminal);
    }

    const Globals& globals_;
    const RestorePlan& plan_;
    std::string root_;
    std::vector<sys::UniqueFd> namespaces_;
    sys::UniqueFd terminal_;
    pid_t first_ = 0;
    bool checked_ = false;
    bool move_cgroup_ = false;
};

} // namespace

Result<Restored> restore_processes(const Globals& globals, const RestorePlan& plan,
                                   const std::function<Status(pid_t)>& on_namespaces)
{
    Restore restore{globals, plan};
    return restore.run(on_namespaces);
}

} // namespace nova::runtime
