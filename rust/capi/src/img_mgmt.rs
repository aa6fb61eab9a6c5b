//! The image handlers under the C mcumgr library. `include/smpkit_img_mgmt.h` is made from this
//! file; the img_mgmt_impl_* functions are declared by mcumgr's own img_mgmt_impl.h.
//!
//! - `layout`: mcumgr's structs, for every chunk size at once.
//! - `inspect`: may this upload request go on?
//! - `slot`: erase, write and read the slots.
//! - `state`: pending, confirmed, what happens next, log hooks.
//!
//! How mcumgr calls them: inspect first; then for offset 0 erase_image_data, or with lazy erase
//! erase_if_needed for each chunk; then write_image_data. g_img_mgmt_state is mcumgr's and only
//! read here.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use smpkit_core::Error;

mod inspect;
mod layout;
mod slot;
mod state;
#[cfg(test)]
mod tests;

use crate::port::SMPKIT_ERR_INVAL;

const MGMT_ERR_EUNKNOWN: c_int = 1;
const MGMT_ERR_ENOMEM: c_int = 2;
const MGMT_ERR_EINVAL: c_int = 3;
const MGMT_ERR_ETIMEOUT: c_int = 4;
const MGMT_ERR_ENOENT: c_int = 5;
const MGMT_ERR_EBADSTATE: c_int = 6;
const MGMT_ERR_ENOTSUP: c_int = 8;

fn mgmt(error: Error) -> c_int {
    match error {
        Error::INVAL | Error::RANGE | Error::TOOBIG => MGMT_ERR_EINVAL,
        Error::NOENT => MGMT_ERR_ENOENT,
        Error::NOMEM => MGMT_ERR_ENOMEM,
        Error::TIMEOUT => MGMT_ERR_ETIMEOUT,
        Error::BADSTATE | Error::BADIMAGE | Error::BADVECT => MGMT_ERR_EBADSTATE,
        Error::UNSUPPORTED => MGMT_ERR_ENOTSUP,
        _ => MGMT_ERR_EUNKNOWN,
    }
}

fn code(result: Result<(), Error>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => mgmt(error),
    }
}

/// IMG_MGMT_UL_CHUNK_SIZE of the C library; 0 as long as it was not told.
static CHUNK: AtomicU32 = AtomicU32::new(0);

/// The slot was prepared for the upload that mcumgr's state speaks of. mcumgr keeps that state
/// over an erase command and has a wrong one at start, so it is not enough.
static PREPARED: AtomicBool = AtomicBool::new(false);

fn is_prepared() -> bool {
    PREPARED.load(Ordering::Relaxed)
}

fn set_prepared(prepared: bool) {
    PREPARED.store(prepared, Ordering::Relaxed);
}

/// Tell how mcumgr was built: IMG_MGMT_UL_CHUNK_SIZE and sizeof(struct img_mgmt_upload_req).
///
/// Both are known to the firmware only. Call it once at start, like smpkit_compat_init(); until
/// then uploads are refused with MGMT_ERR_EUNKNOWN. IMG_MGMT_LAZY_ERASE may be on or off.
///
/// What the img_mgmt_impl_ functions do beyond mcumgr's contract:
/// - an image that would reach into the trailer is refused before anything is erased, and so are
///   encrypted, compressed and non-bootable ones;
/// - the trailer is erased before anything else, so no old one can schedule the new image;
/// - every write is read back;
/// - only an image whose SHA-256 was computed from flash and found right is marked pending, which
///   takes about two seconds on a slow bus;
/// - an upload does not go on after an erase command, nor after a restart: it begins anew.
///
/// @return 0; SMPKIT_ERR_INVAL if the two do not belong together, as with another version of
/// mcumgr's struct, or the chunk size is below 32 or above 65535.
#[no_mangle]
pub extern "C" fn smpkit_img_mgmt_init(chunk_size: u32, request_size: u32) -> i32 {
    if !(32..=0xFFFF).contains(&chunk_size) || layout::request_size(chunk_size) != request_size {
        return SMPKIT_ERR_INVAL;
    }
    CHUNK.store(chunk_size, Ordering::Relaxed);
    0
}
