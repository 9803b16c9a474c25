#pragma once

#include <string>

namespace nova::sys {

/// Hexadecimal digits from the kernel's random source, fit for secrets. Ends the process where the kernel has none.
std::string random_hex(std::size_t digits);

/// A random (version 4) UUID in its usual form.
std::string random_uuid();

} // namespace nova::sys
