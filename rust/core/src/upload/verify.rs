//! Reading back and hashing what was written, and what follows from the result (I4).
//!
//! One pass serves two hashes: the image's own, over header, payload and protected TLVs, is taken
//! from a copy of the running digest when it reaches `hashed_end`; the client's goes on to the end.

use super::{again, Progress, Stage, Writer, STEP};
use crate::flash::Flash;
use crate::image::{hash_range, inspect, Digest, Slots};
use crate::Error;

/// How the last step of a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Call again.
    More,
    /// The flash holds what was promised.
    Good,
    /// It does not; the header was erased.
    Bad,
}

impl Writer {
    /// Hash one piece of what is durable; whole sectors only, since `rollback` may take back less.
    pub(super) fn hash_behind<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        most: u32,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        let until = match self.stage {
            Stage::Open => self.floor(self.kept.min(self.written)),
            _ => self.total,
        };
        self.hash_until(flash, slots, until.min(self.hashed.saturating_add(most)), scratch)
    }

    /// Bytes that are durable and not hashed yet.
    pub fn backlog(&self) -> u32 {
        if self.stage == Stage::Open {
            self.floor(self.kept.min(self.written)).saturating_sub(self.hashed)
        } else {
            0
        }
    }

    fn hash_until<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        until: u32,
        scratch: &mut [u8],
    ) -> Result<Progress, Error> {
        if self.hashed >= until {
            return Ok(Progress::Ready);
        }
        let stop = if self.hashed < self.hashed_end {
            until.min(self.hashed_end)
        } else {
            until
        };
        let area = &slots.secondary;
        hash_range(flash, area, self.hashed, stop, &mut self.digest, scratch)?;
        self.hashed = stop;
        if stop == self.hashed_end {
            self.image_hash = self.digest.peek();
        }
        Ok(Progress::More)
    }

    /// Whether all bytes arrived.
    pub fn is_full(&self) -> bool {
        self.is_active() && self.kept == self.total
    }

    /// A step of the end of a session, once it is full.
    pub fn finish<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        page: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<Verdict, Error> {
        match self.stage {
            Stage::Spoiled => return self.spoil(flash, slots),
            Stage::Finish => {}
            _ => {
                self.flush(flash, slots, page)?;
                self.stage = Stage::Finish;
                return Ok(Verdict::More);
            }
        }
        if self.hash_behind(flash, slots, STEP, scratch)? == Progress::More {
            return Ok(Verdict::More);
        }
        if self.matches(flash, slots)? {
            let image = self.hashed_end != 0 || !self.any_file;
            self.abort();
            self.verified = image;
            return Ok(Verdict::Good);
        }
        self.verified = false;
        self.stage = Stage::Spoiled;
        Ok(Verdict::More)
    }

    /// Program the last, partly filled page, padded with erased bytes.
    fn flush<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        page: &mut [u8],
    ) -> Result<(), Error> {
        let fill = (self.position - self.written) as usize;
        if fill == 0 {
            return Ok(());
        }
        let unit = self.chip.geometry.write_unit.max(1) as usize;
        let padded = fill.next_multiple_of(unit);
        let Some(part) = page.get_mut(..padded) else {
            return Err(Error::INVAL);
        };
        if let Some(rest) = part.get_mut(fill..) {
            rest.fill(self.chip.geometry.erased);
        }
        slots.secondary.write(flash, self.written, part)?;
        self.written = self.position;
        Ok(())
    }

    fn matches<F: Flash>(&mut self, flash: &mut F, slots: &Slots) -> Result<bool, Error> {
        if self.sha_len == 32 && self.digest.peek() != self.sha {
            return Ok(false);
        }
        if self.any_file {
            return Ok(true);
        }
        match inspect(flash, &slots.secondary, slots.limit) {
            Ok(info) => Ok(info.end <= self.total
                && info.hashed == self.hashed_end
                && info.hash == self.image_hash),
            Err(Error::FLASH) => Err(Error::FLASH),
            Err(_) => Ok(false),
        }
    }

    /// Erase the header, so that what failed the check is neither listed nor resumed.
    fn spoil<F: Flash>(&mut self, flash: &mut F, slots: &Slots) -> Result<Verdict, Error> {
        let sector = self.chip.sector;
        if again(slots.secondary.erase(flash, 0, sector))? == Progress::More {
            return Ok(Verdict::More);
        }
        self.abort();
        Ok(Verdict::Bad)
    }

    /// Check an image that is in the slot already, before it may be scheduled.
    pub fn begin_verify(&mut self, hashed_end: u32) {
        self.abort();
        self.hashed = 0;
        self.hashed_end = hashed_end;
        self.digest = Digest::new();
        self.stage = Stage::Verify;
    }

    /// A step of that check.
    pub fn verify<F: Flash>(
        &mut self,
        flash: &mut F,
        slots: &Slots,
        scratch: &mut [u8],
    ) -> Result<Verdict, Error> {
        let until = self.hashed_end.min(self.hashed.saturating_add(STEP));
        if self.hash_until(flash, slots, until, scratch)? == Progress::More {
            return Ok(Verdict::More);
        }
        self.stage = Stage::Idle;
        let info = inspect(flash, &slots.secondary, slots.limit)?;
        self.verified = info.hash == self.image_hash;
        Ok(if self.verified {
            Verdict::Good
        } else {
            Verdict::Bad
        })
    }
}
