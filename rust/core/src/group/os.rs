//! OS group: echo, statistics, date and time, reset, parameters, info.

use crate::server::{Host, PoolInfo, Server, TaskInfo, CAPTURE};
use crate::smp::{field, os, rc, Command, Fail, Reply};
use crate::Error;

/// Longest format string or query that is looked at.
const TEXT_MAX: usize = 32;
/// Letters of the info format, in the order of the answer.
const LETTERS: &[u8; 9] = b"snrvbmpio";

/// Number of the bootloader's name among the identity texts.
const BOOTLOADER: u8 = 9;

/// Keys of the numbers of a task row, in the order of `TaskInfo`.
const TASK_KEYS: [&str; 7] = [
    "prio", "tid", "state", "stkuse", "stksiz", "cswcnt", "runtime",
];
/// Keys of the numbers of a pool row.
const POOL_KEYS: [&str; 4] = ["blksiz", "nblks", "nfree", "min"];

impl Server<'_> {
    pub(crate) fn os<H: Host>(&mut self, command: Command, host: &mut H) -> Result<(), Fail> {
        match command {
            Command::Echo => self.echo(),
            Command::Reset => self.reset(host),
            Command::Params => self.params(host),
            Command::Info => self.info(host),
            Command::BootloaderInfo => self.bootloader_info(host),
            Command::TaskStatistics => self.tasks(host),
            Command::PoolStatistics => self.pools(host),
            Command::DatetimeGet => self.datetime_get(host),
            _ => self.datetime_set(host),
        }
    }

    /// The text of the request, if it is short enough to be looked at.
    pub(crate) fn text(&self) -> Result<&[u8], Fail> {
        let len = self.text_len();
        if len > TEXT_MAX {
            return Err(Fail::smp(rc::INVALID));
        }
        Ok(self.scratch.get(CAPTURE..CAPTURE + len).unwrap_or_default())
    }

    fn text_len(&self) -> usize {
        if self.reader.has(field::TEXT) {
            self.reader.text_len() as usize
        } else {
            0
        }
    }

    fn echo(&mut self) -> Result<(), Fail> {
        let len = self.text_len();
        let room = self.scratch.len();
        if CAPTURE.saturating_add(len) > room {
            return Err(Fail::smp(rc::MESSAGE_SIZE));
        }
        self.answer(|reply| reply.moved_text("r", CAPTURE, len));
        Ok(())
    }

    fn reset<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let mode = self.reader.number(field::BOOT_MODE).unwrap_or(0);
        let mode = u8::try_from(mode).map_err(|_| Fail::smp(rc::INVALID))?;
        if !self.reader.is_set(field::FORCE) && !host.may_reset() {
            return Err(Fail::smp(rc::BUSY));
        }
        self.reset_mode = mode;
        self.reset_wanted = true;
        self.answer(|_| {});
        Ok(())
    }

    fn params<H: Host>(&mut self, host: &H) -> Result<(), Fail> {
        let size = self.config.frame_size.min(host.frame_limit(self.link));
        let count = self.config.frame_count;
        self.answer(|reply| {
            reply.number("buf_size", size);
            reply.number("buf_count", count);
        });
        Ok(())
    }

    fn info<H: Host>(&mut self, host: &H) -> Result<(), Fail> {
        let mut wanted: u16 = 0;
        let format = self.text()?;
        for letter in if format.is_empty() { b"s" } else { format } {
            wanted |= match LETTERS.iter().position(|known| known == letter) {
                Some(index) => 1 << index,
                None if *letter == b'a' => 0x1FF,
                None => return Err(os::INVALID_FORMAT),
            };
        }
        let chosen = (0..LETTERS.len() as u8)
            .filter(|index| wanted >> *index & 1 != 0)
            .map(|index| host.identity(index));
        self.answer(|reply| reply.joined_text("output", chosen));
        Ok(())
    }

    fn bootloader_info<H: Host>(&mut self, host: &H) -> Result<(), Fail> {
        match self.text()? {
            b"" => self.answer(|reply| {
                reply.text("bootloader");
                reply.text(host.identity(BOOTLOADER));
            }),
            b"mode" => {
                let mode = u32::from(self.config.bootloader_mode);
                self.answer(|reply| reply.number("mode", mode));
            }
            _ => return Err(os::NO_ANSWER),
        }
        Ok(())
    }

    fn tasks<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let mut row = TaskInfo::default();
        probe(host.task(0, &mut row))?;
        self.answer(|reply| {
            reply.text("tasks");
            reply.begin_map();
            for index in 0.. {
                let mut row = TaskInfo::default();
                if !reply.fits(1) || host.task(index, &mut row).is_err() {
                    break;
                }
                statistics(reply, &row.name, &TASK_KEYS, &row.numbers);
            }
            reply.end();
        });
        Ok(())
    }

    fn pools<H: Host>(&mut self, host: &mut H) -> Result<(), Fail> {
        let mut row = PoolInfo::default();
        probe(host.pool(0, &mut row))?;
        self.answer(|reply| {
            reply.text("mpools");
            reply.begin_map();
            for index in 0.. {
                let mut row = PoolInfo::default();
                if !reply.fits(1) || host.pool(index, &mut row).is_err() {
                    break;
                }
                statistics(reply, &row.name, &POOL_KEYS, &row.numbers);
            }
            reply.end();
        });
        Ok(())
    }
}

/// A board without such statistics says so; one with no rows answers an empty map.
fn probe(result: Result<(), Error>) -> Result<(), Fail> {
    match result {
        Err(Error::NOSYS) => Err(Fail::smp(rc::NOT_SUPPORTED)),
        _ => Ok(()),
    }
}

fn statistics(reply: &mut Reply<'_>, name: &[u8; 16], keys: &[&str], numbers: &[u32]) {
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(16);
    reply.ascii_key(name.get(..len).unwrap_or_default());
    reply.begin_map();
    for (key, number) in keys.iter().zip(numbers) {
        reply.number(key, *number);
    }
    reply.end();
}
