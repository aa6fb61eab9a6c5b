//! The flash map in Mynewt's dialect: becomes `include/smpkit_flash_map_mynewt.h`.
// What C has to keep to stands in the comments, in C's words.
#![allow(clippy::missing_safety_doc)]

use super::sectors::Sectors;
use super::*;

/// Adjacent sectors of one size.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flash_sector_range {
    /// The sectors as an area.
    pub fsr_flash_area: flash_area,
    /// Offset of the first one in the area.
    pub fsr_range_start: u32,
    /// Number of the first one, counted over all ranges of the area.
    pub fsr_first_sector: u16,
    /// How many.
    pub fsr_sector_count: u16,
    /// Bytes of each.
    pub fsr_sector_size: u32,
    /// Write unit.
    pub fsr_align: u32,
}

const _: () = {
    assert!(size_of::<flash_sector_range>() == 28);
    assert!(offset_of!(flash_sector_range, fsr_range_start) == 12);
    assert!(offset_of!(flash_sector_range, fsr_sector_count) == 18);
    assert!(offset_of!(flash_sector_range, fsr_align) == 24);
};

/// The area table, filled in by flash_map_init(). Changing it does not change what the functions
/// use.
#[no_mangle]
pub static mut flash_map: *const flash_area = core::ptr::null();

/// Entries of flash_map.
#[no_mangle]
pub static mut flash_map_entries: c_int = 0;

/// Fill in flash_map and flash_map_entries from what smpkit_compat_init() was given. Only code
/// that reads those two needs it.
#[no_mangle]
pub extern "C" fn flash_map_init() {
    if let Some(board) = Board::get() {
        // SAFETY: called at start, as upstream, before anybody reads them.
        unsafe {
            flash_map = board.areas.as_ptr().cast();
            flash_map_entries = board.areas.len() as c_int;
        }
    }
}

/// Erase every sector that the range touches, whole; blocks until that is done.
///
/// So start and length need not lie on sector borders, and more than asked may be erased. But
/// unlike upstream nothing outside the area is: SYS_EINVAL if the first or last sector lies
/// partly outside of it. Larger erase units are used where they fit and are fast enough.
///
/// @return as flash_area_read(); SYS_ETIMEOUT if the device did not finish in time.
#[no_mangle]
pub unsafe extern "C" fn flash_area_erase(fa: *const flash_area, off: u32, len: u32) -> c_int {
    // SAFETY: C promises a readable fa.
    code(unsafe { range(fa, off, len) }.and_then(|(board, area)| touched(board, &area, off, len)))
}

fn touched(board: &Board, area: &Area, off: u32, len: u32) -> Outcome<()> {
    if len == 0 {
        return Ok(());
    }
    let mask = Sectors::of(board, area)?.size.wrapping_sub(1);
    // The range is known not to overflow.
    let from = area.offset.wrapping_add(off);
    let last = from.wrapping_add(len).wrapping_sub(1) | mask;
    let from = (from & !mask).checked_sub(area.offset).ok_or(SYS_EINVAL)?;
    let to = last.wrapping_sub(area.offset).wrapping_add(1);
    // This refuses what ends outside the area.
    board.erase_range(area, from, to, false).map_err(sys)
}

/// What an erased byte reads as; 0xFF if the area is not usable.
#[no_mangle]
pub unsafe extern "C" fn flash_area_erased_val(fa: *const flash_area) -> u32 {
    // SAFETY: C promises a readable fa.
    u32::from(unsafe { erased_val(fa) })
}

/// Number of sectors of an area, and each of them as an area of its own with the offset on its
/// device.
///
/// ret is NULL to learn the number only, or has room for all of them.
///
/// @return 0, or a negative error and cnt untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_to_sectors(
    id: c_int,
    cnt: *mut c_int,
    ret: *mut flash_area,
) -> c_int {
    let sectors = find(id).and_then(|area| Ok((area, Sectors::of(board()?, area)?)));
    let (area, sectors) = match sectors {
        Ok(_) if cnt.is_null() => return SYS_EINVAL,
        Ok(found) => found,
        Err(code) => return code,
    };
    if !ret.is_null() {
        for i in 0..sectors.count {
            // SAFETY: C promises room for as many as it was told.
            unsafe { ret.add(i as usize).write(one_sector(area, &sectors, i)) };
        }
    }
    // SAFETY: not NULL.
    unsafe { cnt.write(sectors.count as c_int) };
    0
}

fn one_sector(area: &Area, sectors: &Sectors, index: u32) -> flash_area {
    flash_area {
        fa_id: area.id,
        fa_device_id: area.device,
        pad16: 0,
        fa_off: sectors.start(sectors.first.wrapping_add(index)),
        fa_size: sectors.size,
    }
}

/// The ranges of equal sectors of an area. There is exactly one, since the kit takes all sectors
/// of a device as equal.
///
/// ret is NULL to learn the number only. Where it is not, it has room for the number in cnt.
///
/// @return 0, or a negative error and cnt untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_to_sector_ranges(
    id: c_int,
    cnt: *mut c_int,
    ret: *mut flash_sector_range,
) -> c_int {
    let sectors = find(id).and_then(|area| Ok((area, Sectors::of(board()?, area)?)));
    let (area, sectors) = match sectors {
        Ok(_) if cnt.is_null() => return SYS_EINVAL,
        Ok(found) => found,
        Err(code) => return code,
    };
    if !ret.is_null() {
        let mut whole = one_sector(area, &sectors, 0);
        whole.fa_size = sectors.size.wrapping_mul(sectors.count);
        let range = flash_sector_range {
            fsr_flash_area: whole,
            fsr_range_start: whole.fa_off.wrapping_sub(area.offset),
            fsr_first_sector: 0,
            fsr_sector_count: sectors.count as u16,
            fsr_sector_size: sectors.size,
            // SAFETY: our own struct.
            fsr_align: unsafe { flash_area_align(&whole) },
        };
        // SAFETY: C promises room for one.
        unsafe { ret.write(range) };
    }
    // SAFETY: not NULL.
    unsafe { cnt.write(1) };
    0
}

/// The next sector of an area behind sector number sec_id, which counts over the whole device;
/// begin with -1. ret gets it as an area of its own, with the offset on the device.
///
/// @return 0, with the number in sec_id; SYS_ENOENT behind the last one, SYS_EINVAL for NULL or a
/// number below -1, and both outputs untouched.
#[no_mangle]
pub unsafe extern "C" fn flash_area_getnext_sector(
    id: c_int,
    sec_id: *mut c_int,
    ret: *mut flash_area,
) -> c_int {
    let sectors = find(id).and_then(|area| Ok((area, Sectors::of(board()?, area)?)));
    let (area, sectors) = match sectors {
        Ok(found) => found,
        Err(code) => return code,
    };
    if sec_id.is_null() || ret.is_null() {
        return SYS_EINVAL;
    }
    // SAFETY: not NULL.
    let next = match unsafe { sec_id.read() } {
        last @ -1.. => (last.wrapping_add(1) as u32).max(sectors.first),
        _ => return SYS_EINVAL,
    };
    let index = next.wrapping_sub(sectors.first);
    if index >= sectors.count {
        return SYS_ENOENT;
    }
    // SAFETY: not NULL.
    unsafe {
        ret.write(one_sector(area, &sectors, index));
        sec_id.write(next as c_int);
    }
    0
}

/// Area id of slot 0 or 1; 255 for any other, where upstream stops.
#[no_mangle]
pub extern "C" fn flash_area_id_from_image_slot(slot: c_int) -> c_int {
    match slot {
        0 | 1 => multi_image_id(0, slot, 255),
        _ => 255,
    }
}

/// Slot of an area id; -1 if it is none.
#[no_mangle]
pub extern "C" fn flash_area_id_to_image_slot(area_id: c_int) -> c_int {
    match area_id {
        1 | 2 => area_id.wrapping_sub(1),
        _ => -1,
    }
}

/// Area id of a slot of image 0, slot 2 being scratch; 255 for anything else.
#[no_mangle]
pub extern "C" fn flash_area_id_from_multi_image_slot(image: c_int, slot: c_int) -> c_int {
    multi_image_id(image, slot, 255)
}

/// Slot of an area id of image 0, scratch being 2; 255 if it is none.
#[no_mangle]
pub extern "C" fn flash_area_id_to_multi_image_slot(image: c_int, area_id: c_int) -> c_int {
    multi_image_slot(image, area_id, 255)
}
