#include "storage/images.h"

#include "base/log.h"
#include "base/undo.h"
#include "storage/digest.h"
#include "storage/import.h"
#include "storage/store_files.h"
#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/random.h"

namespace nova::storage {

using base::Code;
using base::Error;

Result<ImageStore> ImageStore::open(const std::string& directory)
{
    StoreFiles const files{directory};
    auto const doing = "open the image store " + directory;
    TRY(files.make().context(doing));
    // Where someone imports right now, what lies in staging is his.
    if (auto const lock = TRY(sys::try_lock(files.lock()).context(doing)))
        TRY(files.recover().context(doing));
    return ImageStore{directory};
}

Result<StoredImage> ImageStore::import(const std::string& source, const std::string& reference, const ImportReport& report)
{
    StoreFiles const files{directory_};
    auto const name = TRY(full_reference(reference));
    auto const doing = "import " + source + " as " + name;
    auto const lock = TRY(sys::lock_shared(files.lock()).context(doing));
    auto const staged = files.staging() + "/" + sys::random_hex(16);
    base::Undo undo;
    undo.add([&] {
        if (auto removed = sys::remove_tree(staged); !removed.ok())
            base::log_warning("left-overs of an import stay until the next start: " + removed.error().message());
    });
    auto const manifest = TRY(stage_image(files, staged, source, name, report).context(doing));
    TRY(files.seal(staged, name, manifest).context(doing));
    undo.commit();
    TRY(files.finish(staged).context(doing));
    return files.load(name);
}

Result<StoredImage> ImageStore::get(const std::string& reference) const
{
    return StoreFiles{directory_}.load(TRY(full_reference(reference)));
}

Result<std::vector<StoredImage>> ImageStore::list() const
{
    StoreFiles const files{directory_};
    std::vector<StoredImage> images;
    for (const auto& name : TRY(files.list_references())) {
        auto image = files.load(name);
        if (image.ok())
            images.push_back(std::move(image).value());
        else if (image.error().code() != Code::not_found) // Removed since.
            base::log_warning(image.error().message());
    }
    return images;
}

Status ImageStore::remove(const std::string& reference, const LayersInUse& layers_in_use)
{
    StoreFiles const files{directory_};
    auto const name = TRY(full_reference(reference));
    auto const lock = TRY(sys::lock_alone(files.lock()).context("remove image " + name));
    TRY(sys::remove_file(files.reference(name)).context("remove image " + name));
    auto const in_use = layers_in_use ? TRY(layers_in_use().context("remove image " + name)) : std::vector<std::string>{};
    return files.sweep(in_use).context("remove image " + name);
}

Status ImageStore::collect_garbage(const LayersInUse& layers_in_use)
{
    StoreFiles const files{directory_};
    auto const* const doing = "collect garbage";
    auto const lock = TRY(sys::try_lock(files.lock()).context(doing));
    if (!lock)
        return Error{Code::unavailable, std::string{doing} + ": an import is under way"};
    return files.sweep(TRY(layers_in_use().context(doing))).context(doing);
}

std::vector<std::string> ImageStore::layer_directories(const StoredImage& image) const
{
    StoreFiles const files{directory_};
    std::vector<std::string> directories;
    for (const auto& diff_id : image.layers)
        if (auto const hex = parse_digest(diff_id); hex.ok())
            directories.push_back(files.layer(hex.value()));
    return directories;
}

} // namespace nova::storage
