// What an EROFS image is made of, as the kernel reads it (fs/erofs/erofs_fs.h, since Linux 5.4): little-endian, uncompressed.
//
// block 0: superblock at byte 1024 | data of files | entries of large directories | inodes, with what is small behind them
#pragma once

#include <bit>
#include <cstdint>

namespace tsc {

static_assert(std::endian::native == std::endian::little, "EROFS images are little-endian");

constexpr std::uint32_t kErofsBlock = 4096;
constexpr std::uint32_t kErofsSlot = 32;  // inode numbers count slots from the first block of metadata
constexpr std::uint32_t kErofsMagic = 0xE0F5E1E2;
constexpr std::uint32_t kErofsSuperOffset = 1024;
constexpr std::uint32_t kErofsCompatMtime = 0x2;

struct ErofsSuper {
  std::uint32_t magic = kErofsMagic;
  std::uint32_t checksum = 0;
  std::uint32_t feature_compat = kErofsCompatMtime;
  std::uint8_t block_bits = 12;
  std::uint8_t extra_slots = 0;
  std::uint16_t root_nid = 0;
  std::uint64_t inodes = 0;
  std::uint64_t build_time = 0;
  std::uint32_t build_time_nsec = 0;
  std::uint32_t blocks = 0;
  std::uint32_t meta_block = 0;
  std::uint32_t xattr_block = 0;
  std::uint8_t uuid[16] = {};
  std::uint8_t volume_name[16] = {};
  std::uint32_t feature_incompat = 0;
  std::uint8_t reserved[44] = {};
};
static_assert(sizeof(ErofsSuper) == 128);

enum class ErofsLayout : std::uint16_t { plain = 0, inline_tail = 2 };

constexpr std::uint16_t erofs_inode_format(ErofsLayout layout) {
  return static_cast<std::uint16_t>(1 | (static_cast<std::uint16_t>(layout) << 1));  // bit 0: the extended form
}

struct ErofsInode {
  std::uint16_t format = 0;
  std::uint16_t xattr_count = 0;  // 0, or the header and so many words of 4 bytes, less 1
  std::uint16_t mode = 0;
  std::uint16_t reserved = 0;
  std::uint64_t size = 0;
  std::uint32_t block_or_device = 0;
  std::uint32_t ino = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t mtime = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint32_t links = 0;
  std::uint8_t reserved2[16] = {};
};
static_assert(sizeof(ErofsInode) == 64);

struct ErofsXattrHeader {
  std::uint32_t name_filter = 0;
  std::uint8_t shared_count = 0;
  std::uint8_t reserved[7] = {};
};
static_assert(sizeof(ErofsXattrHeader) == 12);

/// Followed by the name behind its prefix and the value, padded to 4 bytes.
struct ErofsXattrEntry {
  std::uint8_t name_length = 0;
  std::uint8_t name_index = 0;
  std::uint16_t value_size = 0;
};
static_assert(sizeof(ErofsXattrEntry) == 4);

/// A directory's blocks each begin with these, ascending by name; the names follow.
struct [[gnu::packed]] ErofsEntry {
  std::uint64_t nid = 0;
  std::uint16_t name_offset = 0;
  std::uint8_t type = 0;  // 1 file, 2 directory, 3 char, 4 block, 5 FIFO, 6 socket, 7 link
  std::uint8_t reserved = 0;
};
static_assert(sizeof(ErofsEntry) == 12);

}  // namespace tsc
