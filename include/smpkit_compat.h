/* SPDX-License-Identifier: Apache-2.0 */

#ifndef SMPKIT_COMPAT_H
#define SMPKIT_COMPAT_H

/* Generated from rust/capi/src/compat.rs by cargo xtask headers. Do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "smpkit.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Give the compatibility symbols their board: flash_area_*, boot_*, img_mgmt_impl_*.
 *
 * Call it once at start, before any of them and before a second task runs; until then they answer
 * with the error of their dialect. port and the area table of config stay in use. Does no flash
 * access. Of the port they use flash, now_ms, watchdog_feed and may_start; of config the areas,
 * bootloader, max_align, page_size, erase_step_ms, and exec_base with SMPKIT_CHECK_VECTORS.
 * config.buffer may be NULL.
 *
 * The calls of all groups do flash work before they return, so they may block as long as that
 * takes; the watchdog is fed before each operation. They may not be called from an ISR, nor from
 * two tasks at once.
 *
 * May be called again later when no other call is running. If it fails, what was set before
 * stays in force.
 *
 * @return 0; SMPKIT_ERR_INVAL for a NULL, a struct that is too short or a setting that is no
 * power of two; SMPKIT_ERR_NOSYS for a missing callback; SMPKIT_ERR_LAYOUT for areas the
 * bootloader could not swap.
 */
int32_t smpkit_compat_init(const struct smpkit_port *port, const struct smpkit_config *config);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMPKIT_COMPAT_H */
