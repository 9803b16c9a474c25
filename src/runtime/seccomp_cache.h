#pragma once

#include <string>
#include <string_view>

namespace nova::runtime {

/// A compiled profile and how it is to be loaded.
struct SeccompFilter {
    std::string code;
    unsigned flags = 0;
    bool wants_listener = false; ///< There is a listenerPath.
};

/// Compiled profiles by the very text that they came from: containers of one maker share it. Compiling takes as long as all else
/// that a start does, and reading the text as long as some of it.
class SeccompCache {
public:
    /// `directory` is made when something is kept.
    explicit SeccompCache(std::string directory) : directory_(std::move(directory)) {}
    SeccompCache(const SeccompCache&) = delete;
    SeccompCache& operator=(const SeccompCache&) = delete;

    /// What came from this text; null: not kept, or nothing that can be trusted. Good until the next call.
    const SeccompFilter* find(std::string_view text);

    /// A cache that can't be written is no error.
    void keep(std::string_view text, const SeccompFilter& filter) const;

private:
    std::string directory_;
    std::string content_;   ///< Of the file found last.
    std::string_view text_; ///< In it.
    SeccompFilter filter_;
};

} // namespace nova::runtime
