//! The flash map in MCUboot's dialect: becomes `include/smpkit_flash_map_mcuboot.h`.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use super::sectors::Sectors;
use super::*;

/// A sector of an area.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flash_sector {
    /// Offset in the area.
    pub fs_off: u32,
    /// Bytes.
    pub fs_size: u32,
}

const _: () = assert!(size_of::<flash_sector>() == 8);

/// Erase len bytes at off of an area; blocks until that is done. Larger erase units are used where
/// they fit and are fast enough.
///
/// @return as flash_area_read(); SYS_EINVAL, with nothing erased, if the range does not begin and
/// end on sector borders; SYS_ETIMEOUT if the device did not finish in time.
#[no_mangle]
pub unsafe extern "C" fn flash_area_erase(fa: *const flash_area, off: u32, len: u32) -> c_int {
    // SAFETY: C promises a readable fa.
    let erased = unsafe { range(fa, off, len) }.and_then(|(board, area)| {
        let mask = Sectors::of(board, &area)?.size.wrapping_sub(1);
        if (area.offset.wrapping_add(off) | len) & mask != 0 {
            return Err(SYS_EINVAL);
        }
        let to = off.wrapping_add(len);
        board.erase_range(&area, off, to, false).map_err(sys)
    });
    code(erased)
}

/// Whether the device needs an erase before a write: true.
#[no_mangle]
pub extern "C" fn flash_area_erase_required(fa: *const flash_area) -> bool {
    let _ = fa;
    true
}

/// What an erased byte reads as; 0xFF if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_erased_val(fa: *const flash_area) -> u8 {
    // SAFETY: C promises a readable fa.
    unsafe { erased_val(fa) }
}

/// fa_id; 255 if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_id(fa: *const flash_area) -> u8 {
    // SAFETY: C promises a readable fa.
    unsafe { area(fa) }.map_or(255, |(_, area)| area.id)
}

/// fa_device_id; 255 if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_device_id(fa: *const flash_area) -> u8 {
    // SAFETY: C promises a readable fa.
    unsafe { area(fa) }.map_or(255, |(_, area)| area.device)
}

/// fa_off; 0 if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_off(fa: *const flash_area) -> u32 {
    // SAFETY: C promises a readable fa.
    unsafe { area(fa) }.map_or(0, |(_, area)| area.offset)
}

/// fa_size; 0 if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_size(fa: *const flash_area) -> u32 {
    // SAFETY: C promises a readable fa.
    unsafe { area(fa) }.map_or(0, |(_, area)| area.size)
}

/// fs_off; 0 for NULL.
#[no_mangle]
pub unsafe extern "C" fn flash_sector_get_off(fs: *const flash_sector) -> u32 {
    // SAFETY: NULL, or C promises that it is readable.
    unsafe { fs.as_ref() }.map_or(0, |sector| sector.fs_off)
}

/// fs_size; 0 for NULL.
#[no_mangle]
pub unsafe extern "C" fn flash_sector_get_size(fs: *const flash_sector) -> u32 {
    // SAFETY: NULL, or C promises that it is readable.
    unsafe { fs.as_ref() }.map_or(0, |sector| sector.fs_size)
}

/// All sectors of an area. count holds the room in sectors before, and their number after.
///
/// @return 0; SYS_ENOMEM (-1) if there is too little room, SYS_ENOENT for an unknown id,
/// SYS_EINVAL for NULL, all with both outputs untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_sectors(
    fa_id: c_int,
    count: *mut u32,
    sectors: *mut flash_sector,
) -> c_int {
    let found = find(fa_id).and_then(|area| Ok((area, Sectors::of(board()?, area)?)));
    let (area, found) = match found {
        Ok(found) => found,
        Err(code) => return code,
    };
    if count.is_null() || sectors.is_null() {
        return SYS_EINVAL;
    }
    // SAFETY: not NULL.
    if unsafe { count.read() } < found.count {
        return SYS_ENOMEM;
    }
    for i in 0..found.count {
        let start = found.start(found.first.wrapping_add(i));
        let sector = flash_sector {
            fs_off: start.wrapping_sub(area.offset),
            fs_size: found.size,
        };
        // SAFETY: C promised that much room.
        unsafe { sectors.add(i as usize).write(sector) };
    }
    // SAFETY: not NULL.
    unsafe { count.write(found.count) };
    0
}

/// The sector that holds offset off of an area.
///
/// @return 0; -1 if off is not inside the area, SYS_EINVAL for NULL or if the sector begins
/// outside the area, all with sector untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_get_sector(
    fa: *const flash_area,
    off: u32,
    sector: *mut flash_sector,
) -> c_int {
    // SAFETY: C promises a readable fa.
    let found = unsafe { range(fa, off, 1) }.and_then(|(board, area)| {
        let size = Sectors::of(board, &area)?.size;
        let start = area.offset.wrapping_add(off) & !size.wrapping_sub(1);
        let fs_off = start.checked_sub(area.offset).ok_or(SYS_EINVAL)?;
        Ok(flash_sector {
            fs_off,
            fs_size: size,
        })
    });
    match found {
        Ok(_) if sector.is_null() => SYS_EINVAL,
        Ok(found) => {
            // SAFETY: not NULL.
            unsafe { sector.write(found) };
            0
        }
        Err(code) => code,
    }
}

/// Address at which the CPU sees a device, for the device that holds the primary slot:
/// smpkit_config.exec_base minus the slot's offset, or 0 if exec_base is 0.
///
/// @return 0; SYS_ENOENT for any other device, SYS_EINVAL for NULL, SYS_EACCES before
/// smpkit_compat_init(), all with ret untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_device_base(fd_id: u8, ret: *mut usize) -> c_int {
    let board = match board() {
        Ok(_) if ret.is_null() => return SYS_EINVAL,
        Ok(board) => board,
        Err(code) => return code,
    };
    let slot = &board.slots.primary;
    if slot.device != fd_id {
        return SYS_ENOENT;
    }
    // SAFETY: not NULL.
    unsafe { ret.write(board.base.saturating_sub(slot.offset) as usize) };
    0
}

/// Area id of slot 0 or 1; -1 for any other.
#[no_mangle]
pub extern "C" fn flash_area_id_from_image_slot(slot: c_int) -> c_int {
    match slot {
        0 | 1 => multi_image_id(0, slot, -1),
        _ => -1,
    }
}

/// Area id of a slot of image 0, slot 2 being scratch; -1 for anything else.
#[no_mangle]
pub extern "C" fn flash_area_id_from_multi_image_slot(image: c_int, slot: c_int) -> c_int {
    multi_image_id(image, slot, -1)
}

/// Slot of an area id of image 0, scratch being 2; -1 if it is none.
#[no_mangle]
pub extern "C" fn flash_area_id_to_multi_image_slot(image: c_int, area_id: c_int) -> c_int {
    multi_image_slot(image, area_id, -1)
}
