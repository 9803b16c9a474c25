#include "runtime/checkpoint_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "model/json_writer.h"
#include "model/oci_field.h"
#include "runtime/wire_message.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t most_files = 100000;
constexpr std::size_t most_bytes_of_streams = 64u << 10;
constexpr std::size_t most_bytes_of_cgroups = 1u << 20;
constexpr int most_cgroup_depth = 64;
constexpr const char* streams_file = "descriptors.json";

/// Whoever could write here between our look and criu's reading would choose what root makes.
Status check_owner(const struct stat& status, const std::string& name)
{
    if (status.st_uid != ::geteuid() && status.st_uid != 0)
        return Error{Code::permission_denied, name + ": belongs to another user"};
    if ((status.st_mode & 022) != 0 && !S_ISLNK(status.st_mode))
        return Error{Code::permission_denied, name + ": can be written by others"};
    return done();
}

Status check_file(int directory, const std::string& name)
{
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
        return Error::from_errno(name);
    bool const parent = name == "parent" && S_ISLNK(status.st_mode); // criu's own link to an earlier pre-dump.
    if (!S_ISREG(status.st_mode) && !parent)
        return Error{Code::invalid_argument, name + ": is no plain file"};
    if (status.st_nlink > 1)
        return Error{Code::invalid_argument, name + ": has other names"};
    return check_owner(status, name);
}

Result<StandardStreams> parse_streams(std::string text)
{
    auto const document = TRY(model::JsonDocument::parse(std::move(text)));
    std::vector<std::string> names;
    TRY(read(model::oci::Field{document.root()}, names));
    StandardStreams streams;
    if (names.size() != streams.size())
        return Error{Code::invalid_argument, "must name three descriptors, names " + std::to_string(names.size())};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].size() > PATH_MAX)
            return Error{Code::invalid_argument, "descriptor " + std::to_string(i) + " has too long a name"};
        streams[i] = std::move(names[i]);
    }
    return streams;
}

/// The messages of criu's images/cgroup.proto.
enum class CgroupPart { whole, set, member, controller, directory, child, path, name, prefix };

/// What a field of such a message holds; `whole` where it is none of ours.
CgroupPart part_in(CgroupPart part, unsigned field)
{
    using Part = CgroupPart;
    switch (part) {
    case Part::whole: return field == 1 ? Part::set : field == 2 ? Part::controller : Part::whole;
    case Part::set: return field == 2 ? Part::member : Part::whole;
    case Part::member: return field == 2 ? Part::path : field == 3 ? Part::prefix : Part::whole;
    case Part::controller: return field == 2 ? Part::directory : Part::whole;
    case Part::directory: return field == 1 ? Part::path : field == 2 ? Part::child : Part::whole;
    case Part::child: return field == 1 ? Part::name : field == 2 ? Part::child : Part::whole;
    default: return Part::whole;
    }
}

/// Looks at all cgroups of the images; the first directory is the one that the others have to be below.
class ImageCgroups {
public:
    Status check_all(std::string_view bytes)
    {
        auto const fields = TRY(parse_wire_message(bytes));
        for (auto const part : {CgroupPart::controller, CgroupPart::set})
            for (const auto& field : fields)
                if (part_in(CgroupPart::whole, field.field) == part)
                    TRY(check(field.bytes, part, 1));
        return done();
    }

    const std::string& root() const { return root_; }

private:
    Status check(std::string_view bytes, CgroupPart part, int depth)
    {
        if (part == CgroupPart::path)
            return check_path(bytes);
        if (part == CgroupPart::name)
            return check_name(bytes);
        if (depth > most_cgroup_depth)
            return Error{Code::invalid_argument, "has cgroups that are nested too deeply"};
        for (const auto& field : TRY(parse_wire_message(bytes))) {
            auto const inner = part_in(part, field.field);
            if (inner == CgroupPart::prefix)
                TRY(check_prefix(field.number));
            else if (inner != CgroupPart::whole)
                TRY(check(field.bytes, inner, depth + 1));
        }
        return done();
    }

    /// criu leaves the first slash away in some places.
    Status check_path(std::string_view text)
    {
        auto const path = (text.starts_with('/') ? "" : "/") + std::string{text};
        if (path == "/" || (path + "/").find("/../") != std::string::npos)
            return Error{Code::invalid_argument, "has the cgroup \"" + path.substr(0, 200) + "\""};
        if (root_.empty())
            root_ = path;
        if (path == root_ || path.starts_with(root_ + "/"))
            return done();
        return Error{Code::invalid_argument,
                     "has the cgroup \"" + path.substr(0, 200) + "\", which is not below \"" + root_.substr(0, 200) + "\""};
    }

    static Status check_name(std::string_view name)
    {
        if (name.empty() || name == ".." || name == "." || name.find('/') != std::string_view::npos)
            return Error{Code::invalid_argument, "has a cgroup named \"" + std::string{name.substr(0, 200)} + "\""};
        return done();
    }

    /// How much of a path was outside of the cgroup namespace: criu puts the new cgroup in its place, unseen.
    Status check_prefix(std::uint64_t length) const
    {
        if (length == 0 || length == root_.size())
            return done();
        return Error{Code::invalid_argument, "has a cgroup namespace at " + std::to_string(length) + " bytes, and not at \"" +
                                                 root_.substr(0, 200) + "\""};
    }

    std::string root_;
};

} // namespace

Result<std::string> check_image_cgroups(const std::string& image_path)
{
    auto const file = image_path + "/cgroup.img";
    auto const text = TRY(sys::read_file(file, most_bytes_of_cgroups).context("--image-path"));
    constexpr std::size_t head = 12; // Two magic numbers, and the size of the message.
    std::uint32_t size = 0;
    if (text.size() >= head)
        std::memcpy(&size, text.data() + 8, sizeof size);
    if (text.size() < head || size != text.size() - head)
        return Error{Code::data_loss, "--image-path " + file + ": is cut short"};
    ImageCgroups cgroups;
    TRY(cgroups.check_all(std::string_view{text}.substr(head)).context("--image-path " + file));
    return std::string{cgroups.root()};
}

Result<StandardStreams> streams_of(pid_t pid)
{
    StandardStreams streams;
    for (std::size_t i = 0; i < streams.size(); ++i) {
        std::string name(PATH_MAX, '\0');
        auto const link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(i);
        auto const length = ::readlink(link.c_str(), name.data(), name.size());
        if (length < 0 && errno != ENOENT)
            return Error::from_errno("look at the container's descriptors");
        name.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        streams[i] = std::move(name);
    }
    return streams;
}

Status write_streams(const std::string& image_path, const StandardStreams& streams)
{
    model::JsonWriter json;
    json.begin('[');
    for (const auto& name : streams)
        json.value(name);
    return sys::replace_file(image_path + "/" + streams_file, json.end(']').text() + "\n", 0600);
}

Result<StandardStreams> check_image(const std::string& image_path)
{
    auto const directory = TRY(sys::open_file(image_path, O_RDONLY | O_DIRECTORY).context("--image-path"));
    struct stat status {};
    if (::fstat(directory.get(), &status) < 0)
        return Error::from_errno("--image-path");
    TRY(check_owner(status, "--image-path " + image_path));
    auto const names = TRY(sys::list_directory(image_path));
    if (names.size() > most_files)
        return Error{Code::invalid_argument,
                     "--image-path " + image_path + ": has more than " + std::to_string(most_files) + " files"};
    for (const auto& name : names)
        TRY(check_file(directory.get(), name).context("--image-path " + image_path));
    if (!std::binary_search(names.begin(), names.end(), std::string{"inventory.img"}))
        return Error{Code::invalid_argument, "--image-path " + image_path + ": is no checkpoint: it has no inventory.img"};
    auto text = TRY(sys::read_file(image_path + "/" + streams_file, most_bytes_of_streams).context("--image-path"));
    return parse_streams(std::move(text)).context("--image-path " + image_path + "/" + streams_file);
}

} // namespace nova::runtime
