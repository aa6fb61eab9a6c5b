/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_IMG_MGMT_H
#define SMPKIT_IMG_MGMT_H

/* Generated from rust/capi/src/img_mgmt.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "smpkit_compat.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Tell how mcumgr was built: IMG_MGMT_UL_CHUNK_SIZE and sizeof(struct img_mgmt_upload_req).
 *
 * Both are known to the firmware only. Call it once at start, like smpkit_compat_init(); until
 * then uploads are refused with MGMT_ERR_EUNKNOWN. IMG_MGMT_LAZY_ERASE may be on or off.
 *
 * What the img_mgmt_impl_ functions do beyond mcumgr's contract:
 * - an image that would reach into the trailer is refused before anything is erased, and so are
 *   encrypted, compressed and non-bootable ones;
 * - the trailer is erased before anything else, so no old one can schedule the new image;
 * - every write is read back;
 * - only an image whose SHA-256 was computed from flash and found right is marked pending, which
 *   takes about two seconds on a slow bus;
 * - an upload does not go on after an erase command, nor after a restart: it begins anew.
 *
 * @return 0; SMPKIT_ERR_INVAL if the two do not belong together, as with another version of
 * mcumgr's struct, or the chunk size is below 32 or above 65535.
 */
int32_t smpkit_img_mgmt_init(uint32_t chunk_size, uint32_t request_size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_IMG_MGMT_H */
