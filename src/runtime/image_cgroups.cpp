#include "runtime/image_cgroups.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "runtime/wire_message.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t most_bytes = 1u << 20;
constexpr int most_depth = 64;
constexpr std::size_t longest_path = 2048; ///< criu puts paths together in 4096 bytes, and does not look.
constexpr std::size_t longest_name = 255;
constexpr std::size_t most_bytes_of_controllers = 100; ///< Of one hierarchy, with a border each: criu has 128 for them.

/// The numbers of fields in criu's images/cgroup.proto.
enum Whole : unsigned { sets = 1, controllers = 2 };
enum Set : unsigned { members = 2 };
enum Member : unsigned { member_controller = 1, member_path = 2, member_prefix = 3 };
enum Controller : unsigned { controller_names = 1, directories = 2 };
enum Directory : unsigned { directory_name = 1, children = 2, properties = 3 };
enum Property : unsigned { property_name = 1 };

std::string in_quotes(std::string_view text) { return "\"" + std::string{text.substr(0, 200)} + "\""; }

Error refusal(const std::string& what) { return Error{Code::invalid_argument, what}; }

/// The fields of one message.
class Fields {
public:
    static Result<Fields> of(std::string_view bytes) { return Fields{TRY(parse_wire_message(bytes))}; }

    std::vector<std::string_view> all(unsigned field) const
    {
        std::vector<std::string_view> found;
        for (const auto& entry : fields_)
            if (entry.field == field)
                found.push_back(entry.bytes);
        return found;
    }

    /// Of a field that may come once. Where it comes again criu takes the last.
    Result<WireField> one(unsigned field) const
    {
        WireField found;
        for (const auto& entry : fields_)
            if (entry.field == field && std::exchange(found, entry).field != 0)
                return refusal("names something twice");
        return found;
    }

    /// criu reads up to the first zero byte.
    Result<std::string_view> text(unsigned field) const { return whole(TRY(one(field)).bytes); }

    static Result<std::string_view> whole(std::string_view text)
    {
        if (text.find('\0') != std::string_view::npos)
            return refusal("has a zero byte in a name of its cgroups");
        return text;
    }

private:
    explicit Fields(std::vector<WireField> fields) : fields_(std::move(fields)) {}
    std::vector<WireField> fields_;
};

bool is_plain_name(std::string_view name)
{
    return !name.empty() && name.size() <= longest_name && name != "." && name != ".." &&
           name.find('/') == std::string_view::npos;
}

bool is_below(std::string_view path, std::string_view top)
{
    return path == top || (path.starts_with(top) && path[top.size()] == '/');
}

/// "/a/web": what lies in the hierarchy, and not its top.
Status check_path(std::string_view path)
{
    if (path.size() > longest_path)
        return refusal("has a path of a cgroup that is too long");
    bool is_plain = path.starts_with('/');
    for (auto rest = path; is_plain && !rest.empty();) {
        rest.remove_prefix(1);
        auto const name = rest.substr(0, rest.find('/'));
        is_plain = is_plain_name(name);
        rest.remove_prefix(name.size());
    }
    return is_plain ? done() : Status{refusal("has the cgroup " + in_quotes(path))};
}

/// "pids", "name=systemd"; empty: version 2. criu makes a directory of it and mounts the hierarchy there.
Status check_controller_name(std::string_view name)
{
    auto const rest = name.substr(name.starts_with("name=") ? 5 : 0);
    auto const is_fine = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
               letter == '_' || letter == '-' || letter == '.';
    };
    if (rest.starts_with('.') || !std::all_of(rest.begin(), rest.end(), is_fine))
        return refusal("has a controller named " + in_quotes(name));
    return done();
}

/// Looks at all cgroups of the images. The first directory is the one that the others have to be below.
class ImageCgroups {
public:
    Status check_all(std::string_view bytes)
    {
        auto const whole = TRY(Fields::of(bytes));
        for (auto const controller : whole.all(Whole::controllers))
            TRY(take_controller(controller));
        for (auto const set : whole.all(Whole::sets))
            for (auto const member : TRY(Fields::of(set)).all(Set::members))
                TRY(check_member(member));
        for (const auto& hierarchy : hierarchies_)
            if (!hierarchy.directory.empty() && !hierarchy.has_member)
                return refusal("has directories of the controller " + in_quotes(hierarchy.name) + ", which no process is in");
        return done();
    }

    const std::string& root() const { return root_; }

private:
    struct Hierarchy {
        std::string_view name; ///< Of its first controller.
        std::string directory; ///< "/a/web". Empty: none.
        bool has_member = false;
    };

    Status take_controller(std::string_view bytes)
    {
        auto const fields = TRY(Fields::of(bytes));
        auto const names = fields.all(Controller::controller_names);
        std::size_t size = 0;
        for (auto const name : names) {
            size += std::max(name.size(), std::strlen("unified")) + 1;
            TRY(check_controller_name(TRY(Fields::whole(name))));
            if (!by_controller_.emplace(name, hierarchies_.size()).second)
                return refusal("has the controller " + in_quotes(name) + " twice");
        }
        if (size > most_bytes_of_controllers)
            return refusal("has too many controllers in one hierarchy");
        if (names.empty())
            return refusal("has a hierarchy without a controller");
        auto& hierarchy = hierarchies_.emplace_back();
        hierarchy.name = names.front();
        auto const tops = fields.all(Controller::directories);
        if (tops.size() > 1) // criu would put the new cgroup in the place of the first alone.
            return refusal("has more than one top directory of the controller " + in_quotes(hierarchy.name));
        for (auto const top : tops)
            TRY(take_top(hierarchy, top));
        return done();
    }

    /// criu leaves the first slash of its path away, and takes one that is there for a part of the name.
    Status take_top(Hierarchy& hierarchy, std::string_view bytes)
    {
        auto const fields = TRY(Fields::of(bytes));
        hierarchy.directory = "/" + std::string{TRY(fields.text(Directory::directory_name))};
        TRY(check_path(hierarchy.directory));
        if (root_.empty())
            root_ = hierarchy.directory;
        TRY(check_is_below(hierarchy.directory, root_));
        return check_content(fields, hierarchy.directory.size(), 1);
    }

    static Status check_content(const Fields& fields, std::size_t length, int depth)
    {
        for (auto const bytes : fields.all(Directory::properties)) {
            auto const name = TRY(TRY(Fields::of(bytes)).text(Property::property_name));
            if (!is_plain_name(name))
                return refusal("has a property named " + in_quotes(name));
        }
        for (auto const bytes : fields.all(Directory::children)) {
            auto const child = TRY(Fields::of(bytes));
            auto const name = TRY(child.text(Directory::directory_name));
            if (!is_plain_name(name))
                return refusal("has a cgroup named " + in_quotes(name));
            if (depth >= most_depth)
                return refusal("has cgroups that are nested too deeply");
            if (length + 1 + name.size() > longest_path)
                return refusal("has a path of a cgroup that is too long");
            TRY(check_content(child, length + 1 + name.size(), depth + 1));
        }
        return done();
    }

    /// criu lets a process join the path that is told, but for the start of it that is its controller's directory.
    Status check_member(std::string_view bytes)
    {
        auto const fields = TRY(Fields::of(bytes));
        auto const controller = TRY(fields.text(Member::member_controller));
        auto const path = TRY(fields.text(Member::member_path));
        auto const prefix = TRY(fields.one(Member::member_prefix)).number;
        TRY(check_path(path));
        auto const found = by_controller_.find(controller);
        if (found == by_controller_.end() || hierarchies_[found->second].directory.empty())
            return refusal("has a process in the controller " + in_quotes(controller) + ", of which it has no directory");
        auto& hierarchy = hierarchies_[found->second];
        TRY(check_is_below(path, hierarchy.directory));
        hierarchy.has_member = true;
        // How much of the path was outside of the cgroup namespace: criu puts the new cgroup in its place, unseen.
        if (prefix != 0 && prefix != root_.size())
            return refusal("has a cgroup namespace at " + std::to_string(prefix) + " bytes, and not at " + in_quotes(root_));
        return done();
    }

    static Status check_is_below(const std::string_view path, const std::string_view top)
    {
        if (is_below(path, top))
            return done();
        return refusal("has the cgroup " + in_quotes(path) + ", which is not below " + in_quotes(top));
    }

    std::string root_;
    std::vector<Hierarchy> hierarchies_;
    std::map<std::string_view, std::size_t> by_controller_;
};

} // namespace

Result<std::string> check_cgroup_image(std::string_view content)
{
    constexpr std::size_t head = 12; // Two magic numbers, and the size of the message.
    std::uint32_t size = 0;
    if (content.size() >= head)
        std::memcpy(&size, content.data() + 8, sizeof size);
    if (content.size() < head || size != content.size() - head)
        return Error{Code::data_loss, "is cut short"};
    ImageCgroups cgroups;
    TRY(cgroups.check_all(content.substr(head)));
    return std::string{cgroups.root()};
}

Result<std::string> check_image_cgroups(const std::string& image_path)
{
    auto const file = image_path + "/cgroup.img";
    auto const content = TRY(sys::read_file(file, most_bytes).context("--image-path"));
    return check_cgroup_image(content).context("--image-path " + file);
}

} // namespace nova::runtime
