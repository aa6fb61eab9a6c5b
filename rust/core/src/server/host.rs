//! What the server asks of the world around it.

use crate::flash::Flash;
use crate::group::{datetime, statistics};
use crate::smp::{Command, Fail, Header, Reply};
use crate::Error;

/// Date and time as the SMP datetime command carries them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Datetime {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 1 when `offset_minutes` was given.
    pub has_offset: u8,
    pub millisecond: u16,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

/// A row of the task statistics: the numbers are priority, id, state, stack used, stack size,
/// context switches, run time.
#[derive(Clone, Copy, Default)]
#[repr(C)]
#[allow(missing_docs)]
pub struct TaskInfo {
    pub name: [u8; 16],
    pub numbers: [u32; 7],
}

/// A row of the memory pool statistics: block size, blocks, free, fewest free.
#[derive(Clone, Copy, Default)]
#[repr(C)]
#[allow(missing_docs)]
pub struct PoolInfo {
    pub name: [u8; 16],
    pub numbers: [u32; 4],
}

/// The world of a server: flash, policy, and what the board offers. All but flash and the reset
/// have a default, which is "no objection" for a question and "not supported" for a service.
pub trait Host: Flash {
    /// May this request on this link be carried out now? (I9)
    fn permit(&mut self, link: u8, header: &Header) -> Result<(), Fail>;
    /// Largest packet a link can take.
    fn frame_limit(&self, _link: u8) -> u32 {
        u32::MAX
    }
    /// What the firmware says about itself: kernel, node, release, version, build date, machine,
    /// processor, board, operating system (format letters "snrvbmpio"), and 9 for the bootloader.
    fn identity(&self, _index: u8) -> &str {
        "unknown"
    }
    /// The same as bytes, which are not looked at.
    fn identity_bytes(&self, index: u8) -> &[u8] {
        self.identity(index).as_bytes()
    }
    /// Restart the device.
    fn reset(&mut self, boot_mode: u8);
    /// May the device restart now?
    fn may_reset(&mut self) -> bool {
        true
    }
    /// May an update of this many bytes start now?
    fn may_start(&mut self, _len: u32) -> bool {
        true
    }
    /// An update begins or has ended.
    fn power_lock(&mut self, _on: bool) {}
    /// Called before each step of work.
    fn feed_watchdog(&mut self) {}
    /// Bytes kept of the total.
    fn progress(&mut self, _done: u32, _total: u32) {}
    /// Flash work ended in an error.
    fn failed(&mut self, _error: Error) {}
    /// Carry out a command that needs more of the board than every watch has: the clock and the
    /// statistics. A port that has none of it overrides this, and the code is not linked.
    fn service(&mut self, command: Command, text: &[u8], reply: &mut Reply<'_>) -> Result<(), Fail>
    where
        Self: Sized,
    {
        match command {
            Command::DatetimeGet | Command::DatetimeSet => datetime(self, command, text, reply),
            _ => statistics(self, command, reply),
        }
    }
    /// Read the clock.
    fn datetime(&mut self) -> Result<Datetime, Error> {
        Err(Error::NOSYS)
    }
    /// Set the clock.
    fn set_datetime(&mut self, _time: &Datetime) -> Result<(), Error> {
        Err(Error::NOSYS)
    }
    /// Row of the task statistics; `NOENT` behind the last.
    fn task(&mut self, _index: u32, _row: &mut TaskInfo) -> Result<(), Error> {
        Err(Error::NOSYS)
    }
    /// Row of the memory pool statistics; `NOENT` behind the last.
    fn pool(&mut self, _index: u32, _row: &mut PoolInfo) -> Result<(), Error> {
        Err(Error::NOSYS)
    }
}
