#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace nova::runtime {

/// The cgroup below which all those lie that criu would make and join as the images say. criu, which is root and sees the host,
/// puts another one in its place: it is made sure that it does so with each of them, and that no name leads elsewhere.
/// Errors: invalid_argument - names what is not so; data_loss.
base::Result<std::string> check_image_cgroups(const std::string& image_path);

/// The same for the content of cgroup.img.
base::Result<std::string> check_cgroup_image(std::string_view content);

} // namespace nova::runtime
