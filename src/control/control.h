#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/controller.h"
#include "control/drivers.h"

namespace nova::control {

/// The controllers at work: hears of changes in the store and of processes that end, and keeps the queue's workers busy. At its
/// start and every ten minutes it looks at everything. Between changes nothing of it wakes.
class Control {
public:
    static constexpr std::size_t workers = 4;
    static constexpr std::chrono::minutes look_at_everything{10};
    static constexpr std::chrono::milliseconds first_look{500};

    explicit Control(Context context);
    ~Control(); ///< Ends the workers after their current pass. Touches nothing that runs.
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// Makes what must always be there (the first namespaces, this node), begins, and returns once everything had its first
    /// pass (or first_look is over, where one takes long): what is read then is not what a predecessor left. Errors: as the
    /// store's.
    Status start();

private:
    void work(std::stop_token stop);
    void listen(std::stop_token stop);
    Status follow(std::stop_token stop);
    Result<Next> pass(const model::Key& key);
    Status sweep();
    void heard(const keyspace::Change& change);
    void heard_of_claim(const keyspace::Record& record);
    void heard_of_process(const std::string& id);
    void heard_of_link(const std::string& endpoint);
    void wake_dependents(const model::Key& key, const nlohmann::json& now, const nlohmann::json& before);
    void add_users_of_network(const model::Key& network);
    void add_users_of_image(const nlohmann::json& image);
    void add_deleted_images();
    Status add_everything(keyspace::Revision& revision);
    Status make_first_objects();

    Context context_;
    std::map<std::string, std::unique_ptr<Controller>> controllers_;
    WorkQueue queue_;

    std::mutex mutex_;
    std::condition_variable_any ready_;
    bool changes_wait_ = false;
    std::vector<std::jthread> threads_; // Last: ends first.
};

} // namespace nova::control
