#pragma once

#include <string>
#include <vector>

namespace nova::sys {

/// Arguments or environment as execve(2) takes them: pointers into `texts`, and a null at the end.
inline std::vector<char*> argument_pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const auto& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

} // namespace nova::sys
