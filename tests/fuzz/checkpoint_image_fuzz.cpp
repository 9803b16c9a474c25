// What nb reads of a checkpoint's images: cgroup.img and descriptors.json. Of what it takes of the cgroups, criu may make, join
// and write to nothing but what lies below the container's own cgroup: that is looked at with criu's eyes (3.17, criu/cgroup.c),
// which reads texts up to a zero byte, takes the last of what comes twice, and puts the new cgroup in place of a directory's
// name.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/must.h"
#include "runtime/checkpoint_image.h"
#include "runtime/image_cgroups.h"
#include "runtime/wire_message.h"

namespace {

using namespace nova;
using base::must;

constexpr std::size_t head = 12;
const std::string ours = "/our/own";

struct Message {
    std::vector<runtime::WireField> fields;
    explicit Message(std::string_view bytes) : fields(runtime::parse_wire_message(bytes).value()) {}

    std::vector<std::string_view> all(unsigned field) const
    {
        std::vector<std::string_view> found;
        for (const auto& entry : fields)
            if (entry.field == field)
                found.push_back(entry.bytes);
        return found;
    }
    std::string text(unsigned field) const
    {
        auto const found = all(field);
        return found.empty() ? "" : std::string{std::string{found.back()}.c_str()};
    }
    std::uint64_t number(unsigned field) const
    {
        std::uint64_t last = 0;
        for (const auto& entry : fields)
            last = entry.field == field ? entry.number : last;
        return last;
    }
};

void must_be_ours(const std::string& path)
{
    must(path == ours || path.starts_with(ours + "/"), "all lies below the container's own cgroup");
    must((path + "/").find("/../") == std::string::npos, "no path climbs");
    must(path.size() < 4096, "paths fit criu's buffers");
}

void look_at_directory(const Message& directory, const std::string& path)
{
    must_be_ours(path);
    for (auto const bytes : directory.all(3)) {
        auto const name = Message{bytes}.text(1);
        must(!name.empty() && name != ".." && name.find('/') == std::string::npos, "a property is a file of its cgroup");
    }
    for (auto const bytes : directory.all(2)) {
        Message const child{bytes};
        look_at_directory(child, path + "/" + child.text(1));
    }
}

struct Process {
    std::string controller;
    std::string path;
    std::uint64_t prefix = 0;
};

bool names_controller(const std::vector<std::string_view>& names, const Process& process)
{
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return std::string{name}.c_str() == process.controller; });
}

/// Gives the directory's new name, and the processes below it theirs.
std::string move(std::string directory, const std::vector<std::string_view>& names, std::vector<Process>& processes)
{
    std::string renamed;
    for (auto& process : processes) {
        if (!names_controller(names, process) || process.path.empty() || !process.path.substr(1).starts_with(directory))
            continue;
        auto const cut = process.prefix != 0 ? process.prefix : directory.size() + 1;
        must(cut <= process.path.size() && cut - 1 <= directory.size(), "criu cuts within its texts");
        if (renamed.empty())
            renamed = ours + directory.substr(cut - 1);
        process.path = ours + process.path.substr(cut);
        process.prefix = process.prefix != 0 ? ours.size() : 0;
    }
    return renamed.empty() ? "/" + directory : renamed;
}

void look_with_criu_s_eyes(std::string_view message)
{
    Message const whole{message};
    std::vector<Process> processes;
    for (auto const set : whole.all(1))
        for (auto const bytes : Message{set}.all(2)) {
            Message const member{bytes};
            processes.push_back({member.text(1), member.text(2), member.number(3)});
        }
    for (auto const bytes : whole.all(2)) {
        Message const controller{bytes};
        auto const names = controller.all(1);
        std::string made;
        for (auto const name : names)
            made += std::string{name}.c_str() + std::string{","};
        must(made.size() < 128 && made.find('/') == std::string::npos && made != "..,",
             "a hierarchy is mounted where it belongs");
        for (auto const top : controller.all(2)) {
            Message const directory{top};
            look_at_directory(directory, move(directory.text(1), names, processes));
        }
    }
    for (const auto& process : processes)
        must_be_ours(process.path);
}

void check_cgroups(std::string image)
{
    if (runtime::check_cgroup_image(image).ok())
        look_with_criu_s_eyes(std::string_view{image}.substr(head));
    if (image.size() < head)
        return;
    auto const size = static_cast<std::uint32_t>(image.size() - head); // Else most changes would end here.
    std::memcpy(image.data() + 8, &size, sizeof size);
    if (runtime::check_cgroup_image(image).ok())
        look_with_criu_s_eyes(std::string_view{image}.substr(head));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string const text{reinterpret_cast<const char*>(data), size};
    check_cgroups(text);
    if (auto const streams = runtime::parse_streams(text); streams.ok())
        for (const auto& stream : streams.value())
            must(stream.size() <= 4096, "a stream's name is bounded");
    return 0;
}
