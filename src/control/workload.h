#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "control/drivers.h"
#include "control/queue.h"

namespace nova::control {

/// "pod.default.web": what drivers and the supervisor call a workload.
std::string workload_id(const model::Key& key);
std::optional<model::Key> workload_key(const std::string& id);

/// A capsule's own directory: its root, bundle and what was applied.
std::string capsule_directory(const Places& places, const std::string& id);

/// Where the log of a workload is.
std::string log_path(const Places& places, const std::string& id);

/// Removes a log with its rotated files. Accepts absence.
Status remove_log(const Places& places, const std::string& id);

/// How long ago an RFC 3339 moment was, and how long it was from one to another; zero where one does not read.
std::chrono::milliseconds since(const std::string& moment);
std::chrono::milliseconds between(const std::string& first, const std::string& last);

/// "it ended with exit code 3", in words for a person.
std::string ended_words(const std::optional<model::ProcessStatus>& ended);

/// Ask for a fresh start by changing this annotation's value.
constexpr auto restart_annotation = "nanocloud.io/restart";

/// What a running process was started from, so that a later spec can be held against it. A file beside the workload.
struct Applied {
    std::string spec;    ///< Digest of what matters to the process. Empty: it was asked to end; what comes next is a new start.
    std::string image;   ///< Digest of the image whose root it has.
    std::string address; ///< It was plugged in with this.
    std::vector<std::string> layers{}; ///< Of that image: they must not go while the root stands on them.
    bool done = false; ///< It came to an end of its own that shall stay, also when nobody knows of the process any more.
    bool operator==(const Applied&) const = default;
};
std::optional<Applied> read_applied(const std::string& directory);
Status write_applied(const std::string& directory, const Applied& applied);

/// The same in two steps, so that no start waits for the disk: what is noted outlives the daemon, what is kept a power loss too.
Status note_applied(const std::string& directory, const Applied& applied);
Status keep_applied(const std::string& directory);

/// Writes down that this start is over. Where nothing was applied, nothing is written.
Status forget_start(const std::string& directory);
Status keep_ended(const std::string& directory); ///< Writes down `done`.

bool runs(const std::optional<model::ProcessStatus>& observed);

/// The supervisor's word on a workload; empty where it never ran or was forgotten.
Result<std::optional<model::ProcessStatus>> observe_process(supervisor::Client& supervisor, const std::string& id);

/// How long to wait before a workload that ended is started again: at once, then 1 s, 2 s, 4 s … up to 5 minutes; a workload that
/// ran for ten minutes starts from the beginning. Kept in memory only: a new daemon begins anew.
class RestartDelays {
public:
    /// A run of this length makes up for all that was before.
    explicit RestartDelays(std::chrono::milliseconds good_run = std::chrono::minutes{10}) : good_run_(good_run) {}

    std::chrono::milliseconds before_next(const std::string& id, std::chrono::milliseconds since_end,
                                          std::chrono::milliseconds ran);
    void forget(const std::string& id);

private:
    struct Entry {
        std::chrono::milliseconds delay{0};
    };
    std::chrono::milliseconds good_run_;
    base::Guarded<std::map<std::string, Entry>> entries_;
};

/// When a workload was first asked to stop. Kept in memory only: a new daemon asks again and waits again.
class Graces {
public:
    /// True for the first call: now is the moment to ask.
    bool begin(const std::string& id);
    /// What is left of the grace; zero when it is over.
    std::chrono::milliseconds left(const std::string& id, std::chrono::seconds grace);
    /// True for the first call after begin: now is the moment to say that it had to be killed.
    bool begin_kill(const std::string& id);
    void forget(const std::string& id);

private:
    struct Grace {
        std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
        bool killed = false;
    };
    base::Guarded<std::map<std::string, Grace>> begun_;
};

/// Of which workloads it is known that nothing is left in the kernel, so that looking again costs nothing. Kept in memory only: a
/// new daemon takes down once more.
class TakenDown {
public:
    bool contains(const std::string& id) const
    {
        return ids_.with([&](const auto& ids) { return ids.contains(id); });
    }
    void add(const std::string& id)
    {
        ids_.with([&](auto& ids) { ids.insert(id); });
    }
    void forget(const std::string& id)
    {
        ids_.with([&](auto& ids) { ids.erase(id); });
    }

private:
    base::Guarded<std::set<std::string>> ids_;
};

} // namespace nova::control
