#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace nova::nebulon {

using base::Result;
using base::Status;

struct Volume {
    std::string source; ///< An absolute path of the host, or a volume's name.
    std::string target; ///< An absolute path.
    bool read_only = false;

    bool is_named() const { return source.front() != '/'; }
    bool operator==(const Volume&) const = default;
};

/// What the user asked for.
struct ContainerConfig {
    std::string command;
    std::vector<std::string> args;
    std::vector<std::string> env; ///< "K=V"
    std::string working_dir = "/";
    std::string hostname;
    std::string rootfs; ///< An absolute path, or "name:tag" of an image.
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<Volume> volumes;
    std::optional<base::Bytes> memory;
    std::optional<double> cpus;

    bool is_image() const { return rootfs.front() != '/'; }
    bool operator==(const ContainerConfig&) const = default;
};

enum class State { created, running, stopped, exited };
std::string_view to_string(State state); ///< "Created"

/// One container, as its metadata.json has it.
struct Container {
    std::string id;
    pid_t pid = 0; ///< Of its first process; 0 where it does not run.
    State state = State::created;
    ContainerConfig config;
    bool operator==(const Container&) const = default;
};

/// Errors: invalid_argument - anything but "nb-" and 8 lower-case hexadecimal digits.
Status check_id(const std::string& id);

/// "SOURCE:TARGET[:ro]". Errors: invalid_argument.
Result<Volume> parse_volume(const std::string& text);

/// Everything that a container's config must keep, whoever wrote it. Errors: invalid_argument, with the field.
Status check_config(const ContainerConfig& config);

std::string to_json(const Container& container);

/// Errors: data_loss - no such document; names the field.
Result<Container> parse_container(const std::string& text);

} // namespace nova::nebulon
