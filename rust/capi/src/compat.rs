//! The start of the compatibility symbols: becomes `include/smpkit_compat.h`.
//!
//! `board` keeps what is set here and does flash work on it; the other modules are views of that.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use crate::api::smpkit_config;
use crate::port::smpkit_port;

#[cfg(test)]
pub(crate) mod bench;
mod board;
#[cfg(test)]
mod tests;

pub(crate) use board::Board;

/// Give the compatibility symbols their board: flash_area_*, boot_*, img_mgmt_impl_*.
///
/// Call it once at start, before any of them and before a second task runs; until then they answer
/// with the error of their dialect. port and the area table of config stay in use. Does no flash
/// access. Of the port they use flash, now_ms, watchdog_feed and may_start; of config the areas,
/// bootloader, max_align, page_size, erase_step_ms, and exec_base with SMPKIT_CHECK_VECTORS.
/// config.buffer may be NULL.
///
/// The calls of all groups do flash work before they return, so they may block as long as that
/// takes; the watchdog is fed before each operation. They may not be called from an ISR, nor from
/// two tasks at once.
///
/// May be called again later when no other call is running. If it fails, what was set before
/// stays in force.
///
/// @return 0; SMPKIT_ERR_INVAL for a NULL, a struct that is too short or a setting that is no
/// power of two; SMPKIT_ERR_NOSYS for a missing callback; SMPKIT_ERR_LAYOUT for areas the
/// bootloader could not swap.
#[no_mangle]
pub unsafe extern "C" fn smpkit_compat_init(
    port: *const smpkit_port,
    config: *const smpkit_config,
) -> i32 {
    // SAFETY: the contract above is the one that init asks for.
    match unsafe { Board::init(port, config) } {
        Ok(()) => 0,
        Err(error) => error.code(),
    }
}
