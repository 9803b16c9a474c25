#pragma once

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>
#include <vector>

namespace nova::base {

/// For tests: what has to be done also when the process aborts, which runs no destructors (value() of an error that nobody
/// expected, std::terminate). A fixture holds one, declared after all that it uses:
///
///     base::AbortGuard const guard{root};                                            removes a directory
///     base::AbortGuard const guard{[this] { unmount(root); base::AbortGuard::remove(root); }};
///
/// The children of the process are killed before. It runs in the midst of whatever aborted, maybe with a lock held: so it opens
/// what it needs anew, and it has half a minute. Not in processes that were forked from the test's, whose death takes nothing
/// along. Make and drop them in one thread.
class AbortGuard {
public:
    explicit AbortGuard(std::function<void()> clean_up) : clean_up_(std::move(clean_up))
    {
        std::signal(SIGABRT, run_all);
        all().push_back(this);
    }
    explicit AbortGuard(const std::filesystem::path& tree) : AbortGuard(std::function<void()>{[tree] { remove(tree); }}) {}
    ~AbortGuard() { std::erase(all(), this); }
    AbortGuard(const AbortGuard&) = delete;
    AbortGuard& operator=(const AbortGuard&) = delete;

    /// With all below it. Other threads of ours may still be writing there.
    static void remove(const std::filesystem::path& tree)
    {
        std::error_code failure;
        for (int i = 0; i < 100 && std::filesystem::exists(std::filesystem::symlink_status(tree, failure)); ++i) {
            std::filesystem::remove_all(tree, failure);
            ::usleep(i * 100);
        }
    }

private:
    static constexpr unsigned patience_seconds = 30;

    static std::vector<const AbortGuard*>& all()
    {
        static std::vector<const AbortGuard*> guards;
        return guards;
    }

    static void kill_children()
    {
        std::error_code failure;
        for (const auto& thread : std::filesystem::directory_iterator{"/proc/self/task", failure}) {
            std::ifstream children{thread.path() / "children"};
            for (pid_t child = 0; children >> child;)
                ::kill(child, SIGKILL);
        }
    }

    static void run_all(int)
    {
        std::signal(SIGABRT, SIG_DFL); // A clean-up that aborts too ends it.
        ::alarm(patience_seconds);
        bool is_first = true;
        for (auto guard = all().rbegin(); guard != all().rend(); ++guard) {
            if ((*guard)->owner_ != ::getpid())
                continue;
            if (std::exchange(is_first, false))
                kill_children();
            (*guard)->clean_up_();
        }
        std::raise(SIGABRT);
    }

    std::function<void()> clean_up_;
    pid_t owner_ = ::getpid();
};

} // namespace nova::base
