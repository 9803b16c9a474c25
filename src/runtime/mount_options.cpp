#include "runtime/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <string_view>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace nova::runtime {

namespace {

struct AttributeOption {
    std::string_view name;
    std::uint64_t set;
    std::uint64_t clear;
};

/// Each also exists with an "r" in front, for all mounts below.
constexpr std::array<AttributeOption, 18> attributes{{
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME}, // Linux takes it anyway where nothing stricter is asked for.
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
}};

struct PropagationOption {
    std::string_view name;
    std::uint64_t propagation;
};
constexpr std::array<PropagationOption, 4> propagations{
    {{"private", MS_PRIVATE}, {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"unbindable", MS_UNBINDABLE}}};

/// A later option overrides an earlier one.
void merge(std::uint64_t& set, std::uint64_t& clear, const AttributeOption& option)
{
    set = (set & ~option.clear) | option.set;
    clear = (clear & ~option.set) | option.clear;
}

bool take_attribute(MountOptions& options, std::string_view name)
{
    for (const auto& known : attributes) {
        if (known.name == name) {
            merge(options.set, options.clear, known);
            return true;
        }
        if (name.substr(0, 1) == "r" && known.name == name.substr(1)) {
            merge(options.recursive_set, options.recursive_clear, known);
            return true;
        }
    }
    return false;
}

bool take_propagation(MountOptions& options, std::string_view name)
{
    for (const auto& known : propagations) {
        bool const recursive = name.substr(0, 1) == "r" && known.name == name.substr(1);
        if (!recursive && known.name != name)
            continue;
        options.propagation = known.propagation;
        options.recursive_propagation = recursive;
        return true;
    }
    return false;
}

/// Of fstab, or of the time before the kernel's present interface for mounts.
constexpr std::array<std::string_view, 13> without_effect{
    "", "defaults", "auto", "noauto", "_netdev", "user", "nouser", "silent", "loud", "acl", "iversion", "noiversion", "noacl"};
/// The kernel takes these for every file system, beside its own ones.
constexpr std::array<std::string_view, 7> of_every_filesystem{"async",      "dirsync", "lazytime", "mand",
                                                              "nolazytime", "nomand",  "sync"};

bool take_own(MountOptions& options, std::string_view name)
{
    if (name == "bind" || name == "rbind") {
        options.bind = true;
        options.recursive_bind = options.recursive_bind || name == "rbind";
    } else if (name == "idmap" || name == "ridmap") {
        options.id_mapped = true;
        options.recursive_id_mapped = name == "ridmap";
    } else if (name == "tmpcopyup") {
        options.copy_up = true;
    } else if (name == "remount") {
        options.remount = true;
    } else if (name == "copy-symlink" || name == "src-nofollow") {
        options.source_no_follow = true;
    } else if (name == "dest-nofollow") {
        options.target_no_follow = true;
    } else {
        return std::find(without_effect.begin(), without_effect.end(), name) != without_effect.end();
    }
    return true;
}

} // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& options)
{
    MountOptions parsed;
    for (const auto& option : options) {
        if (take_own(parsed, option) || take_attribute(parsed, option) || take_propagation(parsed, option))
            continue;
        auto const equals = option.find('=');
        if (equals == 0)
            return base::Error{base::Code::invalid_argument, "mount option \"" + option.substr(0, 80) + "\" has no name"};
        parsed.data.emplace_back(option.substr(0, equals), equals == std::string::npos ? "" : option.substr(equals + 1));
    }
    return parsed;
}

std::vector<std::string> known_mount_options()
{
    std::vector<std::string> names{"bind", "rbind", "idmap", "ridmap", "remount", "dest-nofollow", "src-nofollow", "tmpcopyup"};
    for (auto const name : without_effect)
        if (!name.empty())
            names.emplace_back(name);
    names.insert(names.end(), of_every_filesystem.begin(), of_every_filesystem.end());
    for (const auto& known : attributes) {
        names.emplace_back(known.name);
        names.push_back("r" + std::string{known.name});
    }
    for (const auto& known : propagations) {
        names.emplace_back(known.name);
        names.push_back("r" + std::string{known.name});
    }
    return names;
}

} // namespace nova::runtime
