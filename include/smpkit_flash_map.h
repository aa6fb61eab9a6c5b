/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_FLASH_MAP_H
#define SMPKIT_FLASH_MAP_H

/* Generated from rust/capi/src/flash_map.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "smpkit_compat.h"

/**
 * A range of a flash device, as Mynewt and MCUboot lay it out.
 *
 * The functions take any such struct, also one that the caller filled in; only devices of the
 * port can be reached with it, and only inside fa_size.
 */
struct flash_area {
    /**
     * Flash-map id.
     */
    uint8_t fa_id;
    /**
     * Device number.
     */
    uint8_t fa_device_id;
    /**
     * 0.
     */
    uint16_t pad16;
    /**
     * First byte on the device.
     */
    uint32_t fa_off;
    /**
     * Bytes.
     */
    uint32_t fa_size;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Find an area by its flash-map id. Nothing is locked; it may be opened any number of times.
 *
 * @return 0; SYS_EACCES (-7) before smpkit_compat_init(); SYS_ENOENT (-4) if there is none;
 * SYS_EINVAL (-2) if fa is NULL.
 */
int flash_area_open(uint8_t id, const struct flash_area **fa);

/**
 * Does nothing. Code compiled against Mynewt's header, where this is a macro, never calls it.
 */
void flash_area_close(const struct flash_area *fa);

/**
 * Read len bytes at off of an area. Blocks for the transfer.
 *
 * @return 0; -1 if the range is not inside the area, also when off + len exceeds 32 bits; SYS_*
 * for other faults of the kit; an error of the port as it is. Errors are negative; dst may then
 * hold a part of the bytes.
 */
int flash_area_read(const struct flash_area *fa, uint32_t off, void *dst, uint32_t len);

/**
 * Read, and tell whether all of it is erased. Blocks for the transfer.
 *
 * @return 1 if erased, 0 if not, and the errors of flash_area_read(). A range outside the area is
 * one of them, which Mynewt does not check here.
 */
int flash_area_read_is_empty(const struct flash_area *fa, uint32_t off, void *dst, uint32_t len);

/**
 * Write len bytes at off of an area into erased flash, page by page. Blocks for that long.
 *
 * src may lie in flash: it is copied on the way. What was written is not read back, as upstream.
 *
 * @return as flash_area_read(); SYS_EINVAL also when off or len is no multiple of
 * flash_area_align(). A fault may leave a part written.
 */
int flash_area_write(const struct flash_area *fa, uint32_t off, const void *src, uint32_t len);

/**
 * Tell whether the whole area is erased. Blocks for reading it.
 *
 * @return 0 and the answer in empty, or a negative error and empty untouched.
 */
int flash_area_is_empty(const struct flash_area *fa, bool *empty);

/**
 * The write unit: offsets and lengths of writes are multiples of it. 1 if the area is not usable.
 */
uint32_t flash_area_align(const struct flash_area *fa);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_FLASH_MAP_H */
