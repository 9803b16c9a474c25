#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// Where a container stands, as the specification names it; paused is everybody's extension.
enum class Phase { creating, created, running, paused, stopped };
std::string_view to_string(Phase phase);

/// The class of resctrl that a container's processes are in (linux.intelRdt).
struct RdtPlace {
    std::string name;       ///< Empty: none. "/": the default one.
    bool made = false;      ///< With the container, and goes with it.
    bool monitored = false; ///< There is a group in it that watches this container alone.
};

/// What is kept of a container in <root>/<id>/state.json.
struct Record {
    std::string id;
    std::string bundle;
    std::string rootfs;
    pid_t pid = 0;                      ///< 0: not started yet.
    unsigned long long start_ticks = 0; ///< Tells the pid from a later reuse.
    std::string created;                ///< RFC 3339
    std::string cgroup;                 ///< Empty: none of its own.
    std::vector<std::string> controllers;
    std::string unit; ///< Of systemd, which made the cgroup. Empty: none.
    RdtPlace rdt;
    std::string owner;
    std::map<std::string, std::string> annotations;
    std::string version = "1.2.1"; ///< ociVersion of its configuration.
    bool own_pids = true;          ///< Its first process is the init of a pid namespace: no other survives it.
    bool needs_config = true;      ///< Who starts or removes it finds something to do in its configuration: a hook, a listener.
};

/// Errors: invalid_argument - empty, longer than 1024, with a '.' first, or of other characters than A-Z a-z 0-9 _ + - .
Status check_id(const std::string& id);

/// The directory of one container: its record, its configuration, its start socket, and the lock of whoever changes it.
class StateDirectory {
public:
    /// Makes it. Errors: already_exists.
    static Result<StateDirectory> create(const std::string& root, const std::string& id);

    /// Errors: not_found - there is no container of that id.
    static Result<StateDirectory> open(const std::string& root, const std::string& id);

    static Result<std::vector<std::string>> list(const std::string& root); ///< Ids. Absence of the root gives none.

    /// Keeps other commands that change this container waiting until this handle dies.
    Status lock();
    /// Whether another command has the lock. Not for a handle that has it itself, which would lose it.
    bool is_being_changed() const;

    /// Replaces the record so that a reader sees the old or the new one. Not synced: no container outlives a power loss.
    Status write(const Record& record) const;
    Result<Record> read() const;

    Status write_config(const std::string& text) const;
    Status replace_config(const std::string& text) const; ///< A reader sees the old or the new one.
    Result<std::string> read_config() const;

    std::string socket_path() const { return path_ + "/start"; }
    std::string path() const { return path_; }
    bool waits_for_start() const;
    Status remove() const; ///< Accepts absence.

private:
    explicit StateDirectory(std::string path) : path_(std::move(path)) {}
    Status replace(const std::string& name, const std::string& text) const;

    std::string path_;
    sys::UniqueFd lock_;
};

/// Looks at the kernel: whether it lives, waits or is frozen.
Phase observe(const StateDirectory& directory, const Record& record);

/// A handle of its first process. Errors: not_found - it has ended.
Result<sys::UniqueFd> open_process(const Record& record);

/// The state as the specification's JSON, for `state` and for hooks.
std::string state_json(const Record& record, Phase phase);

Result<Record> parse_record(std::string text);
std::string to_json(const Record& record);

} // namespace nova::runtime
