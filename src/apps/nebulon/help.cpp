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
    Help{"create", R"(usage: nb create [OPTIONS] COMMAND ARGS...      keep a container under a new id, which is printed
       nb create --bundle DIR [OPTIONS] ID       OCI: set one up from a bundle; it waits for start

  --rootfs, -r DIR|NAME:TAG       its root: a directory (with / or ./ in front) or an image; default: the rootfs of init
  --hostname NAME                 default: its id
  --workdir, -w DIR               default: /, or the image's
  --env, -e NAME=VALUE            once for each
  --uid, -u N  --gid, -g N        default: 0
  --volume, -v SOURCE:TARGET[:ro] a directory (with / or ./ in front) or a volume; once for each; --volumes is the same
  --memory, -m BYTES              64Mi, 1G
  --cpus, -c N                    0.5 is half of one
 OCI: --bundle, --console-socket, --pid-file, --pidfd-socket, --preserve-fds, --no-pivot, --no-new-keyring

With --bundle or another option of the OCI runtime, or with one argument where config.json lies, it is the OCI command.

examples: nb create --rootfs ./root --env A=b sh -c 'echo $A'
          nb create --rootfs myapp:latest --memory 64Mi --volume data:/data server --port 80
          nb create --bundle /srv/web --pid-file /run/web.pid web)"},
    Help{"run", R"(usage: nb run [--detach] ID                      run a container that was created; its exit code is ours
       nb run --bundle DIR [OPTIONS] ID         OCI: create and start, and wait for its end (--detach: do not)

With --bundle or another option of the OCI runtime, or with one argument where config.json lies, it is the OCI command.

examples: nb run nb-317d1158
          nb run --bundle /srv/web web-1)"},
    Help{"init", R"(usage: nb [--root DIR] init
Makes Nebulon's directory (default: /var/lib/nebulon) with an empty rootfs in it. Can be repeated.

example: nb init && tar -C /var/lib/nebulon/rootfs -xf root.tar)"},
    Help{"ps", R"(usage: nb ps [--quiet]     list Nebulon's containers
       nb ps [--format table|json] ID     OCI: list the processes in a container

examples: nb ps
          nb ps web-1)"},
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
    Help{"start", "usage: nb start ID\nStarts the program of a created container.\n\nexample: nb start web-1"},
    Help{"exec", R"(usage: nb exec [OPTIONS] ID COMMAND ARGS... | nb exec --process FILE ID
Starts one more program in a running container. 127: there is no such program; 126: it cannot be used.
  --process, -p FILE  --tty, -t  --detach, -d  --user, -u UID[:GID]  --cwd DIR  --env, -e NAME=VALUE  --cap, -c NAME
  --additional-gids, -g GID  --console-socket PATH  --pid-file FILE  --preserve-fds N  --cgroup PATH  --no-new-privs

example: nb exec --env A=b web-1 sh -c 'echo $A')"},
    Help{"state", "usage: nb state ID\nPrints a container's state as JSON.\n\nexample: nb state web-1"},
    Help{"list",
         "usage: nb list [--format table|json] [--quiet]\nLists the runtime's containers.\n\nexample: nb list --format json"},
    Help{"kill",
         "usage: nb kill [--all] ID [SIGNAL]\nSends a signal (default: TERM) to a container.\n\nexample: nb kill web-1 HUP"},
    Help{"delete", "usage: nb delete [--force] ID\nRemoves a stopped container; with --force any.\n\nexample: nb delete web-1"},
    Help{"pause", "usage: nb pause ID\nFreezes all processes of a container.\n\nexample: nb pause web-1"},
    Help{"resume", "usage: nb resume ID\nLets them run again.\n\nexample: nb resume web-1"},
    Help{"update", R"(usage: nb update [LIMITS] ID | nb update --resources FILE ID
Changes the limits of a running container.

example: nb update --memory 67108864 web-1)"},
    Help{"events", "usage: nb events [--stats] ID\nPrints what a container uses.\n\nexample: nb events --stats web-1"},
    Help{"spec", "usage: nb spec [--bundle DIR] [--rootless]\nWrites an example config.json.\n\nexample: nb spec --bundle ."},
    Help{"features", "usage: nb features\nPrints what this runtime can do as JSON.\n\nexample: nb features"},
    Help{"checkpoint", R"(usage: nb checkpoint [OPTIONS] ID
Writes a running container to files (needs CRIU), and ends it unless it is left running.
  --image-path DIR  --work-path DIR  --leave-running  --pre-dump  --parent-path DIR  --tcp-established  --ext-unix-sk  --shell-job
  --file-locks  --link-remap  --auto-dedup  --empty-ns network  --manage-cgroups-mode ignore|none|soft|full|strict

example: nb checkpoint --image-path ./cp web-1)"},
    Help{"restore", R"(usage: nb restore [OPTIONS] ID
Runs a container from such files (needs CRIU).
  --image-path DIR  --work-path DIR  --bundle DIR  --detach  --pid-file FILE  --console-socket PATH  --tcp-established
  --ext-unix-sk  --shell-job  --file-locks  --link-remap  --auto-dedup  --empty-ns network
  --manage-cgroups-mode ignore|none|soft|full|strict

example: nb restore --image-path ./cp --bundle /srv/web web-1)"},
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
