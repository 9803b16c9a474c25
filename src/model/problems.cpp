#include "model/problems.h"

#include <algorithm>

namespace nova::model {
namespace {

std::string joined(const std::string& path, std::string_view below)
{
    auto const needs_dot = !path.empty() && !below.empty() && below.front() != '[';
    return path + (needs_dot ? "." : "") + std::string{below};
}

/// Insertions, deletions and replacements from one to the other (Levenshtein); O(a*b), so callers keep both short.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            auto const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string without_case_and_marks(std::string_view text)
{
    std::string plain;
    for (char const character : text)
        if (character != '_' && character != '-' && character != '.')
            plain += static_cast<char>(character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character);
    return plain;
}

} // namespace

Problems::Step Problems::inside(std::string_view field)
{
    auto const before = path_.size();
    path_ = joined(path_, field);
    return Step{*this, before};
}

Problems::Step Problems::inside(std::size_t index)
{
    auto const before = path_.size();
    path_ = element_path(path_, index);
    return Step{*this, before};
}

Problems::Step Problems::inside_key(std::string_view key)
{
    auto const before = path_.size();
    path_ = member_path(path_, key);
    return Step{*this, before};
}

bool Problems::any_below(std::string_view path) const
{
    return std::any_of(causes_.begin(), causes_.end(), [&](const base::Cause& cause) {
        return cause.field.starts_with(path) &&
               (cause.field.size() == path.size() || cause.field[path.size()] == '.' || cause.field[path.size()] == '[');
    });
}

void Problems::add_at(std::string_view below, std::string message)
{
    if (causes_.size() < most)
        causes_.push_back({joined(path_, below), std::move(message), "", 0, 0});
}

std::string member_path(const std::string& path, std::string_view key)
{
    if (!key.empty() && key.find_first_of(".[]") == std::string_view::npos)
        return joined(path, key);
    return path + "[" + std::string{key} + "]";
}

std::string element_path(const std::string& path, std::size_t index) { return path + "[" + std::to_string(index) + "]"; }

std::string nearest(std::string_view typed, const std::vector<std::string>& known)
{
    if (typed.size() > 64)
        return {};
    auto const plain = without_case_and_marks(typed);
    std::string best;
    auto best_distance = std::max<std::size_t>(1, plain.size() / 3) + 1;
    for (const auto& name : known) {
        auto const there = distance(plain, without_case_and_marks(name));
        if (there < best_distance) {
            best = name;
            best_distance = there;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known)
{
    auto const best = nearest(typed, known);
    return best.empty() ? "" : "; did you mean \"" + best + "\"?";
}

} // namespace nova::model
