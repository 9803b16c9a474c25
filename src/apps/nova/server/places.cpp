#include "apps/nova/server/places.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/strings.h"
#include "sys/file.h"

namespace nova::app {
namespace {

std::string environment(const char* name)
{
    auto const* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string xdg(const char* variable, const std::string& below_home)
{
    auto const set = environment(variable);
    return set.starts_with('/') ? set : environment("HOME") + below_home;
}

void place_system(Layout& layout)
{
    layout.state = "/var/lib/nova";
    layout.run = "/run/nova";
    layout.cgroup = "/nova";
}

void place_user(Layout& layout)
{
    layout.state = xdg("XDG_STATE_HOME", "/.local/state") + "/nova";
    auto const runtime = environment("XDG_RUNTIME_DIR");
    layout.run = runtime.starts_with('/') ? runtime + "/nova" : "/tmp/nova-" + std::to_string(::getuid());
}

} // namespace

Result<Layout> find_layout(const std::string& root)
{
    Layout layout;
    layout.root = root.empty() ? environment("NOVA_ROOT") : root;
    if (!layout.root.empty()) {
        std::error_code failure;
        layout.root = std::filesystem::absolute(layout.root, failure).lexically_normal().string();
        if (failure)
            return base::Error{base::Code::invalid_argument, "--root " + root + ": " + failure.message()};
        if (layout.root.size() > 1 && layout.root.ends_with('/'))
            layout.root.pop_back();
        layout.state = layout.root + "/state";
        layout.run = layout.root + "/run";
    }
    bool const is_system = layout.root == "/" || (layout.root.empty() && ::geteuid() == 0);
    if (is_system)
        place_system(layout);
    else if (layout.root.empty())
        place_user(layout);
    bool const home = !environment("HOME").empty() || environment("XDG_DATA_HOME").starts_with('/');
    layout.networks = (is_system || layout.root.empty()) && home ? xdg("XDG_DATA_HOME", "/.local/share") + "/nova/networks"
                                                                 : layout.state + "/networks";
    layout.socket = layout.run + "/nova.sock";
    layout.instance = base::to_hex(base::stable_hash(layout.state), 8);
    if (layout.cgroup.empty())
        layout.cgroup = "/nova-" + layout.instance;
    return layout;
}

Status make_layout(const Layout& layout)
{
    TRY(sys::make_directories(layout.state, 0711));
    TRY(sys::make_directories(layout.run, 0711));
    TRY(sys::make_directories(layout.state + "/logs", 0700));
    TRY(sys::make_directories(layout.networks, 0700));
    return base::done();
}

} // namespace nova::app
