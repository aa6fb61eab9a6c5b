//! The device trait. A port implements `Flash` (all devices of a board) or `Device` (one chip).

use super::Result;
use crate::Error;

/// One erase command of a chip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EraseSize {
    /// Bytes erased at once, and the alignment of the start. 0 marks an unused entry.
    pub size: u32,
    /// Longest time the chip may need, in ms. 0 means "unknown, short".
    pub max_ms: u32,
}

/// What a chip can do. Known at run time, so that a replaced chip needs no new build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Bytes of the device.
    pub size: u32,
    /// Offset and length of writes are multiples of this: a power of two, 1 to 32.
    pub write_unit: u32,
    /// What an erased byte reads as: 0xFF or 0x00.
    pub erased: u8,
    /// Erase commands, smallest first; unused entries are 0.
    pub erase: [EraseSize; 3],
}

impl Geometry {
    /// The smallest erase size: what the rest of the kit calls a sector. 0 if the table is empty.
    pub fn sector(&self) -> u32 {
        let [first, ..] = self.erase;
        first.size
    }
}

/// One flash chip.
pub trait Device {
    /// Constant while the kit runs.
    fn geometry(&self) -> Geometry;
    /// Fill `dst` from `offset`. Any alignment.
    fn read(&mut self, offset: u32, dst: &mut [u8]) -> Result<()>;
    /// Program `src` at `offset`; both offset and length are multiples of the write unit.
    fn write(&mut self, offset: u32, src: &[u8]) -> Result<()>;
    /// Erase `len` bytes at `offset`: one unit of the erase table.
    ///
    /// `Error::AGAIN` means "started, not finished": the kit calls again with the same arguments.
    fn erase(&mut self, offset: u32, len: u32) -> Result<()>;
}

/// All chips of a board, by number. The kit sees flash only through this.
pub trait Flash {
    /// `None` if there is no such device.
    fn geometry(&self, device: u8) -> Option<Geometry>;
    /// What an erased byte of a device reads as.
    fn erased(&self, device: u8) -> u8 {
        self.geometry(device)
            .map_or(0xFF, |geometry| geometry.erased)
    }
    /// Write unit of a device.
    fn write_unit(&self, device: u8) -> u32 {
        self.geometry(device)
            .map_or(1, |geometry| geometry.write_unit)
    }
    /// See `Device::read`.
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()>;
    /// See `Device::write`.
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()>;
    /// See `Device::erase`.
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()>;
}

/// A board with one chip, number 0.
pub struct Single<A>(pub A);

/// A board with two chips: number 0 (internal) and number 1 (external), as PineTime has.
pub struct Pair<A, B>(pub A, pub B);

impl<A: Device> Flash for Single<A> {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        (device == 0).then(|| self.0.geometry())
    }
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        match device {
            0 => self.0.read(offset, dst),
            _ => Err(Error::NOENT),
        }
    }
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        match device {
            0 => self.0.write(offset, src),
            _ => Err(Error::NOENT),
        }
    }
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        match device {
            0 => self.0.erase(offset, len),
            _ => Err(Error::NOENT),
        }
    }
}

impl<A: Device, B: Device> Flash for Pair<A, B> {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        match device {
            0 => Some(self.0.geometry()),
            1 => Some(self.1.geometry()),
            _ => None,
        }
    }
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        match device {
            0 => self.0.read(offset, dst),
            1 => self.1.read(offset, dst),
            _ => Err(Error::NOENT),
        }
    }
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        match device {
            0 => self.0.write(offset, src),
            1 => self.1.write(offset, src),
            _ => Err(Error::NOENT),
        }
    }
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        match device {
            0 => self.0.erase(offset, len),
            1 => self.1.erase(offset, len),
            _ => Err(Error::NOENT),
        }
    }
}
