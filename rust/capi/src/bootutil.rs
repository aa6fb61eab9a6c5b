//! MCUboot's application interface: becomes `include/smpkit_bootutil.h`.
//!
//! boot_read_swap_state(), which takes a struct flash_area, is left out: that struct is another
//! one in each port of MCUboot, and the call by area id says the same.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use crate::compat::Board;
use core::ffi::c_int;
use smpkit_core::flash::layout;
use smpkit_core::image::{inspect, SwapType};
use smpkit_core::Error;

#[cfg(test)]
mod tests;

const BOOT_EFLASH: c_int = 1;
const BOOT_EBADIMAGE: c_int = 3;
const BOOT_EBADVECT: c_int = 4;
const BOOT_EBADARGS: c_int = 7;

/// What the trailer of a slot says, in MCUboot's numbers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct boot_swap_state {
    /// 1 good, 2 bad, 3 unset.
    pub magic: u8,
    /// Kind of the last swap: 1 none, 2 test, 3 permanent, 4 revert.
    pub swap_type: u8,
    /// 1 set, 2 bad, 3 unset.
    pub copy_done: u8,
    /// 1 set, 2 bad, 3 unset.
    pub image_ok: u8,
    /// Image pair of the last swap.
    pub image_num: u8,
}

const _: () = assert!(core::mem::size_of::<boot_swap_state>() == 5);

fn open(image_index: c_int) -> Result<&'static Board, c_int> {
    match image_index {
        0 => Board::get().ok_or(BOOT_EFLASH),
        _ => Err(BOOT_EFLASH),
    }
}

fn answer(result: Result<(), Error>, bad_trailer: c_int) -> c_int {
    match result {
        Ok(()) => 0,
        Err(Error::BADVECT) => bad_trailer,
        Err(Error::NOENT | Error::BADIMAGE) => BOOT_EBADIMAGE,
        Err(_) => BOOT_EFLASH,
    }
}

/// Schedule the image in the secondary slot for the next start: on trial, or with permanent not 0
/// for good. Blocks for a few reads and writes, and for one sector erase where a repair needs it.
///
/// The trailer gets the bytes MCUboot writes. Unlike MCUboot:
/// - the magic is written last and every field read back, so a power cut leaves "not scheduled";
/// - the slot must hold an image whose TLVs are whole and that ends before the trailer. A larger
///   one would make MCUboot 1.5.0 unable to swap ever again. The hash is not computed here;
/// - a slot scheduled the other way is scheduled anew instead of left as it is, and a damaged
///   trailer is erased and written; both only if the image does not reach into its sector.
///
/// @return 0; BOOT_EFLASH (1) for a flash error and before smpkit_compat_init(); BOOT_EBADIMAGE (3)
/// if there is no whole image, or the trailer cannot be repaired: then nothing is scheduled, and
/// a new upload helps.
#[no_mangle]
pub extern "C" fn boot_set_pending(permanent: c_int) -> c_int {
    boot_set_pending_multi(0, permanent)
}

/// boot_set_pending() for an image number. There is only image 0; BOOT_EFLASH for others.
#[no_mangle]
pub extern "C" fn boot_set_pending_multi(image_index: c_int, permanent: c_int) -> c_int {
    let mut board = match open(image_index) {
        Ok(board) => board,
        Err(code) => return code,
    };
    let slots = &board.slots;
    let done = inspect(&mut board, &slots.secondary, slots.limit)
        .and_then(|_| slots.set_pending(&mut board, permanent != 0));
    answer(done, BOOT_EBADIMAGE)
}

/// Keep the running image. Blocks for a few reads and one write.
///
/// Nothing is written if the image was never on trial or is confirmed. As in current MCUboot, and
/// unlike 1.5.0, an unset copy_done is no obstacle. Unlike both, a confirmation that a power cut
/// interrupted is finished, and the byte is read back.
///
/// @return 0; BOOT_EBADVECT (4) if the trailer is damaged; BOOT_EFLASH (1) for a flash error and
/// before smpkit_compat_init().
#[no_mangle]
pub extern "C" fn boot_set_confirmed() -> c_int {
    boot_set_confirmed_multi(0)
}

/// boot_set_confirmed() for an image number. There is only image 0; BOOT_EFLASH for others.
#[no_mangle]
pub extern "C" fn boot_set_confirmed_multi(image_index: c_int) -> c_int {
    match open(image_index) {
        Ok(mut board) => answer(board.slots.confirm(&mut board), BOOT_EBADVECT),
        Err(code) => code,
    }
}

/// What the bootloader will do at the next start. Blocks for a few reads.
///
/// Which of two rules decides about a rollback depends on smpkit_config.bootloader.
///
/// @return 1 none, 2 test, 3 permanent, 4 revert; 255 (BOOT_SWAP_TYPE_PANIC) if it cannot be read
/// and before smpkit_compat_init().
#[no_mangle]
pub extern "C" fn boot_swap_type() -> c_int {
    boot_swap_type_multi(0)
}

/// boot_swap_type() for an image number. There is only image 0; 255 for others.
#[no_mangle]
pub extern "C" fn boot_swap_type_multi(image_index: c_int) -> c_int {
    let kind = match open(image_index) {
        Ok(mut board) => board.slots.swap_type(&mut board),
        Err(_) => SwapType::Panic,
    };
    c_int::from(kind as u8)
}

/// Read the trailer of an area by its flash-map id. Blocks for four reads.
///
/// @return 0; BOOT_EFLASH (1) for an unknown id, a flash error and before smpkit_compat_init();
/// BOOT_EBADARGS (7) for NULL. state is written only with 0.
#[no_mangle]
pub unsafe extern "C" fn boot_read_swap_state_by_id(
    flash_area_id: c_int,
    state: *mut boot_swap_state,
) -> c_int {
    if state.is_null() {
        return BOOT_EBADARGS;
    }
    let (Ok(mut board), Ok(id)) = (open(0), u8::try_from(flash_area_id)) else {
        return BOOT_EFLASH;
    };
    let read = layout::find(board.areas, id)
        .and_then(|area| board.slots.trailer().read_state(&mut board, &area).ok());
    let Some(read) = read else {
        return BOOT_EFLASH;
    };
    let found = boot_swap_state {
        magic: read.magic as u8,
        swap_type: read.swap_type,
        copy_done: read.copy_done as u8,
        image_ok: read.image_ok as u8,
        image_num: read.image_num,
    };
    // SAFETY: not NULL, and C promises a writable struct.
    unsafe { state.write(found) };
    0
}
