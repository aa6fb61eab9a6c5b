//! Any `embedded_storage` NOR driver as a device of the kit.

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};

use super::{Device, EraseSize, Geometry, Result};
use crate::Error;

/// Largest read unit that the adapter can split.
const BOUNCE: usize = 32;

/// Adapter around a driver. Erased bytes read as 0xFF, as the driver's trait promises.
pub struct NorDevice<T> {
    chip: T,
    erase: [EraseSize; 3],
}

impl<T: NorFlash> NorDevice<T> {
    /// `max_ms` is the longest erase of the smallest sector.
    ///
    /// `larger` lists further erase sizes in rising order, if the driver uses a block command when
    /// it is asked for such a range; unused entries are 0.
    pub fn new(chip: T, max_ms: u32, larger: [EraseSize; 2]) -> Self {
        let [middle, large] = larger;
        let smallest = EraseSize {
            size: T::ERASE_SIZE as u32,
            max_ms,
        };
        NorDevice {
            chip,
            erase: [smallest, middle, large],
        }
    }

    /// The driver below.
    pub fn chip(&mut self) -> &mut T {
        &mut self.chip
    }

    /// One aligned read unit, of which the caller wants a part.
    fn read_part(&mut self, offset: u32, dst: &mut [u8]) -> Result<()> {
        let mut bounce = [0; BOUNCE];
        let unit = T::READ_SIZE as u32;
        let skip = offset.checked_rem(unit).ok_or(Error::INVAL)?;
        let whole = bounce.get_mut(..T::READ_SIZE).ok_or(Error::INVAL)?;
        let start = offset.saturating_sub(skip);
        self.chip.read(start, whole).map_err(translate)?;
        let part = whole.get(skip as usize..).unwrap_or_default();
        for (to, from) in dst.iter_mut().zip(part) {
            *to = *from;
        }
        Ok(())
    }
}

fn translate<E: NorFlashError>(error: E) -> Error {
    match error.kind() {
        NorFlashErrorKind::NotAligned => Error::INVAL,
        NorFlashErrorKind::OutOfBounds => Error::RANGE,
        _ => Error::FLASH,
    }
}

impl<T: NorFlash> Device for NorDevice<T> {
    fn geometry(&self) -> Geometry {
        Geometry {
            size: u32::try_from(self.chip.capacity()).unwrap_or(u32::MAX),
            write_unit: T::WRITE_SIZE as u32,
            erased: 0xFF,
            erase: self.erase,
        }
    }

    /// Whole units go straight into `dst`; only an odd start or end takes the detour.
    fn read(&mut self, offset: u32, dst: &mut [u8]) -> Result<()> {
        let unit = T::READ_SIZE.max(1);
        let (mut at, mut rest) = (offset, dst);
        while !rest.is_empty() {
            let odd = (at as usize).checked_rem(unit).unwrap_or(0);
            let whole = rest.len().saturating_sub(rest.len() % unit);
            let direct = odd == 0 && whole != 0;
            let len = if direct {
                whole
            } else {
                unit.saturating_sub(odd)
            };
            let (now, later) = rest.split_at_mut(len.min(rest.len()));
            if direct {
                self.chip.read(at, now).map_err(translate)?;
            } else {
                self.read_part(at, now)?;
            }
            at = at.checked_add(now.len() as u32).ok_or(Error::RANGE)?;
            rest = later;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, src: &[u8]) -> Result<()> {
        self.chip.write(offset, src).map_err(translate)
    }

    fn erase(&mut self, offset: u32, len: u32) -> Result<()> {
        let end = offset.checked_add(len).ok_or(Error::RANGE)?;
        self.chip.erase(offset, end).map_err(translate)
    }
}
