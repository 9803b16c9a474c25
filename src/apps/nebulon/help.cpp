#include "apps/nebulon/help.h"

#include <array>
#include <string_view>

namespace nova::nebulon {
namespace {

struct Help {
    std::string_view command;
    std::string_view text;
};

constexpr std::array helps{
    Help{"create", R"(
Without a bundle it is Nebulon's.

usage: nb create [OPTIONS] COMMAND ARGS...      keep a container under a new id, which is printed

  --rootfs, -r DIR|NAME:TAG       its root: a directory (with / or ./ in front) or an image; default: the rootfs of init
  --hostname NAME                 default: its id
  --workdir, -w DIR               default: /, or the image's
  --env, -e NAME=VALUE            once for each
  --uid, -u N  --gid, -g N        default: 0
  --volume, -v SOURCE:TARGET[:ro] a directory (with / or ./ in front) or a volume; once for each; --volumes is the same
  --memory, -m BYTES              64Mi, 1G
  --cpus, -c N                    0.5 is half of one

With --bundle or another option of the OCI runtime, or with one argument where config.json lies, it is the OCI command.

examples: nb create --rootfs ./root --env A=b sh -c 'echo $A'
          nb create --rootfs myapp:latest --memory 64Mi --volume data:/data server --port 80)"},
    Help{"run", R"(
Without a bundle it is Nebulon's.

usage: nb run [--detach] ID      run a container that was created; its exit code is ours

With --bundle or another option of the OCI runtime, or with one argument where config.json lies, it is the OCI command.

example: nb run nb-317d1158)"},
    Help{"init", R"(usage: nb [--root DIR] init
Makes Nebulon's directory (default: /var/lib/nebulon) with an empty rootfs in it. Can be repeated.

example: nb init && tar -C /var/lib/nebulon/rootfs -xf root.tar)"},
    Help{"ps", R"(
Without an id it is Nebulon's.

usage: nb ps [--quiet]     list its containers

example: nb ps)"},
    Help{"stop", R"(usage: nb stop [--time SECONDS] ID
Asks it to end (SIGTERM), and after 10 seconds, or as many, kills it. Of one that has ended there is nothing to do.

example: nb stop nb-317d1158)"},
    Help{"rm", R"(usage: nb rm ID
Removes a container that does not run, with what it wrote into an image's root.

example: nb rm nb-317d1158)"},
    Help{"volume", R"(usage: nb volume create NAME [--driver local] | ls | rm NAME
Directories that outlive containers. One that a container uses is not removed.

examples: nb volume create myvolume --driver local
          nb volume ls
          nb volume rm myvolume)"},
    Help{"image", R"(usage: nb image import TAR NAME TAG | ls | rm NAME TAG
Takes docker archives, OCI archives and OCI layouts. One that a container uses is not removed and not replaced.

examples: nb image import /path/to/my_image.tar myapp latest
          nb image ls
          nb image rm myapp latest)"},
};

} // namespace

std::string help_of(const std::string& command)
{
    for (const auto& help : helps)
        if (help.command == command)
            return std::string{help.text} + "\n";
    return {};
}

} // namespace nova::nebulon
