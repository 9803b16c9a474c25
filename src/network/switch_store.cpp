#include "network/switch_store.h"

#include <fcntl.h>

#include <algorithm>

#include "network/plan.h"
#include "sys/file.h"

namespace nova::network {

using base::Code;
using base::Error;

namespace {

constexpr std::string_view suffix = ".json";
constexpr auto largest_file = std::size_t{16} << 20;

} // namespace

const SwitchPlan* SwitchStore::Content::find(const std::string& name) const
{
    auto const found = std::find_if(plans.begin(), plans.end(), [&](const auto& plan) { return plan.name == name; });
    return found == plans.end() ? nullptr : &*found;
}

bool SwitchStore::Content::mentions(const std::string& name) const
{
    return find(name) != nullptr || std::find(broken_names.begin(), broken_names.end(), name) != broken_names.end();
}

Result<SwitchPlan> SwitchStore::read(const std::string& name) const
{
    // Neither a link elsewhere nor a FIFO that would hold us up.
    auto const file = TRY(sys::open_file(path_of(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    auto const text = TRY(sys::read_all(file.get(), largest_file));
    auto plan = TRY(parse_plan(text));
    if (plan.name != name)
        return Error{Code::invalid_argument, "is that of a switch " + plan.name};
    return plan;
}

Result<SwitchStore::Content> SwitchStore::load() const
{
    Content content;
    auto names = sys::list_directory(directory_);
    if (base::failed_with(names, Code::not_found))
        return content;
    for (const auto& file : TRY(std::move(names))) {
        if (!file.ends_with(suffix))
            continue;
        auto const name = file.substr(0, file.size() - suffix.size());
        auto plan = read(name);
        if (plan.ok()) {
            content.plans.push_back(std::move(plan).value());
            continue;
        }
        content.broken_names.push_back(name);
        content.broken.push_back(std::move(plan).take_error().context("switch state " + path_of(name)));
    }
    return content;
}

Status SwitchStore::put(const SwitchPlan& plan) const
{
    auto const text = print_plan(plan);
    auto const there = sys::read_file(path_of(plan.name), largest_file);
    if (there.ok() && there.value() == text)
        return base::done();
    TRY(sys::make_directories(directory_));
    return sys::write_file_atomically(path_of(plan.name), text, 0644);
}

Status SwitchStore::remove(const std::string& name) const { return sys::remove_file(path_of(name)); }

Status SwitchStore::sweep() const { return sys::sweep_temporaries(directory_); }

} // namespace nova::network
