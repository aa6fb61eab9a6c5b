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

    fn device(&self, device: u8) -> Result<&smpkit_flash> {
        let port = self.port();
        if u32::from(device) >= port.flash_count {
            return Err(Error::NOENT);
        }
        // SAFETY: the array has flash_count entries.
        Ok(unsafe { &*port.flash.add(usize::from(device)) })
    }
}

impl Flash for Devices {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        let flash = self.device(device).ok()?;
        Some(Geometry {
            size: flash.size,
            write_unit: self.write_unit(device),
            erased: self.erased(device),
            erase: flash.erase_sizes.map(|erase| EraseSize {
                size: erase.size,
                max_ms: erase.max_ms,
            }),
        })
    }

    fn erased(&self, device: u8) -> u8 {
        match self.device(device) {
            Ok(flash) if flash.flags & SMPKIT_FLASH_ERASED_ZERO != 0 => 0x00,
            _ => 0xFF,
        }
    }

    fn write_unit(&self, device: u8) -> u32 {
        self.device(device).map_or(1, |flash| flash.write_unit.max(1))
    }

    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        let flash = self.device(device)?;
        let read = flash.read.ok_or(Error::NOSYS)?;
        // SAFETY: the callback gets a buffer of exactly the length it is told.
        Error::check(unsafe { read(flash.ctx, offset, dst.as_mut_ptr().cast(), dst.len() as u32) })
    }

    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        let flash = self.device(device)?;
        let write = flash.write.ok_or(Error::NOSYS)?;
        // SAFETY: as for read.
        Error::check(unsafe { write(flash.ctx, offset, src.as_ptr().cast(), src.len() as u32) })
    }

    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        let flash = self.device(device)?;
        let erase = flash.erase.ok_or(Error::NOSYS)?;
        // SAFETY: plain numbers.
        Error::check(unsafe { erase(flash.ctx, offset, len) })
    }
}
