#include "runtime/limit_writer.h"

#include "base/strings.h"

namespace nova::runtime {

using base::done;

namespace {

/// The line per device that means no limit.
std::string_view no_limit(std::string_view file)
{
    if (file == "io.max")
        return "rbps=max wbps=max riops=max wiops=max";
    if (file == "rdma.max")
        return "hca_handle=max hca_object=max";
    if (file == "misc.max")
        return "max";
    if (file == "io.bfq.weight" || file == "io.weight")
        return "default";
    return "0";
}

bool has_line_per_key(std::string_view file)
{
    return file == "io.max" || file == "rdma.max" || file == "misc.max" || file.find("_device") != std::string_view::npos ||
           file == "io.bfq.weight" || file == "io.weight" || file == "net_prio.ifpriomap";
}

} // namespace

std::string text_that_restores(std::string_view file, std::string_view text, std::string_view before)
{
    auto const lines = base::split(base::trim(before), '\n');
    if (file == "memory.oom_control") // "oom_kill_disable 0", of which the number alone is taken back.
        return lines.front().substr(lines.front().rfind(' ') + 1);
    if (!has_line_per_key(file))
        return lines.front().empty() ? "\n" : lines.front(); // Nothing at all would not reach the kernel.
    auto const space = text.find(' ');
    auto const key = space == std::string_view::npos ? std::string{"default"} : std::string{text.substr(0, space)};
    for (const auto& line : lines)
        if (line.starts_with(key + " "))
            return line;
    if (key == "default")
        return lines.front();
    return key + " " + std::string{no_limit(file)};
}

Status LimitWriter::write(std::string_view controller, const std::string& file, std::string_view text)
{
    if (old_values_ == OldValues::forget)
        return cgroup_.write(controller, file, text);
    auto const before = cgroup_.read(controller, file);
    // A cpuset in which processes run can't be emptied: then it gets by name what it had from above.
    auto const effective = file.starts_with("cpuset.") ? cgroup_.read(controller, file + ".effective") : Result<std::string>{""};
    TRY(cgroup_.write(controller, file, text));
    if (before.ok())
        written_.push_back({std::string{controller}, file, text_that_restores(file, text, before.value()),
                            effective.ok() ? base::trim(effective.value()) : ""});
    return done();
}

Status LimitWriter::take_back()
{
    auto result = done();
    for (auto old = written_.rbegin(); old != written_.rend(); ++old) {
        auto restored = cgroup_.write(old->controller, old->file, old->text);
        if (!restored.ok() && !old->otherwise.empty())
            restored = cgroup_.write(old->controller, old->file, old->otherwise);
        if (result.ok())
            result = std::move(restored);
    }
    written_.clear();
    return result;
}

} // namespace nova::runtime
