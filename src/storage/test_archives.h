#pragma once

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "storage/digest.h"

/// Archives for tests, well-formed and not: a library would not write the ones that matter.
namespace nova::storage::test {

struct Entry {
    std::string name;
    char type = '0'; ///< '0' file, '1' hard link, '2' symbolic link, '3' char, '4' block, '5' directory, '6' fifo
    std::string content{};
    std::string link{};
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    long long modified = 1700000000;
    std::vector<std::pair<std::string, std::string>> pax{}; ///< Extended header.
};

inline std::string octal(unsigned long long number, int width)
{
    std::string text(static_cast<std::size_t>(width), '0');
    for (auto at = text.rbegin() + 1; at != text.rend(); ++at, number /= 8)
        *at = static_cast<char>('0' + number % 8);
    text.back() = '\0';
    return text;
}

inline std::string padded(std::string text)
{
    text.resize((text.size() + 511) / 512 * 512, '\0');
    return text;
}

inline std::string tar_header(const Entry& entry, unsigned long long size)
{
    std::string header(512, '\0');
    header.replace(0, std::min<std::size_t>(entry.name.size(), 100), entry.name.substr(0, 100));
    header.replace(100, 8, octal(entry.mode, 8));
    header.replace(108, 8, octal(entry.uid, 8));
    header.replace(116, 8, octal(entry.gid, 8));
    header.replace(124, 12, octal(size, 12));
    header.replace(136, 12, octal(static_cast<unsigned long long>(entry.modified), 12));
    header.replace(148, 8, "        ");
    header[156] = entry.type;
    header.replace(157, std::min<std::size_t>(entry.link.size(), 100), entry.link.substr(0, 100));
    header.replace(257, 8, std::string{"ustar\00000", 8});
    unsigned sum = 0;
    for (unsigned char const c : header)
        sum += c;
    header.replace(148, 8, octal(sum, 7) + " ");
    return header;
}

inline std::string pax_header(const std::vector<std::pair<std::string, std::string>>& records)
{
    std::string body;
    for (const auto& [key, value] : records) {
        auto const rest = " " + key + "=" + value + "\n";
        auto size = rest.size() + 1;
        while (std::to_string(size).size() + rest.size() != size)
            ++size;
        body += std::to_string(size) + rest;
    }
    return tar_header({.name = "pax", .type = 'x'}, body.size()) + padded(body);
}

inline std::string tar_of(const std::vector<Entry>& entries)
{
    std::string tar;
    for (const auto& entry : entries) {
        if (!entry.pax.empty())
            tar += pax_header(entry.pax);
        tar += tar_header(entry, entry.type == '0' ? entry.content.size() : 0);
        if (entry.type == '0')
            tar += padded(entry.content);
    }
    return tar + std::string(1024, '\0');
}

inline void write_text(const std::string& path, const std::string& text)
{
    std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
    std::ofstream{path, std::ios::binary} << text;
}

/// An OCI layout of one image, whose parts a test may spoil before it writes them.
struct Layout {
    nlohmann::json config = {{"os", "linux"},
                             {"architecture", "amd64"},
                             {"config", nlohmann::json::object()},
                             {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
    nlohmann::json manifest = {{"schemaVersion", 2}, {"layers", nlohmann::json::array()}};
    std::vector<std::pair<std::string, std::string>> blobs; ///< Name (hex) and content.

    static nlohmann::json descriptor(const std::string& type, const std::string& content)
    {
        return {{"mediaType", type}, {"digest", "sha256:" + Sha256::of(content)}, {"size", content.size()}};
    }

    /// `packed` is what lies in the archive, `tar` what it unpacks to.
    void add_layer(const std::string& packed, const std::string& tar)
    {
        config["rootfs"]["diff_ids"].push_back("sha256:" + Sha256::of(tar));
        manifest["layers"].push_back(descriptor("application/vnd.oci.image.layer.v1.tar", packed));
        blobs.emplace_back(Sha256::of(packed), packed);
    }
    void add_layer(const std::string& tar) { add_layer(tar, tar); }

    nlohmann::json put_manifest()
    {
        auto const config_text = config.dump();
        if (!manifest.contains("config"))
            manifest["config"] = descriptor("application/vnd.oci.image.config.v1+json", config_text);
        blobs.emplace_back(Sha256::of(config_text), config_text);
        auto const text = manifest.dump();
        blobs.emplace_back(Sha256::of(text), text);
        return descriptor("application/vnd.oci.image.manifest.v1+json", text);
    }

    std::vector<Entry> files()
    {
        nlohmann::json const index{{"schemaVersion", 2}, {"manifests", {put_manifest()}}};
        std::vector<Entry> entries{{.name = "oci-layout", .content = R"({"imageLayoutVersion":"1.0.0"})"},
                                   {.name = "index.json", .content = index.dump()}};
        for (const auto& [hex, content] : blobs)
            entries.push_back({.name = "blobs/sha256/" + hex, .content = content});
        return entries;
    }

    void write(const std::string& directory)
    {
        for (const auto& file : files())
            write_text(directory + "/" + file.name, file.content);
    }
};

} // namespace nova::storage::test
