#include "storage/rootfs.h"

#include <algorithm>

#include "sys/directory.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

/// Highest first, as overlayfs wants it. It refuses one directory twice; of the same layer in two places only the upper one is
/// seen anyway.
std::vector<std::string> stack_of(const std::vector<std::string>& layers)
{
    std::vector<std::string> stack;
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        if (std::find(stack.begin(), stack.end(), *layer) == stack.end())
            stack.push_back(*layer);
    return stack;
}

/// The root's owner and mode are those of the uppermost directory, so upper gets them from the image.
Status make_upper(const std::string& upper, const std::string& top_layer)
{
    auto const from = TRY(sys::Directory::open(top_layer));
    TRY(sys::make_directories(upper, 0755));
    auto const to = TRY(sys::Directory::open(upper));
    return sys::apply_attributes(to.fd(), TRY(sys::attributes_of(from.fd())));
}

} // namespace

Result<std::string> ensure_rootfs(const std::string& directory, const std::vector<std::string>& layer_directories)
{
    auto const doing = "prepare rootfs " + directory;
    auto rootfs = directory + "/rootfs";
    if (TRY(sys::is_mounted(rootfs).context(doing)))
        return rootfs;
    auto const stack = stack_of(layer_directories);
    if (stack.empty())
        return Error{Code::invalid_argument, doing + ": an image without layers"};
    TRY(sys::make_directories(directory + "/work", 0755).context(doing));
    TRY(sys::make_directories(rootfs, 0755).context(doing));
    if (!sys::exists(directory + "/upper"))
        TRY(make_upper(directory + "/upper", stack.front()).context(doing));
    auto mount = TRY(sys::Mount::overlay(rootfs, {stack, directory + "/upper", directory + "/work"}).context(doing));
    std::move(mount).keep();
    return rootfs;
}

Status unmount_rootfs(const std::string& directory)
{
    return sys::ensure_unmounted(directory + "/rootfs").context("unmount rootfs " + directory);
}

Status remove_rootfs(const std::string& directory)
{
    TRY(unmount_rootfs(directory));
    return sys::remove_tree(directory).context("remove rootfs " + directory);
}

} // namespace nova::storage
