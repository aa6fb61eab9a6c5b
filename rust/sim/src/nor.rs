//! One NOR chip in RAM. Rules are strict: what a real chip would do silently wrong is done here
//! too, but recorded as a violation that a test can assert on.

use smpkit_core::flash::{Device, EraseSize, Geometry, Result};
use smpkit_core::Error;

use crate::fault::{Fault, Faults};
use crate::power::{Cut, Outcome, Power};

/// Kind of a recorded operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpKind {
    /// Program.
    Write,
    /// Erase.
    Erase,
}

/// One write or erase that the chip started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Op {
    /// Write or erase.
    pub kind: OpKind,
    /// On the device.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
}

/// What a chip was asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Read calls.
    pub reads: u32,
    /// Bytes read.
    pub read_bytes: u32,
    /// Write calls.
    pub writes: u32,
    /// Bytes written.
    pub written_bytes: u32,
    /// Erases that finished or were cut.
    pub erases: u32,
}

/// A NOR flash chip.
#[derive(Clone, Debug)]
pub struct Nor {
    geometry: Geometry,
    memory: Vec<u8>,
    wear: Vec<u32>,
    stuck: Vec<(u32, u8, u8)>,
    faults: Faults,
    unreadable: bool,
    again: u32,
    pending: Option<(u32, u32, u32)>,
    violations: Vec<String>,
    log: Vec<Op>,
    counters: Counters,
    pub(crate) power: Power,
}

impl Nor {
    /// An erased chip.
    pub fn new(geometry: Geometry) -> Nor {
        let sectors = geometry.size / geometry.sector().max(1);
        Nor {
            geometry,
            memory: vec![geometry.erased; geometry.size as usize],
            wear: vec![0; sectors as usize],
            stuck: Vec::new(),
            faults: Faults::default(),
            unreadable: false,
            again: 0,
            pending: None,
            violations: Vec::new(),
            log: Vec::new(),
            counters: Counters::default(),
            power: Power::default(),
        }
    }

    /// An erased chip with one erase size.
    pub fn uniform(size: u32, sector: u32, write_unit: u32) -> Nor {
        let unused = EraseSize::default();
        let erase = EraseSize {
            size: sector,
            max_ms: 90,
        };
        Nor::new(Geometry {
            size,
            write_unit,
            erased: 0xFF,
            erase: [erase, unused, unused],
        })
    }

    /// The internal flash of PineTime.
    pub fn nrf52() -> Nor {
        Nor::uniform(0x8_0000, 4096, 1)
    }

    /// The external flash of PineTime.
    pub fn spi_4mb() -> Nor {
        let erase = |size, max_ms| EraseSize { size, max_ms };
        Nor::new(Geometry {
            size: 0x40_0000,
            write_unit: 1,
            erased: 0xFF,
            erase: [erase(4096, 400), erase(32768, 800), erase(65536, 1000)],
        })
    }

    /// What is in the cells, without faults.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Change cells behind the rules' back.
    pub fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Erases of each smallest sector.
    pub fn wear(&self) -> &[u32] {
        &self.wear
    }

    /// What was asked so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Every write and erase, in order.
    pub fn log(&self) -> &[Op] {
        &self.log
    }

    /// Every broken rule, in words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Forget counters, log and violations.
    pub fn clear(&mut self) {
        self.counters = Counters::default();
        self.log.clear();
        self.violations.clear();
    }

    /// Bits that read 0 for ever, and bits that read 1 for ever.
    pub fn stick(&mut self, offset: u32, zeros: u8, ones: u8) {
        self.stuck.push((offset, zeros, ones));
    }

    /// Plan a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Forget planned faults that have not struck. Stuck bits stay.
    pub fn heal(&mut self) {
        self.faults.clear();
    }

    /// Every read fails from now on.
    pub fn set_unreadable(&mut self, unreadable: bool) {
        self.unreadable = unreadable;
    }

    /// Every erase answers "again" this many times before it is done.
    pub fn set_erase_again(&mut self, times: u32) {
        self.again = times;
    }

    /// The chip's own supply, when it is not part of a board.
    pub fn power(&mut self) -> &mut Power {
        &mut self.power
    }

    /// After a power cut: started erases are forgotten.
    pub(crate) fn reset(&mut self) {
        self.pending = None;
    }

    fn violation(&mut self, text: String) -> Error {
        self.violations.push(text);
        Error::INVAL
    }

    fn range(&mut self, what: &str, offset: u32, len: usize) -> Result<core::ops::Range<usize>> {
        let end = (offset as usize).checked_add(len);
        match end {
            Some(end) if end <= self.memory.len() => Ok(offset as usize..end),
            _ => {
                self.violation(format!("{what} outside: {offset:#x} + {len:#x}"));
                Err(Error::RANGE)
            }
        }
    }

    fn program(&mut self, offset: u32, src: &[u8], keep: u8) {
        let erased = self.geometry.erased;
        let mut wrong = None;
        for (at, &new) in (offset as usize..).zip(src) {
            let Some(cell) = self.memory.get_mut(at) else {
                break;
            };
            // Work with "programmed" bits, whichever level that is.
            let (old, add) = (*cell ^ erased, new ^ erased);
            if old & !add != 0 {
                wrong = wrong.or(Some((at, *cell, new)));
            }
            *cell = (old | (add & !keep)) ^ erased;
        }
        if let Some((at, old, new)) = wrong {
            self.violation(format!(
                "write on programmed cell {at:#x}: {old:02x} to {new:02x}"
            ));
        }
    }

    fn erase_cells(&mut self, offset: u32, len: u32, done: u32) {
        let at = offset as usize;
        let erased = self.geometry.erased;
        self.memory[at..at + done.min(len) as usize].fill(erased);
        let sector = self.geometry.sector();
        for number in offset / sector..(offset + len) / sector {
            self.wear[number as usize] += 1;
        }
        self.counters.erases += 1;
    }

    fn is_erase_unit(&self, offset: u32, len: u32) -> bool {
        let table = self.geometry.erase;
        table
            .iter()
            .any(|unit| unit.size != 0 && unit.size == len && offset.is_multiple_of(len))
    }

    /// Still busy with an erase that was started before?
    fn busy(&mut self, offset: u32, len: u32) -> bool {
        let left = match self.pending.take() {
            Some((at, size, left)) if (at, size) == (offset, len) => left,
            Some((at, size, _)) => {
                self.violation(format!("erase {at:#x} + {size:#x} left unfinished"));
                self.again
            }
            None => self.again,
        };
        if left > 0 {
            self.pending = Some((offset, len, left - 1));
        }
        left > 0
    }
}

impl Device for Nor {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, offset: u32, dst: &mut [u8]) -> Result<()> {
        if !self.power.is_on() {
            return Err(Error::FLASH);
        }
        let range = self.range("read", offset, dst.len())?;
        self.counters.reads += 1;
        self.counters.read_bytes += dst.len() as u32;
        let fails = self.faults.strike(Fault::Read);
        if fails || self.unreadable {
            return Err(Error::FLASH);
        }
        dst.copy_from_slice(&self.memory[range.clone()]);
        for &(at, zeros, ones) in &self.stuck {
            if range.contains(&(at as usize)) {
                let byte = &mut dst[at as usize - range.start];
                *byte = *byte & !zeros | ones;
            }
        }
        let garbled = self.faults.strike(Fault::Garble);
        if garbled {
            dst.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, src: &[u8]) -> Result<()> {
        let range = self.range("write", offset, src.len())?;
        let unit = self.geometry.write_unit as usize;
        if range.start % unit != 0 || !src.len().is_multiple_of(unit) {
            let text = format!("write unaligned: {offset:#x} + {:#x}", src.len());
            return Err(self.violation(text));
        }
        if self.pending.is_some() {
            return Err(self.violation(format!("write {offset:#x} while erasing")));
        }
        let fails = self.faults.strike(Fault::Write);
        if fails {
            return Err(Error::FLASH);
        }
        let lost = self.faults.strike(Fault::LostWrite);
        let outcome = self.power.operation();
        if outcome == Outcome::Off {
            return Err(Error::FLASH);
        }
        self.counters.writes += 1;
        self.counters.written_bytes += src.len() as u32;
        self.log.push(Op {
            kind: OpKind::Write,
            offset,
            len: src.len() as u32,
        });
        if lost {
            return Ok(());
        }
        match outcome {
            Outcome::Whole => {
                self.program(offset, src, 0);
                return Ok(());
            }
            Outcome::Off | Outcome::Cut(Cut::Clean) => {}
            Outcome::Cut(Cut::Done) => self.program(offset, src, 0),
            Outcome::Cut(Cut::Bytes(n)) => {
                self.program(offset, &src[..src.len().min(n as usize)], 0);
            }
            Outcome::Cut(Cut::Torn) => {
                let (whole, rest) = src.split_at(src.len() / 2);
                self.program(offset, whole, 0);
                let next = offset + whole.len() as u32;
                self.program(next, &rest[..rest.len().min(1)], 0x0F);
            }
        }
        Err(Error::FLASH)
    }

    fn erase(&mut self, offset: u32, len: u32) -> Result<()> {
        self.range("erase", offset, len as usize)?;
        if !self.is_erase_unit(offset, len) {
            return Err(self.violation(format!("erase of no unit: {offset:#x} + {len:#x}")));
        }
        if self.power.is_on() && self.busy(offset, len) {
            return Err(Error::AGAIN);
        }
        let fails = self.faults.strike(Fault::Erase);
        if fails {
            return Err(Error::FLASH);
        }
        let lost = self.faults.strike(Fault::LostErase);
        let outcome = self.power.operation();
        if outcome != Outcome::Off {
            self.log.push(Op {
                kind: OpKind::Erase,
                offset,
                len,
            });
        }
        let done = match outcome {
            Outcome::Off => return Err(Error::FLASH),
            Outcome::Cut(Cut::Clean) => 0,
            Outcome::Cut(Cut::Torn) => len / 2,
            Outcome::Cut(Cut::Bytes(n)) => n,
            Outcome::Whole | Outcome::Cut(Cut::Done) => len,
        };
        self.erase_cells(offset, len, if lost { 0 } else { done });
        match outcome {
            Outcome::Whole => Ok(()),
            _ => Err(Error::FLASH),
        }
    }
}
