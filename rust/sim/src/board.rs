//! All chips of a board on one supply. A power cut takes every chip down, and the budget of
//! operations is shared, so that a sweep over cut points walks through a whole scenario.

use smpkit_core::flash::{Area, Device, Flash, Geometry, Result};
use smpkit_core::Error;

use crate::nor::Nor;
use crate::power::{Cut, Power};

/// Chips by number.
#[derive(Clone, Debug)]
pub struct Board {
    /// The chips; index is the device number.
    pub chips: Vec<Nor>,
    power: Power,
}

impl Board {
    /// A board with these chips.
    pub fn new(chips: Vec<Nor>) -> Board {
        Board {
            chips,
            power: Power::default(),
        }
    }

    /// 512 KB internal and 4 MB external flash, both written bytewise.
    pub fn pinetime() -> Board {
        Board::new(vec![Nor::nrf52(), Nor::spi_4mb()])
    }

    /// The sizes of PineTime, 4 KB sectors, with other write units.
    pub fn with_write_units(internal: u32, external: u32) -> Board {
        Board::new(vec![
            Nor::uniform(0x8_0000, 4096, internal),
            Nor::uniform(0x40_0000, 4096, external),
        ])
    }

    /// `operations` more writes and erases of any chip work; the next one is cut.
    pub fn cut_after(&mut self, operations: u32, how: Cut) {
        self.power.cut_after(operations, how);
    }

    /// Power is back, and the chips have forgotten what they were doing.
    pub fn power_on(&mut self) {
        self.power.power_on();
        self.chips.iter_mut().for_each(Nor::reset);
    }

    /// Is there power?
    pub fn is_on(&self) -> bool {
        self.power.is_on()
    }

    /// Writes and erases of all chips so far.
    pub fn operations(&self) -> u32 {
        self.power.operations()
    }

    /// The cells of an area.
    pub fn bytes(&self, area: &Area) -> &[u8] {
        let at = area.offset as usize;
        &self.chips[area.device as usize].memory()[at..at + area.size as usize]
    }

    /// The cells of an area, to be changed behind the rules' back.
    pub fn bytes_mut(&mut self, area: &Area) -> &mut [u8] {
        let at = area.offset as usize;
        &mut self.chips[area.device as usize].memory_mut()[at..at + area.size as usize]
    }

    /// Put an image (or anything else) at the start of an area and blank the rest.
    pub fn load(&mut self, area: &Area, image: &[u8]) {
        let erased = self.chips[area.device as usize].geometry().erased;
        let bytes = self.bytes_mut(area);
        bytes.fill(erased);
        bytes[..image.len()].copy_from_slice(image);
    }

    /// Broken rules of all chips.
    pub fn violations(&self) -> Vec<&String> {
        self.chips.iter().flat_map(|c| c.violations()).collect()
    }

    fn on<T>(&mut self, device: u8, call: impl FnOnce(&mut Nor) -> Result<T>) -> Result<T> {
        let chip = self.chips.get_mut(device as usize).ok_or(Error::NOENT)?;
        chip.power = self.power;
        let result = call(chip);
        self.power = chip.power;
        result
    }
}

impl Flash for Board {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        self.chips.get(device as usize).map(Device::geometry)
    }
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        self.on(device, |chip| chip.read(offset, dst))
    }
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        self.on(device, |chip| chip.write(offset, src))
    }
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        self.on(device, |chip| chip.erase(offset, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nor::OpKind;

    #[test]
    fn chips_share_one_budget_and_go_down_together() {
        let mut board = Board::pinetime();
        board.cut_after(2, Cut::Clean);
        assert_eq!(board.write(0, 0, &[1]), Ok(()));
        assert_eq!(board.erase(1, 0, 4096), Ok(()));
        assert_eq!(board.write(0, 8, &[1]), Err(Error::FLASH));
        assert!(!board.is_on());
        assert_eq!(board.read(1, 0, &mut [0]), Err(Error::FLASH));
        assert_eq!(board.erase(1, 0, 4096), Err(Error::FLASH));
        assert_eq!(board.write(2, 0, &[1]), Err(Error::NOENT));
        board.power_on();
        assert_eq!(board.chips[0].memory()[8], 0xFF);
        assert_eq!(board.write(0, 8, &[1]), Ok(()));
        assert_eq!(board.operations(), 4);
    }

    #[test]
    fn torn_operations_do_half() {
        let mut board = Board::pinetime();
        board.chips[1].memory_mut()[..4096].fill(0);
        board.cut_after(0, Cut::Torn);
        assert_eq!(board.erase(1, 0, 4096), Err(Error::FLASH));
        board.power_on();
        assert_eq!(board.chips[1].memory()[2047..2049], [0xFF, 0]);
        board.cut_after(0, Cut::Torn);
        assert_eq!(board.write(0, 0, &[0; 4]), Err(Error::FLASH));
        assert_eq!(board.chips[0].memory()[..4], [0, 0, 0x0F, 0xFF]);
    }

    #[test]
    fn broken_rules_are_recorded() {
        let mut board = Board::with_write_units(4, 4);
        assert_eq!(board.write(0, 2, &[0; 4]), Err(Error::INVAL));
        assert_eq!(board.write(0, 4, &[0; 3]), Err(Error::INVAL));
        assert_eq!(board.erase(0, 4096, 8192), Err(Error::INVAL));
        assert_eq!(board.read(0, 0x8_0000, &mut [0]), Err(Error::RANGE));
        assert_eq!(board.violations().len(), 4);
        assert_eq!(board.write(0, 0, &[0xF0; 4]), Ok(()));
        assert_eq!(board.write(0, 0, &[0x0F; 4]), Ok(()));
        assert_eq!(board.violations().len(), 5);
        assert_eq!(board.chips[0].memory()[..4], [0; 4]);
        let op = board.chips[0].log()[0];
        assert_eq!((op.kind, op.offset, op.len), (OpKind::Write, 0, 4));
    }

    #[test]
    fn slow_erase_answers_again_and_must_be_finished() {
        let mut board = Board::pinetime();
        board.chips[1].memory_mut()[0] = 0;
        board.chips[1].set_erase_again(2);
        assert_eq!(board.erase(1, 0, 65536), Err(Error::AGAIN));
        assert_eq!(board.erase(1, 0, 65536), Err(Error::AGAIN));
        assert_eq!(board.chips[1].memory()[0], 0);
        assert_eq!(board.erase(1, 0, 65536), Ok(()));
        assert_eq!(board.chips[1].wear()[15..17], [1, 0]);
        assert!(board.violations().is_empty());
        assert_eq!(board.erase(1, 0, 4096), Err(Error::AGAIN));
        assert_eq!(board.write(1, 0, &[0]), Err(Error::INVAL));
        assert_eq!(board.erase(1, 4096, 4096), Err(Error::AGAIN));
        assert_eq!(board.violations().len(), 2);
    }
}
