/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_BOOTUTIL_H
#define SMPKIT_BOOTUTIL_H

/* Generated from rust/capi/src/bootutil.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "smpkit_compat.h"

/**
 * What the trailer of a slot says, in MCUboot's numbers.
 */
struct boot_swap_state {
    /**
     * 1 good, 2 bad, 3 unset.
     */
    uint8_t magic;
    /**
     * Kind of the last swap: 1 none, 2 test, 3 permanent, 4 revert.
     */
    uint8_t swap_type;
    /**
     * 1 set, 2 bad, 3 unset.
     */
    uint8_t copy_done;
    /**
     * 1 set, 2 bad, 3 unset.
     */
    uint8_t image_ok;
    /**
     * Image pair of the last swap.
     */
    uint8_t image_num;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Schedule the image in the secondary slot for the next start: on trial, or with permanent not 0
 * for good. Blocks for a few reads and writes, and for one sector erase where a repair needs it.
 *
 * The trailer gets the bytes MCUboot writes. Unlike MCUboot:
 * - the magic is written last and every field read back, so a power cut leaves "not scheduled";
 * - the slot must hold an image whose TLVs are whole and that ends before the trailer. A larger
 *   one would make MCUboot 1.5.0 unable to swap ever again. The hash is not computed here;
 * - a slot scheduled the other way is scheduled anew instead of left as it is, and a damaged
 *   trailer is erased and written; both only if the image does not reach into its sector.
 *
 * @return 0; BOOT_EFLASH (1) for a flash error and before smpkit_compat_init(); BOOT_EBADIMAGE (3)
 * if there is no whole image, or the trailer cannot be repaired: then nothing is scheduled, and
 * a new upload helps.
 */
int boot_set_pending(int permanent);

/**
 * boot_set_pending() for an image number. There is only image 0; BOOT_EFLASH for others.
 */
int boot_set_pending_multi(int image_index, int permanent);

/**
 * Keep the running image. Blocks for a few reads and one write.
 *
 * Nothing is written if the image was never on trial or is confirmed. As in current MCUboot, and
 * unlike 1.5.0, an unset copy_done is no obstacle. Unlike both, a confirmation that a power cut
 * interrupted is finished, and the byte is read back.
 *
 * @return 0; BOOT_EBADVECT (4) if the trailer is damaged; BOOT_EFLASH (1) for a flash error and
 * before smpkit_compat_init().
 */
int boot_set_confirmed(void);

/**
 * boot_set_confirmed() for an image number. There is only image 0; BOOT_EFLASH for others.
 */
int boot_set_confirmed_multi(int image_index);

/**
 * What the bootloader will do at the next start. Blocks for a few reads.
 *
 * Which of two rules decides about a rollback depends on smpkit_config.bootloader.
 *
 * @return 1 none, 2 test, 3 permanent, 4 revert; 255 (BOOT_SWAP_TYPE_PANIC) if it cannot be read
 * and before smpkit_compat_init().
 */
int boot_swap_type(void);

/**
 * boot_swap_type() for an image number. There is only image 0; 255 for others.
 */
int boot_swap_type_multi(int image_index);

/**
 * Read the trailer of an area by its flash-map id. Blocks for four reads.
 *
 * @return 0; BOOT_EFLASH (1) for an unknown id, a flash error and before smpkit_compat_init();
 * BOOT_EBADARGS (7) for NULL. state is written only with 0.
 */
int boot_read_swap_state_by_id(int flash_area_id, struct boot_swap_state *state);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_BOOTUTIL_H */
