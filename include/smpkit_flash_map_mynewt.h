/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_FLASH_MAP_MYNEWT_H
#define SMPKIT_FLASH_MAP_MYNEWT_H

/* Generated from rust/capi/src/flash_map/mynewt.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "smpkit_flash_map.h"

/**
 * Adjacent sectors of one size.
 */
struct flash_sector_range {
    /**
     * The sectors as an area.
     */
    struct flash_area fsr_flash_area;
    /**
     * Offset of the first one in the area.
     */
    uint32_t fsr_range_start;
    /**
     * Number of the first one, counted over all ranges of the area.
     */
    uint16_t fsr_first_sector;
    /**
     * How many.
     */
    uint16_t fsr_sector_count;
    /**
     * Bytes of each.
     */
    uint32_t fsr_sector_size;
    /**
     * Write unit.
     */
    uint32_t fsr_align;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The area table, filled in by flash_map_init(). Changing it does not change what the functions
 * use.
 */
extern const struct flash_area *flash_map;

/**
 * Entries of flash_map.
 */
extern int flash_map_entries;

/**
 * Fill in flash_map and flash_map_entries from what smpkit_compat_init() was given. Only code
 * that reads those two needs it.
 */
void flash_map_init(void);

/**
 * Erase every sector that the range touches, whole; blocks until that is done.
 *
 * So start and length need not lie on sector borders, and more than asked may be erased. But
 * unlike upstream nothing outside the area is: SYS_EINVAL if the first or last sector lies
 * partly outside of it. Larger erase units are used where they fit and are fast enough.
 *
 * @return as flash_area_read(); SYS_ETIMEOUT if the device did not finish in time.
 */
int flash_area_erase(const struct flash_area *fa, uint32_t off, uint32_t len);

/**
 * What an erased byte reads as; 0xFF if the area is not usable.
 */
uint32_t flash_area_erased_val(const struct flash_area *fa);

/**
 * Number of sectors of an area, and each of them as an area of its own with the offset on its
 * device.
 *
 * ret is NULL to learn the number only, or has room for all of them.
 *
 * @return 0, or a negative error and cnt untouched.
 */
int flash_area_to_sectors(int id, int *cnt, struct flash_area *ret);

/**
 * The ranges of equal sectors of an area. There is exactly one, since the kit takes all sectors
 * of a device as equal.
 *
 * ret is NULL to learn the number only. Where it is not, it has room for the number in cnt.
 *
 * @return 0, or a negative error and cnt untouched.
 */
int flash_area_to_sector_ranges(int id, int *cnt, struct flash_sector_range *ret);

/**
 * The next sector of an area behind sector number sec_id, which counts over the whole device;
 * begin with -1. ret gets it as an area of its own, with the offset on the device.
 *
 * @return 0, with the number in sec_id; SYS_ENOENT behind the last one, SYS_EINVAL for NULL or a
 * number below -1, and both outputs untouched.
 */
int flash_area_getnext_sector(int id, int *sec_id, struct flash_area *ret);

/**
 * Area id of slot 0 or 1; 255 for any other, where upstream stops.
 */
int flash_area_id_from_image_slot(int slot);

/**
 * Slot of an area id; -1 if it is none.
 */
int flash_area_id_to_image_slot(int area_id);

/**
 * Area id of a slot of image 0, slot 2 being scratch; 255 for anything else.
 */
int flash_area_id_from_multi_image_slot(int image, int slot);

/**
 * Slot of an area id of image 0, scratch being 2; 255 if it is none.
 */
int flash_area_id_to_multi_image_slot(int image, int area_id);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_FLASH_MAP_MYNEWT_H */
