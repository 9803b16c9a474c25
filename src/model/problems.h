#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::model {

/// Collects everything that is wrong with an input, each with the path of its field.
class Problems {
public:
    /// Puts a step onto the path for as long as it lives: ".spec", "[3]".
    class Step {
    public:
        Step(Problems& problems, std::size_t length_before) : problems_(problems), length_before_(length_before) {}
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;
        ~Step() { problems_.path_.resize(length_before_); }

    private:
        Problems& problems_;
        std::size_t length_before_;
    };

    [[nodiscard]] Step inside(std::string_view field);
    [[nodiscard]] Step inside(std::size_t index);
    [[nodiscard]] Step inside_key(std::string_view key); ///< Of a map: "labels[app]" where the key has a dot, else "labels.app".

    /// Something is wrong with the value at the path itself.
    void add(std::string message) { add_at("", std::move(message)); }

    /// Something is wrong with what lies below the path: "containers[0].image".
    void add_at(std::string_view below, std::string message);

    std::size_t count() const { return causes_.size(); }
    bool any_below(std::string_view path) const; ///< At the path itself too.
    const std::string& path() const { return path_; }
    std::vector<base::Cause> take() { return std::move(causes_); }

private:
    static constexpr std::size_t most = 100; // Enough for a person; a hostile input must not make a large answer.

    std::string path_;
    std::vector<base::Cause> causes_;
};

/// The path of a field, or of a map's key, below another: "labels.app", "labels[nanocloud.io/project]".
std::string member_path(const std::string& path, std::string_view key);
std::string element_path(const std::string& path, std::size_t index);

/// The known name that is nearest to a mistyped one; empty where none is near.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

/// "; did you mean \"memory\"?", or "" where nothing is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known);

} // namespace nova::model
