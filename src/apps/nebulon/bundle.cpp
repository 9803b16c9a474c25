#include "apps/nebulon/bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/bundle.h"
#include "storage/images.h"
#include "storage/rootfs.h"
#include "storage/volumes.h"
#include "sys/file.h"

namespace nova::nebulon {

using base::Code;
using base::Error;
using nlohmann::json;

namespace {

constexpr auto default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int hook_seconds = 30;

/// The root directory, mounted where it is an image's.
Result<std::string> prepare_root(const Store& store, const Container& container)
{
    if (!container.config.is_image()) {
        if (!sys::exists(container.config.rootfs))
            return Error{Code::not_found, "rootfs: there is no " + container.config.rootfs};
        return container.config.rootfs;
    }
    auto images = TRY(storage::ImageStore::open(store.places().images()));
    auto const image = TRY(images.get(container.config.rootfs));
    return storage::ensure_rootfs(store.places().container(container.id), images.layer_directories(image));
}

Result<std::vector<runtime::BindMount>> mounts_of(const Store& store, const Container& container)
{
    auto volumes = TRY(storage::Volumes::open(store.places().volumes()));
    std::vector<runtime::BindMount> mounts;
    for (const auto& volume : container.config.volumes) {
        auto source = volume.source;
        if (volume.is_named()) {
            auto const known = TRY(volumes.list(volume_space));
            if (std::find(known.begin(), known.end(), volume.source) == known.end())
                return Error{Code::not_found, "volume " + volume.source + " is gone"};
            source = TRY(volumes.ensure(volume_space, volume.source));
        } else if (!sys::exists(source)) {
            return Error{Code::not_found, "volume: there is no " + source};
        }
        mounts.push_back({source, volume.target, volume.read_only});
    }
    return mounts;
}

json hook(const Store& store, const std::string& nebulon, const char* what, const std::string& id)
{
    return {{{"path", nebulon},
             {"args", {"nb-nebulon", "--root", store.places().root, "note", what, id}},
             {"timeout", hook_seconds}}};
}

/// "NAME=value", where the variable is not set.
void set_default(std::vector<std::string>& env, const std::string& entry)
{
    auto const name = entry.substr(0, entry.find('=') + 1);
    if (std::none_of(env.begin(), env.end(), [&](const auto& other) { return other.starts_with(name); }))
        env.push_back(entry);
}

} // namespace

Status write_bundle(const Store& store, const Container& container, const std::string& nebulon, bool terminal)
{
    const auto& config = container.config;
    runtime::CapsulePlan plan;
    plan.id = container.id;
    plan.rootfs = TRY(prepare_root(store, container));
    plan.argv = {config.command};
    plan.argv.insert(plan.argv.end(), config.args.begin(), config.args.end());
    plan.env = config.env;
    set_default(plan.env, default_path);
    if (terminal)
        set_default(plan.env, "TERM=xterm");
    plan.working_dir = config.working_dir;
    plan.hostname = config.hostname;
    plan.uid = config.uid;
    plan.gid = config.gid;
    plan.mounts = TRY(mounts_of(store, container));
    plan.cgroup = "/" + container.id;
    plan.memory_limit = config.memory;
    plan.cpu_limit = config.cpus;
    plan.terminal = terminal;
    auto document = json::parse(runtime::config_json(plan));
    document["hooks"] = {{"poststart", hook(store, nebulon, "started", container.id)},
                         {"poststop", hook(store, nebulon, "ended", container.id)}};
    return sys::replace_file(store.places().container(container.id) + "/config.json", document.dump(), 0600);
}

} // namespace nova::nebulon
