//! Erase, write and read the slots.

use super::*;
use crate::compat::Board;
use core::ffi::{c_uint, c_void};
use smpkit_core::flash::{Area, Flash, Result};

fn board() -> Result<&'static Board> {
    Board::get().ok_or(Error::NOSYS)
}

fn area_of(board: &'static Board, slot: c_int) -> Result<&'static Area> {
    match slot {
        0 => Ok(&board.slots.primary),
        1 => Ok(&board.slots.secondary),
        _ => Err(Error::INVAL),
    }
}

/// Every sector of the trailer. One may share bytes with the end of the image, so it goes first.
fn erase_trailer(mut board: &'static Board) -> Result<()> {
    let sectors = board.slots.secondary.size / 256;
    for _ in 0..sectors {
        match board.slots.erase_trailer(&mut board) {
            Err(Error::AGAIN) => {}
            done => return done,
        }
    }
    Err(Error::FLASH)
}

/// Sectors that begin in the given range, or with the first one that holds the start of it.
fn erase(board: &'static Board, off: u32, len: u32, at_border: bool) -> Result<()> {
    let slots = &board.slots;
    let end = off.checked_add(len).ok_or(Error::TOOBIG)?;
    if end > slots.limit {
        return Err(Error::TOOBIG);
    }
    if off == 0 {
        set_prepared(false);
        erase_trailer(board)?;
    }
    let mask = slots.secondary.geometry(&board)?.sector().wrapping_sub(1);
    // Below the limit, rounding up stays inside the slot.
    let up = |offset: u32| offset.wrapping_add(mask) & !mask;
    let from = if at_border { up(off) } else { off & !mask };
    if from < up(end) {
        board.erase_range(&slots.secondary, from, up(end), true)?;
    }
    if off == 0 {
        set_prepared(true);
    }
    Ok(())
}

/// Erase the secondary slot: trailer first, then header and the rest. Blank sectors stay.
///
/// Refused while the running image is on trial: without its trailer the bootloader would swap the
/// erased slot in.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_erase_slot() -> c_int {
    set_prepared(false);
    code(board().and_then(|mut board| {
        if board.slots.is_on_trial(&mut board) {
            return Err(Error::BADSTATE);
        }
        erase_trailer(board)?;
        let slot = &board.slots.secondary;
        board.erase_range(slot, 0, slot.size, true)
    }))
}

/// Make room for a whole image, the trailer first. Blank sectors stay.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_erase_image_data(off: c_uint, num_bytes: c_uint) -> c_int {
    code(board().and_then(|board| erase(board, off, num_bytes, false)))
}

/// Make room for one chunk: the sectors that begin in it, and before the first one the trailer.
/// Needs no memory of where it was, since chunks come in order.
#[no_mangle]
pub extern "C" fn img_mgmt_impl_erase_if_needed(off: u32, len: u32) -> c_int {
    code(board().and_then(|board| erase(board, off, len, true)))
}

/// Write a chunk to the secondary slot and read it back. The last one is padded with erased bytes
/// to a whole write unit.
#[no_mangle]
pub unsafe extern "C" fn img_mgmt_impl_write_image_data(
    offset: c_uint,
    data: *const c_void,
    num_bytes: c_uint,
    last: bool,
) -> c_int {
    if num_bytes == 0 {
        return 0;
    }
    if data.is_null() || num_bytes > i32::MAX as u32 {
        return MGMT_ERR_EINVAL;
    }
    // SAFETY: not NULL, and C promises that many bytes.
    let bytes = unsafe { core::slice::from_raw_parts(data.cast::<u8>(), num_bytes as usize) };
    code(board().and_then(|board| write(board, offset, bytes, last)))
}

fn write(board: &'static Board, offset: u32, bytes: &[u8], last: bool) -> Result<()> {
    let slots = &board.slots;
    let len = bytes.len() as u32;
    // Without the erase that comes before the first chunk, an old trailer might be there.
    if !is_prepared() {
        return Err(Error::BADSTATE);
    }
    if !matches!(offset.checked_add(len), Some(end) if end <= slots.limit) {
        return Err(Error::TOOBIG);
    }
    let geometry = slots.secondary.geometry(&board)?;
    let odd = len & geometry.write_unit.wrapping_sub(1);
    let (whole, rest) = bytes
        .split_at_checked(len.wrapping_sub(odd) as usize)
        .ok_or(Error::INVAL)?;
    if !last && odd != 0 {
        return Err(Error::INVAL);
    }
    put(board, offset, whole)?;
    if odd != 0 {
        let mut unit = [geometry.erased; 32];
        for (to, from) in unit.iter_mut().zip(rest) {
            *to = *from;
        }
        // The limit is a multiple of the write unit, so this ends below it.
        let padded = unit.get(..geometry.write_unit as usize);
        let at = offset.wrapping_add(whole.len() as u32);
        put(board, at, padded.ok_or(Error::LAYOUT)?)?;
    }
    if last {
        set_prepared(false);
    }
    Ok(())
}

fn put(mut board: &'static Board, offset: u32, bytes: &[u8]) -> Result<()> {
    let slot = &board.slots.secondary;
    slot.write(&mut board, offset, bytes)?;
    let mut found = [0; 64];
    let mut at = offset;
    for piece in bytes.chunks(found.len()) {
        let found = found.get_mut(..piece.len()).ok_or(Error::INVAL)?;
        slot.read(&mut board, at, found)?;
        if found != piece {
            return Err(Error::FLASH);
        }
        at = at.wrapping_add(piece.len() as u32);
    }
    Ok(())
}

/// Read from a slot. Offsets come from untrusted headers, so everything outside is refused.
///
/// Where mcumgr asks for the TLV that it believes to follow the hash entry's own header, it gets
/// an end mark instead of the first bytes of the hash: taken as a TLV, one hash in 60000 makes a
/// valid image unlistable.
#[no_mangle]
pub unsafe extern "C" fn img_mgmt_impl_read(
    slot: c_int,
    offset: c_uint,
    dst: *mut c_void,
    num_bytes: c_uint,
) -> c_int {
    let result = board().and_then(|mut board| {
        let area = area_of(board, slot)?;
        area.locate(offset, num_bytes)?;
        if num_bytes == 0 {
            return Ok(());
        }
        if dst.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: not NULL; C promises that many bytes, which are no more than the slot has.
        let dst = unsafe { core::slice::from_raw_parts_mut(dst.cast::<u8>(), num_bytes as usize) };
        area.read(&mut board, offset, dst)?;
        mask_hash(board, area, offset, dst);
        Ok(())
    });
    code(result)
}

/// What a walk over TLVs takes as a type it does not know, with a length that ends it.
#[cfg(not(feature = "img-read-exact"))]
const END_MARK: [u8; 4] = [0x00, 0x00, 0xF0, 0xFF];

#[cfg(not(feature = "img-read-exact"))]
fn mask_hash(mut board: &'static Board, area: &Area, offset: u32, dst: &mut [u8]) {
    /// Type SHA-256, 32 bytes.
    const ENTRY: [u8; 4] = [0x10, 0x00, 0x20, 0x00];
    let (Ok(dst), Some(before)) = (<&mut [u8; 4]>::try_from(dst), offset.checked_sub(4)) else {
        return;
    };
    let mut near = [0; 4 + 32];
    let read = area.read(&mut board, before, &mut near);
    let Some((entry, value)) = near.split_first_chunk::<4>() else {
        return;
    };
    if read.is_err() || *entry != ENTRY {
        return;
    }
    let limit = board.slots.limit;
    let found = smpkit_core::image::inspect(&mut board, area, limit);
    let is_hash = |info: &smpkit_core::image::Info| {
        offset > info.hashed && offset < info.end && value == info.hash
    };
    if found.as_ref().is_ok_and(is_hash) {
        *dst = END_MARK;
    }
}

#[cfg(feature = "img-read-exact")]
fn mask_hash(_: &'static Board, _: &Area, _: u32, _: &mut [u8]) {}

/// What an erased byte of a slot reads as.
#[no_mangle]
pub unsafe extern "C" fn img_mgmt_impl_erased_val(slot: c_int, erased_val: *mut u8) -> c_int {
    let found = board().and_then(|board| {
        let area = area_of(board, slot)?;
        let geometry = board.geometry(area.device).ok_or(Error::NOENT)?;
        if erased_val.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: not NULL.
        unsafe { erased_val.write(geometry.erased) };
        Ok(())
    });
    code(found)
}
