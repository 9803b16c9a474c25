#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/abort_guard_testing.h"
#include "base/asleep_testing.h"
#include "base/clock.h"
#include "control/control.h"
#include "control/fakes_testing.h"
#include "control/workload.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::control::test {

using nlohmann::json;
using namespace std::chrono_literals;

/// True as soon as it holds.
inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within = 20s)
{
    auto const deadline = base::Deadline::after(within);
    while (!holds()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

/// One Nova's data, which outlives its daemons: a real store in a directory of its own, and drivers in memory.
class World {
public:
    World()
        : root_(std::filesystem::temp_directory_path() / ("nova-control-" + sys::random_hex(12))),
          program_(::open("/bin/true", O_RDONLY)),
          keyspace_(keyspace::open_keyspace(root_ + "/keyspace").value()),
          store(*keyspace_),
          claims(*keyspace_),
          events(store),
          images(storage::ImageStore::open(root_ + "/images").value()),
          volumes_(storage::Volumes::open(root_ + "/volumes").value()),
          capsules_({root_ + "/nb", program_.get()}),
          supervisor(faults),
          networks(faults),
          hypervisor(faults, supervisor)
    {}
    ~World()
    {
        kill_daemon();
        std::filesystem::remove_all(root_);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void start_daemon()
    {
        control_ = std::make_unique<Control>(context());
        auto const started = control_->start();
        EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message());
    }
    void kill_daemon() { control_.reset(); }

    Context context()
    {
        return {store, claims, events,
                Drivers{images, volumes_, networks, capsules_, hypervisor, supervisor,
                        vm::AccelerationFinding{vm::Acceleration::tcg, "in a test"}},
                places()};
    }

    Places places() const { return {root_, root_ + "/run", "0123abcd", "/nova-0123abcd"}; }
    const std::string& root() const { return root_; }
    keyspace::Keyspace& keyspace() { return *keyspace_; }

    /// As the API writes it.
    void put(const std::string& kind, const std::string& name, const json& spec)
    {
        auto object = model::admit(*model::find_kind(kind), {{"metadata", {{"name", name}}}, {"spec", spec}}).value();
        object["metadata"]["uid"] = sys::random_uuid();
        object["metadata"]["generation"] = 1;
        object["metadata"]["finalizers"] = {control_finalizer};
        (void)keyspace_->put(model::storage_key({kind, "default", name}), object.dump(), {.expected = 0}).value();
    }

    void change(const std::string& kind, const std::string& name, const std::function<void(json&)>& edit)
    {
        while (true) {
            auto const record = keyspace_->get(model::storage_key({kind, "default", name})).value();
            auto object = json::parse(record.value);
            edit(object);
            if (keyspace_->put(record.key, object.dump(), {.expected = record.modified}).ok())
                return;
        }
    }
    void merge_spec(const std::string& kind, const std::string& name, const json& patch)
    {
        change(kind, name, [&](json& object) {
            object["spec"].merge_patch(patch);
            object["metadata"]["generation"] = object["metadata"]["generation"].get<int>() + 1;
        });
    }
    void remove(const std::string& kind, const std::string& name)
    {
        change(kind, name, [](json& object) { object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"; });
    }

    json read(const std::string& kind, const std::string& name)
    {
        auto const record = keyspace_->get(model::storage_key({kind, "default", name}));
        return record.ok() ? json::parse(record.value().value) : json{};
    }
    std::string phase(const std::string& kind, const std::string& name) { return text_of(read(kind, name), "/status/phase"); }
    std::string words(const std::string& kind, const std::string& name)
    {
        return text_of(read(kind, name), "/status/conditions/0/message");
    }
    bool becomes(const std::string& kind, const std::string& name, const std::string& wanted)
    {
        bool const became = eventually([&] { return phase(kind, name) == wanted; });
        EXPECT_TRUE(became) << kind << " " << name << " is not " << wanted << " but " << read(kind, name).dump(2);
        return became;
    }
    bool goes(const std::string& kind, const std::string& name)
    {
        bool const gone = eventually([&] { return read(kind, name).is_null(); });
        EXPECT_TRUE(gone) << read(kind, name).dump(2);
        return gone;
    }
    /// True once it was seen in that phase, with these words. What holds for a moment only would be missed by who looks now and
    /// again.
    bool was(const std::string& kind, const std::string& name, const std::string& phase, const std::string& words = {})
    {
        bool const seen = eventually([&] { return has_been(kind, name, phase, words); });
        EXPECT_TRUE(seen) << kind << " " << name << " never was " << phase << " with the words \"" << words << "\"; it is "
                          << read(kind, name).dump(2);
        return seen;
    }
    bool has_been(const std::string& kind, const std::string& name, const std::string& phase, const std::string& words = {})
    {
        auto const key = model::storage_key({kind, "default", name});
        auto const upto = keyspace_->revision();
        auto const watch = keyspace_->watch(key, keyspace_->stats().compacted, {}).value();
        bool found = false;
        while (watch->progress() < upto)
            for (const auto& change : watch->take(100).value()) {
                auto const object = json::parse(change.record.value, nullptr, /*allow_exceptions=*/false);
                found = found || (change.record.key == key && text_of(object, "/status/phase") == phase &&
                                  text_of(object, "/status/conditions/0/message").find(words) != std::string::npos);
            }
        return found;
    }
    std::size_t count_keys(const std::string& prefix) { return keyspace_->list(prefix).value().records.size(); }

    /// True where nothing is written for a while, once all that was under way is done.
    bool rests()
    {
        auto seen = keyspace_->revision();
        (void)eventually([&] {
            auto const before = std::exchange(seen, keyspace_->revision());
            std::this_thread::sleep_for(100ms);
            return base::all_others_sleep() && keyspace_->revision() == before;
        });
        auto const writes = keyspace_->stats().writes;
        std::this_thread::sleep_for(200ms);
        return keyspace_->stats().writes == writes;
    }

private:
    std::string root_;
    sys::UniqueFd program_; ///< In nb's place: succeeds at whatever it is asked.
    std::unique_ptr<keyspace::Keyspace> keyspace_;

public:
    Faults faults;
    ObjectStore store;
    Claims claims;
    EventRecorder events;
    storage::ImageStore images;

private:
    storage::Volumes volumes_;
    runtime::Capsules capsules_;

public:
    FakeSupervisor supervisor;
    FakeNetworks networks;
    FakeHypervisor hypervisor;

private:
    std::unique_ptr<Control> control_;
    base::AbortGuard const guard_{root_};
};

} // namespace nova::control::test
