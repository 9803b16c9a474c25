#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include <nlohmann/json.hpp>

namespace nova::api {

using base::Result;
using nlohmann::json;

/// Which objects a list or watch is about: labels and fields, each term of which must hold.
class Selector {
public:
    /// `labels`: "a=b,c!=d,e in (f,g),h notin (i),j,!k". `fields`: "metadata.name=x,status.phase!=Running".
    /// Errors: invalid_argument - bad grammar, or a field that can't be selected on.
    static Result<Selector> parse(std::string_view labels, std::string_view fields);

    bool matches(const json& object) const;
    bool empty() const { return labels_.empty() && fields_.empty(); }

    /// The one name or namespace that the fields demand; empty: any.
    std::string name() const { return demanded("/metadata/name"); }
    std::string space() const { return demanded("/metadata/namespace"); }

private:
    enum class Operator { in, not_in, exists, absent };
    struct Term {
        std::string key; ///< A label, or a JSON pointer.
        Operator op = Operator::exists;
        std::vector<std::string> values;
        bool holds(const std::optional<std::string>& actual) const;
    };

    static Result<Term> parse_label(std::string_view text);
    static Result<Term> parse_field(std::string_view text);
    std::string demanded(std::string_view pointer) const;

    std::vector<Term> labels_;
    std::vector<Term> fields_;
};

} // namespace nova::api
