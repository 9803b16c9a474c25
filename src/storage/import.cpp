#include "storage/import.h"

#include <fcntl.h>

#include "storage/digest.h"
#include "storage/limits.h"
#include "storage/source.h"
#include "storage/unpack.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

class Import {
public:
    Import(const StoreFiles& store, std::string staged, std::string reference, const ImportReport& report)
        : store_(store), staged_(std::move(staged)), reference_(std::move(reference)), report_(report)
    {}

    Result<std::string> run(const std::string& source);

private:
    struct Image {
        std::string manifest_hex;
        Manifest manifest;
        ImageRecord record;
    };

    Result<Image> gather_layout();
    Result<Image> gather_docker();
    Result<Descriptor> find_manifest();
    Result<std::string> read_verified(const Descriptor& descriptor);
    Status put_text(const std::string& hex, const std::string& text);
    Status put_blob(const Descriptor& descriptor);
    Result<Descriptor> put_docker_layer(const std::string& name);
    Status unpack(const Image& image);
    Status unpack_one(const Descriptor& layer, const std::string& diff_id, const std::string& step);
    std::string path_of_blob(const std::string& hex) const;
    void tell(const std::string& step, std::uint64_t done, std::uint64_t total) const;

    const StoreFiles& store_;
    std::string staged_;
    std::string reference_;
    const ImportReport& report_;
    std::unique_ptr<Source> source_;
};

void Import::tell(const std::string& step, std::uint64_t done, std::uint64_t total) const
{
    if (report_)
        report_({step, done, total});
}

Status check_platform(const ImageRecord& record)
{
    bool const is_ours =
        (record.os.empty() || record.os == "linux") && (record.architecture.empty() || record.architecture == "amd64");
    if (is_ours)
        return base::done();
    return Error{Code::invalid_argument,
                 "the image is for " + in_quotes(record.os + "/" + record.architecture) + ", this machine is linux/amd64"};
}

Result<std::string> Import::run(const std::string& source)
{
    for (const char* name : {"/blobs", "/layers", "/scratch"})
        TRY(sys::make_directories(staged_ + name, 0700));
    source_ = TRY(open_source(source, staged_ + "/scratch", [this](auto done, auto total) { tell("read", done, total); }));

    Image image;
    if (source_->has("index.json"))
        image = TRY(gather_layout());
    else if (source_->has("manifest.json"))
        image = TRY(gather_docker());
    else
        return Error{Code::invalid_argument, "neither an OCI layout (index.json) nor a docker archive (manifest.json)"};
    TRY(unpack(image));
    return image.manifest_hex;
}

std::string blob_name(const std::string& hex) { return "blobs/sha256/" + hex; }

Result<std::string> Import::read_verified(const Descriptor& descriptor)
{
    auto const doing = "blob sha256:" + descriptor.digest;
    auto text = TRY(source_->read(blob_name(descriptor.digest)).context(doing));
    if (text.size() != descriptor.size)
        return Error{Code::invalid_argument,
                     doing + ": has " + std::to_string(text.size()) + " bytes, not " + std::to_string(descriptor.size)};
    if (Sha256::of(text) != descriptor.digest)
        return Error{Code::invalid_argument, doing + ": the content has another digest"};
    return text;
}

Result<Descriptor> Import::find_manifest()
{
    auto text = TRY(source_->read("index.json"));
    auto descriptors = TRY(parse_index(text).context("index.json"));
    for (int depth = 0; depth < limits::index_depth; ++depth) {
        auto const chosen = TRY(choose(descriptors, reference_));
        if (media_kind(chosen.media_type) == MediaKind::manifest)
            return chosen;
        if (media_kind(chosen.media_type) != MediaKind::index)
            return Error{Code::invalid_argument, "a manifest of no known kind: " + in_quotes(chosen.media_type)};
        text = TRY(read_verified(chosen));
        descriptors = TRY(parse_index(text).context("index sha256:" + chosen.digest));
    }
    return Error{Code::resource_exhausted, "more than " + std::to_string(limits::index_depth) + " indexes in one another"};
}

Result<Import::Image> Import::gather_layout()
{
    auto const chosen = TRY(find_manifest());
    auto const manifest_text = TRY(read_verified(chosen));
    auto manifest = TRY(parse_manifest(manifest_text).context("manifest sha256:" + chosen.digest));
    Image image{chosen.digest, std::move(manifest), {}};
    auto const config_text = TRY(read_verified(image.manifest.config));
    image.record = TRY(parse_image_record(config_text).context("config sha256:" + image.manifest.config.digest));
    TRY(check_platform(image.record));
    TRY(put_text(chosen.digest, manifest_text));
    TRY(put_text(image.manifest.config.digest, config_text));
    for (const auto& layer : image.manifest.layers)
        TRY(put_blob(layer).context("layer sha256:" + layer.digest));
    return image;
}

Status Import::put_text(const std::string& hex, const std::string& text)
{
    auto const file = TRY(sys::open_file(staged_ + "/blobs/" + hex, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    return sys::write_all(file.get(), text);
}

Status Import::put_blob(const Descriptor& descriptor)
{
    if (sys::exists(path_of_blob(descriptor.digest)))
        return base::done();
    auto const measured = TRY(source_->put(blob_name(descriptor.digest), staged_ + "/blobs/" + descriptor.digest));
    if (measured.size != descriptor.size)
        return Error{Code::invalid_argument,
                     "has " + std::to_string(measured.size) + " bytes, not " + std::to_string(descriptor.size)};
    if (measured.digest != descriptor.digest)
        return Error{Code::invalid_argument, "the content has another digest, sha256:" + measured.digest};
    return base::done();
}

std::string Import::path_of_blob(const std::string& hex) const
{
    auto const staged = staged_ + "/blobs/" + hex;
    return sys::exists(staged) ? staged : store_.blob(hex);
}

Result<Descriptor> Import::put_docker_layer(const std::string& name)
{
    auto const arriving = staged_ + "/scratch/arriving";
    auto const measured = TRY(source_->put(name, arriving));
    TRY(sys::rename_over(arriving, staged_ + "/blobs/" + measured.digest));
    TRY(sys::remove_file(arriving)); // rename(2) leaves it where both names are links to one file.
    Descriptor layer;
    layer.media_type = "application/vnd.oci.image.layer.v1.tar";
    layer.digest = measured.digest;
    layer.size = measured.size;
    return layer;
}

Result<Import::Image> Import::gather_docker()
{
    auto const list_text = TRY(source_->read("manifest.json"));
    auto const listed = TRY(parse_docker_manifest(list_text).context("manifest.json"));
    auto const chosen = TRY(choose(listed, reference_));
    auto const config_text = TRY(source_->read(chosen.config));
    auto const config_hex = Sha256::of(config_text);
    auto const stem = std::filesystem::path{chosen.config}.stem().string();
    if (is_sha256_hex(stem) && stem != config_hex)
        return Error{Code::invalid_argument, "config " + in_quotes(chosen.config) + ": the content has another digest"};

    Image image;
    image.record = TRY(parse_image_record(config_text).context("config " + in_quotes(chosen.config)));
    TRY(check_platform(image.record));
    image.manifest.config.media_type = "application/vnd.oci.image.config.v1+json";
    image.manifest.config.digest = config_hex;
    image.manifest.config.size = config_text.size();
    for (const auto& name : chosen.layers)
        image.manifest.layers.push_back(TRY(put_docker_layer(name).context("layer " + in_quotes(name))));
    auto const manifest_text = write_manifest(image.manifest);
    image.manifest_hex = Sha256::of(manifest_text);
    TRY(put_text(config_hex, config_text));
    TRY(put_text(image.manifest_hex, manifest_text));
    return image;
}

Status Import::unpack(const Image& image)
{
    auto const& layers = image.manifest.layers;
    auto const& diff_ids = image.record.diff_ids;
    if (layers.size() != diff_ids.size())
        return Error{Code::invalid_argument, "the config speaks of " + std::to_string(diff_ids.size()) +
                                                 " layers, the manifest of " + std::to_string(layers.size())};
    for (std::size_t i = 0; i < layers.size(); ++i) {
        auto const step = "unpack layer " + std::to_string(i + 1) + " of " + std::to_string(layers.size());
        TRY(unpack_one(layers[i], diff_ids[i], step).context("layer sha256:" + layers[i].digest));
    }
    return base::done();
}

Status Import::unpack_one(const Descriptor& layer, const std::string& diff_id, const std::string& step)
{
    auto const root = staged_ + "/layers/" + diff_id;
    if (sys::exists(store_.layer(diff_id)) || sys::exists(root))
        return base::done();
    TRY(sys::make_directories(root, 0755));
    auto const unpacked =
        TRY(unpack_layer(path_of_blob(layer.digest), root, [&](std::uint64_t done) { tell(step, done, layer.size); }));
    if (unpacked != diff_id)
        return Error{Code::invalid_argument, "unpacks to sha256:" + unpacked + ", the config says sha256:" + diff_id};
    return base::done();
}

} // namespace

Result<std::string> stage_image(const StoreFiles& store, const std::string& staged, const std::string& source,
                                const std::string& reference, const ImportReport& report)
{
    return Import{store, staged, reference, report}.run(source);
}

} // namespace nova::storage
