#pragma once

#include <functional>
#include <vector>

namespace nova::base {

/// Steps to take back if we do not reach the end. Runs them newest first.
class Undo {
public:
    Undo() = default;
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo()
    {
        while (!steps_.empty()) {
            steps_.back()();
            steps_.pop_back();
        }
    }

    void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
    void commit() { steps_.clear(); }

private:
    std::vector<std::function<void()>> steps_;
};

} // namespace nova::base
