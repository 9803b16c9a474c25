#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nova::runtime {

struct DefaultMount {
    std::string_view target;
    std::string_view type;
    std::string_view source;
    std::vector<std::string_view> options;
};

/// What every container has mounted where nobody wishes otherwise.
const std::vector<DefaultMount>& default_mounts();
const std::vector<std::string_view>& default_masked_paths();
const std::vector<std::string_view>& default_read_only_paths();

enum class SpecKind { privileged, rootless };

/// The config.json that `nb spec` writes: sh on a terminal, with the mounts, limits and three capabilities of runc's and crun's,
/// whose users change a few members of it and count on the rest. Safer than theirs: with the seccomp profile that engines give
/// their containers, and a cgroup namespace whatever the version of the host's cgroups.
std::string default_spec(SpecKind kind);

} // namespace nova::runtime
