//! What is checked before anything of a caller is used: NULL, struct_size, mandatory callbacks.

use crate::api::*;
use crate::port::*;
use core::ffi::c_void;
use core::mem::{align_of, size_of};
use smpkit_core::flash::{layout, Area};
use smpkit_core::image::{Bootloader, Slots};
use smpkit_core::Error;

/// A struct that begins with its own size.
///
/// # Safety
/// The type is repr(C), and its first member is `struct_size: u32`.
pub(crate) unsafe trait Sized32 {}
// SAFETY: see port.rs and api.rs.
unsafe impl Sized32 for smpkit_flash {}
unsafe impl Sized32 for smpkit_port {}
unsafe impl Sized32 for smpkit_config {}
unsafe impl Sized32 for smpkit_link_config {}

/// What `first_word` says of a pointer that cannot be followed: smaller than any struct, and not
/// what fresh memory holds.
const NOWHERE: u32 = 1;

/// The word `pointer` points to.
///
/// # Safety
/// `pointer` is NULL or points to a readable word.
#[inline(never)]
unsafe fn first_word(pointer: *const c_void) -> u32 {
    // Every struct of the API holds pointers, and has their alignment.
    if pointer.is_null() || !pointer.cast::<usize>().is_aligned() {
        return NOWHERE;
    }
    // SAFETY: the caller's promise.
    unsafe { pointer.cast::<u32>().read() }
}

/// What an initialised kit and an open link begin with.
#[cfg(feature = "server")]
pub(crate) const KIT: u32 = 0x534D_504B;
#[cfg(feature = "server")]
pub(crate) const LINK: u32 = KIT + 1;

/// Whether an object of the kit at `pointer` begins with `mark`: `Error::INVAL` when there can be
/// none, `Error::BADSTATE` when it is not in use.
///
/// # Safety
/// As for `first_word`.
#[cfg(feature = "server")]
#[inline(always)]
pub(crate) unsafe fn marked(pointer: *const c_void, mark: u32) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { marked_above(pointer, mark - KIT) }
}

/// The callers pass a small number: that is two bytes instead of six.
#[cfg(feature = "server")]
#[inline(never)]
unsafe fn marked_above(pointer: *const c_void, above: u32) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    match unsafe { first_word(pointer) } {
        word if word == KIT + above => Ok(()),
        NOWHERE => Err(Error::INVAL),
        _ => Err(Error::BADSTATE),
    }
}

/// The struct behind `pointer`, if it is there and at least as long as this build expects.
///
/// # Safety
/// `pointer` is NULL or points to a struct whose first word is readable.
pub(crate) unsafe fn checked<'a, T: Sized32>(pointer: *const T) -> Result<&'a T, Error> {
    const { assert!(align_of::<T>() == align_of::<usize>()) };
    // SAFETY: struct_size is the first word; the rest is only touched when it is long enough.
    let stated = unsafe { first_word(pointer.cast()) };
    if (stated as usize) < size_of::<T>() {
        return Err(Error::INVAL);
    }
    // SAFETY: as long as it says.
    Ok(unsafe { &*pointer })
}

/// Everything in a port that the kit relies on.
///
/// # Safety
/// As for `checked`; `flash` has `flash_count` entries.
pub(crate) unsafe fn port(pointer: *const smpkit_port) -> Result<(), Error> {
    let port = unsafe { checked(pointer)? };
    if port.flash.is_null() || port.flash_count == 0 || port.flash_count > 255 {
        return Err(Error::INVAL);
    }
    if port.now_ms.is_none() || port.reset.is_none() {
        return Err(Error::NOSYS);
    }
    for index in 0..port.flash_count as usize {
        let flash = unsafe { checked(port.flash.add(index))? };
        if flash.read.is_none() || flash.write.is_none() || flash.erase.is_none() {
            return Err(Error::NOSYS);
        }
    }
    Ok(())
}

/// The area table of a configuration; the PineTime bootloader's when there is none.
///
/// # Safety
/// `areas` is NULL or has `area_count` entries that stay valid.
pub(crate) unsafe fn areas(config: &smpkit_config) -> &'static [Area] {
    if config.areas.is_null() {
        return &layout::PINETIME;
    }
    // SAFETY: smpkit_area and Area have the same layout (asserted below).
    unsafe { core::slice::from_raw_parts(config.areas.cast(), config.area_count as usize) }
}

const _: () = assert!(size_of::<smpkit_area>() == size_of::<Area>());

/// The slots of a configuration.
pub(crate) fn slots<F: smpkit_core::flash::Flash>(
    flash: &F,
    areas: &[Area],
    config: &smpkit_config,
) -> Result<Slots, Error> {
    let max_align = match config.max_align {
        0 => 8,
        align @ (8 | 16 | 32) => align as u8,
        _ => return Err(Error::INVAL),
    };
    let bootloader = match config.bootloader {
        SMPKIT_BOOTLOADER_CURRENT => Bootloader::Current,
        SMPKIT_BOOTLOADER_1_5_0 => Bootloader::V1_5_0,
        _ => return Err(Error::INVAL),
    };
    Slots::new(flash, areas, max_align, bootloader)
}
