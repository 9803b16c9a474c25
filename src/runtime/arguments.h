#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// One option that a command knows: "--bundle DIR", "-b DIR", "--bundle=DIR"; a flag takes "--detach" and "--detach=false".
struct Option {
    enum class Kind { flag, text };
    std::string_view name;
    char letter = 0; ///< 0: none.
    Kind kind = Kind::text;
    std::string_view value{}; ///< For help: what it takes, "DIR".
    std::string_view help{};  ///< For help: what it does.
};

/// Whether options may still come after the first argument that is none. A command's own command line starts there.
enum class OptionOrder { anywhere, before_arguments };

/// Whether --help or -h stands among a command's options, before its first argument.
bool asks_for_help(std::span<const std::string> words, std::span<const Option> known);

/// What stood on the command line. A parser library costs more start-up time than the rest of `nb state`.
class Arguments {
public:
    /// Errors: invalid_argument - an unknown option, one without its value.
    static Result<Arguments> parse(std::span<const std::string> words, std::span<const Option> known, OptionOrder order);

    bool has(std::string_view name) const; ///< A flag that is set, or an option that was given.
    std::string get(std::string_view name, std::string_view otherwise = {}) const; ///< The last one given.
    std::optional<std::string> find(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    const std::vector<std::string>& rest() const { return rest_; }

    /// Errors: invalid_argument - not exactly one argument.
    Result<std::string> only(std::string_view what) const;

private:
    struct Given {
        std::string name;
        std::string value;
    };
    std::vector<Given> given_;
    std::vector<std::string> rest_;
};

} // namespace nova::runtime
