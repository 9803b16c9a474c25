#include "runtime/host_nodes.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/channel.h"
#include "runtime/id_map.h"
#include "runtime/namespaces.h"
#include "sys/file.h"
#include "sys/mount_api.h"
#include "sys/namespace.h"
#include "sys/own_process.h"
#include "sys/pidfd.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using sys::Subtree;
using sys::UniqueFd;
namespace oci = model::oci;

namespace {

bool is_node(const oci::Device& device) { return device.type != "p"; } // A FIFO anybody can make.

Result<UniqueFd> make_node(const oci::Linux& config, const sys::RootDirectory& directory, const oci::Device& device,
                           const std::string& name)
{
    auto const kind = device.type == "b" ? S_IFBLK : S_IFCHR;
    auto const number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    auto const owner = TRY(host_id(config.uid_mappings, device.uid.value_or(0)).context("uid"));
    auto const group = TRY(host_id(config.gid_mappings, device.gid.value_or(0)).context("gid"));
    TRY(directory.ensure_node(name, kind | (device.file_mode.value_or(0666) & 07777), number, owner, group));
    auto const node = TRY(sys::open_at(directory.fd(), name, O_PATH | O_NOFOLLOW));
    return sys::clone_tree(node.get(), Subtree::this_mount);
}

/// In a mount namespace of its own: a tree can be cloned only from what is mounted somewhere.
Status send_nodes(const oci::Linux& config, const Channel& channel)
{
    TRY(sys::set_mount_attributes("/", {.propagation = MS_PRIVATE}, Subtree::with_submounts));
    auto filesystem = TRY(sys::NewFilesystem::open("tmpfs"));
    auto tree = TRY(filesystem.create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    auto const place = TRY(sys::open_file("/", O_PATH | O_DIRECTORY));
    TRY(sys::attach_mount(tree.get(), place.get()));
    sys::RootDirectory const directory{std::move(tree)};
    for (std::size_t i = 0; i < config.devices.size(); ++i)
        if (const auto& device = config.devices[i]; is_node(device)) {
            auto const node = TRY(make_node(config, directory, device, std::to_string(i)).context(device.path));
            TRY(channel.send(Note::node, {}, node.get()));
        }
    return done();
}

Result<std::vector<UniqueFd>> take_nodes(const oci::Linux& config, Channel& channel)
{
    std::vector<UniqueFd> nodes(config.devices.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!is_node(config.devices[i]))
            continue;
        auto received = TRY(channel.expect(Note::node));
        nodes[i] = std::move(received.fds.at(0));
    }
    return nodes;
}

} // namespace

Result<std::vector<UniqueFd>> make_host_nodes(const oci::Linux& config)
{
    if (!has_user_namespace(config) || config.uid_mappings.empty() ||
        std::none_of(config.devices.begin(), config.devices.end(), is_node))
        return std::vector<UniqueFd>{};
    auto [ours, theirs] = TRY(Channel::create());
    auto const cloned = sys::clone_process(CLONE_NEWNS);
    if (failed_with(cloned, Code::permission_denied))
        return std::vector<UniqueFd>{};
    if (!cloned.ok())
        return Error{cloned.error()};
    if (cloned.value().pid == 0) {
        ours.close();
        (void)sys::set_parent_death_signal(SIGKILL);
        if (auto const sent = send_nodes(config, theirs); !sent.ok())
            theirs.send_failure(sent.error());
        sys::exit_now(0);
    }
    theirs.close();
    auto nodes = take_nodes(config, ours);
    (void)sys::wait_pidfd(cloned.value().pidfd.get(), base::Deadline::never());
    if (failed_with(nodes, Code::permission_denied))
        return std::vector<UniqueFd>{};
    return nodes;
}

} // namespace nova::runtime
