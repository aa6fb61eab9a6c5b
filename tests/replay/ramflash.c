/* SPDX-License-Identifier: Apache-2.0 */
#include "ramflash.h"

#if defined(__arm__)
__attribute__((section(".psram"), aligned(8)))
#endif
uint8_t ramflash_bytes[RAMFLASH_SIZE];
struct ramflash_count ramflash_count;

static int32_t violation(void)
{
    ramflash_count.violations++;
    return SMPKIT_ERR_RANGE;
}

static int inside(uint32_t offset, uint32_t len)
{
    return offset <= RAMFLASH_SIZE && len <= RAMFLASH_SIZE - offset;
}

static int32_t ramflash_read(void *ctx, uint32_t offset, void *dst, uint32_t len)
{
    uint8_t *to = dst;

    (void)ctx;
    if (!inside(offset, len)) {
        return violation();
    }
    ramflash_count.reads++;
    ramflash_count.read_bytes += len;
    for (uint32_t i = 0; i < len; i++) {
        to[i] = ramflash_bytes[offset + i];
    }
    return 0;
}

static int32_t ramflash_write(void *ctx, uint32_t offset, const void *src, uint32_t len)
{
    const uint8_t *from = src;

    (void)ctx;
    if (!inside(offset, len) || (offset | len) % RAMFLASH_WRITE_UNIT != 0) {
        return violation();
    }
    ramflash_count.writes++;
    ramflash_count.write_bytes += len;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *cell = &ramflash_bytes[offset + i];
        if ((*cell & from[i]) != from[i]) {
            return violation();
        }
        *cell = from[i];
    }
    return 0;
}

static int32_t ramflash_erase(void *ctx, uint32_t offset, uint32_t len)
{
    (void)ctx;
    if (!inside(offset, len) || len != RAMFLASH_SECTOR || offset % RAMFLASH_SECTOR != 0) {
        return violation();
    }
    ramflash_count.sectors_erased++;
    for (uint32_t i = 0; i < len; i++) {
        ramflash_bytes[offset + i] = 0xFF;
    }
    return 0;
}

const struct smpkit_flash ramflash_device = {
    .struct_size = sizeof(struct smpkit_flash),
    .size = RAMFLASH_SIZE,
    .write_unit = RAMFLASH_WRITE_UNIT,
    .erase_sizes = {{RAMFLASH_SECTOR, 300}},
    .read = ramflash_read,
    .write = ramflash_write,
    .erase = ramflash_erase,
};
