/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_FLASH_MAP_MCUBOOT_H
#define SMPKIT_FLASH_MAP_MCUBOOT_H

/* Generated from rust/capi/src/flash_map/mcuboot.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "smpkit_flash_map.h"

/**
 * A sector of an area.
 */
struct flash_sector {
    /**
     * Offset in the area.
     */
    uint32_t fs_off;
    /**
     * Bytes.
     */
    uint32_t fs_size;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Erase len bytes at off of an area; blocks until that is done. Larger erase units are used where
 * they fit and are fast enough.
 *
 * @return as flash_area_read(); SYS_EINVAL, with nothing erased, if the range does not begin and
 * end on sector borders; SYS_ETIMEOUT if the device did not finish in time.
 */
int flash_area_erase(const struct flash_area *fa, uint32_t off, uint32_t len);

/**
 * Whether the device needs an erase before a write: true.
 */
bool flash_area_erase_required(const struct flash_area *fa);

/**
 * What an erased byte reads as; 0xFF if the area is not usable.
 */
uint8_t flash_area_erased_val(const struct flash_area *fa);

/**
 * fa_id; 255 if the area is not usable.
 */
uint8_t flash_area_get_id(const struct flash_area *fa);

/**
 * fa_device_id; 255 if the area is not usable.
 */
uint8_t flash_area_get_device_id(const struct flash_area *fa);

/**
 * fa_off; 0 if the area is not usable.
 */
uint32_t flash_area_get_off(const struct flash_area *fa);

/**
 * fa_size; 0 if the area is not usable.
 */
uint32_t flash_area_get_size(const struct flash_area *fa);

/**
 * fs_off; 0 for NULL.
 */
uint32_t flash_sector_get_off(const struct flash_sector *fs);

/**
 * fs_size; 0 for NULL.
 */
uint32_t flash_sector_get_size(const struct flash_sector *fs);

/**
 * All sectors of an area. count holds the room in sectors before, and their number after.
 *
 * @return 0; SYS_ENOMEM (-1) if there is too little room, SYS_ENOENT for an unknown id,
 * SYS_EINVAL for NULL, all with both outputs untouched.
 */
int flash_area_get_sectors(int fa_id, uint32_t *count, struct flash_sector *sectors);

/**
 * The sector that holds offset off of an area.
 *
 * @return 0; -1 if off is not inside the area, SYS_EINVAL for NULL or if the sector begins
 * outside the area, all with sector untouched.
 */
int flash_area_get_sector(const struct flash_area *fa, uint32_t off, struct flash_sector *sector);

/**
 * Address at which the CPU sees a device, for the device that holds the primary slot:
 * smpkit_config.exec_base minus the slot's offset, or 0 if exec_base is 0.
 *
 * @return 0; SYS_ENOENT for any other device, SYS_EINVAL for NULL, SYS_EACCES before
 * smpkit_compat_init(), all with ret untouched.
 */
int flash_device_base(uint8_t fd_id, size_t *ret);

/**
 * Area id of slot 0 or 1; -1 for any other.
 */
int flash_area_id_from_image_slot(int slot);

/**
 * Area id of a slot of image 0, slot 2 being scratch; -1 for anything else.
 */
int flash_area_id_from_multi_image_slot(int image, int slot);

/**
 * Slot of an area id of image 0, scratch being 2; -1 if it is none.
 */
int flash_area_id_to_multi_image_slot(int image, int area_id);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_FLASH_MAP_MCUBOOT_H */
