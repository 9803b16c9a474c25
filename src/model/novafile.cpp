#include "model/novafile.h"

#include <filesystem>

#include "base/strings.h"
#include "model/description.h"
#include "model/kinds.h"
#include "model/novafile_sections.h"
#include "model/toml_text.h"

namespace nova::model {
namespace {

/// A project's name made from that of the directory, where the file gives none.
std::string project_from(const std::string& directory)
{
    auto const last = std::filesystem::path{novafile::absolute(".", directory)}.filename().string();
    std::string name;
    for (char character : last) {
        if (character >= 'A' && character <= 'Z')
            character = static_cast<char>(character + ('a' - 'A'));
        auto const fits = (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
        if (fits || (!name.empty() && name.back() != '-' && name.size() < 62))
            name += fits ? character : '-';
    }
    name.resize(std::min<std::size_t>(name.size(), 63));
    while (name.ends_with('-'))
        name.pop_back();
    return name.empty() ? "project" : name;
}

/// Puts file, line and column to each cause, in the order of the file.
std::vector<base::Cause> located(std::vector<base::Cause> causes, const TomlText& toml, const std::string& file)
{
    for (auto& cause : causes) {
        auto const position = position_of(toml.positions, cause.field);
        cause.file = file;
        cause.line = position.line;
        cause.column = position.column;
    }
    std::stable_sort(causes.begin(), causes.end(), [](const base::Cause& a, const base::Cause& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return causes;
}

} // namespace

base::Result<NovaFile> parse_novafile(std::string_view text, const std::string& file, const std::string& directory)
{
    auto const toml = TRY(parse_toml(text, file));
    Problems problems;
    novafile::Root root;
    read_object(describe(&root), &root, toml.value, problems);
    if (root.project.empty())
        root.project = project_from(directory);
    novafile::check_file(root, directory, problems);

    NovaFile result;
    result.project = root.project;
    result.objects = novafile::to_objects(root, directory, problems);
    if (problems.count() > 0)
        return base::Error::invalid(located(problems.take(), toml, file));
    Problems unsupported;
    novafile::find_unsupported(root, unsupported);
    result.unsupported = located(unsupported.take(), toml, file);
    for (const auto& [name, image] : root.images)
        result.image_sections[image_object_name(novafile::reference_of(name, image))] = member_path("image", name);
    result.positions = toml.positions;
    result.path = file;
    return result;
}

base::Cause NovaFile::cause(const std::string& field, std::string message) const
{
    auto const position = position_of(positions, field);
    return {field, std::move(message), path, position.line, position.column};
}

base::Result<std::string> parse_project_name(std::string_view text, const std::string& file, const std::string& directory)
{
    auto const toml = TRY(parse_toml(text, file));
    if (!toml.value.contains("project"))
        return project_from(directory);
    Problems problems;
    novafile::Root root;
    read_object(describe(&root), &root, {{"project", toml.value.at("project")}}, problems);
    if (problems.count() > 0)
        return base::Error::invalid(located(problems.take(), toml, file));
    return root.project;
}

json explain_novafile()
{
    return {{"kind", "NovaFile"},
            {"type", "object"},
            {"doc", "What a project consists of, in TOML."},
            {"fields", explain_fields(describe(static_cast<const novafile::Root*>(nullptr)))}};
}

} // namespace nova::model
