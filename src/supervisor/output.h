#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/process_spec.h"
#include "supervisor/log_writer.h"
#include "sys/unique_fd.h"

namespace nova::supervisor {

/// Where a line comes from.
enum class Source { out, err, console };
inline constexpr std::array all_sources{Source::out, Source::err, Source::console};
std::string_view to_string(Source source); ///< "stdout", "stderr", "console".

/// What a process writes, on its way into its log, such that SIGKILL of ours at any instant loses and doubles nothing:
/// 1. the kernel moves bytes from the FIFO to the end of a spool file (splice: what it stored it took away, no more, no less);
/// 2. whole lines go from the spool into the log;
/// 3. one small write notes how much of the spool and of the log belong together.
/// Killed between 2 and 3, the successor cuts the log back to the note and logs the same bytes again. A line that has no line
/// feed yet stays in the spool, so nothing waits in our memory.
class Output {
public:
    /// Opens, or goes on with, the spools in `directory` and the log.
    static Result<Output> open(const std::string& directory, const model::LogSpec& log);

    using Seen = std::function<void(std::string_view)>;

    /// Moves all that waits in a FIFO, for a bounded number of rounds. `seen` gets the raw bytes.
    Status drain(Source source, int fifo, const Seen& seen);

    /// True while the log can't be written (a full disk): call retry() from time to time. What comes meanwhile waits in the
    /// spool; beyond a limit it is lost, and the log tells how much.
    bool blocked() const { return blocked_; }
    void retry();

    /// Logs also lines without a line feed: their writers are gone. Removes the spools.
    void finish();

private:
    struct Spool {
        sys::UniqueFd fd;
        std::uint64_t done = 0;    ///< Logged up to here.
        std::uint64_t end = 0;     ///< Written up to here.
        std::uint64_t punched = 0; ///< The disk was given back up to here.
    };
    enum class Lines { whole, all };

    Output(std::string directory, LogWriter log) : directory_(std::move(directory)), log_(std::move(log)) {}
    Spool& spool(Source source) { return spools_[static_cast<std::size_t>(source)]; }
    Status open_spool(Source source, std::uint64_t done);
    Result<std::string> read_spool(const Spool& from, std::uint64_t at, std::size_t most);
    void take(Source source, std::string_view bytes);
    void discard(Source source, int fifo, const Seen& seen);
    void log_or_block(Source source, Lines lines);
    Status log_pending(Source source, Lines lines);
    Status log_lines(Source source, Lines lines, bool& more);
    Status tell_loss(Source source);
    bool empty(Spool& spool);
    void shrink(Spool& spool);
    void commit();

    std::string directory_;
    LogWriter log_;
    std::array<Spool, 3> spools_;
    sys::UniqueFd progress_;
    std::uint64_t lost_ = 0;
    bool blocked_ = false;
};

} // namespace nova::supervisor
