//! OS group: echo, reset, parameters, info.

use crate::server::{Host, Reset, Server, CAPTURE};
use crate::smp::{field, os, rc, Command, Fail, Reply};

/// Longest format string or query that is looked at.
const TEXT_MAX: usize = 32;
/// Letters of the info format, in the order of the answer.
const LETTERS: &[u8; 9] = b"snrvbmpio";

/// Number of the bootloader's name among the identity texts.
const BOOTLOADER: u8 = 9;

impl Server<'_> {
    pub(crate) fn os<H: Host>(&mut self, command: Command, host: &mut H) -> Result<(), Fail> {
        match command {
            Command::Echo => self.echo(),
            Command::Reset => self.reset(host),
            Command::Params => self.params(host),
            Command::Info => self.info(host),
            Command::BootloaderInfo => self.bootloader_info(host),
            _ => self.service(command, host),
        }
    }

    /// The text of the request, if it is short enough to be looked at.
    pub(crate) fn text(&self) -> Result<&[u8], Fail> {
        let len = self.text_len();
        if len > TEXT_MAX {
            return Err(Fail::smp(rc::INVALID));
        }
        Ok(self
            .writer
            .scratch
            .get(CAPTURE..CAPTURE + len)
            .unwrap_or_default())
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
        let room = self.writer.scratch.len();
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
        self.reset = Reset::Wanted;
        self.answer_done();
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
        let mut wanted: u32 = 0;
        for letter in self.text()? {
            wanted |= match LETTERS.iter().position(|known| known == letter) {
                Some(index) => 1 << index,
                None if *letter == b'a' => 0x1FF,
                None => return Err(os::INVALID_FORMAT),
            };
        }
        self.answer(|reply| {
            reply.text("output");
            // Twice: the length of a text goes in front of it.
            for write in [false, true] {
                let mut len = 0;
                for index in 0..LETTERS.len() as u8 {
                    if wanted.max(1) >> index & 1 == 0 {
                        continue;
                    }
                    let text = host.identity_bytes(index);
                    if write {
                        reply.raw(if len == 0 { b"" } else { b" " });
                        reply.raw(text);
                    }
                    len += text.len() + 1;
                }
                if !write {
                    reply.text_head(len - 1);
                }
            }
        });
        Ok(())
    }

    fn bootloader_info<H: Host>(&mut self, host: &H) -> Result<(), Fail> {
        match self.text()? {
            b"" => self.answer(|reply| reply.ascii("bootloader", host.identity_bytes(BOOTLOADER))),
            b"mode" => {
                let mode = u32::from(self.config.bootloader_mode);
                self.answer(|reply| reply.number("mode", mode));
            }
            _ => return Err(os::NO_ANSWER),
        }
        Ok(())
    }

    /// Commands of the board's own; their text is copied, since the reply goes where it lies.
    fn service<H: Host>(&mut self, command: Command, host: &mut H) -> Result<(), Fail> {
        let mut copy = [0; TEXT_MAX];
        let text = self.text()?;
        let copy = copy.get_mut(..text.len()).unwrap_or_default();
        copy.copy_from_slice(text);
        let mut reply = Reply::new(self.writer.scratch);
        host.service(command, copy, &mut reply)?;
        let len = reply.finish();
        self.conclude(len);
        Ok(())
    }
}
