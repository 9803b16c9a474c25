#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace nova::base {

/// For tests that ask whether a process has come to rest. True where each thread of this process but the one that asks sleeps,
/// and none has a child: nothing is left to be done but what a timer or somebody outside begins. That nothing happened for a
/// while says less: on a busy machine a thread may have to wait for its turn so long.
inline bool all_others_sleep()
{
    for (const auto& thread : std::filesystem::directory_iterator{"/proc/self/task"}) {
        std::string stat;
        std::string children;
        std::getline(std::ifstream{thread.path() / "stat"}, stat);
        std::getline(std::ifstream{thread.path() / "children"}, children);
        bool const sleeps = stat.find(") S ") != std::string::npos || stat.empty(); // Empty: it ended while we looked.
        if (!children.empty() || (!sleeps && thread.path().filename() != std::to_string(::gettid())))
            return false;
    }
    return true;
}

} // namespace nova::base
