#include "apps/nova/server/supervision.h"

#include <string_view>

#include "base/log.h"
#include "base/strings.h"
#include "sys/file.h"

namespace nova::app {
namespace {

/// Which program the running supervisor is, in a file beside it: written by the daemon that started or replaced it.
std::string mark_path(const Layout& layout) { return layout.run + "/supervisor.program"; }

std::string mark_of(std::span<const std::byte> image)
{
    return base::to_hex(base::stable_hash({reinterpret_cast<const char*>(image.data()), image.size()}), 16) + "\n";
}

} // namespace

Result<std::unique_ptr<supervisor::Client>> reach_supervisor(const Layout& layout, const sys::UniqueFd& program,
                                                             std::span<const std::byte> image)
{
    TRY(sys::sweep_temporaries(layout.run)); // Of a daemon that was killed in the middle of writing the mark.
    bool const from_before = sys::exists(layout.run + "/supervisor");
    auto client = TRY(supervisor::connect({.run_directory = layout.run, .program = program.get()}));
    auto const ours = mark_of(image);
    auto const theirs = sys::read_file(mark_path(layout), ours.size());
    if (theirs.ok() && theirs.value() == ours)
        return client;
    if (from_before) {
        auto const upgraded = client->upgrade(program);
        // The old one goes on serving: that is worth more than a daemon that refuses to start.
        if (!upgraded.ok()) {
            base::log_warning("replace the older supervisor: " + upgraded.error().message());
            return client;
        }
        base::log_info("the supervisor of an older Nova was replaced in place");
    }
    TRY(sys::write_file_atomically(mark_path(layout), ours));
    return client;
}

} // namespace nova::app
