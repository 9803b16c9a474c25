#include <set>

#include "model/description.h"
#include "model/registry.h"
#include "model/text_limits.h"

namespace nova::model {
namespace {

/// Walks over the text and leaves behind how far the parser has come, which nlohmann tells only for its own errors.
class CountingIterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++()
    {
        *furthest_ = ++at_;
        return *this;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

private:
    const char* at_;
    const char** furthest_;
};

/// Builds the value; refuses a key that stands twice, and too deep a nesting, at the place where it stands.
class Builder : public nlohmann::json_sax<json> {
public:
    explicit Builder(json& root) : dom_(root, false) {}

    bool null() override { return dom_.null(); }
    bool boolean(bool value) override { return dom_.boolean(value); }
    bool number_integer(number_integer_t value) override { return dom_.number_integer(value); }
    bool number_unsigned(number_unsigned_t value) override { return dom_.number_unsigned(value); }
    bool number_float(number_float_t value, const string_t& text) override { return dom_.number_float(value, text); }
    bool string(string_t& value) override { return dom_.string(value); }
    bool binary(binary_t& value) override { return dom_.binary(value); }

    bool start_object(std::size_t size) override
    {
        keys_.emplace_back();
        return not_too_deep() && dom_.start_object(size);
    }
    bool start_array(std::size_t size) override
    {
        keys_.emplace_back();
        return not_too_deep() && dom_.start_array(size);
    }
    bool end_object() override
    {
        keys_.pop_back();
        return dom_.end_object();
    }
    bool end_array() override
    {
        keys_.pop_back();
        return dom_.end_array();
    }

    bool key(string_t& name) override
    {
        if (!keys_.back().insert(name).second) {
            problem_ = "the key \"" + name.substr(0, 80) + "\" stands twice";
            return false;
        }
        return dom_.key(name);
    }

    bool parse_error(std::size_t, const std::string& token, const nlohmann::detail::exception&) override
    {
        problem_ =
            token.empty() || token == "<end of input>" ? "the text ends too early" : "unexpected \"" + token.substr(0, 80) + "\"";
        return false;
    }

    const std::string& problem() const { return problem_; }

private:
    bool not_too_deep()
    {
        if (keys_.size() <= most_nested)
            return true;
        problem_ = "is nested more than " + std::to_string(most_nested) + " levels deep";
        return false;
    }

    nlohmann::detail::json_sax_dom_parser<json> dom_;
    std::vector<std::set<std::string>> keys_;
    std::string problem_;
};

base::Cause cause_at(std::string_view text, std::size_t offset, const std::string& file, std::string message)
{
    base::Cause cause{"", std::move(message), file, 1, 1};
    for (char const character : text.substr(0, offset > 0 ? offset - 1 : 0)) {
        cause.column = character == '\n' ? 1 : cause.column + 1;
        cause.line += character == '\n' ? 1 : 0;
    }
    return cause;
}

} // namespace

Result<json> parse_json(std::string_view text, const std::string& file)
{
    if (text.size() > most_text)
        return base::Error{base::Code::invalid_argument, "the text is larger than " + std::to_string(most_text >> 20) + " MiB"};
    json root;
    Builder builder{root};
    const char* furthest = text.data();
    CountingIterator const first{text.data(), &furthest};
    CountingIterator const last{text.data() + text.size(), &furthest};
    if (json::sax_parse(first, last, &builder))
        return root;
    auto const offset = static_cast<std::size_t>(furthest - text.data());
    return base::Error::invalid({cause_at(text, offset, file, builder.problem())});
}

} // namespace nova::model
