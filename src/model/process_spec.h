#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace nova::model {

/// Where what a supervised process writes is kept: one timestamped line per line, rotated by size.
struct LogSpec {
    std::string path; ///< Absolute. Rotated files are path.1 (newest) to path.N.
    base::Bytes rotate_at{16ull << 20};
    std::uint32_t keep_files = 3;
    bool operator==(const LogSpec&) const = default;
};

/// How the standard streams of a supervised process are made.
enum class StdioMode {
    log,      ///< stdin is empty; stdout and stderr go to the log, each line marked with its stream.
    terminal, ///< One pseudo-terminal; what it shows goes to the log, and attach sees it live.
};

/// Everything the supervisor needs to start one process, watch it, and tell later how it ended. Plain data, so that the
/// drivers can say what they want run without knowing who runs it.
struct ProcessSpec {
    std::string id;                ///< Unique under one root: "pod.default.web", "vm.default.probe", "dns.default.lab".
    std::vector<std::string> argv; ///< argv[0] is an absolute path, or "nb" for the runtime itself (the sealed copy).
    std::vector<std::string> env;  ///< "K=V"; nothing is inherited.
    std::string cwd = "/";
    StdioMode stdio = StdioMode::log;
    LogSpec log;
    /// A serial console in two FIFOs, PATH.in and PATH.out, that the supervisor makes, logs from (into `log`, stream
    /// "console") and offers to attach. Both ends open them read-write, so neither notices when the other dies.
    std::string console_fifo;
    /// Where argv is a launcher that leaves a daemon behind (nb run --detach): the file it writes the daemon's pid to.
    /// The supervisor, as subreaper, then watches that pid; the launcher's own failure is the start's failure.
    std::string pid_file;
    /// With StdioMode::terminal, where argv is a launcher that makes the terminal itself (nb run --console-socket PATH): the
    /// unix socket to which it sends the master. The supervisor listens there. Empty: the supervisor makes the terminal.
    std::string terminal_socket;
    bool operator==(const ProcessSpec&) const = default;
};

/// What is known of a supervised process.
struct ProcessStatus {
    enum class State { running, exited, lost }; ///< lost: it is gone, and how it ended can't be known any more.

    std::string id;
    State state = State::running;
    std::int64_t pid = 0;
    std::optional<int> exit_code; ///< 128 + signal where a signal ended it.
    std::string started;          ///< RFC 3339 with nanoseconds.
    std::string finished;
};

} // namespace nova::model
