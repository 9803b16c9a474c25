// keyspace_benchmark puts DIRECTORY CLIENTS SECONDS    durable puts per second, value of 256 bytes, 10,000 keys
// keyspace_benchmark watchers DIRECTORY WATCHERS PUTS  delay until a put has reached all, and memory per watcher
//
// Prints one JSON object per figure and line. DIRECTORY must not exist, and is on the disk that is measured.
// It is left there: where the file system discards freed blocks, removing it would slow down what is measured next.
#include <malloc.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "keyspace/keyspace.h"
#include "sys/wake_up.h"

namespace {

using namespace nova;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr auto value_bytes = 256;
constexpr auto keys = 10'000;
constexpr auto warm_up = std::chrono::milliseconds{500};
constexpr auto watch_workers = 2;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string random_key(std::mt19937& random) { return "/bench/" + std::to_string(random() % keys); }

void measure_puts(keyspace::Keyspace& store, unsigned clients, double seconds)
{
    std::atomic<std::uint64_t> done = 0;
    std::atomic<bool> stop = false;
    std::vector<std::jthread> threads;
    for (unsigned client = 0; client < clients; ++client)
        threads.emplace_back([&, client] {
            sys::wake_up_quickly(); // As threads that serve requests shall.
            std::mt19937 random{client};
            std::string const value(value_bytes, 'v');
            while (!stop) {
                store.put(random_key(random), value).value();
                ++done;
            }
        });
    std::this_thread::sleep_for(warm_up);
    auto const before = store.stats();
    auto const start = Clock::now();
    auto const done_before = done.load();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    auto const rate = static_cast<double>(done - done_before) / seconds_since(start);
    auto const after = store.stats();
    stop = true;
    threads.clear();
    std::cout << json{{"figure", "durable_puts_per_second"},
                      {"clients", clients},
                      {"value", rate},
                      {"puts_per_commit",
                       static_cast<double>(after.writes - before.writes) / static_cast<double>(after.commits - before.commits)},
                      {"bytes_written_per_put", static_cast<double>(after.bytes_written - before.bytes_written) /
                                                    static_cast<double>(after.writes - before.writes)}}
              << '\n';
}

/// Watches, and workers that take from those that are ready, as an API server would.
class Watchers {
public:
    Watchers(keyspace::Keyspace& store, std::size_t count)
    {
        watches_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            watches_[i] = store.watch("/bench/", store.revision(), [this, i] { ready(i); }).value();
            (void)watches_[i]->take(1).value();
        }
    }

    void start_workers()
    {
        for (int i = 0; i < watch_workers; ++i)
            workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }

    /// When the last of them had its change.
    Clock::time_point wait_for_all(std::size_t times)
    {
        std::unique_lock lock{mutex_};
        all_.wait(lock, [&] { return taken_ >= times * watches_.size(); });
        return last_;
    }

private:
    void ready(std::size_t index)
    {
        std::lock_guard const lock{mutex_};
        queue_.push_back(index);
        wake_.notify_one();
    }

    void work(const std::stop_token& stop)
    {
        std::unique_lock lock{mutex_};
        while (wake_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
            auto const index = queue_.front();
            queue_.pop_front();
            lock.unlock();
            std::size_t changes = 0;
            for (auto taken = watches_[index]->take(16).value(); !taken.empty(); taken = watches_[index]->take(16).value())
                changes += taken.size();
            lock.lock();
            taken_ += changes;
            last_ = Clock::now();
            if (taken_ % watches_.size() == 0)
                all_.notify_one();
        }
    }

    std::vector<std::unique_ptr<keyspace::Watch>> watches_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::condition_variable all_;
    std::deque<std::size_t> queue_;
    std::size_t taken_ = 0;
    Clock::time_point last_;
    std::vector<std::jthread> workers_; // Last: they use all of the above.
};

void measure_watchers(keyspace::Keyspace& store, std::size_t count, std::size_t puts)
{
    store.put("/bench/0", "").value();
    auto const heap_before = ::mallinfo2().uordblks;
    Watchers watchers{store, count};
    auto const heap = ::mallinfo2().uordblks - heap_before;
    watchers.start_workers();

    std::mt19937 random{1};
    std::string const value(value_bytes, 'v');
    std::vector<double> delays;
    for (std::size_t i = 0; i < puts; ++i) {
        auto const start = Clock::now();
        store.put(random_key(random), value).value();
        auto const end = watchers.wait_for_all(i + 1);
        delays.push_back(std::chrono::duration<double, std::milli>(end - start).count());
    }
    std::sort(delays.begin(), delays.end());
    std::cout << json{{"figure", "put_reaches_all_watchers_ms"},
                      {"watchers", count},
                      {"p50", delays[delays.size() / 2]},
                      {"p99", delays[delays.size() * 99 / 100]},
                      {"most", delays.back()}}
              << '\n'
              << json{{"figure", "memory_per_watcher_bytes"}, {"watchers", count}, {"value", heap / count}} << '\n';
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 5) {
        std::cerr << "usage: keyspace_benchmark puts DIRECTORY CLIENTS SECONDS | watchers DIRECTORY WATCHERS PUTS\n";
        return 2;
    }
    std::string const directory = argv[2];
    if (std::filesystem::exists(directory)) {
        std::cerr << directory << " exists\n";
        return 2;
    }
    auto const store = keyspace::open_keyspace(directory).value();
    if (argv[1] == std::string_view{"puts"})
        measure_puts(*store, static_cast<unsigned>(std::stoul(argv[3])), std::stod(argv[4]));
    else
        measure_watchers(*store, std::stoul(argv[3]), std::stoul(argv[4]));
}
