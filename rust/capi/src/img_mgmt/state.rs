//! Pending, confirmed, what happens at the next start, and mcumgr's log hooks.

use super::*;
use crate::compat::Board;
use smpkit_core::image::{hash_range, inspect, Digest, SwapType};

/// Schedule the image in a slot. Only slot 1 can be, only after its hash was computed from flash
/// and found right, and not while it holds the image to fall back to.
///
/// A client that names the hash of the running image means slot 0: it runs already.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_write_pending(slot: c_int, permanent: bool) -> c_int {
    let Some(board) = Board::get() else {
        return MGMT_ERR_EUNKNOWN;
    };
    match slot {
        0 => MGMT_ERR_EBADSTATE,
        1 => code(schedule(board, permanent)),
        _ => MGMT_ERR_EINVAL,
    }
}

fn schedule(mut board: &'static Board, permanent: bool) -> Result<(), Error> {
    let slots = &board.slots;
    if slots.is_on_trial(&mut board) {
        return Err(Error::BADSTATE);
    }
    let slot = &slots.secondary;
    let info = match inspect(&mut board, slot, slots.limit) {
        Err(Error::NOENT) => return Err(Error::BADIMAGE),
        found => found?,
    };
    let start = match board.base {
        0 => slots.primary.offset,
        base => base,
    };
    info.header.runs_from(start)?;
    let mut digest = Digest::new();
    let mut scratch = [0; 256];
    hash_range(&mut board, slot, 0, info.hashed, &mut digest, &mut scratch)?;
    if digest.finish() != info.hash {
        return Err(Error::BADIMAGE);
    }
    slots.set_pending(&mut board, permanent)
}

/// Keep the running image.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_write_confirmed() -> c_int {
    match Board::get() {
        Some(mut board) => code(board.slots.confirm(&mut board)),
        None => MGMT_ERR_EUNKNOWN,
    }
}

/// What happens at the next start, in mcumgr's numbers: 0 none, 1 test, 2 permanent, 3 revert.
/// What cannot be known is 0.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_swap_type(slot: c_int) -> c_int {
    let _ = slot;
    let kind = match Board::get() {
        Some(mut board) => board.slots.swap_type(&mut board),
        None => SwapType::Panic,
    };
    match kind {
        SwapType::Test => 1,
        SwapType::Perm => 2,
        SwapType::Revert => 3,
        _ => 0,
    }
}

/// Log hook: nothing to do.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_log_upload_start(status: c_int) -> c_int {
    let _ = status;
    0
}

/// Log hook: nothing to do.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_log_upload_done(status: c_int, hash: *const u8) -> c_int {
    let _ = (status, hash);
    0
}

/// Log hook: nothing to do.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_log_pending(status: c_int, hash: *const u8) -> c_int {
    let _ = (status, hash);
    0
}

/// Log hook whose result mcumgr sends to the client: the status, so that a failure is not hidden.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_log_confirm(status: c_int, hash: *const u8) -> c_int {
    let _ = hash;
    status
}
