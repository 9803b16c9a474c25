#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "base/result.h"

namespace nova::runtime {

/// What stdin, stdout and stderr of a container were when it was dumped: "pipe:[123]", "/dev/null", ...
using StandardStreams = std::array<std::string, 3>;

base::Result<StandardStreams> streams_of(pid_t pid);

/// descriptors.json of an image directory, as runc writes it too.
base::Status write_streams(const std::string& image_path, const StandardStreams& streams);

/// What such a file says. Errors: invalid_argument.
base::Result<StandardStreams> parse_streams(std::string text);

/// Looks at the directory before criu, which runs as root, reads anything in it: only plain files that nobody but us or root can
/// change or swap, not too many. Gives the streams. Errors: invalid_argument, permission_denied - names the file.
base::Result<StandardStreams> check_image(const std::string& image_path);

} // namespace nova::runtime
