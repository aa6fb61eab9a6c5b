//! A named range of a device. All offsets the kit works with are relative to an area, and every
//! access is checked against its bounds first: nothing outside the area can ever be touched.

use super::{Flash, Geometry, Result};
use crate::Error;

/// A range of one device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Area {
    /// Flash-map id: 0 boot, 1 primary, 2 secondary, 3 scratch, 16 and up are the user's.
    pub id: u8,
    /// Device number.
    pub device: u8,
    /// Zero; keeps the layout the same for every compiler.
    pub reserved: u16,
    /// First byte on the device.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

impl Area {
    /// An area for a layout table.
    pub const fn new(id: u8, device: u8, offset: u32, size: u32) -> Area {
        Area {
            id,
            device,
            reserved: 0,
            offset,
            size,
        }
    }

    #[inline(never)]
    /// Device offset of `offset`, or `Error::RANGE` when `len` bytes from there do not fit.
    pub fn locate(&self, offset: u32, len: u32) -> Result<u32> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size => self.offset.checked_add(offset).ok_or(Error::RANGE),
            _ => Err(Error::RANGE),
        }
    }

    /// The geometry of the device below.
    pub fn geometry<F: Flash>(&self, flash: &F) -> Result<Geometry> {
        flash.geometry(self.device).ok_or(Error::NOENT)
    }

    /// What an erased byte of the device below reads as.
    #[inline(never)]
    pub(crate) fn erased<F: Flash>(&self, flash: &F) -> u8 {
        flash.erased(self.device)
    }

    /// Read inside the area.
    pub fn read<F: Flash>(&self, flash: &mut F, offset: u32, dst: &mut [u8]) -> Result<()> {
        let at = self.locate(offset, dst.len() as u32)?;
        flash.read(self.device, at, dst)
    }

    /// Write inside the area.
    pub fn write<F: Flash>(&self, flash: &mut F, offset: u32, src: &[u8]) -> Result<()> {
        let at = self.locate(offset, src.len() as u32)?;
        flash.write(self.device, at, src)
    }

    /// Erase inside the area.
    pub fn erase<F: Flash>(&self, flash: &mut F, offset: u32, len: u32) -> Result<()> {
        let at = self.locate(offset, len)?;
        flash.erase(self.device, at, len)
    }
}
