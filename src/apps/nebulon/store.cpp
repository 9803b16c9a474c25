#include "apps/nebulon/store.h"

#include <algorithm>
#include <functional>

#include "runtime/remove.h"
#include "runtime/state.h"
#include "storage/rootfs.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/random.h"

namespace nova::nebulon {

using base::Code;
using base::Error;

namespace {

constexpr std::size_t most_metadata = 4u << 20;
constexpr const char* metadata_name = "/metadata.json";

Result<std::vector<std::string>> users(const Store& store, const std::function<bool(const ContainerConfig&)>& uses)
{
    std::vector<std::string> ids;
    for (const auto& id : TRY(store.list()))
        if (uses(TRY(store.read(id)).config))
            ids.push_back(id);
    return ids;
}

/// What the runtime knows of a container.
struct Seen {
    enum class Where { nowhere, runs, dead } where = Where::nowhere;
    pid_t pid = 0;
};

Result<Seen> look(const std::string& runtime_state, const std::string& id)
{
    auto const directory = runtime::StateDirectory::open(runtime_state, id);
    if (base::failed_with(directory, Code::not_found))
        return Seen{};
    if (!directory.ok())
        return directory.error();
    auto const record = directory.value().read();
    if (base::failed_with(record, Code::not_found))
        return Seen{}; // It went meanwhile, or is just being made.
    if (!record.ok())
        return record.error();
    auto const phase = runtime::observe(directory.value(), record.value());
    return Seen{phase == runtime::Phase::stopped ? Seen::Where::dead : Seen::Where::runs, record.value().pid};
}

} // namespace

Result<Store> Store::make(Places places)
{
    for (const auto& path : {places.root, places.rootfs(), places.containers(), places.volumes(), places.runtime_state()})
        TRY(sys::make_directories(path, path == places.rootfs() ? 0755 : 0700).context("make Nebulon's directories"));
    return Store{std::move(places)};
}

Result<Store> Store::open(Places places)
{
    if (!sys::exists(places.containers()))
        return Error{Code::not_found, places.root + " is no directory of Nebulon: 'nb init' makes it one; an OCI bundle is named "
                                                    "with --bundle"};
    return Store{std::move(places)};
}

runtime::Globals Store::runtime_globals() const
{
    runtime::Globals globals;
    globals.root = places_.runtime_state();
    return globals;
}

Result<sys::UniqueFd> Store::lock() const
{
    auto lock = TRY(sys::lock_alone(places_.root + "/lock"));
    for (const auto& name : TRY(sys::list_directory(places_.containers())))
        if (name.starts_with(".")) // Half made, or half removed.
            TRY(storage::remove_rootfs(places_.containers() + "/" + name).context("sweep " + name));
    return lock;
}

Result<Container> Store::create(ContainerConfig config) const
{
    Container container;
    do
        container.id = "nb-" + sys::random_hex(8);
    while (sys::exists(places_.container(container.id)));
    container.config = std::move(config);
    if (container.config.hostname.empty())
        container.config.hostname = container.id;
    TRY(check_config(container.config));
    auto const fresh = places_.containers() + "/.new-" + container.id;
    TRY(sys::make_directories(fresh, 0700));
    TRY(sys::write_file_atomically(fresh + metadata_name, to_json(container), 0600));
    TRY(sys::rename_over(fresh, places_.container(container.id)));
    return container;
}

Result<std::vector<std::string>> Store::list() const
{
    auto ids = TRY(sys::list_directory(places_.containers()));
    std::erase_if(ids, [](const auto& id) { return !check_id(id).ok(); });
    return ids;
}

Result<Container> Store::read(const std::string& id) const
{
    TRY(check_id(id));
    auto const text = sys::read_file(places_.container(id) + metadata_name, most_metadata);
    if (base::failed_with(text, Code::not_found))
        return Error{Code::not_found, "there is no container " + id + " in " + places_.root};
    if (!text.ok())
        return text.error();
    auto container = TRY(parse_container(text.value()).context(places_.container(id)));
    if (container.id != id)
        return Error{Code::data_loss, places_.container(id) + ": metadata.json: id: is that of another"};
    return container;
}

Status Store::write(const Container& container) const
{
    return sys::write_file_atomically(places_.container(container.id) + metadata_name, to_json(container), 0600);
}

Result<Container> Store::observe(const std::string& id) const
{
    TRY(read(id));
    if (TRY(look(places_.runtime_state(), id)).where == Seen::Where::dead)
        (void)runtime::remove_container(runtime_globals(), id, runtime::Force::no); // Whoever started it may be quicker.
    auto const held = TRY(lock());
    auto container = TRY(read(id));
    auto const seen = TRY(look(places_.runtime_state(), id));
    bool const runs = seen.where == Seen::Where::runs && seen.pid != 0;
    if (runs == (container.state == State::running) && container.pid == (runs ? seen.pid : 0))
        return container;
    if (!runs && container.state == State::running)
        container.state = State::exited;
    if (runs)
        container.state = State::running;
    container.pid = runs ? seen.pid : 0;
    if (!runs && container.config.is_image())
        TRY(storage::unmount_rootfs(places_.container(id)));
    TRY(write(container));
    return container;
}

Result<sys::UniqueFd> Store::claim(const std::string& id) const
{
    TRY(observe(id));
    auto claim = TRY(sys::try_lock(places_.container(id) + "/claim"));
    auto const seen = TRY(look(places_.runtime_state(), id));
    if (!claim || (seen.where == Seen::Where::runs && seen.pid != 0))
        return Error{Code::failed_precondition, id + " runs already; 'nb stop " + id + "' ends it"};
    TRY(runtime::remove_container(runtime_globals(), id, runtime::Force::yes).context(id));
    return std::move(*claim);
}

Status Store::remove(const std::string& id) const
{
    auto const gone = places_.containers() + "/.removed-" + id;
    TRY(storage::unmount_rootfs(places_.container(id)));
    TRY(sys::rename_over(places_.container(id), gone));
    return storage::remove_rootfs(gone);
}

Result<std::vector<std::string>> Store::users_of_volume(const std::string& name) const
{
    return users(*this, [&](const ContainerConfig& config) {
        return std::any_of(config.volumes.begin(), config.volumes.end(),
                           [&](const Volume& volume) { return volume.source == name; });
    });
}

Result<std::vector<std::string>> Store::users_of_image(const std::string& reference) const
{
    return users(*this, [&](const ContainerConfig& config) { return config.rootfs == reference; });
}

} // namespace nova::nebulon
