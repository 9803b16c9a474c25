#pragma once

#include <utility>

namespace nova::base {

/// Leaves a value to the end of the process, which takes all memory at once: for what a short program read in many small pieces,
/// and would free piece by piece only to end after that. For memory alone: descriptors would stay open as long.
template <typename Value>
void keep_to_the_end(Value&& value)
{
    (void)new Value(std::forward<Value>(value));
}

} // namespace nova::base
