#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace nova::base {

/// Leaves a value to the end of the process, which takes all memory at once: for what a short program read in many small pieces,
/// and would free piece by piece only to end after that. For memory alone: descriptors would stay open as long.
template <typename Value>
void keep_to_the_end(Value&& value)
{
    using Kept = std::remove_cvref_t<Value>;
    static auto& all = *new std::vector<std::unique_ptr<Kept>>; // Still to be reached: whoever looks for leaks finds none.
    all.push_back(std::make_unique<Kept>(std::forward<Value>(value)));
}

} // namespace nova::base
