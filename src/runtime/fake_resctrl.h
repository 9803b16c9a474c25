#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strings.h"
#include "sys/namespace.h"
#include "sys/pidfd.h"

namespace nova::runtime {

/// A fake, for kernels without resctrl: a file system of ours (over /dev/fuse) that behaves as resctrl.rst says. Groups appear
/// with their files and go with rmdir; the kernel's limit of classes, its rounding of bandwidth, its refusals and their reasons
/// are there. What it does not do is limit anything: whether the processor obeys is nothing that it could show.
class FakeResctrl {
public:
    FakeResctrl()
    {
        groups_[""] = {};
        files_ = {{"info/last_cmd_status", "ok\n"},
                  {"info/L3/cbm_mask", "fff\n"},
                  {"info/L3/min_cbm_bits", "1\n"},
                  {"info/L3/num_closids", "3\n"},
                  {"info/MB/bandwidth_gran", "10\n"},
                  {"info/MB/delay_linear", "1\n"},
                  {"info/MB/min_bandwidth", "10\n"},
                  {"info/MB/num_closids", "3\n"},
                  {"info/L3_MON/mon_features", "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n"}};
        make_group("");
    }

    /// Answers the kernel until the file system is unmounted.
    void serve(int device)
    {
        std::vector<char> buffer(1u << 17);
        while (true) {
            auto const count = ::read(device, buffer.data(), buffer.size());
            if (count < 0 && errno == EINTR)
                continue;
            if (count < static_cast<ssize_t>(sizeof(fuse_in_header)))
                return;
            fuse_in_header header{};
            std::memcpy(&header, buffer.data(), sizeof header);
            std::string const body{buffer.data() + sizeof header, static_cast<std::size_t>(count) - sizeof header};
            answer(device, header, body);
        }
    }

private:
    struct Group {
        std::map<std::string, std::string> schemata; ///< By "L3:0".
        std::vector<std::string> tasks;
    };

    static std::string below(const std::string& directory, const std::string& name)
    {
        return directory.empty() ? name : directory + "/" + name;
    }
    static std::string above(const std::string& path)
    {
        auto const slash = path.rfind('/');
        return slash == std::string::npos ? "" : path.substr(0, slash);
    }
    static bool is_monitor(const std::string& group) { return group.find("mon_groups/") != std::string::npos; }

    void make_group(const std::string& group)
    {
        groups_[group].schemata = {{"L3:0", "fff"}, {"L3:1", "fff"}, {"MB:0", "100"}, {"MB:1", "100"}};
        files_[below(group, "tasks")] = "";
        if (!is_monitor(group))
            files_[below(group, "schemata")] = "";
        for (const char* const cache : {"00", "01"})
            for (const char* const name : {"llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"})
                files_[below(group, std::string{"mon_data/mon_L3_"} + cache + "/" + name)] = "4096\n";
    }

    bool is_directory(const std::string& path) const
    {
        auto const name = path.substr(path.rfind('/') + 1);
        if (groups_.contains(path) || (name == "mon_groups" && groups_.contains(above(path)) && !is_monitor(path)))
            return true;
        auto const first = files_.lower_bound(path + "/");
        return first != files_.end() && first->first.starts_with(path + "/");
    }

    std::string content(const std::string& path) const
    {
        auto const group = groups_.find(above(path));
        auto const name = path.substr(path.rfind('/') + 1);
        if (name == "tasks" && group != groups_.end()) {
            auto alive = group->second.tasks;
            std::erase_if(alive, [](const std::string& pid) { return ::kill(std::stoi(pid), 0) < 0; });
            return alive.empty() ? "" : base::join(alive, "\n") + "\n";
        }
        if (name != "schemata")
            return files_.at(path);
        std::map<std::string, std::string> lines;
        for (const auto& [cache, value] : group->second.schemata) {
            auto& line = lines[cache.substr(0, 2)];
            line += (line.empty() ? "    " + cache.substr(0, 3) : ";") + cache.substr(3) + "=" + value;
        }
        return lines["L3"] + "\n" + lines["MB"] + "\n";
    }

    int refuse(int errnum, const std::string& reason)
    {
        files_["info/last_cmd_status"] = reason + "\n";
        return -errnum;
    }

    int write_schemata(Group& group, const std::string& text)
    {
        for (const auto& line : base::split(base::trim(text), '\n')) {
            auto const resource = line.substr(0, line.find(':') + 1);
            for (const auto& part : base::split(line.substr(resource.size()), ';')) {
                auto const cache = resource + part.substr(0, part.find('='));
                if (!group.schemata.contains(cache))
                    return refuse(EINVAL, "Unknown or unsupported resource name '" + resource + "'");
                auto value = part.substr(part.find('=') + 1);
                if (resource == "MB:")
                    value = std::to_string((std::stoi(value) + 9) / 10 * 10);
                else
                    value = base::to_hex(std::stoul(value, nullptr, 16), 3);
                group.schemata[cache] = value;
            }
        }
        return 0;
    }

    int write_tasks(const std::string& group, const std::string& pid)
    {
        if (::kill(std::stoi(pid), 0) < 0)
            return refuse(ESRCH, "No task " + pid);
        auto const& owner = groups_[is_monitor(group) ? above(above(group)) : group];
        bool const in_class = std::find(owner.tasks.begin(), owner.tasks.end(), pid) != owner.tasks.end();
        if (is_monitor(group) && !in_class)
            return refuse(EINVAL, "Can't move task to different control group");
        for (auto& [name, other] : groups_)
            if (is_monitor(name) == is_monitor(group))
                std::erase(other.tasks, pid);
        groups_[group].tasks.push_back(pid);
        return 0;
    }

    int write_file(const std::string& path, const std::string& text)
    {
        files_["info/last_cmd_status"] = "ok\n";
        auto const name = path.substr(path.rfind('/') + 1);
        if (name == "tasks")
            return write_tasks(above(path), text);
        return name == "schemata" ? write_schemata(groups_[above(path)], text) : -EACCES;
    }

    int make_directory(const std::string& path)
    {
        files_["info/last_cmd_status"] = "ok\n";
        if (above(path).ends_with("mon_groups"))
            return make_group(path), 0;
        auto const classes =
            std::count_if(groups_.begin(), groups_.end(), [](const auto& entry) { return !is_monitor(entry.first); });
        if (!above(path).empty())
            return -EPERM;
        if (classes == 3) // With the default one.
            return refuse(ENOSPC, "Out of CLOSIDs");
        return make_group(path), 0;
    }

    int remove_directory(const std::string& path)
    {
        if (path.empty() || !groups_.contains(path))
            return -EPERM;
        std::erase_if(groups_, [&](const auto& entry) { return entry.first == path || entry.first.starts_with(path + "/"); });
        std::erase_if(files_, [&](const auto& entry) { return entry.first.starts_with(path + "/"); });
        return 0;
    }

    fuse_attr attributes(const std::string& path)
    {
        fuse_attr found{};
        found.ino = number_of(path);
        found.mode = is_directory(path) ? S_IFDIR | 0755 : S_IFREG | 0644;
        found.nlink = 1;
        found.blksize = 4096;
        return found;
    }

    std::uint64_t number_of(const std::string& path)
    {
        if (path.empty())
            return FUSE_ROOT_ID;
        auto const [found, is_new] = numbers_.try_emplace(path, numbers_.size() + 2);
        if (is_new)
            paths_[found->second] = path;
        return found->second;
    }

    std::string entries(const std::string& directory, std::uint64_t offset) const
    {
        std::map<std::string, int> names;
        auto const prefix = directory.empty() ? "" : directory + "/";
        auto const note = [&](const std::string& path) {
            if (path.size() > prefix.size() && path.starts_with(prefix))
                names[path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size())] = 0;
        };
        for (const auto& entry : files_)
            note(entry.first);
        for (const auto& entry : groups_)
            note(entry.first);
        std::string text;
        std::uint64_t at = 0;
        for (const auto& entry : names) {
            if (at++ < offset)
                continue;
            fuse_dirent one{};
            one.ino = at + 1000;
            one.off = at;
            one.namelen = static_cast<std::uint32_t>(entry.first.size());
            text.append(reinterpret_cast<const char*>(&one), FUSE_NAME_OFFSET).append(entry.first);
            text.resize(FUSE_DIRENT_ALIGN(text.size()));
        }
        return text;
    }

    static void reply(int device, const fuse_in_header& header, int error, const std::string& body = {})
    {
        fuse_out_header out{static_cast<std::uint32_t>(sizeof out + body.size()), error, header.unique};
        auto const text = std::string{reinterpret_cast<const char*>(&out), sizeof out} + body;
        (void)!::write(device, text.data(), text.size());
    }

    template <typename T>
    static std::string bytes(const T& value)
    {
        return {reinterpret_cast<const char*>(&value), sizeof value};
    }

    template <typename T>
    static T head_of(const std::string& body)
    {
        T value{};
        std::memcpy(&value, body.data(), std::min(sizeof value, body.size()));
        return value;
    }

    std::string entry_of(const std::string& path)
    {
        fuse_entry_out entry{};
        entry.nodeid = number_of(path);
        entry.attr = attributes(path);
        return bytes(entry);
    }

    void answer(int device, const fuse_in_header& header, const std::string& body)
    {
        auto const path = header.nodeid == FUSE_ROOT_ID ? std::string{} : paths_[header.nodeid];
        switch (header.opcode) {
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET: return;
        case FUSE_INIT: {
            fuse_init_out init{};
            init.major = FUSE_KERNEL_VERSION;
            init.minor = 31;
            init.max_write = 4096;
            return reply(device, header, 0, bytes(init));
        }
        case FUSE_LOOKUP: {
            auto const child = below(path, body.c_str());
            return is_directory(child) || files_.contains(child) ? reply(device, header, 0, entry_of(child))
                                                                 : reply(device, header, -ENOENT);
        }
        case FUSE_GETATTR: {
            fuse_attr_out out{};
            out.attr = attributes(path);
            return reply(device, header, 0, bytes(out));
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: {
            fuse_open_out out{};
            out.open_flags = header.opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0;
            return reply(device, header, 0, bytes(out));
        }
        default: return answer_content(device, header, path, body);
        }
    }

    void answer_content(int device, const fuse_in_header& header, const std::string& path, const std::string& body)
    {
        auto const asked = head_of<fuse_read_in>(body); // A write begins in the same way.
        switch (header.opcode) {
        case FUSE_READ: {
            auto const text = content(path);
            return reply(device, header, 0, asked.offset < text.size() ? text.substr(asked.offset, asked.size) : "");
        }
        case FUSE_READDIR: return reply(device, header, 0, entries(path, asked.offset));
        case FUSE_WRITE: {
            auto const error = write_file(path, body.substr(sizeof(fuse_write_in), asked.size));
            return error == 0 ? reply(device, header, 0, bytes(fuse_write_out{asked.size, 0})) : reply(device, header, error);
        }
        case FUSE_MKDIR: {
            auto const child = below(path, body.c_str() + sizeof(fuse_mkdir_in));
            auto const error = make_directory(child);
            return error == 0 ? reply(device, header, 0, entry_of(child)) : reply(device, header, error);
        }
        case FUSE_RMDIR: return reply(device, header, remove_directory(below(path, body.c_str())));
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR: return reply(device, header, 0);
        default: return reply(device, header, -ENOSYS);
        }
    }

    std::map<std::string, Group> groups_;
    std::map<std::string, std::string> files_; ///< By path; what is not written.
    std::map<std::string, std::uint64_t> numbers_;
    std::map<std::uint64_t, std::string> paths_;
};

/// Mounts one for as long as it lives, in a mount namespace of the test's own. Needs root.
class FakeResctrlMount {
public:
    explicit FakeResctrlMount(std::filesystem::path place) : place_(std::move(place))
    {
        std::filesystem::create_directories(place_);
        EXPECT_EQ(::unshare(CLONE_NEWNS), 0);
        EXPECT_EQ(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), 0);
        sys::UniqueFd const device{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
        auto const options = "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
        mounted_ = ::mount("fake", place_.c_str(), "fuse", 0, options.c_str()) == 0;
        if (!mounted_)
            return;
        auto cloned = sys::clone_process(0).value();
        if (cloned.pid == 0) {
            FakeResctrl{}.serve(device.get());
            sys::exit_now(0);
        }
        server_ = std::move(cloned.pidfd);
    }
    FakeResctrlMount(const FakeResctrlMount&) = delete;
    FakeResctrlMount& operator=(const FakeResctrlMount&) = delete;
    ~FakeResctrlMount()
    {
        if (!mounted_)
            return;
        ::umount2(place_.c_str(), MNT_DETACH);
        (void)sys::signal_pidfd(server_.get(), SIGKILL);
        (void)sys::wait_pidfd(server_.get(), base::Deadline::after(std::chrono::seconds{5}));
    }

    bool mounted() const { return mounted_; }
    std::string path() const { return place_.string(); }

private:
    std::filesystem::path place_;
    bool mounted_ = false;
    sys::UniqueFd server_;
};

} // namespace nova::runtime
