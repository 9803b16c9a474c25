#include "api/selector.h"

#include <algorithm>

#include "base/strings.h"

namespace nova::api {
namespace {

base::Error bad(std::string_view what, std::string_view text)
{
    return {base::Code::invalid_argument, std::string{what} + ": \"" + std::string{text.substr(0, 200)} + "\""};
}

/// Commas within parentheses separate values, not terms.
std::vector<std::string> split_terms(std::string_view text)
{
    std::vector<std::string> terms(1);
    int depth = 0;
    for (char const character : text) {
        depth += character == '(' ? 1 : character == ')' ? -1 : 0;
        if (character == ',' && depth == 0)
            terms.emplace_back();
        else
            terms.back() += character;
    }
    return terms;
}

bool is_label_text(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](unsigned char character) {
        return std::isalnum(character) != 0 || character == '-' || character == '_' || character == '.' || character == '/';
    });
}

bool can_select(std::string_view field)
{
    constexpr std::string_view prefixes[] = {"involvedObject."};
    constexpr std::string_view fields[] = {"metadata.name", "metadata.namespace", "status.phase", "type", "reason"};
    return std::find(std::begin(fields), std::end(fields), field) != std::end(fields) ||
           std::any_of(std::begin(prefixes), std::end(prefixes), [&](auto prefix) { return field.starts_with(prefix); });
}

std::optional<std::string> text_at(const json& object, const std::string& pointer)
{
    const json* at = &object;
    for (const auto& step : base::split(std::string_view{pointer}.substr(1), '/')) {
        if (!at->is_object() || !at->contains(step))
            return std::nullopt;
        at = &(*at)[step];
    }
    return at->is_string() ? at->get<std::string>() : at->dump();
}

std::optional<std::string> label_of(const json& object, const std::string& key)
{
    auto const meta = object.find("metadata");
    if (meta == object.end() || !meta->is_object())
        return std::nullopt;
    auto const labels = meta->find("labels");
    if (labels == meta->end() || !labels->is_object() || !labels->contains(key) || !(*labels)[key].is_string())
        return std::nullopt;
    return (*labels)[key].get<std::string>();
}

struct Comparison {
    std::string key;
    std::string value;
    bool equal = true;
};

/// "k=v", "k==v", "k!=v"; empty where there is no such operator.
std::optional<Comparison> parse_comparison(std::string_view text)
{
    auto const at = text.find_first_of("!=");
    if (at == std::string_view::npos || (text[at] == '!' && text.substr(at, 2) != "!="))
        return std::nullopt;
    std::size_t const width = text.substr(at, 2) == "==" || text[at] == '!' ? 2 : 1;
    return Comparison{base::trim(text.substr(0, at)), base::trim(text.substr(at + width)), text[at] != '!'};
}

} // namespace

bool Selector::Term::holds(const std::optional<std::string>& actual) const
{
    bool const listed = actual && std::find(values.begin(), values.end(), *actual) != values.end();
    switch (op) {
    case Operator::in: return listed;
    case Operator::not_in: return !listed; // Also where the label is absent, as Kubernetes has it.
    case Operator::exists: return actual.has_value();
    case Operator::absent: return !actual.has_value();
    }
    return false;
}

Result<Selector::Term> Selector::parse_label(std::string_view text)
{
    Term term;
    if (auto const open = text.find('('); open != std::string_view::npos) {
        auto const head = base::trim(text.substr(0, open));
        auto const space = head.find_last_of(" \t");
        if (!text.ends_with(')') || space == std::string::npos)
            return bad("bad label selector", text);
        auto const word = head.substr(space + 1);
        if (word != "in" && word != "notin")
            return bad("bad label selector", text);
        term = {base::trim(head.substr(0, space)), word == "in" ? Operator::in : Operator::not_in, {}};
        for (const auto& value : base::split(text.substr(open + 1, text.size() - open - 2), ','))
            term.values.push_back(base::trim(value));
    } else if (auto comparison = parse_comparison(text)) {
        term = {comparison->key, comparison->equal ? Operator::in : Operator::not_in, {comparison->value}};
    } else if (text.starts_with('!')) {
        term = {base::trim(text.substr(1)), Operator::absent, {}};
    } else {
        term = {std::string{text}, Operator::exists, {}};
    }
    if (term.key.empty() || !is_label_text(term.key) || !std::all_of(term.values.begin(), term.values.end(), is_label_text))
        return bad("bad label selector", text);
    return term;
}

Result<Selector::Term> Selector::parse_field(std::string_view text)
{
    auto const comparison = parse_comparison(text);
    if (!comparison)
        return bad("bad field selector", text);
    if (!can_select(comparison->key))
        return bad("field can't be selected on", comparison->key);
    std::string pointer = "/" + comparison->key;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    return Term{pointer, comparison->equal ? Operator::in : Operator::not_in, {comparison->value}};
}

Result<Selector> Selector::parse(std::string_view labels, std::string_view fields)
{
    Selector selector;
    if (!base::trim(labels).empty())
        for (const auto& term : split_terms(labels))
            selector.labels_.push_back(TRY(parse_label(base::trim(term))));
    if (!base::trim(fields).empty())
        for (const auto& term : base::split(fields, ','))
            if (!base::trim(term).empty())
                selector.fields_.push_back(TRY(parse_field(base::trim(term))));
    return selector;
}

bool Selector::matches(const json& object) const
{
    return std::all_of(labels_.begin(), labels_.end(),
                       [&](const Term& term) { return term.holds(label_of(object, term.key)); }) &&
           std::all_of(fields_.begin(), fields_.end(), [&](const Term& term) { return term.holds(text_at(object, term.key)); });
}

std::string Selector::demanded(std::string_view pointer) const
{
    for (const auto& term : fields_)
        if (term.key == pointer && term.op == Operator::in && term.values.size() == 1)
            return term.values[0];
    return {};
}

} // namespace nova::api
