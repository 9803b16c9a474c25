#include "sys/seccomp_ranges.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace nova::sys {

namespace {

using Program = std::vector<sock_filter>;

constexpr std::uint16_t load = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t answer = BPF_RET | BPF_K;
constexpr std::uint16_t go = BPF_JMP | BPF_JA;
constexpr std::uint16_t if_equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t if_greater = BPF_JMP | BPF_JGT | BPF_K;
constexpr std::uint16_t if_at_least = BPF_JMP | BPF_JGE | BPF_K;
constexpr std::uint16_t if_bits = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint16_t mask = BPF_ALU | BPF_AND | BPF_K;
constexpr std::uint32_t number_at = offsetof(seccomp_data, nr);
constexpr std::uint32_t architecture_at = offsetof(seccomp_data, arch);
constexpr std::size_t longest_jump = 255;

/// An answer, or where the program first asks for an argument: nothing that it held before counts from there on.
struct Outcome {
    bool decided = false;
    std::uint32_t value = 0; ///< The answer, or the place.

    bool operator==(const Outcome&) const = default;
    auto operator<=>(const Outcome&) const = default;
};

bool is_jump(const sock_filter& step) { return BPF_CLASS(step.code) == BPF_JMP; }

bool is_known(const sock_filter& step)
{
    constexpr std::uint16_t known[] = {load, answer, go, if_equal, if_greater, if_at_least, if_bits, mask};
    return std::find(std::begin(known), std::end(known), step.code) != std::end(known);
}

/// Jumps lead forward and inside; the last step answers.
bool is_sound(const Program& program)
{
    for (std::size_t at = 0; at < program.size(); ++at) {
        const auto& step = program[at];
        std::size_t const furthest = step.code == go ? step.k : is_jump(step) ? std::max(step.jt, step.jf) : 0;
        if (!is_known(step) || at + 1 + furthest >= program.size() + (step.code == answer ? 1 : 0))
            return false;
    }
    return !program.empty();
}

std::size_t next_of(const sock_filter& step, std::size_t at, std::uint32_t held)
{
    if (step.code == go)
        return at + 1 + step.k;
    bool yes = false;
    switch (step.code) {
    case if_equal: yes = held == step.k; break;
    case if_greater: yes = held > step.k; break;
    case if_at_least: yes = held >= step.k; break;
    default: yes = (held & step.k) != 0;
    }
    return at + 1 + (yes ? step.jt : step.jf);
}

/// Empty: it does something with the number or the architecture that ranges do not express.
std::optional<Outcome> follow(const Program& program, std::uint32_t architecture, std::uint32_t number)
{
    std::uint32_t held = 0;
    for (std::size_t at = 0; at < program.size();) {
        const auto& step = program[at];
        if (step.code == answer)
            return Outcome{true, step.k};
        if (step.code == mask || step.code == if_bits)
            return std::nullopt;
        if (step.code == load) {
            if (step.k != number_at && step.k != architecture_at)
                return Outcome{false, static_cast<std::uint32_t>(at)};
            held = step.k == number_at ? number : architecture;
            ++at;
        } else
            at = next_of(step, at, held);
    }
    return std::nullopt;
}

/// Where an answer may change: at every value that something is compared with, and after it.
std::vector<std::uint32_t> borders_of(const Program& program)
{
    std::set<std::uint32_t> borders{0};
    for (const auto& step : program)
        if (is_jump(step) && step.code != go) {
            borders.insert(step.k);
            if (step.k != UINT32_MAX)
                borders.insert(step.k + 1);
        }
    return {borders.begin(), borders.end()};
}

struct Range {
    std::uint32_t first = 0;
    Outcome outcome;
};
using Ranges = std::vector<Range>;

std::optional<Ranges> ranges_of(const Program& program, std::uint32_t architecture, const std::vector<std::uint32_t>& borders)
{
    Ranges ranges;
    for (auto const border : borders) {
        auto const outcome = follow(program, architecture, border);
        if (!outcome)
            return std::nullopt;
        if (ranges.empty() || ranges.back().outcome != *outcome)
            ranges.push_back({border, *outcome});
    }
    return ranges;
}

/// The architectures that it tells apart. Empty unless it begins with comparing for equality, and never asks again.
std::vector<std::uint32_t> architectures_of(const Program& program)
{
    std::vector<std::uint32_t> found;
    if (program.front().code != load || program.front().k != architecture_at)
        return {};
    for (std::size_t at = 1; at < program.size(); ++at)
        if (program[at].code == load && program[at].k == architecture_at)
            return {};
    for (std::size_t at = 1; program[at].code == if_equal || program[at].code == go;) {
        if (program[at].code == if_equal)
            found.push_back(program[at].k);
        at += 1 + (program[at].code == go ? program[at].k : program[at].jf);
    }
    return found;
}

/// Writes a program from its end, so that the place a jump leads to is always known.
class Writer {
public:
    using Place = std::size_t; ///< Counted from the end.

    Place put(sock_filter step)
    {
        steps_.push_back(step);
        return steps_.size() - 1;
    }

    Place put_answer(std::uint32_t value)
    {
        auto const found = answers_.find(value);
        if (found != answers_.end() && steps_.size() - found->second <= longest_jump - 3)
            return found->second;
        return answers_[value] = put({answer, 0, 0, value});
    }

    Place put_choice(std::uint16_t code, std::uint32_t value, Place yes, Place no)
    {
        yes = near(yes, 2);
        no = near(no, 1);
        return put({code, offset8(yes), offset8(no), value});
    }

    /// The steps from each of these places on, as they stand; where they came to lie.
    std::map<std::uint32_t, Place> copy(const Program& program, const std::set<std::uint32_t>& starts)
    {
        std::vector<bool> wanted(program.size());
        for (auto const start : starts)
            wanted[start] = true;
        for (std::size_t at = 0; at < program.size(); ++at) {
            const auto& step = program[at];
            if (!wanted[at] || step.code == answer)
                continue;
            wanted[at + 1 + (step.code == go ? step.k : is_jump(step) ? step.jt : 0)] = true;
            if (is_jump(step) && step.code != go)
                wanted[at + 1 + step.jf] = true;
        }
        std::map<std::uint32_t, Place> places;
        for (auto at = program.size(); at-- > 0;)
            if (wanted[at])
                places[static_cast<std::uint32_t>(at)] = copy_step(program[at], at, places);
        return places;
    }

    /// What is written next comes to this place.
    void lead_to(Place place)
    {
        if (place + 1 != steps_.size())
            put({go, 0, 0, static_cast<std::uint32_t>(steps_.size() - place - 1)});
    }

    Program finish() const { return {steps_.rbegin(), steps_.rend()}; }

private:
    /// What lay between was left out or not: the distance never grew.
    Place copy_step(sock_filter step, std::size_t at, const std::map<std::uint32_t, Place>& places)
    {
        auto const moved = [&](std::size_t by) { return places.at(static_cast<std::uint32_t>(at + 1 + by)); };
        if (step.code == go)
            step.k = static_cast<std::uint32_t>(steps_.size() - moved(step.k) - 1);
        else if (is_jump(step)) {
            auto const yes = moved(step.jt);
            step.jf = offset8(moved(step.jf));
            step.jt = offset8(yes);
        }
        return put(step);
    }

    std::uint8_t offset8(Place place) const { return static_cast<std::uint8_t>(steps_.size() - place - 1); }

    Place near(Place place, std::size_t still_to_come)
    {
        if (steps_.size() + still_to_come - place - 1 <= longest_jump)
            return place;
        return put({go, 0, 0, static_cast<std::uint32_t>(steps_.size() - place - 1)});
    }

    std::vector<sock_filter> steps_;
    std::map<std::uint32_t, Place> answers_;
};

class Shortening {
public:
    explicit Shortening(const Program& program) : program_(program), borders_(borders_of(program)) {}

    std::optional<Program> run()
    {
        architectures_ = architectures_of(program_);
        if (architectures_.empty())
            return std::nullopt;
        std::vector<Ranges> all;
        std::set<std::uint32_t> tails;
        for (auto const architecture : with_a_foreign_one()) {
            auto ranges = ranges_of(program_, architecture, borders_);
            if (!ranges)
                return std::nullopt;
            for (const auto& range : *ranges)
                if (!range.outcome.decided)
                    tails.insert(range.outcome.value);
            all.push_back(std::move(*ranges));
        }
        return write(all, tails);
    }

private:
    std::vector<std::uint32_t> with_a_foreign_one() const
    {
        auto all = architectures_;
        std::uint32_t foreign = 0;
        while (std::find(all.begin(), all.end(), foreign) != all.end())
            ++foreign;
        all.push_back(foreign);
        return all;
    }

    Program write(const std::vector<Ranges>& all, const std::set<std::uint32_t>& tails)
    {
        tails_ = writer_.copy(program_, tails);
        auto place = section(all.back());
        for (auto at = architectures_.size(); at-- > 0;) {
            auto const own = section(all[at]);
            place = writer_.put_choice(if_equal, architectures_[at], own, place);
        }
        writer_.put({load, 0, 0, architecture_at});
        return writer_.finish();
    }

    Writer::Place section(const Ranges& ranges)
    {
        auto const inside = search(ranges, 0, ranges.size());
        if (ranges.size() == 1)
            return inside;
        writer_.lead_to(inside);
        return writer_.put({load, 0, 0, number_at});
    }

    Writer::Place search(const Ranges& ranges, std::size_t first, std::size_t last)
    {
        if (last - first == 1) {
            const auto& outcome = ranges[first].outcome;
            return outcome.decided ? writer_.put_answer(outcome.value) : tails_.at(outcome.value);
        }
        auto const middle = first + (last - first) / 2;
        auto const above = search(ranges, middle, last);
        auto const below = search(ranges, first, middle);
        return writer_.put_choice(if_at_least, ranges[middle].first, above, below);
    }

    const Program& program_;
    std::vector<std::uint32_t> borders_;
    std::vector<std::uint32_t> architectures_;
    std::map<std::uint32_t, Writer::Place> tails_;
    Writer writer_;
};

/// Compares two programs from two places on. Paths meet again and again, so each pair of places is looked at once.
class Comparison {
public:
    Comparison(const Program& a, const Program& b) : a_(a), b_(b) {}

    bool same(std::size_t at_a, std::size_t at_b)
    {
        while (a_[at_a].code == go)
            at_a += 1 + a_[at_a].k;
        while (b_[at_b].code == go)
            at_b += 1 + b_[at_b].k;
        if (!seen_.insert({at_a, at_b}).second)
            return true;
        const auto& x = a_[at_a];
        const auto& y = b_[at_b];
        if (x.code != y.code || x.k != y.k)
            return false;
        if (x.code == answer)
            return true;
        if (!is_jump(x))
            return same(at_a + 1, at_b + 1);
        return same(at_a + 1 + x.jt, at_b + 1 + y.jt) && same(at_a + 1 + x.jf, at_b + 1 + y.jf);
    }

private:
    const Program& a_;
    const Program& b_;
    std::set<std::pair<std::size_t, std::size_t>> seen_;
};

bool decides_alike(const Program& a, const Program& b)
{
    auto architectures = architectures_of(a);
    for (std::size_t at = architectures.size(); at-- > 0;) // Neighbours are foreign ones.
        for (int const by : {-1, 1})
            architectures.push_back(architectures[at] + static_cast<std::uint32_t>(by));
    auto borders = borders_of(a);
    auto const own = borders_of(b);
    borders.insert(borders.end(), own.begin(), own.end());
    Comparison tails{a, b};
    for (auto const architecture : architectures)
        for (auto const number : borders) {
            auto const in_a = follow(a, architecture, number);
            auto const in_b = follow(b, architecture, number);
            if (!in_a || !in_b || in_a->decided != in_b->decided)
                return false;
            if (in_a->decided ? in_a->value != in_b->value : !tails.same(in_a->value, in_b->value))
                return false;
        }
    return true;
}

} // namespace

std::string shorten_seccomp(const std::string& code)
{
    Program program(code.size() / sizeof(sock_filter));
    if (program.empty() || code.size() % sizeof(sock_filter) != 0)
        return code;
    std::memcpy(program.data(), code.data(), code.size());
    if (!is_sound(program))
        return code;
    auto const shorter = Shortening{program}.run();
    if (!shorter || shorter->size() >= program.size() || !is_sound(*shorter) || !decides_alike(program, *shorter))
        return code;
    return {reinterpret_cast<const char*>(shorter->data()), shorter->size() * sizeof(sock_filter)};
}

} // namespace nova::sys
