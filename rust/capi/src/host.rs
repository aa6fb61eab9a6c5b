//! A port seen as the core's `Flash` and `Host`: every callback behind one checked wrapper.

use crate::port::*;
use smpkit_core::flash::{EraseSize, Flash, Geometry, Result};
use smpkit_core::Error;

/// The devices of a checked port.
#[derive(Clone, Copy)]
pub(crate) struct Devices {
    port: *const smpkit_port,
}

impl Devices {
    /// # Safety
    /// `port` passed `check::port` and stays valid.
    pub(crate) unsafe fn new(port: *const smpkit_port) -> Devices {
        Devices { port }
    }

    pub(crate) fn port(&self) -> &smpkit_port {
        // SAFETY: see new.
        unsafe { &*self.port }
    }

    fn device(&self, device: u8) -> Option<&smpkit_flash> {
        find(self.port(), device)
    }
}

#[inline(never)]
fn find(port: &smpkit_port, device: u8) -> Option<&smpkit_flash> {
    if u32::from(device) >= port.flash_count {
        return None;
    }
    // SAFETY: the array has flash_count entries.
    Some(unsafe { &*port.flash.add(usize::from(device)) })
}

fn write_unit(flash: &smpkit_flash) -> u32 {
    flash.write_unit.max(1)
}

fn erased(flash: &smpkit_flash) -> u8 {
    if flash.flags & SMPKIT_FLASH_ERASED_ZERO != 0 {
        0x00
    } else {
        0xFF
    }
}

fn erase_size(erase: smpkit_erase_size) -> EraseSize {
    EraseSize {
        size: erase.size,
        max_ms: erase.max_ms,
    }
}

impl Flash for Devices {
    #[inline(never)]
    fn geometry(&self, device: u8) -> Option<Geometry> {
        let flash = self.device(device)?;
        let [first, second, third] = flash.erase_sizes;
        Some(Geometry {
            size: flash.size,
            write_unit: write_unit(flash),
            erased: erased(flash),
            erase: [erase_size(first), erase_size(second), erase_size(third)],
        })
    }

    fn erased(&self, device: u8) -> u8 {
        self.device(device).map_or(0xFF, erased)
    }

    fn write_unit(&self, device: u8) -> u32 {
        self.device(device).map_or(1, write_unit)
    }

    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        let flash = self.device(device).ok_or(Error::NOENT)?;
        // SAFETY: a device without it did not pass check::port; the callback gets a buffer of
        // exactly the length it is told.
        Error::check(unsafe {
            flash.read.unwrap_unchecked()(
                flash.ctx,
                offset,
                dst.as_mut_ptr().cast(),
                dst.len() as u32,
            )
        })
    }

    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        let flash = self.device(device).ok_or(Error::NOENT)?;
        // SAFETY: as for read.
        Error::check(unsafe {
            flash.write.unwrap_unchecked()(flash.ctx, offset, src.as_ptr().cast(), src.len() as u32)
        })
    }

    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        let flash = self.device(device).ok_or(Error::NOENT)?;
        // SAFETY: as for read; plain numbers.
        Error::check(unsafe { flash.erase.unwrap_unchecked()(flash.ctx, offset, len) })
    }
}
