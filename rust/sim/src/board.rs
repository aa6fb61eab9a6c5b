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
