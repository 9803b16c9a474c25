#pragma once

#include <mutex>
#include <utility>

namespace nova::base {

/// Data that can be reached only while its lock is held.
///   guarded.with([](auto& data) { data.push_back(1); });
template <typename T>
class Guarded {
public:
    Guarded() = default;
    explicit Guarded(T value) : value_(std::move(value)) {}

    template <typename Use>
    decltype(auto) with(Use&& use)
    {
        std::lock_guard const lock{mutex_};
        return std::forward<Use>(use)(value_);
    }

    template <typename Use>
    decltype(auto) with(Use&& use) const
    {
        std::lock_guard const lock{mutex_};
        return std::forward<Use>(use)(value_);
    }

private:
    mutable std::mutex mutex_;
    T value_{};
};

} // namespace nova::base
