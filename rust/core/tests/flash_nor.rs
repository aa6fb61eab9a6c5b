//! The adapter from `embedded_storage` drivers.

use embedded_storage::nor_flash::{
    check_erase, check_read, check_write, ErrorType, NorFlash, NorFlashError, NorFlashErrorKind,
    ReadNorFlash,
};
use smpkit_core::flash::{Device, EraseSize, NorDevice};
use smpkit_core::Error;
use smpkit_sim::Random;

#[derive(Debug)]
struct Failed(NorFlashErrorKind);

impl NorFlashError for Failed {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl From<NorFlashErrorKind> for Failed {
    fn from(kind: NorFlashErrorKind) -> Self {
        Failed(kind)
    }
}

/// A driver as strict as its trait allows.
struct Driver<const READ: usize, const WRITE: usize> {
    cells: Vec<u8>,
    broken: bool,
    erased: Vec<(u32, u32)>,
}

impl<const READ: usize, const WRITE: usize> Driver<READ, WRITE> {
    fn new() -> Self {
        Driver {
            cells: (0..0x4000u32).map(|n| (n * 7 + n / 256) as u8).collect(),
            broken: false,
            erased: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), Failed> {
        match self.broken {
            true => Err(Failed(NorFlashErrorKind::Other)),
            false => Ok(()),
        }
    }
}

impl<const READ: usize, const WRITE: usize> ErrorType for Driver<READ, WRITE> {
    type Error = Failed;
}

impl<const READ: usize, const WRITE: usize> ReadNorFlash for Driver<READ, WRITE> {
    const READ_SIZE: usize = READ;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        self.check()?;
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.cells[offset as usize..][..bytes.len()]);
        Ok(())
    }
    fn capacity(&self) -> usize {
        self.cells.len()
    }
}

impl<const READ: usize, const WRITE: usize> NorFlash for Driver<READ, WRITE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = 0x1000;
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        self.check()?;
        check_erase(self, from, to)?;
        self.cells[from as usize..to as usize].fill(0xFF);
        self.erased.push((from, to));
        Ok(())
    }
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        self.check()?;
        check_write(self, offset, bytes.len())?;
        for (cell, byte) in self.cells[offset as usize..].iter_mut().zip(bytes) {
            *cell &= byte;
        }
        Ok(())
    }
}

const LARGER: [EraseSize; 2] = [
    EraseSize {
        size: 0x2000,
        max_ms: 800,
    },
    EraseSize { size: 0, max_ms: 0 },
];

fn device<const READ: usize, const WRITE: usize>() -> NorDevice<Driver<READ, WRITE>> {
    NorDevice::new(Driver::new(), 400, LARGER)
}

#[test]
fn geometry_comes_from_the_driver() {
    let geometry = device::<4, 8>().geometry();
    assert_eq!(geometry.size, 0x4000);
    assert_eq!(geometry.write_unit, 8);
    assert_eq!(geometry.erased, 0xFF);
    let sizes = geometry.erase.map(|erase| (erase.size, erase.max_ms));
    assert_eq!(sizes, [(0x1000, 400), (0x2000, 800), (0, 0)]);
    assert_eq!(geometry.sector(), 0x1000);
}

fn reads_anywhere<const READ: usize>() {
    let seed = 0x5EED + READ as u64;
    let mut random = Random::new(seed);
    let mut device = device::<READ, 4>();
    let expected = device.chip().cells.clone();
    let mut read = |offset: usize, len: usize| {
        let mut bytes = vec![0; len];
        let result = device.read(offset as u32, &mut bytes);
        assert_eq!(result, Ok(()), "seed {seed}: {offset} + {len}");
        let part = &expected[offset..offset + len];
        assert_eq!(bytes, part, "seed {seed}: {offset} + {len}");
    };
    for offset in 0..2 * READ {
        for len in 0..3 * READ {
            read(offset, len);
            read(expected.len() - offset - len, len);
        }
    }
    for _ in 0..500 {
        let offset = random.below(0x4000) as usize;
        read(offset, random.below(0x4001 - offset as u32) as usize);
    }
}

#[test]
fn reads_work_at_any_alignment() {
    reads_anywhere::<1>();
    reads_anywhere::<2>();
    reads_anywhere::<4>();
    reads_anywhere::<16>();
    reads_anywhere::<32>();
}

#[test]
fn read_unit_larger_than_the_bounce_buffer_is_refused_only_when_needed() {
    let mut device = device::<64, 4>();
    let mut bytes = [0; 64];
    assert_eq!(device.read(64, &mut bytes), Ok(()));
    assert_eq!(device.read(1, &mut bytes), Err(Error::INVAL));
}

#[test]
fn writes_and_erases_go_through() {
    let mut device = device::<1, 4>();
    assert_eq!(device.erase(0x2000, 0x2000), Ok(()));
    assert_eq!(device.erase(0x1000, 0x1000), Ok(()));
    assert_eq!(device.chip().erased, [(0x2000, 0x4000), (0x1000, 0x2000)]);
    assert_eq!(device.write(0x1004, &[1, 2, 3, 4]), Ok(()));
    assert_eq!(
        device.chip().cells[0x1003..0x1009],
        [0xFF, 1, 2, 3, 4, 0xFF]
    );
}

// failure case 25
#[test]
fn case_25_driver_errors_are_translated() {
    let mut device = device::<4, 4>();
    let mut bytes = [0; 8];
    assert_eq!(device.write(2, &bytes), Err(Error::INVAL));
    assert_eq!(device.write(4, &bytes[..3]), Err(Error::INVAL));
    assert_eq!(device.write(0x3FFC, &bytes), Err(Error::RANGE));
    assert_eq!(device.read(0x3FFC, &mut bytes), Err(Error::RANGE));
    assert_eq!(device.read(0xFFFF_FFFF, &mut bytes), Err(Error::RANGE));
    assert_eq!(device.erase(0x3000, 0x2000), Err(Error::RANGE));
    assert_eq!(device.erase(0xFFFF_F000, 0x2000), Err(Error::RANGE));
    assert_eq!(device.erase(0x800, 0x1000), Err(Error::INVAL));
    device.chip().broken = true;
    assert_eq!(device.read(0, &mut bytes), Err(Error::FLASH));
    assert_eq!(device.read(1, &mut bytes), Err(Error::FLASH));
    assert_eq!(device.write(0, &bytes), Err(Error::FLASH));
    assert_eq!(device.erase(0, 0x1000), Err(Error::FLASH));
}
