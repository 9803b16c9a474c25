#include "storage/store_files.h"

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "storage/digest.h"
#include "storage/limits.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

/// A reference as a file name: '/' becomes "%2F"; nothing else in a reference needs it.
std::string file_name(const std::string& reference)
{
    std::string name;
    for (char const c : reference)
        name += c == '/' ? std::string{"%2F"} : std::string{c};
    return name;
}

std::string reference_of(std::string name)
{
    for (auto at = name.find("%2F"); at != std::string::npos; at = name.find("%2F", at + 1))
        name.replace(at, 3, "/");
    return name;
}

Error lost(const std::string& what) { return Error{Code::data_loss, what}; }

} // namespace

Result<std::string> full_reference(const std::string& reference)
{
    auto const refuse = [&](const char* why) {
        return Error{Code::invalid_argument, "image " + in_quotes(reference) + ": " + why};
    };
    auto const slash = reference.rfind('/');
    auto const colon = reference.rfind(':');
    bool const has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
    auto const full = has_tag ? reference : reference + ":latest";
    if (full.size() > limits::reference_bytes || file_name(full).size() > limits::name_bytes)
        return refuse("the name is too long");
    if (reference.empty() || full.back() == ':' || full.back() == '/' || full.front() == ':' || full.front() == '/' ||
        full.front() == '.')
        return refuse("must be NAME or NAME:TAG");
    bool const is_plain = std::all_of(full.begin(), full.end(), [](unsigned char c) {
        return c < 0x80 &&
               (std::isalnum(c) != 0 || std::string_view{"._-/:"}.find(static_cast<char>(c)) != std::string_view::npos);
    });
    if (!is_plain)
        return refuse("may have letters, digits and . _ - / : only");
    return full;
}

Status StoreFiles::make() const
{
    for (const auto& path : {blobs(), layers(), references(), staging()})
        TRY(sys::make_directories(path, 0700));
    return base::done();
}

std::string StoreFiles::reference(const std::string& name) const { return references() + "/" + file_name(name); }

Result<std::vector<std::string>> StoreFiles::list_references() const
{
    std::vector<std::string> found;
    for (const auto& name : TRY(sys::list_directory(references())))
        found.push_back(reference_of(name));
    return found;
}

Result<std::string> StoreFiles::digest_of(const std::string& name) const
{
    auto text = sys::read_file(reference(name), 4096);
    if (base::failed_with(text, Code::not_found))
        return Error{Code::not_found, "there is no image " + name};
    auto const digest = TRY(std::move(text));
    auto hex = parse_digest(base::trim(digest));
    return hex.ok() ? hex : lost("the reference of image " + name + " is damaged");
}

Result<std::string> StoreFiles::read_blob(const std::string& hex) const
{
    auto text = TRY(sys::read_file(blob(hex), limits::json_bytes));
    if (Sha256::of(text) != hex)
        return lost("blob sha256:" + hex + " is damaged on disk");
    return text;
}

Result<Manifest> StoreFiles::manifest(const std::string& hex) const
{
    auto const text = TRY(read_blob(hex));
    return parse_manifest(text);
}

Result<StoredImage> StoreFiles::load(const std::string& name) const
{
    auto const hex = TRY(digest_of(name));
    auto const found = TRY(manifest(hex).context("image " + name));
    auto const config = TRY(read_blob(found.config.digest).context("image " + name));
    auto record = TRY(parse_image_record(config));
    StoredImage image{.reference = name, .digest = "sha256:" + hex, .size_bytes = found.config.size, .layers = {}, .config = {}};
    for (const auto& layer : found.layers)
        image.size_bytes += layer.size;
    for (const auto& diff_id : record.diff_ids)
        image.layers.push_back("sha256:" + diff_id);
    image.config = std::move(record.config);
    return image;
}

Status StoreFiles::seal(const std::string& staged, const std::string& name, const std::string& manifest_hex) const
{
    TRY(sys::sync_file_system(staged));
    return sys::write_file_atomically(staged + "/reference", file_name(name) + "\nsha256:" + manifest_hex + "\n");
}

Status StoreFiles::finish(const std::string& staged) const
{
    auto const sealed = base::split(TRY(sys::read_file(staged + "/reference", 4096)), '\n');
    if (sealed.size() < 2 || sealed[0].find('/') != std::string::npos)
        return lost(staged + "/reference is damaged");
    for (const auto& hex : TRY(sys::list_directory(staged + "/blobs")))
        TRY(sys::rename_over(staged + "/blobs/" + hex, blob(hex)));
    for (const auto& hex : TRY(sys::list_directory(staged + "/layers"))) {
        auto moved = sys::rename_to_free(staged + "/layers/" + hex, layer(hex));
        if (!moved.ok() && moved.error().code() != Code::already_exists) // Another import was ahead with the same layer.
            return moved;
    }
    TRY(sys::sync_directory(blobs()));
    TRY(sys::sync_directory(layers()));
    // Written among the staged files: among the references a temporary could not be told from an image of such a name.
    TRY(sys::write_file_atomically(staged + "/pointer", sealed[1] + "\n"));
    TRY(sys::rename_over(staged + "/pointer", references() + "/" + sealed[0]));
    TRY(sys::sync_directory(references()));
    // The seal goes first: what a kill leaves then is left-overs, and no import that still has to be finished.
    TRY(sys::remove_file(staged + "/reference"));
    return sys::remove_tree(staged);
}

Status StoreFiles::recover() const
{
    for (const auto& id : TRY(sys::list_directory(staging()))) {
        auto const staged = staging() + "/" + id;
        if (sys::exists(staged + "/reference"))
            TRY(finish(staged).context("finish the interrupted import " + id));
        else
            TRY(sys::remove_tree(staged).context("remove the interrupted import " + id));
    }
    return base::done();
}

Result<StoreFiles::Needs> StoreFiles::needs_of(const std::string& name) const
{
    auto const hex = TRY(digest_of(name));
    auto const found = TRY(manifest(hex).context("image " + name));
    auto const image = TRY(load(name));
    Needs needs{.blobs = {hex, found.config.digest}, .layers = {}};
    for (const auto& layer : found.layers)
        needs.blobs.push_back(layer.digest);
    for (const auto& diff_id : image.layers)
        needs.layers.push_back(TRY(parse_digest(diff_id)));
    return needs;
}

Status StoreFiles::sweep(const std::vector<std::string>& layers_in_use) const
{
    std::vector<std::string> needed_blobs, needed_layers;
    for (const auto& diff_id : layers_in_use)
        needed_layers.push_back(TRY(parse_digest(diff_id)));
    for (const auto& name : TRY(list_references())) {
        auto const needed = needs_of(name);
        if (base::failed_with(needed, Code::data_loss) || base::failed_with(needed, Code::not_found)) {
            // It can run nothing any more, and must not be the reason that nothing can be removed.
            base::log_warning(needed.error().message() + "; import it again");
            continue;
        }
        TRY(needed); // Perhaps whole, but we cannot see it now: then nothing is removed.
        needed_blobs.insert(needed_blobs.end(), needed.value().blobs.begin(), needed.value().blobs.end());
        needed_layers.insert(needed_layers.end(), needed.value().layers.begin(), needed.value().layers.end());
    }
    TRY(remove_others(layers(), needed_layers));
    return remove_others(blobs(), needed_blobs);
}

Status StoreFiles::remove_others(const std::string& directory, const std::vector<std::string>& needed) const
{
    for (const auto& name : TRY(sys::list_directory(directory))) {
        if (std::find(needed.begin(), needed.end(), name) != needed.end())
            continue;
        // Out of sight in one step first, so that a kill leaves no layer that looks whole.
        auto const gone = staging() + "/gone-" + name;
        TRY(sys::remove_tree(gone));
        TRY(sys::rename_over(directory + "/" + name, gone));
        TRY(sys::remove_tree(gone));
    }
    return base::done();
}

} // namespace nova::storage
